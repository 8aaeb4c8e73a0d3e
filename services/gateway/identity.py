"""What the door does with persons in clear: into the vault, one key a person; everywhere else stands a reference.

The event that goes on holds, in place of each clear value, `vault:<name>`; the name is a keyed digest of source and id,
so that an event sent twice is known as one. No digest of a clear value is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from schemas.contract import Contract
from schemas.identifiers.errors import IdentifierError
from schemas.identifiers.person import normal
from schemas.person_fields import in_clear
from security.audit.record import Sealed
from security.batch import Prepared
from security.payload import KeyedDigest
from security.vault import Vault

REFERENCE: Final = "vault:"
PERSON: Final = "person"
NUMBER: Final = "id_number"
HIDDEN: Final = "***"
NAME_BYTES: Final = 16


def clear_fields(contract: Contract) -> tuple[str, ...]:
    """Return the fields of a vault contract that hold a person in clear."""
    return tuple(field.name for field in contract.fields if in_clear(field.name, field.zh, field.about))


def with_person(said: Mapping[str, Any]) -> dict[str, Any]:
    """Let the person key of a vault event follow from its number, where the publisher did not say it."""
    data = said.get("data")
    if not isinstance(data, Mapping) or PERSON in data or NUMBER not in data:
        return dict(said)
    return {**said, "data": {**data, PERSON: {NUMBER: data[NUMBER]}}}


def name_of(prepared: Prepared, digest: KeyedDigest) -> str:
    """Return the name that the clear values of an event are kept under."""
    event = prepared.event
    return digest("vault-name", event.source.encode() + b"\0" + event.id)[:NAME_BYTES].hex()


def referring(prepared: Prepared, digest: KeyedDigest) -> Prepared:
    """Return the event with a reference in place of each clear value."""
    contract, event, name = prepared.contract, prepared.event, name_of(prepared, digest)
    data = {
        **event.data,
        **{field: f"{REFERENCE}{name}" for field in clear_fields(contract) if event.data.get(field) is not None},
    }
    return Prepared(replace(event, data=data), contract, contract.codec.encode_classes(data))


def keep(prepared: Prepared, vault: Vault, digest: KeyedDigest) -> Sealed:
    """Seal the clear values of an event under its person's key; durable when this returns."""
    data = prepared.event.data
    clear = {field: data[field] for field in clear_fields(prepared.contract) if data.get(field) is not None}
    return vault.keep(data[PERSON], name_of(prepared, digest), msgspec.json.encode(clear))


def without_numbers(said: Any, person_key: Callable[[str], bytes]) -> Any:
    """Return what was said with every `{"id_number": …}` as the person's key; a number that is none is hidden."""
    if isinstance(said, Mapping):
        if set(said) == {NUMBER}:
            return _keyed(said[NUMBER], person_key)
        return {key: without_numbers(value, person_key) for key, value in said.items()}
    return [without_numbers(value, person_key) for value in said] if isinstance(said, list) else said


def _keyed(number: Any, person_key: Callable[[str], bytes]) -> Any:
    try:
        return person_key(normal(number)).hex() if isinstance(number, str) else {NUMBER: HIDDEN}
    except IdentifierError:
        return {NUMBER: HIDDEN}
