"""The bytes of ADR 0005, committed: whoever changes them changes the format."""

from __future__ import annotations

import struct
from hashlib import sha256

import pytest
from crc32c import crc32c

from security.audit.builder import GroupBuilder
from security.audit.chain import Chain
from security.audit.frame import frame, read_frame
from security.audit.kept import Kept, Stay
from security.audit.record import Entry, encode, genesis
from security.audit.segment import Commit, Footer, Header, SegmentFormError
from tests.unit.security.audit.workshop import ORIGIN

NONCE = bytes(range(32))
TS = 1_700_000_000_000_000
BODIES = [
    (
        b'{"act":"release","ctl":3,"data":{"events":["00ff"],"sub":"s1"},"epoch":1,"node":"n1","off":9,"out":"ok","part":0,'
        b'"seq":0,"topic":"casebus.raw.police","ts":1700000000000000,"v":1}'
    ),
    b'{"act":"login","actor":"a7","data":{},"epoch":1,"node":"n1","out":"denied","seq":1,"ts":1700000000000000,"v":1}',
]
ENTRIES = [
    Entry(act="release", ctl=3, topic="casebus.raw.police", part=0, off=9, data={"events": ["00ff"], "sub": "s1"}),
    Entry(act="login", actor="a7", out="denied"),
]
SHA_HEADER = "03c1e1dfd40a9dcef28e0eebafd04d4fd3ff5fbddf2ecdb0f6ccbad0949ea43c"
SHA_GROUP = "d8d22ed485ab5cf16698a9da917db42e6f4c5b93cb9a6e8a3571ed9c7c297f5a"
SHA_FOOTER = "f95645a877e7ac48ad96d730af25ae295ff8b3023c5221dfef4c98542dfc6912"
SHA_KEPT = "51957c3916e33d35b9013cfc6080471328bc7b234b0530e9ba2363f2b20d7169"


def builder() -> GroupBuilder:
    """Return the builder of a new log in its first lease."""
    chain = Chain.begin(ORIGIN, NONCE, 4)
    chain.epoch = 1
    return GroupBuilder(chain)


def test_crc32c_is_castagnoli() -> None:
    """The check value of CRC-32C (RFC 3720 §B.4: 32 zeros; and the usual nine digits)."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"123456789") == 0xE3069283


def test_header_bytes() -> None:
    """The header, assembled here by hand from the table of the ADR."""
    by_hand = (
        b"CSBAUDIT\x01\x01\x04\x00"
        + (256).to_bytes(4, "big")
        + (0).to_bytes(8, "big")
        + (1).to_bytes(8, "big")
        + sha256(ORIGIN.encode()).digest()
        + NONCE
        + sha256(b"casebus-audit-genesis-v1\x00" + ORIGIN.encode() + NONCE).digest()
        + bytes(32)
        + bytes(92)
    )
    raw = builder().begin_segment().encode()

    assert raw == by_hand + crc32c(by_hand).to_bytes(4, "big")
    assert len(raw) == 256
    assert sha256(raw).hexdigest() == SHA_HEADER


def test_record_bytes() -> None:
    """The canonical bodies of two entries."""
    assert encode(ENTRIES, 0, TS, "n1", 1) == BODIES


def test_group_bytes() -> None:
    """Two records and their commit, assembled here by hand from the tables of the ADR."""
    prev = genesis(ORIGIN, NONCE)
    first = b"\x01\x01" + prev + BODIES[0]
    leaf0 = sha256(b"\x00" + first).digest()
    second = b"\x01\x01" + leaf0 + BODIES[1]
    leaf1 = sha256(b"\x00" + second).digest()
    root = sha256(b"\x01" + leaf0 + leaf1).digest()
    commit = (
        b"\x43\x01\x01\x00"
        + struct.pack(">QQQQQ", 0, 1, 2, TS, 1)
        + leaf1
        + root
        + struct.pack(">H", 1)
        + struct.pack(">H", 18)
        + b"casebus.raw.police"
        + struct.pack(">IQ", 0, 9)
    )
    by_hand = b"".join(struct.pack(">II", len(p), crc32c(p)) + p for p in (first, second, commit))

    (group,) = builder().build(ENTRIES, BODIES, TS)

    assert group.content == by_hand
    assert (group.size, group.root, group.leaves, group.footer) == (2, root, [leaf0, leaf1], b"")
    assert sha256(group.content).hexdigest() == SHA_GROUP


def test_footer_bytes() -> None:
    """The footer of a full segment of sixteen records, assembled here by hand."""
    entries = [Entry(act="tick")] * 16
    made = builder()
    (group,) = made.build(entries, encode(entries, 0, TS, "n1", 1), TS)
    assert group.header is not None
    before = group.header.encode() + group.content
    by_hand = (
        b"\x46\x01\x01\x00"
        + struct.pack(">QQQQ", 0, 16, TS, TS)
        + sha256(before).digest()
        + group.root
        + struct.pack(">I", 0)
    )

    assert group.footer == struct.pack(">II", len(by_hand), crc32c(by_hand)) + by_hand
    assert sha256(group.footer).hexdigest() == SHA_FOOTER
    assert made.chain.digest == sha256(before).digest()


def test_tiles_of_a_wide_segment() -> None:
    """A footer of 512 records lists the roots of its two runs of 256."""
    chain = Chain.begin(ORIGIN, NONCE, 9)
    entries = [Entry(act="tick")] * 512
    (group,) = GroupBuilder(chain).build(entries, encode(entries, 0, TS, "n1", 1), TS)
    found = read_frame(group.footer, 0)
    assert found is not None
    footer = Footer.decode(found.payload)

    assert footer.tiles == (chain.tree.node(8, 0), chain.tree.node(8, 1))
    assert sha256(b"\x01" + footer.tiles[0] + footer.tiles[1]).digest() == footer.root == group.root


def test_forms_read_back() -> None:
    """Header, commit, footer and frame decode to what was encoded."""
    header = Header(18, 1 << 18, 5, b"o" * 32, b"n" * 32, b"p" * 32, b"d" * 32)
    commit = Commit(3, 9, TS, 5, b"c" * 32, b"r" * 32, (("a", 0, 1), ("案", 7, 2**40)))
    footer = Footer(0, 512, 1, 2, b"d" * 32, b"r" * 32, (b"x" * 32, b"y" * 32))

    assert Header.decode(header.encode() + b"more") == header
    assert Commit.decode(commit.encode()) == commit
    assert Footer.decode(footer.encode()) == footer
    assert read_frame(b"x" + frame(b"abc") + b"y", 1) == (b"abc", 12, True)
    assert read_frame(bytes(20), 0) is None
    assert read_frame(b"short", 0) is None


def sealed_header(**changes: int) -> bytes:
    """Return a header with single bytes changed and a checksum that fits."""
    raw = bytearray(builder().begin_segment().encode()[:252])
    for place, value in changes.items():
        raw[int(place[2:])] = value
    return bytes(raw) + crc32c(bytes(raw)).to_bytes(4, "big")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        bytes(256),
        builder().begin_segment().encode()[:-1],
        sealed_header(at8=2),
        sealed_header(at9=2),
        sealed_header(at10=3),
        sealed_header(at10=25),
        sealed_header(at11=1),
        sealed_header(at15=1),
        sealed_header(at23=1),
        sealed_header(at200=1),
    ],
)
def test_bad_headers(raw: bytes) -> None:
    """A header with another version, suite, length, alignment or padding is refused though its checksum fits."""
    with pytest.raises(SegmentFormError):
        Header.decode(raw)


def test_bad_commits_and_footers() -> None:
    """Commits and footers with other versions, sizes, lengths or texts are refused."""
    commit = Commit(3, 9, TS, 5, b"c" * 32, b"r" * 32, (("ab", 0, 1),)).encode()
    footer = Footer(0, 512, 1, 2, b"d" * 32, b"r" * 32, (b"x" * 32,)).encode()

    for raw in (
        b"",
        b"C",
        commit[:-1],
        commit + b"\0",
        commit[:1] + b"\2" + commit[2:],
        commit.replace(b"ab", b"\xff\xff"),
    ):
        with pytest.raises(SegmentFormError):
            Commit.decode(raw)
    size_changed = bytearray(commit)
    size_changed[27] ^= 1
    with pytest.raises(SegmentFormError):
        Commit.decode(bytes(size_changed))
    for raw in (b"", b"F", footer[:-1], footer + b"\0", footer[:2] + b"\2" + footer[3:]):
        with pytest.raises(SegmentFormError):
            Footer.decode(raw)


def test_bytes_that_stay_of_a_retired_segment() -> None:
    """A run of 256 records of which one stays, assembled here by hand from the table of ADR 0020."""
    chain = Chain.begin(ORIGIN, NONCE, 8)
    chain.epoch = 1
    entries = [Entry(act="erase", data={"kid": "00"}), *[Entry(act="tick")] * 255]
    bodies = encode(entries, 0, TS, "n1", 1)
    making = GroupBuilder(chain)
    built = making.build(entries, bodies, TS)[0]
    assert built.header
    footer = Footer.decode(read_frame(built.footer, 0).payload)  # type: ignore[union-attr] # the run is full
    first = b"\x01\x01" + genesis(ORIGIN, NONCE) + bodies[0]
    by_hand = (
        built.header.encode()
        + b"".join(built.leaves)
        + built.footer
        + frame(b"\x33" + b"s" * 32)
        + frame(b"\x53" + (0).to_bytes(8, "big") + first)
    )
    end = b"\x4b\x01\x01\x00" + (70_000).to_bytes(8, "big") + (1).to_bytes(4, "big") + sha256(by_hand).digest()
    kept = Kept(built.header, built.leaves, footer, (Stay(0, first),), 70_000, b"s" * 32)

    assert kept.encode() == by_hand + frame(end)
    assert sha256(kept.encode()).hexdigest() == SHA_KEPT
    assert Kept.decode(kept.encode()) == kept
