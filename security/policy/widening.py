"""What a change of a principal gives beyond what was approved: the rule that a view never widens by itself.

The mask of a view follows from its principal (clearances, compartments, types, fields), and so does which events reach
it (districts, expiry). So comparing principals finds every widening that a site file can bring; a narrowing is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from security.subjects import Principal

EVERY: Final = "*"
_LEVELS: Final = ("clearance", "bound_clearance", "grant_clearance")
_SAME: Final = ("kind", "organisation", "role", "purpose")
_RIGHTS: Final = ("payload", "aggregates")


def widened(before: Principal | None, after: Principal) -> tuple[str, ...]:
    """Return what `after` may have that `before` might not, sorted; a new principal is new in every way.

    Names: an attribute (`clearance`, `districts`, `expires_at`, `purpose`, …), `compartments.<flag>`, or
    `<event type>.<field>`, with `*` for every field.
    """
    return tuple(sorted({"subscription"} if before is None else set(_wider(before, after))))


def _wider(before: Principal, after: Principal) -> Iterator[str]:
    yield from (name for name in _LEVELS if getattr(after, name) > getattr(before, name))
    # Another receiver or another purpose is another question, whatever it asks for.
    yield from (name for name in _SAME if getattr(after, name) != getattr(before, name))
    yield from (name for name in _RIGHTS if getattr(after, name) and not getattr(before, name))
    yield from (f"compartments.{flag}" for flag in after.compartments - before.compartments)
    if not all(any(prefix.startswith(held) for held in before.districts) for prefix in after.districts):
        yield "districts"
    if before.expires_at is not None and (after.expires_at is None or after.expires_at > before.expires_at):
        yield "expires_at"
    for event_type in after.event_types:
        yield from (f"{event_type}.{name}" for name in _fields(before, after, event_type))


def _fields(before: Principal, after: Principal, event_type: str) -> frozenset[str]:
    """Return the fields of a type that are new; `*` where every field is asked for and was not before."""
    asked = _asked(after, event_type)
    if event_type not in before.event_types:
        return asked
    held = _asked(before, event_type)
    return frozenset() if EVERY in held else asked - held


def _asked(principal: Principal, event_type: str) -> frozenset[str]:
    return frozenset({EVERY}) if not principal.fields else principal.fields.get(event_type, frozenset())
