"""Release manifests in parts: no record lists more than 256 events or passes 16 KiB (ADR 0005)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from security.audit.errors import EntryTooLargeError
from security.audit.record import MAX_BODY, MAX_EVENTS, Entry, refusal

# Room for what the log adds to the header: number, time, lease and a node's name.
_RESERVE = 256


def split_manifest(entry: Entry, parallel: Sequence[str] = ("events",)) -> list[Entry]:
    """Split a manifest into as few parts as fit; one that fits comes back as it is.

    `parallel` names the lists of `data` that are cut in step: the first is the events, the others have one item an
    event. Everything else stands in every part, so counts in it are those of the whole manifest. Each part of a split
    manifest has `part` and `parts` in its data, counted from 1.

    Raises:
        EntryRefusedError: it cannot be written however it is split.
        EntryTooLargeError: what is repeated in every part passes 16 KiB by itself.
    """
    total = len(_events(entry, parallel))
    if any(len(_list(entry, name)) != total for name in parallel[1:]):
        raise ValueError("parallel lists differ in length")
    size = min(max(total, 1), MAX_EVENTS)
    while True:
        parts = _cut(entry, parallel, size)
        faults = [fault for fault in map(_fault, parts) if fault]
        if not faults:
            return parts
        if size == 1 or not all(isinstance(fault, EntryTooLargeError) for fault in faults):
            raise faults[0]
        size = (size + 1) // 2


def is_small(entry: Entry, parallel: Sequence[str] = ("events",)) -> bool:
    """Tell whether a manifest fits as it is; whether it can be written at all is left to the log, which looks anyway.

    Release has one for every record and subscription, most of them small, and reading each twice costs as much as
    making it.
    """
    if len(_events(entry, parallel)) > MAX_EVENTS:
        return False
    try:
        return len(msgspec.json.encode(entry)) + _RESERVE <= MAX_BODY
    except (TypeError, ValueError, OverflowError):
        return False


def _cut(entry: Entry, parallel: Sequence[str], size: int) -> list[Entry]:
    starts = range(0, len(_events(entry, parallel)), size)
    if len(starts) <= 1:
        return [entry]
    return [
        msgspec.structs.replace(
            entry,
            data={
                **entry.data,
                **{name: _list(entry, name)[start : start + size] for name in parallel},
                "part": number,
                "parts": len(starts),
            },
        )
        for number, start in enumerate(starts, 1)
    ]


def _fault(part: Entry) -> Exception | None:
    fault = refusal(part)
    if fault:
        return fault
    length = len(msgspec.json.encode(part)) + _RESERVE
    return EntryTooLargeError(bytes=length, limit=MAX_BODY) if length > MAX_BODY else None


def _events(entry: Entry, parallel: Sequence[str]) -> list[object]:
    return _list(entry, parallel[0])


def _list(entry: Entry, name: str) -> list[object]:
    found = entry.data.get(name, [])
    return list(found) if isinstance(found, list | tuple) else []
