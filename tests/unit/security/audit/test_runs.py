"""Runs of 256 records: found again, chained, and a tree over them that gives every proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from security.audit.checkpoint import Checkpoint
from security.audit.errors import AuditTamperedError
from security.audit.layout import Layout
from security.audit.proofs import consistency_holds, inclusion_holds
from security.audit.reading import read
from security.audit.runs import RecordReader, RunTable
from security.audit.tree import Tree
from tests.unit.security.audit.workshop import filled, open_log, release, segments

SIZE = 700


@pytest.fixture(scope="module", params=[4, 10])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 700 records, in segments of 16 or of 1024."""
    directory = tmp_path_factory.mktemp("log") / "audit"
    return filled(directory, (1, 300, 255, 7, 130, 7), span=request.param)


def test_runs_are_the_records(log: Path) -> None:
    """Every run read again has the entries and leaves that reading from the start gives."""
    table = RunTable(log)
    table.follow(SIZE)
    stored = list(read(log))

    for number in range(3):
        records = table.read(number, SIZE)
        expected = stored[number * 256 : number * 256 + 256]
        assert records.entries == [one.entry for one in expected]
        assert records.leaves == [one.leaf for one in expected]


def test_every_proof(log: Path) -> None:
    """Root, inclusion and consistency of the tree over runs are those of the whole tree."""
    whole = Tree()
    whole.extend([one.leaf for one in read(log)])
    tree = RunTable(log).tree(SIZE)

    assert tree.root() == whole.root()
    for seq in range(0, SIZE, 13):
        proof = tree.inclusion_proof(seq, SIZE)
        assert proof == whole.inclusion_proof(seq, SIZE)
        assert inclusion_holds(whole.node(0, seq), seq, SIZE, proof, whole.root())
    for old in range(1, SIZE, 11):
        proof = tree.consistency_proof(old, SIZE)
        assert proof == whole.consistency_proof(old, SIZE)
        assert consistency_holds(old, SIZE, whole.root(old), whole.root(), proof)


def test_small_blocks(log: Path) -> None:
    """Reading in blocks smaller than a record gives the same."""
    with RecordReader(Layout(log), block=16) as small, RecordReader(Layout(log)) as large:
        assert small.take(SIZE) == large.take(SIZE)


def test_following_a_log_that_grows(tmp_path: Path) -> None:
    """A table goes on where it stood, beside the writer."""
    log = open_log(tmp_path / "audit", span=10)
    table = RunTable(tmp_path / "audit")
    for number in range(0, 1200, 100):
        log.append([release(number + n) for n in range(100)])
        head: Checkpoint = log.head
        log.checkpoint()
        head = log.head
        assert table.tree(head.size).root() == head.root
    log.close()
    assert len(table.runs) == 1200 // 256


def test_what_is_broken_is_named(tmp_path: Path) -> None:
    """A changed byte breaks the chain, a cut file ends too early, a missing one is missing."""
    directory = filled(tmp_path / "audit", (40,))
    path = segments(directory)[1]
    data = path.read_bytes()

    def kind() -> str:
        with pytest.raises(AuditTamperedError) as broken:
            RunTable(directory).tree(40)
        return str(broken.value.fields["kind"])

    path.write_bytes(data.replace(b'"obj":"m17"', b'"obj":"m71"'))
    assert kind() == "chain_broken"
    path.write_bytes(data[:600])
    assert kind() == "truncated"
    path.unlink()
    assert kind() == "segment_missing"
    segments(directory)[0].unlink()
    assert kind() == "header"
