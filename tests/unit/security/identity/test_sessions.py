"""Sessions: random tokens, kept as digests, ended by idleness, age and sign-out."""

from __future__ import annotations

from schemas.clock import HOUR, ManualClock
from security.identity.sessions import Sessions, digest


def test_a_session_belongs_to_its_account() -> None:
    """The token leads to the account; any other text to nobody."""
    sessions = Sessions(ManualClock())

    token = sessions.open("prosecutor")

    assert sessions.who(token) == "prosecutor"
    assert [sessions.who(t) for t in ("", token[:-1], token + "x", "\udcff")] == [None] * 4
    assert len(token) == 43
    assert sessions.open("prosecutor") != token


def test_only_digests_are_kept() -> None:
    """The memory of sessions holds no token."""
    sessions = Sessions(ManualClock())

    token = sessions.open("prosecutor")

    assert list(sessions._open) == [digest(token)]
    assert token not in repr(sessions._open)


def test_sessions_end() -> None:
    """A session ends when it is idle for half an hour, and after twelve hours however busy."""
    clock = ManualClock()
    sessions = Sessions(clock)
    idle, busy = sessions.open("idle"), sessions.open("busy")

    for _ in range(36):
        clock.advance_to(clock.now + HOUR // 3)
        assert sessions.who(busy) == ("busy" if clock.now < 12 * HOUR else None)

    assert sessions.who(idle) is None
    assert sessions._open == {}


def test_sign_out() -> None:
    """A closed session is over; closing twice is no error; all of an account can be closed."""
    sessions = Sessions(ManualClock())
    first, second, other = (sessions.open(name) for name in ("a", "a", "b"))

    sessions.close(first)
    sessions.close(first)

    assert sessions.who(first) is None
    assert sessions.close_all("a") == 1
    assert sessions.who(second) is None
    assert sessions.who(other) == "b"


def test_a_flood_of_sessions_is_bounded() -> None:
    """Ten thousand sessions are the most; the one unseen for longest goes first."""
    clock = ManualClock()
    sessions = Sessions(clock)
    first = sessions.open("first")
    clock.advance_to(1)

    for n in range(10_000):
        sessions.open(f"a{n}")

    assert len(sessions._open) == 10_000
    assert sessions.who(first) is None
