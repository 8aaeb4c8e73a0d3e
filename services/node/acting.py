"""Who does an operator's act, and what for: both stand in the audit record of the act.

A name is what the operator says: what is proved is that the caller may read the node's data directory. An act that must
rest on persons (an approval) asks for their passwords.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Final

import msgspec

from schemas.errors import UsageError
from security.audit.record import Entry

OPERATOR: Final = "operator"
OPERATION: Final = "operation"
_WORD: Final = re.compile(r"[\w.:/@-]{1,80}")


class ActorError(UsageError):
    """Actor or purpose is no code; field: `field`."""

    code: ClassVar[str] = "node.actor"


@dataclass(frozen=True)
class By:
    """Who acts and what for; raises `ActorError` for what is no code: free words could name a person's data."""

    actor: str = OPERATOR
    purpose: str = OPERATION

    def __post_init__(self) -> None:
        for name, value in (("actor", self.actor), ("purpose", self.purpose)):
            if not _WORD.fullmatch(value):
                raise ActorError(field=name)

    def did(self, entry: Entry) -> Entry:
        """Return the audit record of an act with who did it and what for."""
        return msgspec.structs.replace(entry, actor=self.actor, role=OPERATOR, purpose=self.purpose)
