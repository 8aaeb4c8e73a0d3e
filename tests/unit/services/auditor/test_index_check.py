"""Level 4 of the index: compared with the whole log it names every record; what it leaves out is found."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from security.audit.record import Entry
from services.auditor.index import AuditIndex
from services.auditor.index_check import check_index
from tests.unit.security.audit.workshop import open_log

RECORDS = 700


def indexed(tmp_path: Path) -> tuple[Path, Path]:
    """Return a log of three runs with a rest, and its index."""
    directory, file = tmp_path / "audit", tmp_path / "audit-index.db"
    with open_log(directory) as log:
        log.append([Entry(act="release", obj=f"s{n % 7}", data={"events": [f"{n:032x}"]}) for n in range(RECORDS)])
    index = AuditIndex(file)
    index.table(directory).follow(RECORDS)
    index.flush()
    index.close()
    return directory, file


def test_an_index_that_was_made_from_the_log_names_everything(tmp_path: Path) -> None:
    """Every whole run is compared, each with its terms."""
    directory, file = indexed(tmp_path)

    report = check_index(directory, file)

    assert report is not None
    assert (report.runs, report.lies) == (RECORDS >> 8, ())
    assert report.terms > RECORDS >> 8


def test_an_index_that_hides_one_record_is_told(tmp_path: Path) -> None:
    """One row is taken out: the run that it led to is named."""
    directory, file = indexed(tmp_path)
    database = sqlite3.connect(file)
    (row,) = database.execute("SELECT term, at FROM terms_0 WHERE at >= 256 LIMIT 1").fetchall()
    database.execute("DELETE FROM terms_0 WHERE term = ? AND at = ?", row)
    database.commit()
    database.close()

    report = check_index(directory, file)

    assert report is not None
    assert report.lies == (1,)


def test_without_an_index_there_is_nothing_to_compare(tmp_path: Path) -> None:
    """An index is never needed."""
    assert check_index(tmp_path, tmp_path / "audit-index.db") is None
