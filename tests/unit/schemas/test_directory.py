"""The resource directory and the field tables: whole, in both languages, as rows."""

from __future__ import annotations

import csv
import io

from schemas.catalogue import Contracts
from schemas.codes import code_list
from schemas.directory import BOM, directory, directory_csv, field_table

CONTRACTS = Contracts.load()
ENTRIES = directory(CONTRACTS)


def test_every_event_type_stands_under_each_of_its_themes() -> None:
    """One entry per theme of the newest version, themes in the order of their list."""
    assert {e.type for e in ENTRIES} == set(CONTRACTS.types())
    assert len(ENTRIES) == sum(len(CONTRACTS.by_type(t).themes) for t in CONTRACTS.types())
    order = list(code_list("theme"))
    assert [order.index(e.theme) for e in ENTRIES] == sorted(order.index(e.theme) for e in ENTRIES)


def test_an_entry_says_who_shares_what_and_how() -> None:
    """Names in both languages, owner, share attribute with its agreement, level, references."""
    entry = next(e for e in ENTRIES if e.type == "court.judgment.effective" and e.theme == "sentence_execution")

    assert (entry.version, entry.zh, entry.owner_zh, entry.owner_en) == (2, "裁判生效", "人民法院", "people's court")
    assert (entry.share_zh, entry.agreement_no) == ("有条件共享", "演会签〔2025〕1号")
    assert (entry.level_zh, entry.case_refs) == ("秘密(工作秘密)", "ah=FY_AH")


def test_every_owner_and_theme_has_a_name() -> None:
    """No entry shows a bare code, those published before owners were named included."""
    assert [e.type for e in ENTRIES if e.owner_zh == e.owner or e.theme_zh == e.theme] == []


def test_the_csv_holds_every_entry() -> None:
    """A spreadsheet reads it: byte order mark, one header, one row each."""
    text = directory_csv(ENTRIES)

    rows = list(csv.DictReader(io.StringIO(text.removeprefix(BOM))))

    assert text.startswith(BOM)
    assert len(rows) == len(ENTRIES)
    assert rows[0]["theme_zh"] == ENTRIES[0].theme_zh


def test_a_field_table_lists_fields_and_the_members_of_records() -> None:
    """Canonical order, with label, unit, list and meaning; members stand below their field."""
    rows = {row.name: row for row in field_table(CONTRACTS.by_type("court.case.docketed"))}

    assert rows["amount_cents"].unit == "yuan cent"
    assert (rows["parties.uscc"].format, rows["parties.uscc"].level) == ("uscc", 3)
    assert (rows["procedure"].codes, rows["procedure"].mandatory) == ("court_procedure", True)
    assert (rows["plaintiff_pid"].mandatory, rows["plaintiff_pid"].about) == (False, "party")


def test_every_row_of_every_table_has_words() -> None:
    """No field without both names, a meaning and a source; the receipt number of old has its name for a meaning."""
    for contract in CONTRACTS.all():
        for row in field_table(contract):
            assert all((row.zh, row.en, row.doc, row.source)), (contract.key, row.name)
