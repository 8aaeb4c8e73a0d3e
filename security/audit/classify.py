"""Naming what stands where a record should: dropped, moved, repeated, inserted, re-chained. Sans-IO."""

from __future__ import annotations

from contextlib import suppress

from security.audit.frame import read_frame
from security.audit.record import BODY_AT, PREFIX, FormError, decode
from security.audit.segment import Commit, SegmentFormError

_COMMIT_START = b"\x43\x01\x01\x00"
_FRAME_HEAD = 8


def what_stands_here(data: bytes, at: int, payload: bytes, seq: int) -> str:
    """Return the kind of fault where a whole frame at offset `at` is not record `seq`, which belongs there."""
    if payload[:1] != PREFIX[:1]:
        return "frame_kind"
    found = _seq(payload)
    if found is None:
        return "chain_broken"
    if found > seq:
        return "record_moved" if seq in _following(data, at) else "record_missing"
    if found < seq:
        return "record_repeated" if payload in data[:at] else "record_inserted"
    following = _following(data, at)[1:2]
    return "record_inserted" if following == [seq] else "chain_broken"


def commits_after(data: bytes, at: int, size: int) -> int:
    """Count whole commit frames behind offset `at` that commit records from `size` on.

    A power loss tears one group: more than one commit behind a break says that something else happened.
    """
    count = 0
    at = data.find(_COMMIT_START, at)
    while at >= 0:
        found = read_frame(data, at - _FRAME_HEAD)
        if found and found.fits:
            with suppress(SegmentFormError):
                count += Commit.decode(found.payload).first >= size
        at = data.find(_COMMIT_START, at + 1)
    return count


def _seq(payload: bytes) -> int | None:
    try:
        return decode(payload[BODY_AT:]).seq
    except FormError:
        return None


def _following(data: bytes, at: int) -> list[int | None]:
    """Return the numbers of the records from `at` up to the next commit."""
    numbers = []
    while (found := read_frame(data, at)) and found.fits and found.payload[:1] == PREFIX[:1]:
        numbers.append(_seq(found.payload))
        at = found.end
    return numbers
