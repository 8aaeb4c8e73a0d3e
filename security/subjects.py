"""Who asks: a subscription of an organisation's system, a person in a role, or the supervision engine.

All three are one `Principal`, so that one decision function serves them. The JSON form (`as_body`, `from_body`) stands
in control records and, as YAML, in reviewed files of subscriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from schemas.errors import RefusedError
from security.labels import PUBLIC, Label

Kind = Literal["subscription", "person", "engine"]
DISTRICT_LENGTH: Final = 6


class PrincipalError(RefusedError):
    """A principal whose description does not hold together."""

    code = "policy.principal"


@dataclass(frozen=True)
class Principal:
    """One who asks.

    Attributes:
        id: name of the subscription, account or engine.
        role: role code of `security.policy.roles` (persons), or the duty of a system.
        purpose: what the data is for: a case, a clue, or a duty; the event types it needs are `event_types`.
        clearance: the level readable anywhere in scope.
        bound_clearance: the level readable of a case or clue that is bound to the principal.
        grant_clearance: the level readable under a named grant that two people approved.
        compartments: flags it may read.
        event_types: types that the purpose covers.
        fields: event type → fields the purpose needs; empty = every field; a type missing from it = none.
        districts: prefixes of district codes (6 digits) or unit codes (12 digits); "" = everywhere, none = nowhere.
        expires_at: microseconds; None = no end.
        payload: whether it may read content at all (security officers and operators may not).
        aggregates: whether it may see counts.
    """

    id: str
    kind: Kind
    organisation: str = ""
    role: str = ""
    purpose: str = ""
    clearance: int = PUBLIC
    bound_clearance: int = PUBLIC
    grant_clearance: int = PUBLIC
    compartments: frozenset[str] = frozenset()
    event_types: frozenset[str] = frozenset()
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    districts: tuple[str, ...] = ()
    expires_at: int | None = None
    payload: bool = True
    aggregates: bool = False

    def __post_init__(self) -> None:
        for level in (self.clearance, self.bound_clearance, self.grant_clearance):
            Label(level, self.compartments)
        if not self.id:
            raise PrincipalError(reason="id")
        if any(not prefix.isdecimal() for prefix in self.districts if prefix):
            raise PrincipalError(reason="districts")

    def in_scope(self, district: str, unit: str | None = None) -> bool:
        """Tell whether an event of `district` (and `unit`, 12 digits, where it is known) is in the principal's scope.

        A prefix that is longer than a district code is compared with the unit; an event without one is outside it.
        """
        return any((district if len(p) <= DISTRICT_LENGTH else unit or "").startswith(p) for p in self.districts)

    def expired(self, now_us: int) -> bool:
        """Tell whether the principal's right has ended at `now_us`."""
        return self.expires_at is not None and now_us >= self.expires_at

    def wants(self, event_type: str, name: str) -> bool:
        """Tell whether the purpose needs field `name` of `event_type`."""
        return not self.fields or name in self.fields.get(event_type, ())


def as_body(principal: Principal) -> dict[str, Any]:
    """Render the JSON form; sets are sorted, so equal principals have equal bodies."""
    body: dict[str, Any] = msgspec.to_builtins(principal, order="deterministic")
    body["fields"] = {kind: sorted(names) for kind, names in sorted(principal.fields.items())}
    for key in ("compartments", "event_types"):
        body[key] = sorted(body[key])
    return body


def from_body(body: Mapping[str, Any]) -> Principal:
    """Read the JSON form; an unknown or missing key or a wrong type raises `PrincipalError`."""
    unknown = sorted(set(body) - set(Principal.__dataclass_fields__))
    if unknown:
        raise PrincipalError(reason=unknown[0])
    try:
        return msgspec.convert(dict(body), Principal)
    except msgspec.ValidationError as error:
        raise PrincipalError(reason=str(error).partition(" - at ")[2].strip("`$.") or "shape") from None
