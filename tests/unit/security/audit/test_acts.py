"""Every name of an act is written by code, or reserved in words; nothing else is written."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from security.audit.acts import ACTS, RESERVED
from tests.house.tree import ROOT

WRITERS = {"Entry", "note", "_note", "_act", "_record", "_recorded", "_entry"}
"""Calls that write a record: `Entry(act=…)`, and the functions that take the act's name."""
ROOMS = ("security", "streams", "services")
SHOWN = {
    "tests/scenario/test_acts_on_record.py": {
        *("publish", "refuse", "quarantine", "mark", "release"),
        *("login", "logout", "open", "alert", "clue", "person.lookup", "search", "record", "export", "verify"),
        *("control", "key", "start", "stop", "tick", "clock"),
    },
    "tests/integration/test_import_command.py": {"import"},
    "tests/integration/test_subscription_server.py": {"pull", "ack"},
    "tests/scenario/test_new_agency.py": {"redrive"},
    "tests/scenario/test_corrections.py": {"withdraw"},
    "tests/unit/services/desk/test_identities.py": {"grant"},
    "tests/integration/test_subscription_acts.py": {"subscription"},
    "tests/integration/test_standing.py": {"source"},
    "tests/integration/test_approval.py": {"account"},
    "tests/scenario/test_identity_vault.py": {"hold", "erase"},
    "tests/integration/test_node_audit_keeping.py": {"recover", "loss"},
    "tests/integration/test_node_backup.py": {"backup", "restore", "upgrade"},
    "tests/integration/test_node_retention.py": {"retain"},
}
"""Where each act is found in the log of a node: tests that read it there."""


def named(source: str) -> Iterator[str]:
    """Yield the texts that stand as acts in a module: in calls that write, and in constants declared as `Act`."""
    for node in ast.walk(ast.parse(source)):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in WRITERS:
                values = [word.value for word in node.keywords if word.arg == "act"]
                values += node.args if name != "Entry" else []
        elif isinstance(node, ast.AnnAssign) and node.value and "Act" in ast.unparse(node.annotation).split("[")[-1]:
            values = [node.value]
        for value in values:
            yield from (part.value for part in ast.walk(value) if isinstance(part, ast.Constant) and part.value in ACTS)


def written() -> dict[str, set[str]]:
    """Return act → modules that write it."""
    found: dict[str, set[str]] = {}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for act in named(path.read_text(encoding="utf-8")):
                found.setdefault(act, set()).add(str(path.relative_to(ROOT)))
    return found


def test_every_act_is_written_or_reserved() -> None:
    """A name that nobody writes says what stands in its place; one that is written is reserved no more."""
    acts = written()

    assert sorted(ACTS - acts.keys()) == sorted(RESERVED)
    assert all(words for words in RESERVED.values())


def test_a_module_that_only_asks_for_acts_does_not_count() -> None:
    """What looks for a record writes none; what writes one is found in each of its forms."""
    asks = 'Question(act=("pull",))\nif record.act == "ack": pass\nx = {"act": "mark"}\n'
    writes = 'Entry(act="pull")\ntrail.note(p, "clue", i)\nOPENED: Final[Act] = "open"\nself._record("erase", s)\n'

    assert list(named(asks)) == []
    assert sorted(named(writes)) == ["clue", "erase", "open", "pull"]


def test_what_the_officer_asks_about_is_never_reserved() -> None:
    """Clock jumps, recoveries, exports, verifications, searches, keys, approvals: each is written today."""
    asked = {
        "clock",
        "recover",
        "loss",
        "export",
        "verify",
        "search",
        "record",
        "key",
        "control",
        "subscription",
        "grant",
    }

    assert asked <= written().keys()


def test_every_act_that_is_written_is_found_in_a_log_by_some_test() -> None:
    """The list names a test for each, once, and that test speaks of the act."""
    assert sorted(act for acts in SHOWN.values() for act in acts) == sorted(ACTS - RESERVED.keys())
    for path, acts in SHOWN.items():
        text = (ROOT / path).read_text(encoding="utf-8")
        assert [act for act in acts if f'"{act}"' not in text] == [], path
