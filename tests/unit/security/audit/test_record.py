"""Records: canonical bodies, the closed header, what is refused."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from security.audit.acts import ACTS
from security.audit.errors import EntryRefusedError, EntryTooLargeError
from security.audit.manifest import is_small, split_manifest
from security.audit.record import (
    MAX_BODY,
    MAX_EVENTS,
    Entry,
    FormError,
    Sealed,
    decode,
    decode_many,
    encode,
    genesis,
)
from tests.unit.security.audit.workshop import release

CASE = "ab" * 32
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
keys = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=6)
plain = st.one_of(st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), texts)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=6
)


def depth(value: Any) -> int:
    """Return how deep lists and objects nest."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(depth, inner), default=0) if isinstance(value, dict | list) else 0


def nfc(value: Any) -> bool:
    """Tell whether every text is in NFC."""
    return unicodedata.is_normalized("NFC", json.dumps(value, ensure_ascii=False))


def body(**said: Any) -> bytes:
    """Return the body of one entry."""
    return encode([Entry(**{"act": "tick", **said})], 7, 5, "n1", 2)[0]


def test_every_header_key_in_its_place() -> None:
    """An entry with every key has them in ascending order, as the plain JSON encoder of Python sorts them."""
    full = body(
        act="release", actor="a", case=CASE, ctl=1, data={"z": 1, "a": [True, {"c": "x", "b": -5}]}, idem="i", msg="m",
        obj="o", off=0, org="g", out="no", part=0, pii=(Sealed(c="c", kid="k"),), pol="p", purpose="u", req="r",
        role="l", topic="t", trace="e", why="w",
    )  # fmt: skip
    said = json.loads(full)

    assert full.decode() == json.dumps(said, sort_keys=True, separators=(",", ":"))
    assert set(said) == set(Entry.__struct_fields__)
    assert list(said) == sorted(Entry.__struct_fields__)


def test_what_is_left_out() -> None:
    """Keys with their default are left out; act, data, epoch, node, out, seq, ts and v always stand."""
    assert body() == b'{"act":"tick","data":{},"epoch":2,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}'


def test_the_log_fills_its_own_keys() -> None:
    """What a caller puts into seq, ts, node, epoch and v is replaced."""
    assert body(seq=99, ts=99, node="x", epoch=99, v=9) == body()


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(keys, values, max_size=4))
def test_canonical_or_refused(data: dict[str, Any]) -> None:
    """Any data either decodes to itself from bytes that equal plain sorted JSON, or is refused for a stated reason."""
    if depth(data) <= 4 and nfc(data):
        written = body(data=data)
        assert decode(written).data == data
        assert json.loads(written)["data"] == data
        assert (
            written
            == json.dumps(json.loads(written), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        )
        assert decode_many([written, written]) == [decode(written)] * 2
    else:
        with pytest.raises(EntryRefusedError):
            body(data=data)


REFUSED: dict[str, dict[str, Any]] = {
    "unknown act": {"act": "dance"},
    "act of another type": {"act": ["tick"]},
    "clear case number": {"case": "(2026) 0101 1"},
    "case with signs": {"case": "-" * 64},
    "float": {"data": {"a": 1.0}},
    "null": {"data": {"a": None}},
    "large integer": {"data": {"a": 2**53}},
    "small integer": {"data": {"a": -(2**53)}},
    "key that is no text": {"data": {1: 1}},
    "key outside ASCII": {"data": {"é": 1}},
    "inner key outside ASCII": {"data": {"a": [{"é": 1}]}},
    "not NFC": {"data": {"a": "e\u0301"}},
    "lone surrogate": {"data": {"a": "\ud800"}},
    "five deep": {"data": {"a": [[[[[1]]]]]}},
    "header of another type": {"actor": 5},
    "negative offset": {"off": -1},
    "huge offset": {"off": 2**53},
    "huge partition": {"part": 2**32},
    "object that is no JSON": {"data": {"a": object()}},
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_entries(name: str) -> None:
    """Each is refused with a coded error that holds no value, also in the middle of good ones."""
    good = release(1)
    with pytest.raises(EntryRefusedError) as caught:
        encode([good, Entry(**{"act": "tick", **REFUSED[name]}), good], 0, 5, "n1", 1)

    assert caught.value.code == "audit.entry_refused"
    assert "0101" not in str(caught.value)
    assert "dance" not in str(caught.value)


def test_too_large() -> None:
    """A body of 16 KiB is written, one byte more is refused with its own code."""
    room = MAX_BODY - len(body(data={"a": ""}))

    assert len(body(data={"a": "x" * room})) == MAX_BODY
    with pytest.raises(EntryTooLargeError):
        body(data={"a": "x" * (room + 1)})


BAD_BODIES = {
    "white space": b'{"act":"tick", "data":{},"epoch":2,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}',
    "order": b'{"data":{},"act":"tick","epoch":2,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}',
    "order of data": b'{"act":"tick","data":{"b":1,"a":1},"epoch":2,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}',
    "twice": b'{"act":"tick","act":"tick","data":{},"epoch":2,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}',
    "unknown key": b'{"act":"tick","data":{},"epoch":2,"extra":1,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}',
    "default written": b'{"act":"tick","actor":"","data":{},"epoch":2,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}',
    "null": b'{"act":"tick","data":{},"epoch":2,"node":"n1","off":null,"out":"ok","seq":7,"ts":5,"v":1}',
    "data missing": b'{"act":"tick","epoch":2,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}',
    "escape": b'{"act":"\\u0074ick","data":{},"epoch":2,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}',
    "float": b'{"act":"tick","data":{"a":1.0},"epoch":2,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}',
    "not NFC": '{"act":"tick","data":{"a":"e\u0301"},"epoch":2,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}'.encode(),
    "not UTF-8": b'{"act":"tick","data":{"a":"\xff"},"epoch":2,"node":"n1","out":"ok","seq":7,"ts":5,"v":1}',
    "line break behind": body() + b"\n",
    "two in one": body() + b"\n" + body(),
    "nothing": b"",
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bodies_that_are_not_canonical(name: str) -> None:
    """Each is refused alone, and the bulk decoder never takes it for good."""
    with pytest.raises(FormError):
        decode(BAD_BODIES[name])
    assert decode_many([body(), BAD_BODIES[name]]) is None


def test_lines_cannot_be_traded_between_bodies() -> None:
    """A body of two lines beside an empty one has the right number of lines, and is refused all the same."""
    assert decode_many([body() + b"\n" + body(), b""]) is None


def test_an_unknown_act_decodes() -> None:
    """An act that this version does not know is readable: it is reported elsewhere, not refused."""
    later = msgspec.json.encode(decode(body())).replace(b'"tick"', b'"dance"')

    assert str(decode(later).act) == "dance"
    assert "dance" not in ACTS


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_record_or_one_error(raw: bytes) -> None:
    """The decoder fails in one way only."""
    try:
        assert encode([decode(raw)], 0, 0, "", 0)
    except FormError:
        assert decode_many([raw]) is None


def test_genesis_depends_on_log_and_nonce() -> None:
    """No two logs share the value before their first record."""
    assert len({genesis("a", bytes(32)), genesis("b", bytes(32)), genesis("a", b"\1" * 32)}) == 3
    assert genesis("a", bytes(32)).hex() == "69d54f45de78a6b95a3e453a03630a1a1045bc65ce70bda094d5d4f83b548941"


def manifest(count: int, size: int = 32) -> Entry:
    """Return a release manifest of so many events."""
    events = [f"{n:0{size}d}" for n in range(count)]
    return Entry(act="release", data={"sub": "s", "events": events, "masks": list(range(count)), "withheld": {"a": 3}})


@pytest.mark.parametrize(("count", "parts"), [(0, 1), (1, 1), (256, 1), (257, 2), (1_000, 4)])
def test_manifests_split_at_256_events(count: int, parts: int) -> None:
    """No part lists more than 256 events; lists cut in step stay in step; nothing is lost."""
    split = split_manifest(manifest(count), ("events", "masks"))

    assert len(split) == parts
    assert [e for part in split for e in part.data["events"]] == manifest(count).data["events"]
    for number, part in enumerate(split, 1):
        events = part.data["events"]
        assert len(events) <= MAX_EVENTS
        assert part.data["masks"] == [int(event) for event in events]
        assert part.data["withheld"] == {"a": 3}
        assert parts == 1 or (part.data["part"], part.data["parts"]) == (number, parts)


def test_manifests_split_at_16_kib() -> None:
    """Parts get smaller until each fits."""
    split = split_manifest(manifest(200, size=300), ("events", "masks"))

    assert len(split) > 1
    assert all(len(encode([part], 2**50, 2**52, "n" * 40, 2**40)[0]) <= MAX_BODY for part in split)


@pytest.mark.parametrize(
    ("entry", "small"),
    [
        (manifest(256), True),
        (manifest(257), False),
        (manifest(200, size=300), False),
        (Entry(act="release", data={"events": ["a"], "x": object()}), False),
    ],
)
def test_a_small_manifest_needs_no_splitting(entry: Entry, *, small: bool) -> None:
    """What is called small comes back whole from the splitter, and the log writes it; nothing else is called so."""
    assert is_small(entry) == small
    if small:
        assert split_manifest(entry, ("events", "masks")) == [entry]
        assert len(encode([entry], 2**50, 2**52, "n" * 40, 2**40)[0]) <= MAX_BODY


def test_manifests_that_cannot_be_split() -> None:
    """What repeats in every part must fit by itself, an entry that is wrong stays wrong, and lists must match."""
    with pytest.raises(EntryTooLargeError):
        split_manifest(Entry(act="release", data={"events": ["a", "b"], "note": "x" * MAX_BODY}))
    with pytest.raises(EntryRefusedError):
        split_manifest(Entry(act="release", data={"events": ["a"], "x": None}))
    with pytest.raises(ValueError):
        split_manifest(Entry(act="release", data={"events": ["a"], "masks": []}), ("events", "masks"))
