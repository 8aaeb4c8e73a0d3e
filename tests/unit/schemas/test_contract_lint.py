"""The linter beyond loading: every rule can fail, and what was published before the rules stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas import catalogue
from schemas.catalogue import Contracts
from schemas.contract_lint import faults_of, lint
from tests.unit.schemas.versions import changed, field, write

Change = Callable[[dict[str, Any]], object]


def found(change: Change, root: Path) -> list[str]:
    """The codes that linting a changed contract gives."""
    return [fault.code for fault in lint(write(root, changed(change))).faults]


def head(**more: Any) -> Change:
    """Change the contract's own attributes."""
    return lambda raw: raw["casebus"].update(more)


def adding(name: str, **more: Any) -> Change:
    """Add a field."""
    return lambda raw: raw["fields"].append(field(name, **more))


FAULTS: list[tuple[str, Change]] = [
    ("contract.owner", lambda raw: raw["casebus"].pop("owner")),
    ("contract.owner", head(owner="harbour")),
    ("contract.owner", head(publishers=["police", "harbour"])),
    ("contract.agreement", head(owner="court")),
    ("contract.agreement", head(owner="procuratorate")),
    ("contract.share", head(share="unconditional")),
    ("contract.theme", head(themes=[])),
    ("contract.theme", head(themes=["sailing"])),
    ("contract.undescribed", adding("extra", doc=" ")),
    ("contract.person_in_clear", adding("suspect_name")),
    ("contract.person_in_clear", adding("id_number", **{"casebus.level": 4, "casebus.flags": ["spi"]})),
    ("contract.person_in_clear", adding("contact", **{"casebus.zh": "联系人手机号"})),
    ("contract.person_in_clear", adding("owner_phone", **{"casebus.about": "party", "casebus.level": 3})),
    (
        "contract.person_in_clear",
        adding("people", kind={"type": "record", "name": "One", "fields": [{"name": "name", "type": "string"}]}),
    ),
]


@pytest.mark.parametrize(("code", "change"), FAULTS)
def test_each_rule_fails(code: str, change: Change, tmp_path: Path) -> None:
    """A breach is found, with both languages and no open placeholder."""
    faults = lint(write(tmp_path, changed(change))).faults

    assert [fault.code for fault in faults] == [code]
    assert "{" not in faults[0].message("zh") + faults[0].message("en") + faults[0].hint("zh") + faults[0].hint("en")


def test_a_sound_contract_has_no_fault(tmp_path: Path) -> None:
    """Nothing is found where nothing is wrong; an enterprise's name is nobody's person."""
    assert found(head(), tmp_path) == []
    assert found(adding("company_name", **{"casebus.about": "enterprise", "casebus.level": 3}), tmp_path) == []
    assert found(head(owner="court", agreement_no="演会签〔2025〕1号"), tmp_path) == []


@pytest.mark.parametrize(("level", "flags", "ok"), [(4, ["spi"], True), (3, ["spi"], False), (4, ["minor"], False)])
def test_only_a_vault_may_hold_a_person_in_clear(level: int, flags: list[str], ok: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a case
    """A contract that says it is a vault, at level 4 with flag spi."""

    def change(raw: dict[str, Any]) -> None:
        raw["casebus"]["vault"] = True
        raw["fields"].append(field("id_number", **{"casebus.level": level, "casebus.flags": flags}))

    assert found(change, tmp_path) == ([] if ok else ["contract.person_in_clear"])


def test_a_person_in_clear_does_not_even_load(tmp_path: Path) -> None:
    """The rule is no advice: such a contract is not in the catalogue."""
    write(tmp_path, changed(adding("suspect_name"), version=1))

    assert [f.code for f in catalogue.survey(tmp_path).faults][:1] == ["contract.person_in_clear"]


def test_contracts_of_before_stay_and_their_next_versions_do_not() -> None:
    """The first 24 name no owner and are let be; their second versions do."""
    contracts = Contracts.load()

    for contract in contracts.versions("police.case.filed"):
        assert list(faults_of(contract)) == []
    assert [c.owner for c in contracts.versions("police.case.filed")] == ["", "police"]
