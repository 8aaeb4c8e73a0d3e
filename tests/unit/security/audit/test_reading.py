"""Reading beside a writer, and proofs of records under the signed head."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from security.audit.checkpoint import opened
from security.audit.errors import AuditMissingError, AuditTamperedError, NoteError, RecordMissingError
from security.audit.proofs import inclusion_holds
from security.audit.reading import find, prove, read
from security.audit.tree import leaf_hash
from tests.unit.security.audit.workshop import KEY, abandon, filled, open_log, release, segments


def test_read_beside_a_running_writer(tmp_path: Path) -> None:
    """A reader sees every durable record of a running log, signed or not."""
    log = open_log(tmp_path / "audit")
    log.append([release(n) for n in range(20)])
    seen = [stored.record.obj for stored in read(tmp_path / "audit")]
    log.append([release(20)])
    later = [stored.seq for stored in read(tmp_path / "audit", 19)]
    log.close()

    assert seen == [f"m{n}" for n in range(20)]
    assert later == [19, 20]


def test_find_one(tmp_path: Path) -> None:
    """A record is found by its number; beyond the end and below zero there is none."""
    directory = filled(tmp_path / "audit")

    assert find(directory, 17).record.obj == "m17"
    for seq in (20, -1):
        with pytest.raises(RecordMissingError) as caught:
            find(directory, seq)
        assert caught.value.fields["size"] == 20


def test_no_log_is_not_found(tmp_path: Path) -> None:
    """A directory without a log is a coded error with exit code 3."""
    with pytest.raises(AuditMissingError) as caught:
        list(read(tmp_path / "audit"))
    assert caught.value.exit_code == 3


def test_reading_stops_at_tamper(tmp_path: Path) -> None:
    """A changed record below the head ends the reading with an error, not with silence."""
    directory = filled(tmp_path / "audit")
    path = segments(directory)[0]
    data = bytearray(path.read_bytes())
    data[800] ^= 1
    path.write_bytes(bytes(data))

    with pytest.raises(AuditTamperedError):
        list(read(directory))


@pytest.mark.parametrize("groups", [(1,), (3, 1, 7, 9), (16,), (16, 16), (16, 16, 16, 5), (40,)])
def test_every_record_is_proved(tmp_path: Path, groups: tuple[int, ...]) -> None:
    """Each record of logs of one to four segments has a proof that holds under the signed root."""
    directory = filled(tmp_path / "audit", groups)
    for seq in range(sum(groups)):
        said = prove(directory, seq, KEY)
        head = opened(said["checkpoint"], KEY)
        leaf = leaf_hash(bytes.fromhex(said["entry"]))

        assert inclusion_holds(leaf, seq, head.size, [bytes.fromhex(p) for p in said["proof"]], head.root)
        assert json.loads(said["record"])["seq"] == seq
        assert (said["leaf"], said["size"], said["root"]) == (leaf.hex(), head.size, head.root.hex())


def test_proofs_stand_under_the_published_head_only(tmp_path: Path) -> None:
    """Records behind the head have no proof yet; those below have one for its size, while the log goes on."""
    directory = tmp_path / "audit"
    log = open_log(directory)
    log.append([release(n) for n in range(10)])
    log.checkpoint()
    log.append([release(n) for n in range(10, 40)])
    abandon(log)

    assert prove(directory, 9, KEY)["size"] == 10
    with pytest.raises(RecordMissingError):
        prove(directory, 10, KEY)


def test_proofs_need_the_right_key_and_root(tmp_path: Path) -> None:
    """No proof is given under a head that the key did not sign."""
    directory = filled(tmp_path / "audit")
    path = directory / "checkpoint"
    path.write_text(path.read_text(encoding="utf-8").replace("\n20\n", "\n19\n"), encoding="utf-8")

    with pytest.raises(NoteError):
        prove(directory, 0, KEY)
