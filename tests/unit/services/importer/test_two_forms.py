"""The same log in three forms: the same events, by id and in every field."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from hypothesis import given
from hypothesis import strategies as st

from services.importer.mapping import load_mapping
from services.importer.opening import open_file
from services.importer.reader import portions
from tests.unit.services.importer.conftest import MAPPING

COLUMNS = ["seq", "case", "act", "at", "state", "amount", "article", "day", "urgent", "kind"]
TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=8)
ROW = st.fixed_dictionaries({
    "case": TEXTS.map(str.strip).filter(bool),
    "act": st.sampled_from(["Create", "Send"]),
    "at": st.just("2006-07-24T00:00:00+02:00"),
    "state": st.just("complete"),
    "amount": st.decimals(0, 10**6, places=2).map(str),
    "article": st.integers(0, 999).map(str),
    "day": st.sampled_from(["", "2006-07-25"]),
    "urgent": st.sampled_from(["Y", "N", ""]),
    "kind": st.sampled_from(["A", "M"]),
})  # fmt: skip


@given(st.lists(ROW, min_size=1, max_size=12))
def test_three_forms_are_the_same_events(tmp_path_factory: Any, rows: list[dict[str, str]]) -> None:
    """Ids, times, subjects and data are equal, whichever way the rows are written."""
    folder = tmp_path_factory.mktemp("forms")
    numbered = [{"seq": str(n)} | row for n, row in enumerate(rows)]
    (folder / "mapping.yaml").write_text(MAPPING, encoding="utf-8")

    first, *others = [read(folder, name, text) for name, text in written(numbered).items()]

    assert len(first) == len(rows)
    assert others == [first, first]


def written(rows: list[dict[str, str]]) -> dict[str, str]:
    """Write rows in the three forms; an empty text is an absent member or attribute."""
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    lines = "".join(json.dumps({k: v for k, v in row.items() if v}, ensure_ascii=False) + "\n" for row in rows)
    events = "".join(
        "<event>"
        + "".join(f"<string key={quoteattr(k)} value={quoteattr(v)}/>" for k, v in r.items() if v)
        + "</event>"
        for r in rows
    )
    return {"a.csv": table.getvalue(), "a.jsonl": lines, "a.xes": f"<log><trace>{events}</trace></log>"}


def read(folder: Path, name: str, text: str) -> list[dict[str, Any]]:
    """Return the events of a file."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    mapping = load_mapping(folder / "mapping.yaml")
    return [event for portion in portions(mapping, open_file(mapping, path)) for event in portion.events]
