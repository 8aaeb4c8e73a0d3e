"""Key spaces: models that fold by the same fields share the facts of a key; others never meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streams.supervision.fact import Fact
from streams.supervision.inputs import KeyOf
from streams.supervision.model import Model


@dataclass(frozen=True)
class Space:
    """The models that fold by the same fields, how, and the fields of each event type they ask for together."""

    name: str
    models: tuple[Model, ...]
    fields: Mapping[str, tuple[str, ...]]
    key: KeyOf

    def project(self, fact: Fact) -> Fact:
        """Return the fact with no more fields than the models of this space ask for."""
        data = fact.data
        names = self.fields[fact.type]
        if not data and not names:
            return fact
        if len(data) == len(names) and all(name in data for name in names):
            return fact
        kept = {name: data[name] for name in names if name in data}
        return Fact(
            fact.id,
            fact.type,
            fact.source,
            fact.sequence,
            fact.occurred_at,
            fact.recorded_at,
            fact.district,
            fact.subject,
            kept,
            fact.supersedes,
        )


def fields_of(models: Iterable[Model]) -> dict[str, tuple[str, ...]]:
    """Return event type → the fields that models ask for together, both sorted."""
    wanted: dict[str, set[str]] = {}
    for model in models:
        for event_type, names in model.fields.items():
            wanted.setdefault(event_type, set()).update(names)
    return {event_type: tuple(sorted(names)) for event_type, names in sorted(wanted.items())}


def spaces_of(models: Sequence[Model]) -> dict[str, Space]:
    """Group models by their key space."""
    grouped: dict[str, list[Model]] = {}
    for model in models:
        grouped.setdefault(model.space, []).append(model)
    return {name: Space(name, tuple(members), fields_of(members), members[0].key) for name, members in grouped.items()}
