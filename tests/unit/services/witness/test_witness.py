"""The witness: the table of status codes, races, restored backups, split views."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import ManualClock
from security.audit.checkpoint import Checkpoint, VerifierKey, note_parts, signed
from security.audit.cosignature import cosignature_time
from security.audit.fork import ForkEvidence, NoForkError
from security.audit.policy import Policy
from security.audit.tree import Tree, leaf_hash
from security.audit.witnessing import Status, Submission
from security.keys.signing import Ed25519Signer
from services.witness.app import create_app
from services.witness.errors import WitnessSetBackError, WitnessStoreError
from services.witness.serving import make_ready
from services.witness.store import WitnessStore
from services.witness.witness import Witness
from tests.unit.security.audit.workshop import KEY, ORIGIN, SIGNER
from tests.unit.services.witness.calling import client_of

NOW = 1_700_000_000_000_000
OWN = Ed25519Signer(bytes([7] * 32))
NAME = "witness.test/court"
LOGS = Policy.of_key(KEY)


def tree_of(count: int, other: int | None = None) -> Tree:
    """Return a tree of `count` records; with `other`, one that differs from that record on."""
    tree = Tree()
    names = [f"x{n}" if other is not None and n >= other else f"{n}" for n in range(count)]
    tree.extend([leaf_hash(name.encode()) for name in names])
    return tree


TREE, FORK = tree_of(64), tree_of(64, 2)


def note(size: int, tree: Tree = TREE, signer: Ed25519Signer = SIGNER, origin: str = ORIGIN) -> str:
    """Return a signed head."""
    return signed(Checkpoint(origin, size, tree.root(size)), signer)


def submission(old: int, size: int, tree: Tree = TREE) -> bytes:
    """Return a body of add-checkpoint."""
    return Submission(old, tuple(tree.consistency_proof(old, size)), note(size, tree)).body


def witness_of(directory: Path) -> tuple[Witness, WitnessStore]:
    """Open a witness."""
    directory.mkdir(exist_ok=True)
    store = WitnessStore(directory / "witness.db")
    return Witness(store, LOGS, OWN, NAME, ManualClock(NOW)), store


@pytest.fixture
def court(tmp_path: Path) -> Iterator[tuple[Witness, WitnessStore]]:
    """A witness that knows nothing yet."""
    witness, store = witness_of(tmp_path / "court")
    yield witness, store
    store.close()


def status(witness: Witness, body: bytes) -> Status:
    """Submit and return the status."""
    return witness.add_checkpoint(body)[0].status


def test_it_cosigns_what_continues(court: tuple[Witness, WitnessStore]) -> None:
    """Heads that continue each other are cosigned, the same head again too, and each signature fits its time."""
    witness, store = court
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 13), (13, 64)):
        verdict, line = witness.add_checkpoint(submission(old, size))
        assert verdict.status is Status.COSIGNED
        assert cosignature_time(*note_parts(note(size) + line), witness.key) == NOW // 1_000_000
    assert store.heads(ORIGIN) == [3, 8, 13, 64]


TABLE = {
    "empty": (b"", 400),
    "no old line": (b"\n" + note(5).encode(), 400),
    "old with a zero in front": (submission(3, 5).replace(b"old 3", b"old 03"), 400),
    "old negative": (submission(3, 5).replace(b"old 3", b"old -3"), 400),
    "proof that is no base64": (submission(3, 5).replace(b"old 3\n", b"old 3\n?\n"), 400),
    "a node that is short": (submission(3, 5).replace(b"old 3\n", b"old 3\nAAAA\n"), 400),
    "64 proof lines": (b"old 3\n" + (b"A" * 43 + b"=\n") * 64 + b"\n" + note(5).encode(), 400),
    "no note": (b"old 3\n\n", 400),
    "no UTF-8": (b"old 3\n\n\xff", 400),
    "old beyond the head": (submission(3, 5).replace(b"old 3", b"old 6"), 400),
    "unknown log": (Submission(0, (), note(5, origin="elsewhere")).body, 404),
    "another key": (Submission(3, (), note(5, signer=OWN)).body, 403),
    "old too small": (submission(2, 5), 409),
    "old 0": (submission(0, 5), 409),
    "old too large": (submission(4, 5), 409),
    "the same size with another root": (submission(3, 3, FORK), 409),
    "a smaller head": (submission(2, 2), 409),
    "a fork": (submission(3, 5, FORK), 422),
    "a proof too short": (Submission(3, (), note(5)).body, 422),
    "a proof too long": (Submission(3, (*TREE.consistency_proof(3, 5), bytes(32)), note(5)).body, 422),
    "a proof for the same size": (Submission(3, (bytes(32),), note(3)).body, 422),
    "all in order": (submission(3, 5), 200),
}


@pytest.mark.parametrize("case", TABLE)
def test_status_codes(court: tuple[Witness, WitnessStore], case: str) -> None:
    """Each fault has the status that tlog-witness gives it; a conflict is answered with the size, as its own type."""
    witness, store = court
    assert status(witness, submission(0, 3)) is Status.COSIGNED
    body, expected = TABLE[case]
    answer = client_of(create_app(witness, store)).post("/add-checkpoint", content=body)

    assert answer.status_code == expected
    known = store.newest(ORIGIN)
    assert known is not None
    assert known.head.size == (5 if expected == 200 else 3)
    if expected == 409:
        assert (answer.text, answer.headers["content-type"]) == ("3\n", "text/x.tlog.size")
    if expected == 200:
        assert answer.text.startswith(f"\u2014 {NAME} ")


def test_monitors(court: tuple[Witness, WitnessStore]) -> None:
    """A monitor gets the newest cosigned head of a log by the hash of its origin; an unknown one is not found."""
    witness, store = court
    client = client_of(create_app(witness, store))
    path = f"/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    assert client.get(path).status_code == 404
    status(witness, submission(0, 3))
    status(witness, submission(3, 9))

    text = client.get(path).text
    assert note_parts(text)[0] == note_parts(note(9))[0]
    assert cosignature_time(*note_parts(text), witness.key) is not None
    assert client.get("/evidence").text == ""
    assert client.get("/health").text == witness.key.text + "\n"
    assert client.post("/add-checkpoint", content=b"x" * 70_000).status_code == 413


@given(st.binary(max_size=300))
def test_any_body(body: bytes) -> None:
    """No body makes the parser fail in another way."""
    try:
        parsed = Submission.parse(body)
    except ValueError:
        return
    assert Submission.parse(parsed.body) == parsed


def test_two_at_once(tmp_path: Path) -> None:
    """Of many clients that submit heads at once, over two processes' databases, none rolls the state back."""
    witness, store = witness_of(tmp_path / "court")
    again, second = witness_of(tmp_path / "court")
    gate = threading.Barrier(8)
    largest: list[int] = []

    def client(number: int) -> None:
        mine = (witness, again)[number % 2]
        gate.wait()
        old = 0
        for size in range(1 + number % 3, 64, 1 + number % 4):
            verdict, _ = mine.add_checkpoint(submission(min(old, size), size))
            if verdict.status is Status.COSIGNED:
                largest.append(size)
                old = size
            else:
                assert verdict.status in {Status.CONFLICT, Status.MALFORMED}
                old = verdict.size

    with ThreadPoolExecutor(8) as pool:
        for done in [pool.submit(client, n) for n in range(8)]:
            done.result()
    sizes = store.heads(ORIGIN)
    known = store.newest(ORIGIN)

    assert known is not None
    assert known.head == Checkpoint(ORIGIN, max(largest), TREE.root(max(largest)))
    assert sizes == sorted(set(largest))
    assert store.steps == len(largest)
    second.close()
    store.close()


def test_the_answer_is_durable_before_it_is_signed(tmp_path: Path) -> None:
    """A witness whose database cannot be written signs nothing; the next one goes on from what was kept."""
    signatures: list[bytes] = []

    class Counting(Ed25519Signer):
        def sign(self, data: bytes) -> bytes:
            signatures.append(data)
            return super().sign(data)

    directory = tmp_path / "court"
    directory.mkdir()
    store = WitnessStore(directory / "witness.db")
    witness = Witness(store, LOGS, Counting(bytes([7] * 32)), NAME, ManualClock(NOW))
    other = sqlite3.connect(directory / "witness.db")
    store._database.execute("PRAGMA busy_timeout=1")
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(WitnessStoreError):
        witness.add_checkpoint(submission(0, 3))
    assert client_of(create_app(witness, store)).post("/add-checkpoint", content=submission(0, 3)).status_code == 503
    assert signatures == []
    other.rollback()
    other.close()
    assert status(witness, submission(0, 3)) is Status.COSIGNED
    assert len(signatures) == 1
    store.close()


def test_a_restored_backup(tmp_path: Path) -> None:
    """A database put back from a backup is noticed at the start, and caught up by our own signatures only."""
    witness, store = witness_of(tmp_path / "court")
    status(witness, submission(0, 3))
    store.close()
    shutil.copytree(tmp_path / "court", tmp_path / "backup")
    witness, store = witness_of(tmp_path / "court")
    body = submission(3, 9)
    line = witness.add_checkpoint(body)[1]
    status(witness, submission(9, 20))
    newest = witness.checkpoint(sha256(ORIGIN.encode()).hexdigest())
    assert newest is not None
    store.close()
    shutil.rmtree(tmp_path / "court")
    shutil.copytree(tmp_path / "backup", tmp_path / "court")

    witness, store = witness_of(tmp_path / "court")
    with pytest.raises(WitnessSetBackError):
        make_ready(witness, store, [])
    with pytest.raises(WitnessSetBackError):
        make_ready(witness, store, [note(40), "no note", note(5, FORK)])
    with pytest.raises(WitnessSetBackError):
        witness.add_checkpoint(Submission(3, Submission.parse(body).proof, note(9) + line).body)
    assert make_ready(witness, store, [newest], accept_loss=True) == [ORIGIN]
    assert status(witness, submission(3, 9)) is Status.CONFLICT
    assert status(witness, submission(20, 30)) is Status.COSIGNED
    store.close()


def test_a_lost_mark_is_no_fault_and_a_broken_one_is(tmp_path: Path) -> None:
    """Without a mark the witness starts (it may be new); with one that is no number it does not."""
    witness, store = witness_of(tmp_path / "court")
    status(witness, submission(0, 3))
    assert make_ready(witness, store, []) == []
    mark = tmp_path / "court-mark"
    mark.unlink()
    assert make_ready(witness, store, []) == []
    mark.write_text("x", encoding="ascii")
    with pytest.raises(WitnessSetBackError):
        make_ready(witness, store, [])
    store.close()


@pytest.mark.parametrize(("first", "old", "size"), [(9, 9, 9), (11, 11, 64), (13, 13, 20)])
def test_a_split_view_is_proved(court: tuple[Witness, WitnessStore], first: int, old: int, size: int) -> None:
    """Two histories under one key: the witness refuses the second and keeps evidence that verifies by itself."""
    witness, store = court
    status(witness, submission(0, first))

    refused = status(witness, submission(old, size, FORK))
    (content,) = store.evidence()
    evidence = ForkEvidence.parse(content)

    assert refused in {Status.CONFLICT, Status.INCONSISTENT}
    assert evidence.content == content
    assert evidence.verify(LOGS) == (ORIGIN, first, size)
    assert client_of(create_app(witness, store)).get("/evidence").content == content


def test_what_is_no_evidence() -> None:
    """One history, another key, a proof that does not fit, or no file at all prove no fork."""
    good = ForkEvidence(note(11), note(20, FORK), FORK.root(11), tuple(FORK.consistency_proof(11, 20)))
    assert good.verify(LOGS) == (ORIGIN, 11, 20)
    other = Policy.of_key(VerifierKey(ORIGIN, OWN.public_key))
    same = ForkEvidence(note(11), note(20), TREE.root(11), tuple(TREE.consistency_proof(11, 20)))
    for bad, policy in (
        (good, other),
        (same, LOGS),
        (ForkEvidence(good.earlier, good.later, bytes(32), good.proof), LOGS),
        (ForkEvidence(good.earlier, good.later, good.prefix_root, ()), LOGS),
        (ForkEvidence(good.later, good.earlier, good.prefix_root, good.proof), LOGS),
    ):
        with pytest.raises(NoForkError):
            bad.verify(policy)
    for content in (b"", b"{}", b"[" * 10_000, good.content.replace(b"fork/v1", b"fork/v2")):
        with pytest.raises(NoForkError):
            ForkEvidence.parse(content)
