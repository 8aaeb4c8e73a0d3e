"""The attributes of an event: one reader each, ValueError for what cannot stand there.

Names and meaning are those of CloudEvents 1.0; the extensions are ours. `id` is a UUID of version 7 (live publishers,
RFC 9562) or 8 (derived from source and sequence).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from schemas.contract import FLAGS, LEVELS
from schemas.event import sequence_of
from schemas.instants import parse_instant

SPECVERSION = "1.0"
TYPE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", re.ASCII)
SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}/[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
SEQUENCE = re.compile(r"[!-~]{1,200}", re.ASCII)
DISTRICT = re.compile(r"[1-9]\d{5}", re.ASCII)
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)
UUID_VERSIONS = (7, 8)
UUID_VARIANT = 0b10
MAX_SUBJECT = 128
MAX_TYPE = 100
PADDED = 20


class Attribute(NamedTuple):
    """One attribute: the code of its fault, its reader, whether it must be there."""

    code: str
    reader: Callable[[Any], Any]
    mandatory: bool = False


def _matching(pattern: re.Pattern[str], longest: int = 200) -> Callable[[Any], str]:
    def reader(value: Any) -> str:
        if not isinstance(value, str) or len(value) > longest or not pattern.fullmatch(value):
            raise ValueError
        return value

    return reader


def _exactly(*allowed: str) -> Callable[[Any], str]:
    def reader(value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError
        return value

    return reader


def read_id(value: Any) -> bytes:
    """Return the 16 bytes of a UUID of version 7 or 8."""
    if not isinstance(value, str) or not UUID.fullmatch(value):
        raise ValueError
    raw = bytes.fromhex(value.replace("-", ""))
    if raw[6] >> 4 not in UUID_VERSIONS or raw[8] >> 6 != UUID_VARIANT:
        raise ValueError
    return raw


def read_time(value: Any) -> int:
    """Return the microseconds of an RFC 3339 time with zone."""
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - one kind of refusal
    return parse_instant(value)


def read_sequence(value: Any) -> str:
    """Return a sequence whose text order is its order: integers are padded to 20 digits."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**PADDED:
        return sequence_of(value)
    if not isinstance(value, str) or not SEQUENCE.fullmatch(value):
        raise ValueError
    return value.zfill(PADDED) if value.isdigit() else value


def read_subject(value: Any) -> str:
    """Return the subject: text of at most 128 characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_SUBJECT:
        raise ValueError
    return value


def read_flags(value: Any) -> frozenset[str]:
    """Return the compartments, given as comma separated text or as a list."""
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError
    flags = frozenset(part for part in parts if part)
    if not flags <= FLAGS:
        raise ValueError
    return flags


def read_withdrawn(value: Any) -> bool:
    """Return True; an event that withdraws nothing leaves the attribute out."""
    if value is not True:
        raise ValueError
    return True


def read_level(value: Any) -> int:
    """Return the level the publisher thinks it is; the contract decides."""
    if isinstance(value, bool) or value not in LEVELS or not isinstance(value, int):
        raise ValueError
    return value


ATTRIBUTES: Mapping[str, Attribute] = {
    "specversion": Attribute("envelope.specversion", _exactly(SPECVERSION), mandatory=True),
    "id": Attribute("envelope.id", read_id, mandatory=True),
    "type": Attribute("envelope.type", _matching(TYPE, MAX_TYPE), mandatory=True),
    "source": Attribute("envelope.source", _matching(SOURCE), mandatory=True),
    "subject": Attribute("envelope.subject", read_subject),
    "time": Attribute("envelope.time", read_time, mandatory=True),
    "datacontenttype": Attribute(
        "envelope.datacontenttype", _exactly("application/json", "application/json; charset=utf-8")
    ),
    "dataschema": Attribute("envelope.dataschema", _matching(re.compile(r"[!-~]+", re.ASCII))),
    "district": Attribute("envelope.district", _matching(DISTRICT), mandatory=True),
    "sequence": Attribute("envelope.sequence", read_sequence),
    "supersedes": Attribute("envelope.supersedes", read_id),
    "withdrawn": Attribute("envelope.withdrawn", read_withdrawn),
    "flags": Attribute("envelope.flags", read_flags),
    "level": Attribute("envelope.level", read_level),
    "recordedat": Attribute("envelope.recordedat", read_time),
}
"""Every attribute that may stand in an event, `data` aside."""
