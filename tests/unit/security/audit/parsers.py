"""Every parser of `security/audit` with inputs that it takes, for fuzzing: it reads, or refuses as it says."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import CasebusError
from security.audit import bundle, checkpoint
from security.audit.chain import Chain
from security.audit.cosignature import CosignerKey
from security.audit.fork import ForkEvidence
from security.audit.frame import read_frame
from security.audit.kept import Kept
from security.audit.log_tree import LogTree
from security.audit.policy import Policy, judge
from security.audit.record import FormError, decode, decode_many, encode
from security.audit.replica import stored_groups
from security.audit.segment import HEADER_BYTES, Commit, Footer, Header, SegmentFormError
from security.audit.tlog_proof import TlogProof
from security.audit.walk import Walk, last_footer
from security.audit.witnessing import Submission
from tests.unit.schemas.mutations import mutated
from tests.unit.security.audit.evidence_shop import KEYS, POLICY, witnessed
from tests.unit.security.audit.retirement_shop import old_log, surveyed
from tests.unit.security.audit.workshop import KEY, NOW, ORIGIN, filled, frames, release, segments

REFUSALS = (CasebusError, FormError, SegmentFormError)
"""What a parser may raise; anything else is a defect."""


@dataclass(frozen=True)
class Parser:
    """A parser over bytes, inputs that it takes, and what it says it raises."""

    read: Callable[[bytes], Any]
    seeds: Sequence[bytes]
    refusals: tuple[type[Exception], ...] = REFUSALS


def _text(read: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """Give a parser of text what a file of any bytes would be read as."""
    return lambda raw: read(raw.decode("utf-8", "replace"))


def parsers() -> dict[str, Parser]:
    """Return name → parser; the inputs come from a small witnessed log."""
    with tempfile.TemporaryDirectory() as folder:
        evidence, earlier = witnessed(Path(folder) / "audit")
        segment = segments(filled(Path(folder) / "small" / "audit", (5, 11)))[0].read_bytes()
        bundles = [evidence.bundle([0, 7, 299], earlier), evidence.bundle(range(3))]
        proof_files = [evidence.proof_file(seq).encode() for seq in (0, 150, 299)]
        submission = _submission(evidence.tree, evidence.note)
        kept = surveyed(old_log(Path(folder) / "old" / "audit", 1))[0].kept.encode()
    payloads, header = [payload for _, payload in frames(segment)], Header.decode(segment)
    bodies = encode([release(n, x=["é\n", {"y": [1, True]}]) for n in range(4)], 0, NOW, "n1", 1)
    note = evidence.note.encode()
    fork = ForkEvidence(earlier, evidence.note, bytes(32), (bytes(32),)).content
    return {
        "frame": Parser(lambda raw: read_frame(raw, 0), [segment[HEADER_BYTES:], segment]),
        "segment header": Parser(Header.decode, [segment[:HEADER_BYTES]]),
        "commit": Parser(Commit.decode, [payload for payload in payloads if payload[:1] != b"\x01"][:2]),
        "footer": Parser(Footer.decode, payloads[-1:]),
        "last footer": Parser(lambda raw: last_footer(raw, header) or raw, [segment]),
        "segment": Parser(lambda raw: list(Walk(raw, header, Chain.begin(ORIGIN, header.nonce))), [segment]),
        "stored groups": Parser(lambda raw: list(stored_groups(raw)), [segment[HEADER_BYTES:]]),
        "kept": Parser(Kept.decode, [kept]),
        "record": Parser(decode, bodies),
        "records": Parser(lambda raw: decode_many(raw.split(b"\n")), [b"\n".join(bodies)]),
        "verifier key": Parser(_text(checkpoint.VerifierKey.parse), [KEY.text.encode()]),
        "cosigner key": Parser(_text(CosignerKey.parse), [key.text.encode() for key in KEYS.values()]),
        "checkpoint": Parser(_text(checkpoint.Checkpoint.parse), [note.partition(b"\n\n")[0] + b"\n"]),
        "signed note": Parser(_text(checkpoint.note_parts), [note]),
        "opened note": Parser(_text(lambda text: checkpoint.opened(text, KEY)), [note]),
        "judged note": Parser(_text(lambda text: judge(text, POLICY)), [note]),
        "base64": Parser(_text(checkpoint.decode_base64), [b"AAAA", b"qrs=", b"/+8="]),
        "policy": Parser(Policy.parse, [POLICY.text.encode()]),
        "bundle": Parser(bundle.parse, bundles),
        "verified bundle": Parser(lambda raw: bundle.verify_bundle(raw, POLICY), bundles),
        "proof file": Parser(_text(TlogProof.parse), proof_files),
        "fork evidence": Parser(ForkEvidence.parse, [fork]),
        "verified fork": Parser(lambda raw: ForkEvidence.parse(raw).verify(POLICY), [fork]),
        "submission": Parser(Submission.parse, [submission], (ValueError,)),
    }


def _submission(tree: LogTree, note: str) -> bytes:
    """Return the body of a C2SP add-checkpoint request."""
    nodes = [checkpoint.encode_base64(node) for node in tree.consistency_proof(280, 300)]
    return "\n".join(["old 280", *nodes, "", note]).encode()


def fuzz(parser: Parser, count: int, seed: int) -> Counter[str]:
    """Read `count` damaged inputs; return outcomes by `read`, the refusal's class, or `DEFECT …`."""
    seen: Counter[str] = Counter()
    for _, raw in mutated(parser.seeds, count, seed):
        try:
            parser.read(raw)
            seen["read"] += 1
        except parser.refusals as error:
            seen[type(error).__name__] += 1
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            seen[f"DEFECT {type(error).__name__}"] += 1
    return seen
