"""CloudEvents 1.0, structured JSON: text of a publisher to `Event` and back.

Attributes: specversion, id, type, source, subject, time, datacontenttype, dataschema; extensions district, sequence,
supersedes, withdrawn, flags (comma separated), level, recordedat. `parse` reads the envelope, `read` the data by its
contract too; both name every fault at once. `render` writes the publisher's form (all fields): what a receiver gets is
a view.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from schemas import envelope
from schemas.catalogue import Contracts
from schemas.checks import PersonKey
from schemas.contract import Contract
from schemas.contract_errors import UnknownTypeError
from schemas.correction import corrected, withdrawing, withdraws
from schemas.event import Event
from schemas.faults import EventRefusedError, Fault, shown
from schemas.instants import format_day, format_instant, legal_day, local_day
from schemas.validation import validate

JSON_TYPE = "application/json"
_KNOWN = frozenset((*envelope.ATTRIBUTES, "data"))
_SELDOM = tuple((name, envelope.ATTRIBUTES[name].reader) for name in ("datacontenttype", "dataschema", "level"))
_PLAIN = frozenset(
    {"specversion", "id", "type", "source", "subject", "time", "district", "sequence", "data"}
    | {"supersedes", "flags", "recordedat", *(name for name, _ in _SELDOM)}
)
"""What the short way reads; an event with any other attribute goes the careful way."""
_NO_FLAGS = frozenset[str]()


def parse(obj: Any) -> Event:
    """Return the event of a structured CloudEvent, its data untouched; raises `EventRefusedError` with all faults."""
    event, faults = _parse(obj)
    if event is None or faults:
        raise EventRefusedError(faults)
    return event


def read(obj: Any, contracts: Contracts, *, person_key: PersonKey | None = None, taken_at: int | None = None) -> Event:
    """Return the event with typed, normalised data; raises `EventRefusedError` with the faults of envelope and data.

    A missing subject is taken from the contract's subject field; one that differs from it is a fault. `taken_at` is the
    time of recording, whatever the event says of it; without it the event's own word counts.
    """
    event = _sound(obj, contracts, person_key, taken_at)
    return _careful(obj, contracts, person_key, taken_at) if event is None else event


def _sound(obj: Any, contracts: Contracts, person_key: PersonKey | None, taken_at: int | None) -> Event | None:
    """Read an event in which nothing is wrong and nothing unusual: None leaves every other one to `_careful`."""
    if type(obj) is not dict or not _PLAIN.issuperset(obj) or type(obj.get("data")) is not dict:
        return None
    get = obj.get
    try:
        contract = contracts.by_type(obj["type"])
        for name, reader in _SELDOM:
            if (value := get(name)) is not None:
                reader(value)
        source, district, sequence = obj["source"], obj["district"], get("sequence")
        if not (envelope.SOURCE.fullmatch(source) and envelope.DISTRICT.fullmatch(district)):
            return None
        event_id, occurred_at = envelope.read_id(obj["id"]), envelope.read_time(obj["time"])
        supersedes, flags, recorded = get("supersedes"), get("flags"), get("recordedat")
        recorded_at = 0 if recorded is None else envelope.read_time(recorded)
        data = contract.sound(obj["data"], person_key, legal_day(occurred_at))
        if data is None or obj["specversion"] != envelope.SPECVERSION:
            return None
        subject, given = data[contract.subject_field], get("subject")
        if given is not None and (given != subject or not 1 <= len(subject) <= envelope.MAX_SUBJECT):
            return None
        return Event(
            event_id,
            contract.type,
            source,
            str(uuid.UUID(bytes=event_id)) if sequence is None else envelope.read_sequence(sequence),
            subject,
            occurred_at,
            district,
            data,
            _NO_FLAGS if flags is None else envelope.read_flags(flags),
            None if supersedes is None else envelope.read_id(supersedes),
            recorded_at if taken_at is None else taken_at,
        )
    except (KeyError, TypeError, ValueError, UnknownTypeError):
        return None


def _careful(obj: Any, contracts: Contracts, person_key: PersonKey | None, taken_at: int | None) -> Event:
    """Read any event, attribute by attribute and field by field, and name every fault."""
    event, faults = _parse(obj)
    event_type = obj.get("type") if isinstance(obj, Mapping) else None
    contract = _contract(event_type, contracts, faults)
    if contract is None:
        raise EventRefusedError(faults)
    data: dict[str, Any] = {}
    if isinstance(obj.get("data", {}), Mapping):
        day = None if event is None else local_day(event.occurred_at)
        data, wrong = validate(contract, obj.get("data", {}), person_key=person_key, day=day)
        faults += wrong
    subject, given = data.get(contract.subject_field), obj.get("subject")
    if isinstance(given, str) and isinstance(subject, str) and not _same(contract, given, subject):
        faults.append(Fault.of("$.subject", "event.subject", field=contract.subject_field))
    if event is None or faults:
        raise EventRefusedError(faults, contract.type)
    recorded_at = event.recorded_at if taken_at is None else taken_at
    return replace(event, subject=str(subject), data=data, recorded_at=recorded_at)


def render(event: Event, contract: Contract) -> dict[str, Any]:
    """Return the structured JSON form of an event, data in its JSON form; `read` of it gives the event back."""
    out: dict[str, Any] = {
        "specversion": envelope.SPECVERSION,
        "id": str(uuid.UUID(bytes=event.id)),
        "type": event.type,
        "source": event.source,
        "subject": event.subject,
        "time": format_instant(event.occurred_at),
        "datacontenttype": JSON_TYPE,
        "district": event.district,
        "sequence": event.sequence,
        "level": contract.level,
    }
    if event.flags:
        out["flags"] = ",".join(sorted(event.flags))
    if event.supersedes is not None:
        out["supersedes"] = str(uuid.UUID(bytes=corrected(event.supersedes)))
    if withdraws(event.supersedes):
        out["withdrawn"] = True
    if event.recorded_at:
        out["recordedat"] = format_instant(event.recorded_at)
    out["data"] = data_to_json(contract, event.data)
    return out


def data_to_json(contract: Contract, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return typed values in their JSON form, canonical order; fields that are absent or None are left out."""
    found = ((f, data.get(f.name)) for f in contract.fields)
    return {f.name: to_json(f.base_type, value) for f, value in found if value is not None}


def to_json(kind: Any, value: Any) -> Any:  # noqa: PLR0911 - one return per kind of type
    """Return one typed value in its JSON form."""
    if value is None:
        return None
    if isinstance(kind, list):
        return to_json(kind[1], value)
    if not isinstance(kind, dict):
        return value.hex() if isinstance(value, bytes) else value
    if "logicalType" in kind:
        return (format_day if kind["logicalType"] == "date" else format_instant)(value)
    match kind["type"]:
        case "fixed":
            return value.hex()
        case "array":
            return [to_json(kind["items"], x) for x in value]
        case "record":
            return {f["name"]: to_json(f["type"], value.get(f["name"])) for f in kind["fields"]}
    return value


def _contract(event_type: Any, contracts: Contracts, faults: list[Fault]) -> Contract | None:
    if not isinstance(event_type, str) or not envelope.TYPE.fullmatch(event_type):
        return None  # the envelope named this fault
    try:
        return contracts.by_type(event_type)
    except UnknownTypeError as error:
        faults.append(Fault.of("$.type", error.code, **error.fields))
        return None


def _same(contract: Contract, given: str, subject: str) -> bool:
    if given == subject:
        return True
    checked, faults = validate(contract, {contract.subject_field: given})
    del faults
    return bool(checked.get(contract.subject_field) == subject)


def _parse(obj: Any) -> tuple[Event | None, list[Fault]]:
    if not isinstance(obj, Mapping):
        return None, [Fault.of("$", "event.not_object")]
    faults: list[Fault] = []
    found: dict[str, Any] = {}
    for name, attribute in envelope.ATTRIBUTES.items():
        found[name] = _read(obj, name, attribute, faults)
    unknown = [key for key in obj if key not in _KNOWN]
    faults += [Fault.of(f"$.{shown(key)}", "event.unknown_attribute") for key in unknown]
    if not isinstance(obj.get("data", {}), Mapping):
        faults.append(Fault.of("$.data", "event.not_object"))
    if found["withdrawn"] and found["supersedes"] is None:
        faults.append(Fault.of("$.withdrawn", "envelope.withdrawn"))
    if faults:
        return None, faults
    event = Event(
        id=found["id"],
        type=found["type"],
        source=found["source"],
        sequence=found["sequence"] or str(uuid.UUID(bytes=found["id"])),
        subject=found["subject"] or "",
        occurred_at=found["time"],
        district=found["district"],
        data=obj.get("data", {}),
        flags=found["flags"] or frozenset(),
        supersedes=withdrawing(found["supersedes"]) if found["withdrawn"] else found["supersedes"],
        recorded_at=found["recordedat"] or 0,
    )
    return event, faults


def _read(obj: Mapping[str, Any], name: str, attribute: envelope.Attribute, faults: list[Fault]) -> Any:
    value = obj.get(name)
    if value is None:
        if attribute.mandatory:
            faults.append(Fault.of(f"$.{name}", "event.missing", field=name))
        return None
    try:
        return attribute.reader(value)
    except ValueError:
        faults.append(Fault.of(f"$.{name}", attribute.code))
        return None
