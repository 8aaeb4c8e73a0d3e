"""Alterations by somebody who knows the format and mends checksums: each is found, and named by what it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from security.audit.builder import GroupBuilder
from security.audit.chain import Chain
from security.audit.checkpoint import Checkpoint, VerifierKey, signed
from security.audit.frame import frame
from security.audit.record import BODY_AT, Entry, encode
from security.audit.segment import Commit, Footer, Header
from security.audit.tree import Tree, leaf_hash
from security.audit.verify import verify
from security.keys.signing import Ed25519Signer
from tests.unit.security.audit.workshop import (
    KEY,
    NOW,
    ORIGIN,
    SIGNER,
    abandon,
    filled,
    frames,
    open_log,
    rebuilt,
    release,
    segments,
)

Frames = list[bytes]
"""Payloads of one group: five records and their commit, then one of four and its commit."""


def kinds(directory: Path, level: int = 3) -> list[str]:
    """Return the kinds of the faults."""
    return [fault.kind for fault in verify(directory, level, KEY).faults]


def altered(directory: Path, change: Callable[[Frames], Frames], which: int = 0) -> Path:
    """Rewrite one segment's frames, checksums mended."""
    path = segments(directory)[which]
    data = path.read_bytes()
    path.write_bytes(rebuilt(data, change([payload for _, payload in frames(data)])))
    return directory


def edited(entry: bytes, old: bytes, new: bytes) -> bytes:
    """Return a record with its body changed."""
    assert old in entry
    return entry.replace(old, new)


def rechained(payloads: Frames, prev: bytes, *, first: int = 0) -> Frames:
    """Chain records anew after an alteration, with commits that fit: what an attacker without the key can do."""
    tree, done, leaves, start = Tree(), list[bytes](), list[bytes](), first
    for payload in payloads:
        if payload[:1] == b"\x01":
            entry = payload[:2] + prev + payload[BODY_AT:]
            prev = leaf_hash(entry)
            leaves.append(prev)
            done.append(entry)
        else:
            old = Commit.decode(payload)
            tree.extend(leaves)
            last = start + len(leaves) - 1
            done.append(Commit(start, last, old.ts, old.epoch, prev, tree.root(), old.positions).encode())
            leaves, start = [], last + 1
    return done


ALTERATIONS: dict[str, tuple[Callable[[Frames], Frames], str, int]] = {
    "edited record": (lambda f: [f[0], edited(f[1], b'"m1"', b'"mX"'), *f[2:]], "chain_broken", 2),
    "edited last record": (lambda f: [*f[:4], edited(f[4], b'"m4"', b'"mX"'), *f[5:]], "commit", 5),
    "dropped record": (lambda f: [*f[:2], *f[3:]], "record_missing", 2),
    "dropped last record": (lambda f: [*f[:4], *f[5:]], "commit", 4),
    "dropped group": (lambda f: f[6:], "record_missing", 0),
    "dropped commit": (lambda f: [*f[:5], *f[6:]], "commit", 9),
    "swapped records": (lambda f: [f[0], f[2], f[1], *f[3:]], "record_moved", 1),
    "swapped groups": (lambda f: [*f[6:], *f[:6]], "record_missing", 0),
    "duplicated record": (lambda f: [f[0], f[1], *f[1:]], "record_repeated", 2),
    "duplicated commit": (lambda f: [*f[:6], *f[5:]], "frame_kind", 5),
    "inserted record": (
        lambda f: [f[0], f[1][:2] + leaf_hash(f[0]) + edited(f[1], b'"m1"', b'"mX"')[BODY_AT:], *f[1:]],
        "record_inserted",
        2,
    ),
    "inserted garbage": (lambda f: [f[0], b"garbage", *f[1:]], "frame_kind", 1),
    "inserted record that does not parse": (
        lambda f: [f[0], b"\x01\x01" + bytes(32) + b"{}", *f[1:]],
        "chain_broken",
        1,
    ),
    "truncated by a group": (lambda f: f[:6], "truncated", 5),
    "truncated in a group": (lambda f: f[:7], "truncated", 6),
    "empty": (lambda _: [], "truncated", 0),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_alterations_with_checksums_mended(tmp_path: Path, name: str) -> None:
    """Each alteration has the name of what was done and the number of the record where it shows."""
    change, kind, seq = ALTERATIONS[name]
    directory = altered(filled(tmp_path / "audit", (5, 4)), change)

    report = verify(directory, 2, KEY)

    assert [(f.kind, f.seq) for f in report.faults] == [(kind, seq)]
    assert all(
        word in f.text(lang) for f in report.faults for lang in ("zh", "en") for word in [str(seq)][: kind != "footer"]
    )


@pytest.mark.parametrize("signed_size", [9, 5])
def test_rechained_log_has_another_root(tmp_path: Path, signed_size: int) -> None:
    """A log edited, chained and committed anew without a flaw still has not the signed root."""
    directory = tmp_path / "audit"
    log = open_log(directory)
    log.append([release(n) for n in range(5)])
    log.checkpoint()
    log.append([release(n) for n in range(5, 9)])
    (log.close if signed_size == 9 else lambda: abandon(log))()
    prev = Header.decode(segments(directory)[0].read_bytes()).prev

    altered(directory, lambda f: rechained([edited(f[0], b'"m0"', b'"mX"'), *f[1:]], prev))

    assert kinds(directory) == ["head_root"]


def test_rechained_with_a_record_dropped(tmp_path: Path) -> None:
    """A record taken out and everything chained and numbered anew ends below the signed size, with another root."""
    directory = filled(tmp_path / "audit", (5, 4))
    prev = Header.decode(segments(directory)[0].read_bytes()).prev

    altered(directory, lambda f: rechained(f[1:], prev))

    assert kinds(directory, 2) == ["truncated"]
    assert "record_seq" in kinds(directory, 3)


def test_records_added_behind_a_clean_stop(tmp_path: Path) -> None:
    """Valid but unsigned records behind the head of a cleanly stopped log are a fault."""
    directory = filled(tmp_path / "audit", (5,))
    held = (directory / "checkpoint").read_bytes()
    log = open_log(directory)
    log.append([release(9)])
    abandon(log)
    (directory / "clean").write_bytes(held)

    assert kinds(directory) == ["unsigned_records"]


def test_the_mark_of_a_clean_stop_must_be_the_head(tmp_path: Path) -> None:
    """A mark that is not the published head is a fault."""
    directory = filled(tmp_path / "audit")
    (directory / "clean").write_bytes(b"yes")

    assert kinds(directory, 1) == ["clean_mark"]


def test_another_log_put_in_place(tmp_path: Path) -> None:
    """Segments of another log, though whole in themselves, do not fit this log's head."""
    directory, other = filled(tmp_path / "audit"), filled(tmp_path / "b" / "audit")
    shutil.rmtree(directory / "segments")
    shutil.copytree(other / "segments", directory / "segments")

    assert kinds(directory) == ["head_root"]


def test_head_signed_by_another_key(tmp_path: Path) -> None:
    """Old data under a new key is refused: the verifier's own key decides, not the one beside the log."""
    directory = filled(tmp_path / "audit")
    thief = Ed25519Signer(b"\7" * 32)
    head = Checkpoint(ORIGIN, 20, verify_root(directory))
    (directory / "checkpoint").write_text(signed(head, thief), encoding="utf-8")
    (directory / "clean").write_text(signed(head, thief), encoding="utf-8")
    (directory / "log.vkey").write_text(VerifierKey(ORIGIN, thief.public_key).text + "\n", encoding="utf-8")
    shutil.rmtree(tmp_path / "audit-signer")

    assert verify(directory, 3).ok
    assert [n.kind for n in verify(directory, 3).notices] == ["key_not_given"]
    assert kinds(directory) == ["head_signature"]


def verify_root(directory: Path) -> bytes:
    """Return the signed root of a log in order."""
    return bytes.fromhex(verify(directory, 1, KEY).root)


def test_signer_head_of_another_history(tmp_path: Path) -> None:
    """The signer's own head and the published one of the same size must be the same tree."""
    directory = filled(tmp_path / "audit")
    path = tmp_path / "audit-signer" / "head"
    path.write_text(signed(Checkpoint(ORIGIN, 20, b"\1" * 32), SIGNER), encoding="utf-8")
    assert kinds(directory, 2) == ["head_root"]

    path.write_text("nonsense", encoding="utf-8")
    assert kinds(directory, 1) == ["signer_head"]


def test_head_at_a_size_where_no_group_ends(tmp_path: Path) -> None:
    """A signed head in the middle of a group was never made by this writer."""
    directory = filled(tmp_path / "audit", (5, 4))
    for path in (directory / "checkpoint", directory / "clean"):
        path.write_text(signed(Checkpoint(ORIGIN, 7, bytes(32)), SIGNER), encoding="utf-8")

    assert kinds(directory) == ["head_size"]


def test_segments_missing_exchanged_or_foreign(tmp_path: Path) -> None:
    """A segment file that is gone, or has another's name, is named as such."""
    made = filled(tmp_path / "made" / "audit", (16, 16, 16, 2))
    for name, act, expected in (
        ("first", lambda s: s[0].unlink(), "segment_missing"),
        ("middle", lambda s: s[1].unlink(), "segment_missing"),
        ("last", lambda s: s[-1].unlink(), "truncated"),
        ("exchanged", lambda s: s[1].write_bytes(s[2].read_bytes()), "segment_missing"),
        ("all", lambda s: [path.unlink() for path in s], "truncated"),
    ):
        directory = tmp_path / name / "audit"
        shutil.copytree(made, directory)
        act(segments(directory))

        assert kinds(directory)[0] == expected, name


def test_a_break_in_one_segment_does_not_hide_the_next(tmp_path: Path) -> None:
    """Faults in two segments are both named, and the signed root is still checked over the footers."""
    directory = filled(tmp_path / "audit", (16, 16, 16, 2))
    for which in (0, 2):
        path = segments(directory)[which]
        data = bytearray(path.read_bytes())
        data[700] ^= 4
        path.write_bytes(bytes(data))

    report = verify(directory, 3, KEY)

    assert [(f.kind, f.file[-6:-4]) for f in report.faults] == [("frame_crc", "00"), ("frame_crc", "32")]
    assert report.records == 18


def test_a_broken_segment_without_a_footer_ends_the_reading(tmp_path: Path) -> None:
    """Where nothing vouches for what follows, the report says that it was not checked."""
    directory = filled(tmp_path / "audit", (16, 16, 2))
    path = segments(directory)[0]
    path.write_bytes(path.read_bytes()[:-40])

    report = verify(directory, 3, KEY)

    assert [f.kind for f in report.faults] == ["frame_length"]
    assert [n.kind for n in report.notices] == ["not_checked"]


def test_a_clean_stop_leaves_no_full_segment_without_its_footer(tmp_path: Path) -> None:
    """A footer that was cut off whole is missed, though nothing but zeros follows."""
    directory = altered(filled(tmp_path / "audit", (16,)), lambda f: f[:-1])

    assert kinds(directory, 2) == ["footer"]


def with_footer(directory: Path, **changes: object) -> None:
    """Change fields of the first segment's footer, checksum mended."""
    path = segments(directory)[0]
    data = path.read_bytes()
    at, payload = frames(data)[-1]
    footer = Footer.decode(payload)
    values = {name: getattr(footer, name) for name in Footer.__slots__} | changes
    path.write_bytes(data[:at] + frame(Footer(**values).encode()))


@pytest.mark.parametrize("field", ["first", "count", "last_ts", "digest", "root", "first_ts"])
def test_footers_that_do_not_fit(tmp_path: Path, field: str) -> None:
    """Each field of a footer is checked against what the file holds; its first time stands in a record: level 3."""
    directory = filled(tmp_path / "audit", (16,))
    with_footer(directory, **{field: b"\1" * 32 if field in {"digest", "root"} else 15})

    assert kinds(directory, 3) == ["footer"]
    assert (kinds(directory, 2) == ["footer"]) == (field != "first_ts")


def raw_log(directory: Path, bodies: list[bytes], commit: dict[str, object] | None = None) -> Path:
    """Write a log whose chain, tree and signatures are right and whose records say what these bodies say."""
    filled(directory, ())
    header = Header.decode(segments(directory)[0].read_bytes())
    chain = Chain.begin(ORIGIN, header.nonce, header.span)
    chain.epoch = header.epoch
    (group,) = GroupBuilder(chain, header).build([Entry(act="tick")] * len(bodies), bodies, NOW)
    (*records, last) = [payload for _, payload in frames(header.encode() + group.content)]
    old = Commit.decode(last)
    values = {name: getattr(old, name) for name in Commit.__slots__} | (commit or {})
    data = segments(directory)[0].read_bytes()
    segments(directory)[0].write_bytes(rebuilt(data, [*records, Commit(**values).encode()]))
    head = signed(Checkpoint(ORIGIN, group.size, group.root), SIGNER)
    (directory / "checkpoint").write_text(head, encoding="utf-8")
    (directory / "clean").write_text(head, encoding="utf-8")
    return directory


GOOD = encode([release(n) for n in range(4)], 0, NOW, "n1", 1)
POSITIONS = (("casebus.raw.police", 0, 2), ("casebus.raw.police", 1, 3))


def bodies_with(old: bytes, new: bytes) -> list[bytes]:
    """Return four good bodies with a change in the third."""
    assert old in GOOD[2]
    return [*GOOD[:2], GOOD[2].replace(old, new), GOOD[3]]


RECORDS: dict[str, tuple[list[bytes], dict[str, object], list[tuple[str, int]]]] = {
    "in order": (GOOD, {"positions": POSITIONS}, []),
    "not canonical": (bodies_with(b'"act":', b'"act": '), {}, [("record_form", 2)]),
    "unknown header key": (bodies_with(b'"act"', b'"aaa":1,"act"'), {}, [("record_form", 2)]),
    "a newer version": (bodies_with(b'"v":1', b'"new":1,"v":2'), {}, [("record_version", 2)]),
    "no JSON": ([*GOOD[:2], b"\xff", GOOD[3]], {}, [("record_form", 2)]),
    "too large": (bodies_with(b'"s2"', b'"' + b"s" * 17_000 + b'"'), {}, [("record_form", 2)]),
    "another number": (bodies_with(b'"seq":2', b'"seq":7'), {"positions": POSITIONS}, [("record_seq", 2)]),
    "back in time": (bodies_with(b'"ts":17', b'"ts":16'), {"positions": POSITIONS}, [("record_time", 2)]),
    "another lease": (bodies_with(b'"epoch":1', b'"epoch":5'), {"positions": POSITIONS}, [("record_epoch", 2)]),
    "commit with other positions": (GOOD, {}, [("commit", 3)]),
    "commit with another time": (GOOD, {"positions": POSITIONS, "ts": NOW + 1}, [("commit", 3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", RECORDS)
def test_what_records_say(tmp_path: Path, name: str) -> None:
    """Level 3 finds what a writer with the key wrote wrongly; level 2, which reads no records, does not claim to."""
    bodies, commit, expected = RECORDS[name]
    directory = raw_log(tmp_path / "audit", bodies, commit)

    report = verify(directory, 3, KEY)

    assert [(f.kind, f.seq) for f in report.faults] == expected
    assert kinds(directory, 2) == []


def test_a_commit_that_ends_at_the_last_number_there_is(tmp_path: Path) -> None:
    """A commit, checksum mended, whose last record can have no successor is a fault, and stops no verification."""
    directory = altered(
        filled(tmp_path / "audit", (5, 4)), lambda f: [*f[:5], f[5][:12] + b"\xff" * 8 + f[5][20:], *f[6:]]
    )

    assert kinds(directory) == ["commit"]


def test_unknown_act_is_a_notice(tmp_path: Path) -> None:
    """An act of a later version is counted and reported; the log is in order."""
    directory = raw_log(tmp_path / "audit", bodies_with(b'"release"', b'"dance"'), {"positions": POSITIONS})

    report = verify(directory, 3, KEY)

    assert report.ok
    assert [(n.kind, n.count) for n in report.notices] == [("unknown_act", 1)]


def test_levels_say_what_ran(tmp_path: Path) -> None:
    """Level 1 never claims more than heads: an edited record passes it and the report says which level ran."""
    directory = altered(filled(tmp_path / "audit", (5, 4)), ALTERATIONS["edited record"][0])

    heads, four = verify(directory, 1, KEY), verify(directory, 4, KEY)

    assert (heads.ok, heads.levels, heads.records) == (True, ["heads"], 0)
    assert (four.ok, four.levels) == (False, ["heads", "tree", "records"])
    assert [n.kind for n in four.notices] == ["not_checked"]


def test_without_any_key_the_tree_is_not_checked(tmp_path: Path) -> None:
    """A log without a usable key is a fault, and the report says that the rest was not checked."""
    directory = filled(tmp_path / "audit")
    (directory / "log.vkey").unlink()

    report = verify(directory, 3)

    assert [f.kind for f in report.faults] == ["key"]
    assert "not_checked" in [n.kind for n in report.notices]


def test_zero_length_space_and_many_leases_verify(tmp_path: Path) -> None:
    """The report's JSON has the keys that others read."""
    said = verify(filled(tmp_path / "audit"), 3, KEY).as_dict("zh")

    assert {"records", "size", "root", "ok", "faults", "notices", "levels", "key", "clean"} == set(said)
    assert (said["records"], said["size"], said["ok"], said["faults"]) == (20, 20, True, [])
