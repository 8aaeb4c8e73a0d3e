"""Publishing the missing decision from an alert: a form made from the contract, an event through the gateway's door.

The event is the organisation system's own; the person at the desk is named in the audit log. Nothing is skipped: the
door authenticates the source, validates, labels, seals and audits as it does for every publisher.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from schemas.codes import code_list
from schemas.contract import Contract, Field
from schemas.event import derived_id, sequence_of
from schemas.texts import LANGUAGES, text
from schemas.validation import validate
from security.labels import OPEN_LEVEL
from services.desk.errors import PublishRefusedError

Options = Callable[[str], Sequence[Mapping[str, str]]]
"""Gives the entries of a code list: `code`, `zh`, `en`."""

TIMESTAMP = "timestamp-micros"


class Door(Protocol):
    """The gateway's door, as far as the desk needs it."""

    def accept(self, publisher: str, events: Sequence[Any], actor: str | None = None) -> Sequence[Any]:
        """Take events of a source, a person named as actor; one outcome each."""
        ...


@dataclass(frozen=True)
class Wish:
    """What the person filled in.

    Attributes:
        type: event type of the decision.
        occurred_at: when it was decided, microseconds.
        values: the other fields, as text.
        request: id of the form; sending the same form twice is one event.
    """

    type: str
    occurred_at: int
    values: Mapping[str, str]
    request: str


@dataclass(frozen=True)
class Known:
    """What the alert already says about the decision: nobody types it again.

    `person` is the person key of the triggering event, 66 hex digits, or empty; it goes from the case's own event into
    the new one and is never shown.
    """

    subject: str
    unit: str
    district: str
    source: str
    person: str = ""


def offered(contract: Contract, known: Known) -> bool:
    """Tell whether the form can be made: what only the bus knows, the person key, must be known."""
    return bool(known.person) or not any(_is_person(field) and not field.nullable for field in contract.fields)


def form(contract: Contract, known: Known, options: Options) -> dict[str, Any]:
    """Render the form of one event type: what must be filled in, what is known, what stays away."""
    return {
        "type": contract.type,
        "title": {"zh": contract.zh, "en": contract.en},
        "subject": known.subject,
        "fields": [_input(field, options) for field in _asked(contract)],
    }


def event(contract: Contract, wish: Wish, known: Known) -> dict[str, Any]:
    """Make the CloudEvent, in the structured JSON the door takes.

    Raises:
        PublishRefusedError: a required field is empty, or one is given that is not asked for.
    """
    asked = {field.name: field for field in _asked(contract)}
    extra = sorted(set(wish.values) - set(asked))
    missing = sorted(name for name, field in asked.items() if not field.nullable and not wish.values.get(name))
    if extra or missing:
        raise PublishRefusedError(missing=", ".join(missing), extra=", ".join(extra))
    data: dict[str, Any] = {contract.subject_field: known.subject}
    for field in contract.fields:
        if field.name == "unit":
            data["unit"] = known.unit
        elif _is_person(field) and not field.nullable:
            data[field.name] = known.person
        elif _is_time(field) and not field.nullable:
            data[field.name] = iso(wish.occurred_at)
        elif wish.values.get(field.name):
            data[field.name] = _typed(field, wish.values[field.name])
    sequence = sequence_of("desk", wish.request)
    return {
        "specversion": "1.0",
        "id": _uuid(derived_id(known.source, sequence)),
        "type": contract.type,
        "source": known.source,
        "subject": known.subject,
        "time": iso(wish.occurred_at),
        "sequence": sequence,
        "district": known.district,
        "data": data,
    }


def options_of(name: str) -> Sequence[Mapping[str, str]]:
    """Return the entries of a code list of the catalogue."""
    return [{"code": entry.code, "zh": entry.zh, "en": entry.en} for entry in code_list(name).values()]


def mistakes(contract: Contract, raw: Mapping[str, Any]) -> dict[str, Any] | None:
    """Render what the contract says against the filled-in values, as the door would; None where they are right.

    A typing mistake must not become a dead letter of the organisation: it is told before anything is sent.
    """
    _, faults = validate(contract, raw["data"])
    if not faults:
        return None
    return {
        "status": "refused",
        "code": PublishRefusedError.code,
        "message": {lang: text("desk.publish_values", lang) for lang in LANGUAGES},
        "hint": {lang: text("desk.publish.hint", lang) for lang in LANGUAGES},
        "faults": [fault.as_dict() for fault in faults],
    }


def iso(at: int) -> str:
    """Render microseconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _asked(contract: Contract) -> list[Field]:
    """List what a person fills in: mandatory fields that the alert does not know, and open optional ones."""
    known = {contract.subject_field, "unit"}
    return [
        field
        for field in contract.fields
        if field.name not in known
        and not (_is_time(field) or _is_person(field))
        and (not field.nullable or field.level <= OPEN_LEVEL)
    ]


def _is_time(field: Field) -> bool:
    return isinstance(field.base_type, dict) and field.base_type.get("logicalType") == TIMESTAMP


def _is_person(field: Field) -> bool:
    return isinstance(field.base_type, dict) and field.base_type.get("type") == "fixed"


def _input(field: Field, options: Options) -> dict[str, Any]:
    codes = field.extras.get("codes")
    return {
        "name": field.name,
        "zh": field.zh,
        "en": field.en,
        "level": field.level,
        "required": not field.nullable,
        "kind": "choice" if codes or _symbols(field) else "text",
        "options": list(options(codes)) if codes else [{"code": s, "zh": s, "en": s} for s in _symbols(field)],
        "example": field.extras.get("example", ""),
    }


def _symbols(field: Field) -> list[str]:
    if isinstance(field.base_type, dict) and field.base_type.get("type") == "enum":
        return list(field.base_type["symbols"])
    return []


def _typed(field: Field, value: str) -> Any:
    if field.base_type in {"int", "long"}:
        if not value.lstrip("-").isdigit():
            raise PublishRefusedError(missing=field.name, extra="")
        return int(value)
    return value


def _uuid(raw: bytes) -> str:
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
