"""`casebus subscribe`: receive a subscription over HTTP and open what is sealed to it."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.output import Json, emit

if TYPE_CHECKING:
    from services.subscriber.client import Subscriber

ACKNOWLEDGE_SECONDS = 1.0
app = typer.Typer(rich_markup_mode=None)


@app.command()
def subscribe(
    url: Annotated[str, typer.Argument(metavar="URL", help="The gateway, such as http://127.0.0.1:8470.")],
    subscription: Annotated[str, typer.Argument(metavar="ID", help="Id of the subscription.")],
    token_file: Annotated[Path, typer.Option("--token-file", help="File with the subscription's token.")],
    key_file: Annotated[
        Path | None, typer.Option("--key-file", help="File with its key; without: open fields.")
    ] = None,
    after: Annotated[
        str,
        typer.Option("--after", help="`next` of what you have: offset, or cursor on Kafka; -1: the start."),
    ] = "-1",
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on as views are released; one JSON line a view.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Receive what a subscription has released, its sealed part opened with your key."""
    import httpx

    from services.subscriber.client import Subscriber

    headers = {"Authorization": f"Bearer {read(token_file)}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as http:
        client = Subscriber(http, subscription, _key(key_file))
        if follow:
            _follow(client, after)
            return
        events: list[dict[str, Any]] = []
        place: int | str = after
        while True:
            page, place = client.page(place)
            if not page:
                break
            events += page
    document = json.loads(_line({"subscription": subscription, "events": events, "next": place}))
    emit(document, as_json=as_json, show=lambda d: "\n".join(_line(event) for event in d["events"]))


def _follow(client: Subscriber, after: str) -> None:
    """Print views as they come; what was printed is acknowledged once a second, and at the end."""
    import time
    from contextlib import suppress

    from services.subscriber.client import GatewayAwayError

    told, at = after, time.monotonic()
    try:
        for event in client.follow(after):
            sys.stdout.write(_line(event) + "\n")
            sys.stdout.flush()
            after = client.cursor
            if time.monotonic() - at >= ACKNOWLEDGE_SECONDS:
                told, at = after, time.monotonic()
                with suppress(GatewayAwayError):
                    client.acknowledge(told)
    finally:
        if after != told:
            with suppress(GatewayAwayError):
                client.acknowledge(after)


def read(path: Path) -> str:
    """Return the one line of a file of the caller; raises `NotFoundError`."""
    from schemas.errors import NotFoundError

    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise NotFoundError(what=path.name) from None


def _key(path: Path | None) -> Any:
    from schemas.errors import UsageError
    from security.receiver_key import ReceiverKey

    if path is None:
        return None
    try:
        return ReceiverKey(bytes.fromhex(read(path)))
    except ValueError:
        raise UsageError(reason=path.name) from None


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError
