"""XES logs as rows: streamed, resumable, and safe against what XML can do."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from services.importer import xes as xes_module
from services.importer.lines import FileBrokenError
from services.importer.mapping import Mapping
from services.importer.opening import open_file
from services.importer.place import EventPlace
from services.importer.position import Position
from services.importer.reader import portions
from tests.unit.services.importer.conftest import MAPPING, WriteFile, load_text

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<log xes.version="1.0" xmlns="http://www.xes-standard.org/">',
    '<extension name="Concept" prefix="concept" uri="http://www.xes-standard.org/concept.xesext"/>',
    '<global scope="event"><string key="act" value="none"/></global>',
    '<string key="case" value="of the log"/>',
)
END = "</log>"


def event(number: int, act: str = "Create", more: str = "") -> str:
    """Return one event."""
    plain = f'<int key="seq" value="{number}"/><string key="act" value="{act}"/><string key="state" value="complete"/>'
    nested = '<float key="amount" value="35.0"><string key="act" value="inside another"/></float>'
    listed = '<list key="many"><string key="act" value="in a list"/></list>'
    at = '<date key="at" value="2006-07-24T00:00:00.000+02:00"/>'
    return f"<event>{plain}{at}{nested}{listed}{more}</event>"


def trace(name: str, *events: str) -> str:
    """Return one trace."""
    return f'<trace><string key="concept:name" value="{name}"/><boolean key="x" value="true"/>{"".join(events)}</trace>'


@pytest.fixture
def rules(tmp_path: Path) -> Mapping:
    """The small mapping, its case taken from the trace."""
    return load_text(tmp_path, MAPPING.replace("{column: case}", '{column: "case:concept:name"}'))


def seen(rules: Mapping, path: Path, start: int = 1) -> list[tuple[str, str]]:
    """Return subject and sequence of every event from one on."""
    found = portions(rules, open_file(rules, path), Position(next_line=start))
    return [(e["subject"], e["sequence"].lstrip("0")) for portion in found for e in portion.events]


@pytest.mark.parametrize("name", ["log.xes", "log.xes.gz"])
def test_an_event_is_a_row_with_its_traces_attributes(rules: Mapping, write: WriteFile, name: str) -> None:
    """Attributes of the log, of globals, of lists and of attributes are no columns."""
    path = write(*HEAD, trace("A1", event(1), event(2)), trace("B2", event(3)), END, name=name)

    assert seen(rules, path) == [("A1", "1"), ("A1", "2"), ("B2", "3")]


def test_rejections_name_trace_and_event(rules: Mapping, write: WriteFile) -> None:
    """An unknown activity and an attribute that stands twice, by their places; the others come in."""
    twice = '<int key="seq" value="9"/>'
    path = write(
        *HEAD, trace("A1", event(1), event(2, "Burn")), trace("B2", event(3, more=twice), event(4)), END, name="l.xes"
    )

    rejected = [r for portion in portions(rules, open_file(rules, path)) for r in portion.rejections]

    assert [(r.place, r.code) for r in rejected] == [
        (EventPlace(1, 2), "importer.activity"),
        (EventPlace(2, 1), "importer.doubled"),
    ]
    assert rejected[0].as_dict()["place"] == {"trace": 1, "event": 2}
    assert rejected[0].as_dict()["en"].startswith("trace 1, event 2:")
    assert seen(rules, path) == [("A1", "1"), ("B2", "4")]


def test_reading_goes_on_from_an_event(rules: Mapping, write: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run sees the same events with the same traces, whatever the size of a chunk."""
    path = write(*HEAD, *[trace(f"T{n}", event(n), event(n + 100)) for n in range(1, 20)], END, name="log.xes")
    whole = seen(rules, path)
    monkeypatch.setattr(xes_module, "CHUNK", 100)

    assert seen(rules, path) == whole
    assert seen(rules, path, 12) == whole[11:]


def test_the_place_stands_for_a_missing_sequence_key(rules: Mapping, write: WriteFile, tmp_path: Path) -> None:
    """Trace and event number order the log and name each event once."""
    undeclared = load_text(tmp_path, MAPPING.replace("sequence: [seq]", "").replace("{column: case}", '{value: "X"}'))
    path = write(*HEAD, trace("A", event(1)), trace("B", event(1)), END, name="log.xes")

    assert [s for _, s in seen(undeclared, path)] == [f"1/{1:020d}", f"2/{1:020d}"]


@pytest.mark.parametrize(
    "bad",
    [
        ('<!DOCTYPE log [<!ENTITY a "aaaa">]><log><trace/></log>',),
        ('<!DOCTYPE log SYSTEM "file:///etc/hostname"><log/>',),
        (*HEAD, trace("A", event(1)), "</trace></log>"),
        (*HEAD, trace("A", event(1))),
        ("seq,case,act",),
    ],
    ids=["entity", "external", "crossed", "cut", "csv"],
)
def test_what_is_no_plain_xml_is_refused(rules: Mapping, write: WriteFile, bad: tuple[str, ...]) -> None:
    """Document types, crossed tags, a cut file, another format: an error with a line, never half a success."""
    with pytest.raises(FileBrokenError) as caught:
        seen(rules, write(*bad, name="log.xes"))

    assert caught.value.exit_code == 1


def test_a_log_is_read_in_bounded_memory(rules: Mapping, write: WriteFile) -> None:
    """Ten megabytes of events never stand in memory at once."""
    path = write(*HEAD, *[trace(f"T{n}", *[event(m) for m in range(50)]) for n in range(660)], END, name="log.xes")
    assert path.stat().st_size > 10_000_000

    tracemalloc.start()
    try:
        count = sum(len(portion.events) for portion in portions(rules, open_file(rules, path)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert count == 33_000
    assert peak < 8 << 20


def test_something_endless_is_no_log(rules: Mapping, write: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event without end is refused before it fills the memory."""
    monkeypatch.setattr(xes_module, "EVENT_LIMIT", 1 << 18)
    endless = trace("A", event(1, more=f'<string key="note" value="{"x" * (1 << 20)}"/>'))

    with pytest.raises(FileBrokenError):
        seen(rules, write(*HEAD, endless, END, name="log.xes"))
