"""The shared timer: one question a round, pages told only of what concerns them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from services.console.desk_client import DeskClient, DeskRefusedError, DeskUnreachableError, SessionOverError
from services.console.feed import Feed
from services.console.sessions import COOKIE, Session, Sessions

Answer = Callable[[httpx.Request], httpx.Response]


class FakePage:
    """A page that writes down what it is told."""

    def __init__(self, token: str) -> None:
        self.session = Session(token, {})
        self.told: list[str] = []

    def tick(self, changes: Mapping[str, Any]) -> None:
        """Note a tick."""
        self.told.append(f"tick {changes['revision']}")

    async def refresh(self) -> None:
        """Note a refresh."""
        self.told.append("refresh")

    def disconnected(self) -> None:
        """Note that the node is away."""
        self.told.append("disconnected")

    def expired(self) -> None:
        """Note that the session is over."""
        self.told.append("expired")


def desk(answer: Answer) -> DeskClient:
    """Make a client whose desk is a function."""
    return DeskClient("http://node", transport=httpx.MockTransport(answer))


def rounds(answer: Answer, pages: list[FakePage], count: int = 1) -> None:
    """Let pages follow a feed for some rounds."""

    async def run() -> None:
        client = desk(answer)
        feed = Feed(client, Sessions())
        for page in pages:
            feed.follow(page)
        for _ in range(count):
            await feed.round()
        await client.close()

    asyncio.run(run())


def test_pages_refresh_only_when_something_moved() -> None:
    """Two rounds with the same revision: one refresh each, two ticks."""
    pages = [FakePage("a"), FakePage("b")]

    rounds(lambda _: httpx.Response(200, json={"revision": 5}), pages, count=2)

    assert [page.told for page in pages] == [["tick 5", "refresh", "tick 5"]] * 2


def test_one_question_a_round_for_all_pages() -> None:
    """Fifty pages ask once what moved."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"revision": 5})

    rounds(answer, [FakePage(str(n)) for n in range(50)])

    assert asked == ["/desk/changes"]


def test_a_node_that_is_away_is_shown() -> None:
    """The banner, no refresh; the next round tries again."""
    page = FakePage("a")

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("gone", request=request)

    rounds(refuse, [page], count=2)

    assert page.told == ["disconnected", "disconnected"]


def test_an_ended_session_sends_its_pages_to_the_sign_in() -> None:
    """Only the pages of that session leave; the others go on in the next round."""
    ended, alive = FakePage("old"), FakePage("new")

    def answer(request: httpx.Request) -> httpx.Response:
        over = request.headers["Authorization"] == "Bearer old"
        return httpx.Response(401, json={"code": "desk.session"}) if over else httpx.Response(200, json={"revision": 1})

    rounds(answer, [ended, alive], count=2)

    assert ended.told == ["expired"]
    assert alive.told == ["tick 1", "refresh"]


def test_refusals_speak_the_language_of_the_page() -> None:
    """The desk is asked in the page's language; its words are shown as they are."""

    def answer(request: httpx.Request) -> httpx.Response:
        said = request.headers["Accept-Language"]
        return httpx.Response(409, json={"code": "clue.conflict", "message": said, "hint": "!"})

    with pytest.raises(DeskRefusedError) as refused:
        asyncio.run(desk(answer).speaking("en").step("t", "0" * 32, {}))

    assert refused.value.said == "en !"
    assert refused.value.status == 409


def test_failures_are_coded() -> None:
    """No httpx exception and no traceback leaves the client."""

    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    with pytest.raises(DeskUnreachableError):
        asyncio.run(desk(gone).changes("t", 0))
    with pytest.raises(SessionOverError):
        asyncio.run(desk(lambda _: httpx.Response(401)).changes("t", 0))


def test_a_cookie_is_worth_nothing_after_signing_out() -> None:
    """Sessions live in this process's memory; forgetting a token forgets every browser of it."""
    sessions = Sessions()
    first, second = sessions.open("token", {}), sessions.open("token", {})

    assert sessions.close({COOKIE: first}) == Session("token", {})
    assert sessions.of({COOKIE: first}) is None
    sessions.forget("token")
    assert sessions.of({COOKIE: second}) is None
