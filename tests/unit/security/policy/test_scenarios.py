"""Scenarios as data: the bundled ones pass, bad files are refused, a wrong decision is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.catalogue import Contracts
from security.policy.compile import bundled_policy
from security.policy.scenarios import Expected, ScenariosFileError, differences, load_scenarios, run_scenario
from security.policy.table import Decision

CONTRACTS = Contracts.load()
SCENARIOS = load_scenarios()


@pytest.mark.parametrize("number", range(len(SCENARIOS)))
def test_the_policy_decides_as_written(number: int) -> None:
    """Every bundled scenario is decided as it says, and has a name in both languages."""
    scenario = SCENARIOS[number]

    assert run_scenario(scenario, CONTRACTS, bundled_policy()) == []
    assert scenario.name.keys() == {"zh", "en"}


def test_differences_are_named() -> None:
    """Visibility, a missing field, a field too many and another reason are each named."""
    decision = Decision(True, (True,), ("a",), (("b", "clearance"),), ("clearance",))  # noqa: FBT003

    assert differences(Expected(visible=False), decision) == ["visible: True", "a: given"]
    assert differences(Expected(visible=True, fields=("b",)), decision) == ["b: not given"]
    assert differences(Expected(visible=True, fields=()), decision) == ["a: given"]
    expected = Expected(visible=True, withheld={"a": "hold", "b": "clearance"})
    assert differences(expected, decision) == ["a: given, not hold"]


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "{}",
        "[{name: {}}]",
        "[{name: {}, who: {}, event: {type: a}, expect: {visible: true}, guards: {in_scoop: true}}]",
        "[{name: {}, who: {}, event: {type: a}, expect: {visible: true, feilds: []}}]",
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str) -> None:
    """What is no list of scenarios, or misspells a key, is refused with a code."""
    path = tmp_path / "scenarios.yaml"
    path.write_text(text)

    with pytest.raises(ScenariosFileError) as caught:
        load_scenarios(path)

    assert caught.value.code == "policy.scenarios"
