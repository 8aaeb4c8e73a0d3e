"""The shape of a question: everything Cedar gets to see, and nothing else.

Because entities and requests are built from a shape alone, equal shapes have equal answers: the compiler may ask once
for all classes, principals and subscriptions that share one.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from security.labels import Label
from security.policy.guards import COMBINATIONS, names
from security.subjects import Principal


class Shape(NamedTuple):
    """What a decision depends on, short of the guards. For `see` the label is the event's flags at level 1."""

    action: Literal["read", "see"]
    clearance: int
    bound_clearance: int
    grant_clearance: int
    compartments: frozenset[str]
    payload: bool
    in_purpose: bool
    level: int
    flags: frozenset[str]


def read_shape(principal: Principal, event_type: str, label: Label) -> Shape:
    """Return the shape of reading a class with `label` of an event of `event_type`."""
    return _shape("read", principal, event_type, label)


def see_shape(principal: Principal, event_type: str, flags: frozenset[str]) -> Shape:
    """Return the shape of knowing that an event with `flags` exists."""
    return _shape("see", principal, event_type, Label(flags=flags))


def _shape(action: Literal["read", "see"], principal: Principal, event_type: str, label: Label) -> Shape:
    return Shape(
        action,
        principal.clearance,
        principal.bound_clearance,
        principal.grant_clearance,
        principal.compartments,
        principal.payload,
        event_type in principal.event_types,
        label.level,
        label.flags,
    )


def _reference(kind: str, name: str) -> dict[str, Any]:
    return {"__entity": {"type": kind, "id": name}}


def entities(shape: Shape) -> list[dict[str, Any]]:
    """Build the Cedar entities of a shape."""
    purpose = {"type": "Purpose", "id": "purpose"}
    event_type = _reference("EventType", "type")
    resource: dict[str, Any] = {"flags": sorted(shape.flags), "event_type": event_type}
    if shape.action == "read":
        resource["level"] = shape.level
    asking = {
        "clearance": shape.clearance,
        "bound_clearance": shape.bound_clearance,
        "grant_clearance": shape.grant_clearance,
        "compartments": sorted(shape.compartments),
        "payload": shape.payload,
        "purpose": _reference("Purpose", "purpose"),
    }
    return [
        {"uid": purpose, "attrs": {}, "parents": []},
        {
            "uid": {"type": "EventType", "id": "type"},
            "attrs": {},
            "parents": [purpose] if shape.in_purpose else [],
        },
        {"uid": {"type": "Principal", "id": "principal"}, "attrs": asking, "parents": []},
        {"uid": {"type": _kind(shape), "id": "resource"}, "attrs": resource, "parents": []},
    ]


def requests(shape: Shape) -> list[dict[str, Any]]:
    """Build one Cedar request per combination of guards, in the order of the guards' bits."""
    return [
        {
            "principal": 'Principal::"principal"',
            "action": f'Action::"{shape.action}"',
            "resource": f'{_kind(shape)}::"resource"',
            "context": names(guards),
        }
        for guards in range(COMBINATIONS)
    ]


def _kind(shape: Shape) -> str:
    return "LabelClass" if shape.action == "read" else "Event"
