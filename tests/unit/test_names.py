"""Names that others rely on: metrics and audit acts are literals, said once, and documented."""

from __future__ import annotations

import typing

from security.audit import acts
from security.audit.record import Entry
from tests.house import metrics
from tests.house.tree import ROOT, modules

OPERATIONS = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("operations*.md")))


def test_every_metric_has_a_literal_name_that_stands_once() -> None:
    """A metric's name is a literal `casebus_…` of one module, so that it can be found and cannot be misspelt."""
    names = [name for path in modules() for name in metrics.declared(path.read_text(encoding="utf-8"))]

    assert "" not in names
    assert sorted(names) == sorted(set(names))


def test_every_metric_is_documented() -> None:
    """The operations pages tell what each metric means."""
    names = [name for path in modules() for name in metrics.declared(path.read_text(encoding="utf-8"))]

    assert [name for name in names if f"`{name}" not in OPERATIONS] == []


def test_acts_are_one_literal() -> None:
    """An audit record can name only an act of the one list; each name stands once."""
    names = typing.get_args(acts.Act)

    assert len(names) == len(set(names))
    assert frozenset(names) == acts.ACTS
    assert "act" in Entry.__struct_fields__


def test_a_metric_without_a_literal_name_is_found() -> None:
    """A computed name and a foreign prefix are found, also under another name of the class."""
    head = "from prometheus_client import Counter as C, Gauge\n"

    assert metrics.declared(head + 'C("casebus_events", "…")') == ["casebus_events"]
    assert metrics.declared(head + 'C(prefix + "events", "…")') == [""]
    assert metrics.declared(head + 'Gauge("other_events", "…")') == [""]
    assert metrics.declared("from collections import Counter\nCounter(words)") == []
