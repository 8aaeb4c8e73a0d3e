"""What an agency asks for, checked as a whole: every fault at once, in words, with its place.

Themes and "every field" are written out when the wish is taken, so that what two people approve is a list of fields,
and no later version of a contract adds to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from schemas.catalogue import Contracts
from schemas.contract import FLAGS, Contract
from schemas.faults import Fault, shown
from security.subjects import Principal

NOT_SHARED: Final = "none"
CONDITIONAL: Final = "conditional"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{2,99}", re.ASCII)
_CODE: Final = re.compile(r"[a-z][a-z0-9-]{1,79}", re.ASCII)
_TYPE: Final = re.compile(r"[a-z][a-z_.]{1,63}", re.ASCII)
_DISTRICT: Final = re.compile(r"\d{2,12}", re.ASCII)


class Wish(msgspec.Struct, frozen=True):
    """A subscription that is asked for.

    Attributes:
        fields: event type → the fields wanted, sorted.
        agreements: numbers of the agreements that conditional sharing rests on.
        expires: the first day on which it is no more, `YYYY-MM-DD`.
    """

    subscription: str
    organisation: str
    purpose: str
    basis: str
    agreements: tuple[str, ...]
    fields: dict[str, tuple[str, ...]]
    districts: tuple[str, ...]
    expires: str
    clearance: int
    compartments: tuple[str, ...]

    def principal(self, zone: ZoneInfo) -> Principal:
        """Return who would receive, as the decision function sees it."""
        end = datetime.combine(date.fromisoformat(self.expires), time(), zone)
        return Principal(
            id=self.subscription,
            kind="subscription",
            organisation=self.organisation,
            purpose=self.purpose,
            clearance=self.clearance,
            bound_clearance=self.clearance,
            grant_clearance=self.clearance,
            compartments=frozenset(self.compartments),
            event_types=frozenset(self.fields),
            fields={event_type: frozenset(names) for event_type, names in self.fields.items()},
            districts=self.districts,
            expires_at=int(end.timestamp()) * 1_000_000,
        )


@dataclass(frozen=True)
class Ground:
    """What a wish is checked against.

    Attributes:
        holder: answers whose a subscription of that name is, "" where there is none.
        ceiling: the highest level of the node. today: its day.
    """

    contracts: Contracts
    holder: Callable[[str], str]
    ceiling: int
    today: date


def wish_of(said: Mapping[str, Any], organisation: str, ground: Ground) -> Wish:
    """Return the wish that an organisation's document says; what it names is not checked yet, see `faults_of`."""
    kinds = set(said["types"]) | set(said["fields"])
    wanted = set(said["themes"])
    kinds |= {c.type for c in ground.contracts.all() if wanted & set(c.themes) and c.share != NOT_SHARED}
    known = set(ground.contracts.types())
    fields = {
        kind: tuple(sorted(said["fields"].get(kind) or _every(ground.contracts, kind, known))) for kind in sorted(kinds)
    }
    return Wish(
        said["subscription"],
        organisation,
        said["purpose"],
        said["basis"].strip(),
        tuple(sorted({each.strip() for each in said["agreements"]} - {""})),
        fields,
        tuple(sorted(set(said["districts"]))),
        said["expires"],
        said["clearance"],
        tuple(sorted(set(said["compartments"]))),
    )


def _every(contracts: Contracts, kind: str, known: set[str]) -> tuple[str, ...]:
    return tuple(f.name for f in contracts.by_type(kind).fields) if kind in known else ()


def faults_of(wish: Wish, ground: Ground) -> tuple[Fault, ...]:
    """Return everything that keeps a wish from being reviewed."""
    return (*_form(wish, ground), *_content(wish, ground))


def _form(wish: Wish, ground: Ground) -> Iterator[Fault]:
    if not _ID.fullmatch(wish.subscription) or not wish.subscription.startswith(f"{wish.organisation}-"):
        yield Fault.of("$.subscription", "asking.name", organisation=wish.organisation)
    elif ground.holder(wish.subscription) not in {"", wish.organisation}:
        yield Fault.of("$.subscription", "asking.taken")
    if not _CODE.fullmatch(wish.purpose):
        yield Fault.of("$.purpose", "asking.purpose")
    if not wish.basis:
        yield Fault.of("$.basis", "asking.basis")
    if not wish.districts or not all(_DISTRICT.fullmatch(each) for each in wish.districts):
        yield Fault.of("$.districts", "asking.districts")
    if not _future(wish.expires, ground.today):
        yield Fault.of("$.expires", "asking.expires")
    if wish.clearance > ground.ceiling:
        yield Fault.of("$.clearance", "asking.ceiling", ceiling=ground.ceiling)
    if not FLAGS.issuperset(wish.compartments):
        yield Fault.of("$.compartments", "asking.compartments")


def _content(wish: Wish, ground: Ground) -> Iterator[Fault]:
    if not wish.fields:
        yield Fault.of("$.types", "asking.nothing")
    known = set(ground.contracts.types())
    for kind, names in wish.fields.items():
        if kind not in known:
            yield Fault.of("$.types", "asking.unknown_type", type=kind if _TYPE.fullmatch(kind) else "?")
            continue
        contract = ground.contracts.by_type(kind)
        if contract.share == NOT_SHARED:
            yield Fault.of(f"$.types.{kind}", "asking.not_shared", type=kind, owner=contract.owner or contract.agency)
        yield from _agreement(wish, contract)
        for name in sorted(set(names) - set(contract.by_name)):
            yield Fault.of(f"$.fields.{kind}", "asking.unknown_field", type=kind, field=shown(name))


def _agreement(wish: Wish, contract: Contract) -> Iterator[Fault]:
    """Sharing under a condition rests on an agreement: on the one that the contract names, where it names one."""
    if contract.share == CONDITIONAL and not wish.agreements:
        yield Fault.of("$.agreements", "asking.agreement", type=contract.type, wanted=contract.agreement_no or "-")
    elif contract.agreement_no and contract.agreement_no not in wish.agreements:
        yield Fault.of("$.agreements", "asking.agreement", type=contract.type, wanted=contract.agreement_no)


def _future(text: str, today: date) -> bool:
    try:
        return date.fromisoformat(text) > today
    except ValueError:
        return False
