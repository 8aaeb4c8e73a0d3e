"""Tokens of organisation systems."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from security.identity.tokens import SourceTokens

SOURCE = "police-990103/cases"


def test_a_token_leads_to_its_system(tmp_path: Path) -> None:
    """The token that was issued names its system, also after a restart; what lies on disk is a digest."""
    path = tmp_path / "tokens.json"
    token = SourceTokens(path).issue(SOURCE)

    tokens = SourceTokens(path)

    assert tokens.who(token) == SOURCE
    assert tokens.sources() == (SOURCE,)
    assert token.split("_", 2)[2] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("change", [str.upper, lambda t: t[:-1], lambda t: t + "A", lambda t: t[3:], lambda _: ""])
def test_another_text_leads_nowhere(tmp_path: Path, change: object) -> None:
    """A token that is not exact belongs to nobody."""
    tokens = SourceTokens(tmp_path / "tokens.json")
    token = tokens.issue(SOURCE)

    assert callable(change)
    assert tokens.who(change(token)) is None


def test_a_secret_under_another_id_leads_nowhere(tmp_path: Path) -> None:
    """The id is part of what is compared."""
    tokens = SourceTokens(tmp_path / "tokens.json")
    one, two = tokens.issue(SOURCE), tokens.issue("court-990103/trial")
    crossed = one[:12] + two[12:]

    assert (tokens.who(one), tokens.who(two)) == (SOURCE, "court-990103/trial")
    assert tokens.who(crossed) is None


def test_revoked_tokens_lead_nowhere(tmp_path: Path) -> None:
    """All tokens of a system are revoked together; others stay."""
    tokens = SourceTokens(tmp_path / "tokens.json")
    mine, also, other = tokens.issue(SOURCE), tokens.issue(SOURCE), tokens.issue("court-990103/trial")

    assert tokens.revoke(SOURCE) == 2

    assert [tokens.who(t) for t in (mine, also, other)] == [None, None, "court-990103/trial"]


def test_a_token_issued_elsewhere_is_found(tmp_path: Path) -> None:
    """A gateway that is already running takes a token that the command line issued."""
    running = SourceTokens(tmp_path / "tokens.json")
    running.issue(SOURCE)

    later = SourceTokens(tmp_path / "tokens.json").issue("court-990103/trial")

    assert running.who(later) == "court-990103/trial"
