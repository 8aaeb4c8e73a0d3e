"""Who may approve, and whether enough have: the one rule behind every act that one person alone must not do. Pure.

Nobody approves what they asked for, nobody approves twice, and nobody once enough have. What is approved is exactly
what was shown: by its digest, where it may have changed since it was shown.

Who holds the approvals, which roles may give them and how long they count stay with the act, for good reasons:

    request for a subscription   a system asked, so `by` is nobody of the node; what it would get follows the contracts
                                 and may change while it waits, so each approval counts for one digest
    named grant                  one sentence that never changes; it and its approvals are over after a day
    erasure                      waits as long as it takes, and a legal hold stands before it
    retention                    whoever proposes is the first of the two; a proposal may be replaced by its author
    registration, accepted loss  both persons are named in one command, by whoever runs the machine
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Approvals:
    """What stands: how many are needed, who asked (empty: nobody who could approve), who approved, in their order."""

    needs: int
    by: str = ""
    given: tuple[str, ...] = ()

    @property
    def enough(self) -> bool:
        """Whether as many different people approved as are needed."""
        return len(set(self.given) - {self.by}) >= self.needs

    def takes(self, account: str) -> bool:
        """Tell whether an account may approve now."""
        return not self.enough and account not in {"", self.by, *self.given}


def digest_of(shown: Mapping[str, Any]) -> str:
    """Return the digest of what is shown, hex: SHA-256 of its JSON with sorted keys."""
    return hashlib.sha256(msgspec.json.encode(shown, order="deterministic")).hexdigest()


def persons(names: Iterable[str]) -> list[str]:
    """Return the different persons that names stand for, sorted: spaces around a name and empty names do not count."""
    return sorted({name.strip() for name in names} - {""})
