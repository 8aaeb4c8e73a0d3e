"""Bundles: what they prove, and that every change to one is refused with a code that says what it is."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import IntegrityError
from security.audit.bundle import parse, verify_bundle
from security.audit.bundle_errors import EarlierHeadError, InclusionError, NothingToExportError
from security.audit.errors import AuditTamperedError, NoteError, RecordMissingError
from security.audit.evidence import Evidence
from security.audit.policy import Policy
from security.audit.tlog_proof import TlogProof
from security.audit.trust_errors import HeadFormError, QuorumError
from tests.unit.security.audit.evidence_shop import POLICY, cosign, forgeries, resealed, witnessed
from tests.unit.security.audit.workshop import KEY, filled, segments

SEQS = (0, 100, 101, 255, 299)
OUTER_CODES = {"bundle.form", "bundle.version", "bundle.checksum"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str, Evidence]:
    """A bundle of five records with an earlier head, that head, and where they came from."""
    evidence, earlier = witnessed(tmp_path_factory.mktemp("log") / "audit")
    return evidence.bundle(SEQS, earlier), earlier, evidence


def test_a_bundle_verifies(made: tuple[bytes, str, Evidence]) -> None:
    """A bundle proves its records, the head, who cosigned it, and that the log continues the earlier head."""
    verified = verify_bundle(made[0], POLICY)

    assert [record.seq for record in verified.records] == list(SEQS)
    assert verified.records[4].actor == "警员"
    assert (verified.head.size, verified.since, set(verified.cosigned)) == (300, 280, {"court", "police"})
    assert verified.as_dict()["ok"]


def test_every_bit(made: tuple[bytes, str, Evidence]) -> None:
    """A flipped bit anywhere in a bundle is refused."""
    content = bytearray(made[0])
    draw = random.Random(7)  # noqa: S311 - a reproducible sample
    bits = draw.sample(range(len(content) * 8), 3_000)
    for bit in bits:
        content[bit // 8] ^= 1 << bit % 8
        with pytest.raises(IntegrityError) as refused:
            verify_bundle(bytes(content), POLICY)
        assert refused.value.code in OUTER_CODES, bit
        content[bit // 8] ^= 1 << bit % 8
    assert verify_bundle(bytes(content), POLICY).since == 280


def test_every_cut_and_addition(made: tuple[bytes, str, Evidence]) -> None:
    """A bundle that was cut anywhere, or has bytes more, is refused."""
    content = made[0]
    for bad in [content[:at] for at in range(0, len(content), 37)] + [content + b"\n", b" " + content, content * 2]:
        with pytest.raises(IntegrityError) as refused:
            verify_bundle(bad, POLICY)
        assert refused.value.code == "bundle.form"


def test_every_forgery(made: tuple[bytes, str, Evidence]) -> None:
    """What a careful forger changes, checksum and all, is refused with its own code."""
    for what, change, code in forgeries(made[1]):
        document = json.loads(made[0])
        change(document)
        with pytest.raises(IntegrityError) as refused:
            verify_bundle(resealed(document), POLICY)
        assert refused.value.code == code, what


def test_a_forged_key_is_refused_by_ones_own_policy(made: tuple[bytes, str, Evidence]) -> None:
    """Judging by one's own policy alone, a replaced log key is a false signature."""
    document = json.loads(made[0])
    change = {what: each for what, each, _ in forgeries(made[1])}["the log's key, and the policy with it"]
    change(document)

    with pytest.raises(IntegrityError) as refused:
        verify_bundle(resealed(document), POLICY, own_policy=True)
    assert refused.value.code == "trust.head_signature"


def test_ones_own_policy(made: tuple[bytes, str, Evidence]) -> None:
    """Another policy than the bundle's is refused unless the verifier says that only their own counts."""
    with pytest.raises(IntegrityError) as refused:
        verify_bundle(made[0], Policy.of_key(KEY))
    assert refused.value.code == "bundle.policy_differs"
    assert verify_bundle(made[0], Policy.of_key(KEY), own_policy=True).cosigned == {}


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode), st.from_regex(rb'\{"[a-z]+":.*\}')))
def test_any_bytes_are_refused(content: bytes) -> None:
    """No input makes the parser fail in another way than with a coded refusal."""
    with pytest.raises(IntegrityError) as refused:
        parse(content)
    assert refused.value.code in OUTER_CODES


def test_deep_nesting_is_refused() -> None:
    """JSON nested deeper than anything needs is refused as such."""
    with pytest.raises(IntegrityError) as refused:
        parse(b"[" * 100_000)
    assert refused.value.code == "bundle.form"


def test_what_cannot_be_exported(made: tuple[bytes, str, Evidence]) -> None:
    """No records, records beyond the head, and a foreign earlier head are refused before anything is written."""
    evidence = made[2]
    with pytest.raises(NothingToExportError):
        evidence.bundle([])
    for seq in (-1, 300):
        with pytest.raises(RecordMissingError):
            evidence.bundle([seq])
        with pytest.raises(RecordMissingError):
            evidence.entry(seq)
    with pytest.raises(EarlierHeadError):
        evidence.bundle([1], "no note")


def test_a_log_that_was_changed_gives_no_evidence(tmp_path: Path) -> None:
    """Where the log does not have the signed root, or lacks its cosigned head, nothing is exported."""
    directory = filled(tmp_path / "audit")
    with pytest.raises(HeadFormError):
        Evidence.open(directory, POLICY)
    note = (directory / "checkpoint").read_text(encoding="utf-8")
    (directory / "cosigned").write_text(cosign(note, "court"), encoding="utf-8")
    with pytest.raises(QuorumError):
        Evidence.open(directory, POLICY)
    path = segments(directory)[-1]
    path.write_bytes(path.read_bytes().replace(b'"obj":"m19"', b'"obj":"m91"'))
    with pytest.raises(AuditTamperedError):
        Evidence.open(directory, Policy.of_key(KEY))


def test_proof_files(made: tuple[bytes, str, Evidence]) -> None:
    """A C2SP proof file reads back, verifies its entry and no other, and passes over extra data."""
    evidence = made[2]
    text = evidence.proof_file(100)
    proof = TlogProof.parse(text)
    extra = text.replace("\nindex", "\nextra AAAA\nindex", 1)

    assert proof.text == text
    assert TlogProof.parse(extra) == proof
    assert proof.verify(evidence.entry(100), POLICY).checkpoint.size == 300
    with pytest.raises(InclusionError):
        proof.verify(evidence.entry(101), POLICY)
    for bad in ("", text.replace("@v1", "@v2"), text.replace("index 100", "index 0100"), text.replace("\n\n", "\n", 1)):
        with pytest.raises(NoteError):
            TlogProof.parse(bad)
