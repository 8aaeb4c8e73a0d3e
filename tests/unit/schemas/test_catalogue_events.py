"""The catalogue is whole: every event of the domain, every input of the models M01 to M45, with the fields they name.

The lists are data beside this file. `SAID` and `SAID_OF` tell where a contract names a field differently: money is in
cents, a person is `person`, an instant says what happened, and one thing has one name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.catalogue import Contracts
from schemas.contract_lint import lint

CONTRACTS = Contracts.load()
INTERNAL = 2
"""Case references are level 2, also in an event whose content is public."""
HERE = Path(__file__).parent
SAID = {
    "pid": ("person",),
    "amount": ("amount_cents", "value_cents"),
    "amount_involved": ("amount_cents",),
    "value": ("value", "value_cents"),
    "fine": ("fine_cents",),
    "restitution": ("restitution_cents",),
    "confiscation": ("confiscation_cents",),
    "offset_fine": ("offset_fine_cents",),
    "remain": ("remain_cents",),
    "cap": ("cap_cents",),
    "facts.metric": ("facts_metric",),
    "facts.value": ("facts_value",),
    "facts.unit": ("facts_unit",),
    "last_reduction.date": ("last_reduction_date",),
    "last_reduction.months": ("last_reduction_months",),
}
SAID_OF = {
    ("police.wanted.issued", "level"): "wanted_level",
    ("police.custody.delivered", "at"): "delivered_at",
    ("police.case.filed", "at"): "filed_at",
    ("police.admin_penalty.decided", "days"): "detention_days",
    ("police.report.accepted", "charge"): "charge_code",
    ("court.judgment.effective", "charge"): "charge_code",
    ("court.judgment.effective", "tag"): "charge_tag",
    ("court.execution_notice.sent", "to"): "to_org",
    ("prison.admission.refused", "reason"): "reason_code",
    ("prison.commutation.proposed", "months"): "propose_months",
    ("admin.case.transferred", "charge"): "penal_charge",
    ("admin.case.transferred", "goods"): "goods_list",
    ("urban.waste.permit", "plate"): "truck_plate",
    ("police.vehicle.gate_passed", "gate"): "gate_id",
}
TYPES_SAID = {"corr.ended": "corr.person.ended"}


def rows(file: str) -> list[list[str]]:
    """The lines of a list, split at blanks; comments left out."""
    lines = (HERE / file).read_text(encoding="utf-8").splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


EVENTS = rows("catalogue_events.txt")
VAULT = "identity.recorded"
"""Who a person key stands for: the vault's own contract, which no list of events names."""
INPUTS = rows("model_inputs.txt")


def missing(event_type: str, names: list[str]) -> list[str]:
    """The named fields that the contract does not have."""
    known = CONTRACTS.by_type(event_type).by_name
    return [
        name
        for name in names
        if name not in known
        and SAID_OF.get((event_type, name)) not in known
        and not any(other in known for other in SAID.get(name, ()))
    ]


@pytest.mark.parametrize(("event_type", "level", "names"), [(r[0], int(r[1]), r[2:]) for r in EVENTS])
def test_every_event_of_the_domain_has_its_contract(event_type: str, level: int, names: list[str]) -> None:
    """The type exists with the named fields and its level; only what is about somebody or flagged stands higher."""
    assert missing(event_type, names) == []
    found = CONTRACTS.by_type(event_type)
    assert found.level >= level
    assert all(f.about or f.flags for f in found.fields if f.level > max(level, INTERNAL))


@pytest.mark.parametrize(
    ("event_type", "names"),
    [(TYPES_SAID.get(r[1], r[1]), r[2:]) for r in INPUTS],
    ids=[f"{r[0]}-{r[1]}" for r in INPUTS],
)
def test_every_input_of_the_models_is_there(event_type: str, names: list[str]) -> None:
    """What a model reads exists under its name."""
    assert missing(event_type, names) == []


def test_the_lists_and_the_catalogue_cover_each_other() -> None:
    """Each model is there, no event stands twice, and no contract is of nobody's need (the road fines aside)."""
    listed = [row[0] for row in EVENTS]
    wanted = {VAULT, *listed, *(TYPES_SAID.get(row[1], row[1]) for row in INPUTS)}

    assert {row[0] for row in INPUTS} == {f"M{n:02}" for n in range(1, 46)}
    assert len(listed) == len(set(listed))
    assert {t for t in CONTRACTS.types() if not t.startswith("traffic.")} == wanted


def test_no_rule_of_the_linter_is_broken() -> None:
    """Owner, agreement, share, themes and descriptions: the bundled contracts keep them all."""
    assert [str(fault) for fault in lint().faults] == []
