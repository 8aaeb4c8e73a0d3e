"""The raw batch: golden bytes, what stands open, and that no alteration passes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec
import pytest

from schemas.clock import ManualClock
from schemas.errors import CasebusError
from security.batch import (
    BatchFormatError,
    BatchSizeError,
    BatchVersionError,
    MacError,
    OpenedBatch,
    RawBatch,
    RawEvent,
    pack,
    unpack,
)
from security.batch_wire import decode, encode
from security.keys.memory import MemoryKeystore
from security.keys.port import UnknownKeyError
from security.labels import UnknownLabelError
from security.sealing import SealBrokenError, Sealer
from tests.unit.security.sealed import FILED, FINE, NOON, filed, fine, fixed_random, sealer

GATEWAY = "gw-990101"
BODY_AT = 2 + len(GATEWAY)
GOLDEN_LENGTH = 1284
GOLDEN_DIGEST = "094ff23bb515c98de4fd6ab0ba33a6fb405fecb67d02f95987581740c983b9ce"
GOLDEN_HEAD = "010967772d39393031303195a6706f6c69636594c44501856b7471e95fcb05799f2cad4c2c974140"
EVERY_FILED = range(len(FILED.classes))
PERSON = next(c.index for c in FILED.classes if c.about == "suspect")


def packed(s: Sealer) -> bytes:
    """The batch of the golden bytes: two filings, one of them of a minor, and a fine."""
    return pack([filed(1), filed(2, ["minor"]), fine(3)], s, "police", GATEWAY)


def rewritten(s: Sealer, value: bytes, change: Callable[[RawBatch], RawBatch]) -> bytes:
    """Change the body and put a MAC over it that fits: what a thief of the MAC key alone could do."""
    head = value[:BODY_AT] + encode(change(decode(value[BODY_AT:-32])))
    return head + s.mac(GATEWAY, head)


def opened_whole(batch: OpenedBatch) -> list[list[bytes | None]]:
    """Open the flags and every class of every event."""
    batch.flags()
    return [event.open(range(len(event.header.lengths))) for event in batch.events]


def test_the_batch_never_changes() -> None:
    """With fixed keys a batch is these bytes: version, gateway, msgpack arrays, MAC."""
    value = packed(sealer())

    assert (len(value), hashlib.sha256(value).hexdigest()) == (GOLDEN_LENGTH, GOLDEN_DIGEST)
    assert value[: len(GOLDEN_HEAD) // 2].hex() == GOLDEN_HEAD


def test_the_open_part_is_plain_arrays() -> None:
    """The layout is plain msgpack arrays in the documented order."""
    agency, keys, rules, flags, events = msgspec.msgpack.decode(packed(sealer())[BODY_AT:-32])
    header, sealed = events[2]

    assert agency == "police"
    assert [len(key) for key in keys] == [69] * 4
    assert rules == [[11, FILED.digest], [12, FINE.digest]]
    assert flags[0] == -1
    assert header[1:9] == [FINE.type, 12, "roadpolice-IT/fines", f"{3:020d}", "F-1", NOON - 3, NOON, "990101"]
    assert header[9:] == [2, None, [5, 4], b"\x98\xc0\x01\xba\x02\x06F-1"]
    assert sealed == []


def test_everything_opens_as_it_was() -> None:
    """Header, flags and class bytes come back as they were packed."""
    s = sealer()
    events = [filed(1), filed(2, ["minor"]), fine(3)]

    batch = unpack(pack(events, s, "police", GATEWAY), s)

    assert opened_whole(batch) == [list(event.blobs) for event in events]
    assert [event.flags() for event in batch.events] == [frozenset(), {"minor"}, frozenset()]
    assert [event.header.id for event in batch.events] == [event.event.id for event in events]
    assert (batch.agency, batch.gateway) == ("police", GATEWAY)


def test_only_what_is_asked_for_is_opened() -> None:
    """Classes that nobody asked for are None."""
    s = sealer()
    event = unpack(packed(s), s).events[0]

    blobs = event.open([PERSON])

    assert [blob is not None for blob in blobs] == [index == PERSON for index in EVERY_FILED]


def test_nothing_above_level_two_stands_open() -> None:
    """No sensitive value, flag or key name is found in the bytes."""
    value = packed(sealer())

    for canary in (b"CANARY", bytes(range(32)), b"minor", b"investigation", b"kek/"):
        assert canary not in value
    assert b"A9901010100002025100001" in value


def test_flags_do_not_show_from_outside() -> None:
    """Batches that differ only in a flag have the same length and the same open parts."""
    plain, flagged = (decode(pack([filed(1, f)], sealer(), "police", GATEWAY)[BODY_AT:-32]) for f in ((), ["minor14"]))

    assert plain.events[0].header == flagged.events[0].header
    assert len(plain.flags.body) == len(flagged.flags.body)
    assert [len(p.body) for p in plain.events[0].sealed] == [len(p.body) for p in flagged.events[0].sealed]


def test_every_flipped_byte_is_refused() -> None:
    """Flipping any byte of a batch is refused with a code, before anything is opened."""
    s = sealer()
    value = packed(s)

    codes = set()
    for position in range(len(value)):
        altered = bytearray(value)
        altered[position] ^= 0x01
        with pytest.raises(CasebusError) as caught:
            unpack(bytes(altered), s)
        codes.add(caught.value.code)
    assert codes == {"sealing.batch_version", "sealing.mac", "keys.unknown"}


def test_every_truncation_is_refused() -> None:
    """A batch that is cut anywhere is refused."""
    s = sealer()
    value = packed(s)

    for length in range(len(value)):
        with pytest.raises(CasebusError):
            unpack(value[:length], s)


def _event(batch: RawBatch, index: int, event: RawEvent) -> RawBatch:
    events = list(batch.events)
    events[index] = event
    return msgspec.structs.replace(batch, events=tuple(events))


def _header(**changed: object) -> Callable[[RawBatch], RawBatch]:
    def change(batch: RawBatch) -> RawBatch:
        first = batch.events[0]
        header = msgspec.structs.replace(first.header, **changed)
        return _event(batch, 0, msgspec.structs.replace(first, header=header))

    return change


def _swap_events(batch: RawBatch) -> RawBatch:
    first, second, third = batch.events
    return msgspec.structs.replace(batch, events=(second, first, third))


def _swap_sealed_parts(batch: RawBatch) -> RawBatch:
    first, second, third = batch.events
    one, two = RawEvent(first.header, second.sealed), RawEvent(second.header, first.sealed)
    return msgspec.structs.replace(batch, events=(one, two, third))


def _swap_classes(batch: RawBatch) -> RawBatch:
    first = batch.events[0]
    a, b, *rest = first.sealed
    swapped = (
        msgspec.structs.replace(a, key=b.key, body=b.body),
        msgspec.structs.replace(b, key=a.key, body=a.body),
        *rest,
    )
    return _event(batch, 0, RawEvent(first.header, swapped))


def _relabel(batch: RawBatch) -> RawBatch:
    return msgspec.structs.replace(batch, rules=((11, bytes(32)), batch.rules[1]))


def _flags_from_elsewhere(batch: RawBatch) -> RawBatch:
    other = decode(pack([filed(1), filed(2), fine(4)], sealer(), "police", GATEWAY)[BODY_AT:-32])
    return msgspec.structs.replace(batch, flags=msgspec.structs.replace(other.flags, key=batch.flags.key))


def _other_agency(batch: RawBatch) -> RawBatch:
    return msgspec.structs.replace(batch, agency="court")


ALTERATIONS = {
    "id": _header(id=bytes(16)),
    "type": _header(type=FINE.type),
    "schema id": _header(schema_id=12),
    "source": _header(source="police-990102/cases"),
    "sequence": _header(sequence="2"),
    "subject": _header(subject="A9901020100002025100001"),
    "occurred_at": _header(occurred_at=0),
    "recorded_at": _header(recorded_at=0),
    "district": _header(district="990102"),
    "level": _header(level=1),
    "supersedes": _header(supersedes=bytes(16)),
    "open part": _header(open=b"x" * 38),
    "lengths": _header(lengths=(1, 1, -1, -1, -1)),
    "order of events": _swap_events,
    "sealed parts of two events": _swap_sealed_parts,
    "classes of one event": _swap_classes,
    "label rules": _relabel,
    "flags of another batch": _flags_from_elsewhere,
    "agency": _other_agency,
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_what_is_bound_cannot_be_moved(name: str) -> None:
    """Also with a MAC that fits, a sealed part opens nowhere but where it was sealed."""
    s = sealer()
    value = rewritten(s, packed(s), ALTERATIONS[name])

    with pytest.raises((SealBrokenError, UnknownKeyError)) as caught:
        opened_whole(unpack(value, s))

    assert caught.value.code == "sealing.broken"


def test_an_open_batch_is_protected_by_the_mac_alone() -> None:
    """A batch without any sealed class is refused all the same when a byte of it changes."""
    s = sealer()
    value = bytearray(pack([fine(1)], s, "traffic", GATEWAY))
    value[value.index(b"F-1")] ^= 1

    with pytest.raises(MacError) as caught:
        unpack(bytes(value), s)

    assert (caught.value.code, caught.value.exit_code) == ("sealing.mac", 6)


def test_a_gateway_nobody_registered_is_refused() -> None:
    """A batch that names an unknown gateway is refused, and no key is made for it."""
    keys = MemoryKeystore(random=fixed_random("keys"))
    s = sealer(keys)
    value = packed(s).replace(GATEWAY.encode(), b"gw-990102", 1)

    with pytest.raises(UnknownKeyError):
        unpack(value, s)
    with pytest.raises(UnknownKeyError):
        keys.secret("mac/gw-990102")


@pytest.mark.parametrize("count", [0, 257])
def test_a_batch_has_its_size(count: int) -> None:
    """An empty batch and one of 257 events are refused."""
    with pytest.raises(BatchSizeError):
        pack([fine(n) for n in range(count)], sealer(), "traffic", GATEWAY)


def test_a_full_batch_fits() -> None:
    """256 events go into one batch and share the data keys of a class."""
    s = sealer()
    value = pack([filed(n) for n in range(256)], s, "police", GATEWAY)

    assert len(unpack(value, s).events) == 256
    assert len(decode(value[BODY_AT:-32]).keys) == 3


def test_another_version_is_refused() -> None:
    """A version this code does not know is refused as such."""
    s = sealer()

    with pytest.raises(BatchVersionError):
        unpack(b"\x02" + packed(s)[1:], s)


@pytest.mark.parametrize("body", [b"", b"\xc0", b"\x95", encode(("police", (), (), (-1, 0, b""), ()))])
def test_a_body_that_is_no_batch_is_refused(body: bytes) -> None:
    """What a registered gateway signs must still be a batch of at least one event."""
    s = sealer()
    head = bytes([1, len(GATEWAY)]) + GATEWAY.encode() + body

    with pytest.raises(BatchFormatError):
        unpack(head + s.mac(GATEWAY, head), s)


def test_a_part_that_names_no_key_is_refused() -> None:
    """An index outside the table of data keys is refused, negative ones included."""
    s = sealer()
    for key in (-1, 99):

        def change(batch: RawBatch, key: int = key) -> RawBatch:
            return msgspec.structs.replace(batch, flags=msgspec.structs.replace(batch.flags, key=key))

        with pytest.raises(BatchFormatError):
            unpack(rewritten(s, packed(s), change), s).flags()


def test_an_unknown_flag_is_refused_at_the_door() -> None:
    """An event with a flag nobody registered cannot be packed."""
    with pytest.raises(UnknownLabelError):
        pack([filed(1, ["secret"])], sealer(), "police", GATEWAY)


def test_a_lost_key_hurts_its_class_alone() -> None:
    """Without the KEK of one class its neighbours still open."""
    keys = MemoryKeystore(random=fixed_random("keys"))
    value = packed(sealer(keys))
    del keys._material.keks["kek/police/3/minor/1"]
    keys._adopt(keys._material)
    reader = Sealer(keys, ManualClock(NOON))

    batch = unpack(value, reader)

    assert batch.events[0].open(EVERY_FILED) == list(filed(1).blobs)
    with pytest.raises(UnknownKeyError):
        batch.events[1].open([PERSON])
