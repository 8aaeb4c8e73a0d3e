"""The decision table of one principal: an index and a shift per class, a remembered decision per (contract, flags).

`MASKS[row[class]] >> guards & 1` answers whether a class may be read; the last entry of a row answers whether the event
may be seen at all. Rows of flags that were not met at compile time are compiled when they are first met, by the same
policy; if that fails the answer is a denial.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas.contract import Contract
from security.labels import effective
from security.policy.authored import Answer, Policy, PolicyError
from security.policy.guards import COMBINATIONS
from security.policy.shape import read_shape, see_shape
from security.subjects import Principal

DENIED: Final = Answer(0, (frozenset(),) * COMBINATIONS, ("policy_error",) * COMBINATIONS)
"""The answer where the policy could not be evaluated."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one principal gets of one event.

    Attributes:
        visible: whether the event may be known of; nothing at all is given of one that may not.
        classes: per label class, whether it is to be opened: allowed, and of use to the purpose.
        fields: names of the fields given, in canonical order.
        withheld: (field, reason code) of every other field that exists; empty when the event is not visible.
        reasons: reason codes of whatever was denied, sorted.
    """

    visible: bool
    classes: tuple[bool, ...]
    fields: tuple[str, ...]
    withheld: tuple[tuple[str, str], ...]
    reasons: tuple[str, ...]

    @property
    def released(self) -> bool:
        """Whether anything is given: an event without a readable class is not delivered."""
        return self.visible and any(self.classes)


class Row(NamedTuple):
    """One row: an index into the table's masks per class, and one more for the event itself."""

    contract: Contract
    indexes: array[int]


class DecisionTable:
    """Decisions of one principal over a set of contracts; made by `security.policy.compile.compile_table`.

    Contracts are told apart by their label-rule digest: another one under the same id must not meet remembered answers.
    """

    def __init__(self, principal: Principal, contracts: tuple[Contract, ...], policy: Policy) -> None:
        self.principal = principal
        self.policy = policy
        self._contracts = frozenset(contract.digest for contract in contracts)
        self._answers: list[Answer] = []
        self._masks: list[int] = []
        self._interned: dict[Answer, int] = {}
        self._rows: dict[tuple[bytes, frozenset[str]], Row] = {}
        self._decisions: dict[tuple[bytes, frozenset[str], int], Decision] = {}

    @property
    def digest(self) -> str:
        """The digest of the access policy (hex SHA-256), for manifests."""
        return self.policy.digest

    def masks(self, contract: Contract, event_flags: frozenset[str], guards: int) -> Decision:
        """Decide: what the principal gets of an event of `contract` with `event_flags` under `guards`."""
        found = self._decisions.get((contract.digest, event_flags, guards))
        if found is None:
            found = self._decide(contract, event_flags, guards)
            self._decisions[contract.digest, event_flags, guards] = found
        return found

    def allows(self, contract: Contract, event_flags: frozenset[str], index: int, guards: int) -> bool:
        """Answer for one class alone: the look-up that the table is made for."""
        row = self._rows.get((contract.digest, event_flags)) or self.row(contract, event_flags)
        return bool(self._masks[row.indexes[index]] >> guards & 1)

    def answers(self, contract: Contract, event_flags: frozenset[str]) -> tuple[Answer, ...]:
        """Return the answers behind a row: one per class, then the event's own."""
        return tuple(self._answers[index] for index in self.row(contract, event_flags).indexes)

    def row(self, contract: Contract, event_flags: frozenset[str]) -> Row:
        """Return the row, compiling it if it is new; whatever cannot be compiled denies."""
        found = self._rows.get((contract.digest, event_flags))
        if found is None:
            try:
                found = self.compile_row(contract, event_flags)
            except PolicyError:
                found = Row(contract, array("H", [self._intern(DENIED)] * (len(contract.classes) + 1)))
            self._rows[contract.digest, event_flags] = found
        return found

    def compile_row(self, contract: Contract, event_flags: frozenset[str]) -> Row:
        """Compile a row; raises `PolicyError`. A contract that the table was not compiled for is denied."""
        if contract.digest not in self._contracts:
            return Row(contract, array("H", [self._intern(DENIED)] * (len(contract.classes) + 1)))
        asking, kind = self.principal, contract.type
        shapes = [read_shape(asking, kind, effective(each, event_flags)) for each in contract.classes]
        shapes.append(see_shape(asking, kind, event_flags))
        row = Row(contract, array("H", [self._intern(self.policy.answer(shape)) for shape in shapes]))
        self._rows[contract.digest, event_flags] = row
        return row

    def _intern(self, answer: Answer) -> int:
        index = self._interned.get(answer)
        if index is None:
            index = self._interned[answer] = len(self._answers)
            self._answers.append(answer)
            self._masks.append(answer.mask)
        return index

    def _decide(self, contract: Contract, event_flags: frozenset[str], guards: int) -> Decision:
        *classes, event = self.answers(contract, event_flags)
        visible = bool(event.mask >> guards & 1)
        given: list[str] = []
        withheld: list[tuple[str, str]] = []
        opened: list[bool] = []
        for label_class, answer in zip(contract.classes, classes, strict=True):
            allowed = bool(answer.mask >> guards & 1) and visible
            wanted = [f.name for f in label_class.fields if self.principal.wants(contract.type, f.name)]
            opened.append(allowed and bool(wanted))
            for each in label_class.fields:
                if not allowed:
                    withheld.append((each.name, answer.reasons[guards] or event.reasons[guards]))
                elif each.name in wanted:
                    given.append(each.name)
                else:
                    withheld.append((each.name, "purpose"))
        reasons = {reason for _, reason in withheld} | ({event.reasons[guards]} - {""})
        return Decision(
            visible, tuple(opened), tuple(given), tuple(withheld) if visible else (), tuple(sorted(reasons))
        )
