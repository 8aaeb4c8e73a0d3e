"""What stands in a node's control state beside its site file: what the file ends, and what only a command ends.

A site file that names a source or a subscription no more ends it: nothing is taken from the one or given to the other
from that epoch on. What two people approved beside the file (a source by a fragment, a subscription by a request)
stands in no file, so no file ends it; it is told at each start, with the command that does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from security.control import ControlRecord, Snapshot
from services.node.subscriptions import KIND as SUBSCRIPTION
from services.node.subscriptions import REQUEST
from streams.control import Wanted

SITE_FILE: Final = "site-file"
"""The approver written for what a reviewed site file says: whoever reviewed the file approved it."""
SOURCE: Final = "source"
_COMMANDS: Final = {SOURCE: "casebus agency end", SUBSCRIPTION: "casebus subscription end"}


@dataclass(frozen=True, slots=True)
class Standing:
    """One source or subscription that is in force and that a site file does not name; `kind` says which it is."""

    kind: str
    name: str
    approvers: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command that ends it."""
        return f"{_COMMANDS[self.kind]} {self.name}"

    @property
    def removal(self) -> Wanted:
        """The change that ends it."""
        return Wanted(self.kind, self.name, None)


def endings(snapshot: Snapshot, wanted: Iterable[Wanted]) -> list[Standing]:
    """Return the sources and subscriptions of the last site file that the present one has no more, by kind and id."""
    return [_standing(record) for record in _unnamed(snapshot, wanted) if _of_file(record)]


def beside(snapshot: Snapshot, wanted: Iterable[Wanted]) -> list[Standing]:
    """Return what is in force, is not named by the file and is not ended by it either, by kind and id."""
    return [_standing(record) for record in _unnamed(snapshot, wanted) if not _of_file(record)]


def _unnamed(snapshot: Snapshot, wanted: Iterable[Wanted]) -> list[ControlRecord]:
    named = {(each.kind, each.key) for each in wanted}
    return [r for key, r in sorted(snapshot.records.items()) if key[0] in _COMMANDS and key not in named]


def _standing(record: ControlRecord) -> Standing:
    return Standing(record.kind, record.key, tuple(record.approvers))


def _of_file(record: ControlRecord) -> bool:
    """Say whether the file alone holds it; a widened subscription has other approvers, and stands in the file still."""
    if record.kind == SUBSCRIPTION:
        return REQUEST not in record.value
    return tuple(record.approvers) == (SITE_FILE,)
