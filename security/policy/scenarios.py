"""Scenarios: what the policy must decide, as data that lawyers can read (`scenarios.yaml`), and how they are run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from schemas.catalogue import Contracts
from schemas.errors import RefusedError
from security.policy.authored import Policy
from security.policy.guards import GUARDS
from security.policy.roles import person
from security.policy.table import Decision, DecisionTable
from security.subjects import Principal, from_body

BUNDLED: Final = Path(__file__).parent / "scenarios.yaml"
DISTRICT: Final = "990103"


class ScenariosFileError(RefusedError):
    """The file of scenarios cannot be read or an entry has another shape."""

    code = "policy.scenarios"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The event of a scenario: its type and flags."""

    type: str
    flags: frozenset[str] = frozenset()


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be decided; fields that are not named are not looked at, an empty list means none is given."""

    visible: bool
    fields: tuple[str, ...] | None = None
    withheld: dict[str, str] = msgspec.field(default_factory=dict)


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One case: who asks for what, under which guards, and what must come of it."""

    name: dict[str, str]
    who: dict[str, Any]
    event: Asked
    expect: Expected
    guards: dict[str, bool] = msgspec.field(default_factory=dict)

    def principal(self, types: Iterable[str]) -> Principal:
        """Return who asks."""
        if "role" in self.who:
            return person("scenario", self.who["role"], organisation="", districts=[DISTRICT], event_types=types)
        return from_body({"id": "scenario", "kind": "subscription", "districts": [DISTRICT], **self.who})

    @property
    def bits(self) -> int:
        """The guards as bits; in scope unless the scenario says otherwise."""
        told = {"in_scope": True} | self.guards
        return sum(bit for name, bit in GUARDS.items() if told.get(name))


def load_scenarios(path: Path = BUNDLED) -> list[Scenario]:
    """Load a file of scenarios; raises `ScenariosFileError`."""
    try:
        scenarios = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), list[Scenario])
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise ScenariosFileError(file=path.name, reason="YAML") from None
    except msgspec.ValidationError as error:
        raise ScenariosFileError(file=path.name, reason=str(error)) from None
    for number, scenario in enumerate(scenarios, 1):
        if not scenario.guards.keys() <= GUARDS.keys():
            raise ScenariosFileError(file=path.name, reason=f"{number}: guards")
    return scenarios


def run_scenario(scenario: Scenario, contracts: Contracts, policy: Policy) -> list[str]:
    """Decide one scenario and return how the decision differs from what is expected; none = it passes."""
    table = DecisionTable(scenario.principal(contracts.types()), contracts.all(), policy)
    decision = table.masks(contracts.by_type(scenario.event.type), scenario.event.flags, scenario.bits)
    return differences(scenario.expect, decision)


def differences(expected: Expected, decision: Decision) -> list[str]:
    """Return, one line each, where a decision is not what is expected."""
    found = []
    if decision.visible != expected.visible:
        found.append(f"visible: {decision.visible}")
    if expected.fields is not None:
        found += [f"{name}: not given" for name in expected.fields if name not in decision.fields]
    if expected.fields == () or not expected.visible:
        found += [f"{name}: given" for name in decision.fields]
    return found + _reasons(expected.withheld, dict(decision.withheld))


def _reasons(expected: Mapping[str, str], withheld: Mapping[str, str]) -> list[str]:
    return [
        f"{name}: {withheld.get(name, 'given')}, not {reason}"
        for name, reason in expected.items()
        if withheld.get(name) != reason
    ]
