"""Who asks for what: the consumers of a field, and whom a change touches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

Consumers = Mapping[str, Mapping[str, frozenset[str]]]
"""Consumer (a subscription or a model) → event type → the fields it asks for; an empty set means every field."""


@dataclass(frozen=True)
class Impact:
    """One consumer that a change touches: the fields it asks for that change."""

    consumer: str
    type: str
    fields: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Render for a JSON answer."""
        return asdict(self)


def consumers_of(consumers: Consumers, event_type: str, field: str) -> tuple[str, ...]:
    """Return who asks for a field, sorted; the field `contract` means the whole type."""
    return tuple(
        sorted(
            name
            for name, types in consumers.items()
            if event_type in types and (field == "contract" or not types[event_type] or field in types[event_type])
        )
    )


def impact(consumers: Consumers, event_type: str, fields: Iterable[str]) -> tuple[Impact, ...]:
    """Return the consumers that ask for any of `fields`, each with those it asks for."""
    touched: dict[str, list[str]] = {}
    for field in sorted(set(fields)):
        for name in consumers_of(consumers, event_type, field):
            touched.setdefault(name, []).append(field)
    return tuple(Impact(name, event_type, tuple(found)) for name, found in sorted(touched.items()))


def read_consumers(document: Any) -> dict[str, dict[str, frozenset[str]]]:
    """Read `{consumer: {event type: [fields]}}`; raises ValueError for anything else."""
    if not isinstance(document, Mapping):
        raise ValueError("consumers")  # noqa: TRY004 - one kind of refusal
    found: dict[str, dict[str, frozenset[str]]] = {}
    for name, types in document.items():
        if not isinstance(types, Mapping):
            raise ValueError(name)  # noqa: TRY004 - the same
        for event_type, fields in types.items():
            if not isinstance(fields, list) or not all(isinstance(f, str) for f in fields):
                raise ValueError(name)
            found.setdefault(str(name), {})[str(event_type)] = frozenset(fields)
    return found
