"""A slice of the real fines log in three forms: the same events by id, and the same alerts, by file and by node."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from services.cli.importing import bring_in
from services.importer.facts import facts
from services.importer.mapping import load_mapping
from services.importer.opening import open_file
from tests.integration.fines_log import final_in, final_of, from_file, tenth, write
from tests.integration.fines_node import MAPPING, SITE

pytestmark = pytest.mark.realdata
FORMS = ("xes", "jsonl")
TYPES = {"amount": "float", "points": "float", "time:timestamp": "date", "seq": "int"}


@pytest.fixture(scope="module")
def slices(fines_log: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A two-hundredth of the log's cases, written in each form."""
    folder = tmp_path_factory.mktemp("forms")
    header, rows = tenth(fines_log)
    case = header.rstrip("\n").split(",").index("case_id")
    few = [row for row in rows if hashlib.sha256(row.split(",")[case].encode()).digest()[1] % 20 == 0]
    read = list(csv.DictReader(io.StringIO(header + "".join(few))))
    forms = {"csv": header + "".join(few), "jsonl": json_lines(read), "xes": xes(read)}
    return {form: write(folder / f"slice.{form}", text, ()) for form, text in forms.items()}


def json_lines(rows: Sequence[dict[str, str]]) -> str:
    """Write rows as JSON lines, whole numbers as numbers."""
    return "".join(
        json.dumps({k: int(v) if k == "seq" else v for k, v in row.items() if v}, ensure_ascii=False) + "\n"
        for row in rows
    )


def xes(rows: Sequence[dict[str, str]]) -> str:
    """Write rows as XES: one trace a case, an absent attribute left out."""
    traces = []
    for case, events in groupby(sorted(rows, key=lambda r: r["case_id"]), key=lambda r: r["case_id"]):
        inside = "".join(
            "<event>"
            + "".join(f"<{TYPES.get(k, 'string')} key={quoteattr(k)} value={quoteattr(v)}/>" for k, v in e.items() if v)
            + "</event>"
            for e in events
        )
        traces.append(f'<trace><string key="concept:name" value={quoteattr(case)}/>{inside}</trace>\n')
    return '<?xml version="1.0" encoding="UTF-8"?>\n<log xes.version="1.0">\n' + "".join(traces) + "</log>\n"


def ids(path: Path) -> set[bytes]:
    """Return the ids of a file's events."""
    mapping = load_mapping(MAPPING)
    return {fact.id for fact in facts(mapping, path, mapping.types, {})}


@pytest.mark.parametrize("form", FORMS)
def test_another_form_is_the_same_log(slices: dict[str, Path], form: str) -> None:
    """Ids derive from the source's sequence key, so the same rows are the same events and raise the same alerts."""
    expected = ids(slices["csv"])

    assert len(expected) > 2_000
    assert ids(slices[form]) == expected
    alerts = final_of(from_file(slices["csv"]))
    assert len(alerts) > 200
    assert final_of(from_file(slices[form])) == alerts


@pytest.mark.parametrize("form", FORMS)
def test_a_node_finds_the_same_in_another_form(slices: dict[str, Path], form: str, tmp_path: Path) -> None:
    """Imported into a node and supervised: alert for alert what the CSV file gives."""
    rules = load_mapping(MAPPING)

    told = bring_in(rules, open_file(rules, slices[form]), tmp_path / "data", SITE, lambda: False)

    assert told["rejected"] == 0
    assert final_in(tmp_path / "data") == final_of(from_file(slices["csv"]))
