"""Two people approve what a subscription gives beyond what was approved before.

A new node takes its first subscriptions from the reviewed site file. From then on a file that widens one, or brings a
new one, is refused as a whole (`subscription.widens`) until two people have approved that subscription: their approval
*is* its signed control record, which names both and the audit record it rests on. A narrower file takes effect at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Protocol

from schemas.errors import DeniedError, RefusedError
from schemas.evolution import widened as wider
from security.control import Snapshot
from security.policy.widening import widened
from security.subjects import from_body
from services.desk.people import Person
from services.node.masks import MASK, flat
from services.node.subscriptions import KIND
from streams.control import Wanted

PEOPLE: Final = 2
_BESIDE: Final = ("delivers", "of_models")


class WideningError(DeniedError):
    """A site file gives a receiver more than was approved; fields: `subscription`, `what`, `count`."""

    code: ClassVar[str] = "subscription.widens"


class ApproversError(RefusedError):
    """An approval needs two different people of the node, one of them not of the receiving organisation."""

    code: ClassVar[str] = "subscription.approvers"


class Passwords(Protocol):
    """Checks that a person is who the name says."""

    def check(self, name: str, password: str) -> None:
        """Return if the password is right; raises a coded denial."""
        ...


def widenings(snapshot: Snapshot, wanted: Iterable[Wanted]) -> dict[str, tuple[str, ...]]:
    """Return subscription → what it would get beyond the control state, for those that would get anything more."""
    found = {}
    for each in wanted:
        if each.kind != KIND or each.body is None:
            continue
        record = snapshot.records.get((KIND, each.key))
        what = _wider(None if record is None else record.value, each.body)
        if what:
            found[each.key] = what
    return found


def require_approved(snapshot: Snapshot, wanted: Iterable[Wanted]) -> None:
    """Refuse what widens a subscription of a node that stands; raises `WideningError` for the first, by id."""
    if not snapshot.of("site"):
        return  # the first site file is the first approval: there is nobody yet who could give another
    found = widenings(snapshot, wanted)
    for name, what in sorted(found.items()):
        raise WideningError(subscription=name, what=", ".join(what[:5]), count=len(what))


def check_approvers(
    people: Mapping[str, Person], passwords: Passwords, receiver: str, named: Sequence[tuple[str, str]]
) -> tuple[str, ...]:
    """Return the accounts that approve, each proved by its password; `receiver` is the receiving organisation.

    Raises:
        ApproversError: not two different people, one unknown, or all of the receiver. DeniedError: a wrong password.
    """
    accounts = tuple(account for account, _ in named)
    if len(set(accounts)) < PEOPLE or len(set(accounts)) != len(accounts) or not set(accounts) <= set(people):
        raise ApproversError
    if all(people[account].organisation == receiver for account in accounts):
        raise ApproversError
    for account, password in named:
        passwords.check(account, password)
    return accounts


def _wider(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[str, ...]:
    held = None if before is None else from_body(before["principal"])
    more = [] if before is None else [name for name in _BESIDE if before[name] != after[name]]
    found = (*more, *widened(held, from_body(after["principal"])))
    if before is None or MASK not in before or MASK not in after:
        return found
    masks = wider(flat(before[MASK]), flat(after[MASK]))
    return (*found, *(name for name in masks if name not in found))
