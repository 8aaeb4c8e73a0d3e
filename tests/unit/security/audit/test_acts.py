"""The names of acts: each is written by some code, or reserved for work to come; none is both, none is unknown."""

from __future__ import annotations

import ast

from security.audit.acts import ACTS
from tests.house.tree import ROOT

ROOMS = ("security", "streams", "services")
RESERVED = {
    "import", "redrive", "witness", "decision", "grant", "revoke", "subscription", "source", "policy", "contract",
    "model", "breaker", "hold", "admin", "erase", "head", "loss", "backup", "restore", "upgrade", "retain",
} & ACTS  # fmt: skip
"""Nobody writes them yet. Changes of sources, subscriptions, policies and models stand in the log as `control`."""


def written() -> set[str]:
    """Return every act that code of the product passes on: as `act=`, as a typed constant, or as an argument."""
    found: set[str] = set()
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            if path.name == "acts.py" and path.parent.name == "audit":
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                found |= _named(node)
    return found & ACTS


def _named(node: ast.AST) -> set[str]:
    match node:
        case ast.keyword(arg="act", value=value):
            return _words(value)
        case ast.AnnAssign(annotation=ast.Name(id="Act"), value=ast.Constant(value=str() as word)):
            return {word}
        case ast.Call(func=ast.Attribute(attr="note" | "_note" | "_act"), args=arguments):
            return {word for argument in arguments for word in _words(argument)}
    return set()


def _words(value: ast.expr) -> set[str]:
    return {node.value for node in ast.walk(value) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_act_is_written_or_reserved() -> None:
    """A new name is written by the code that brings it, or stands on the list of what is reserved."""
    assert ACTS - written() <= RESERVED


def test_the_acts_that_must_stand_in_the_log() -> None:
    """Publishing, releasing, refusing, looking, stepping, searching, exporting, verifying, keys, clocks, recoveries."""
    assert written() >= {
        "publish", "release", "pull", "refuse", "quarantine", "login", "logout", "open", "alert", "clue",
        "person.lookup", "search", "record", "export", "verify", "control", "account", "key", "start", "stop", "tick",
        "recover", "clock",
    }  # fmt: skip
