"""What a witness decides on a submitted checkpoint: C2SP tlog-witness, add-checkpoint. Sans-IO.

A witness keeps, of each log, the largest head that it has cosigned. It cosigns what continues that head and nothing
else; the caller makes the answer durable before it signs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from security.audit.checkpoint import Checkpoint, decode_base64, encode_base64, note_parts
from security.audit.cosignature import CosignerKey, cosignature_time
from security.audit.errors import NoteError
from security.audit.fork import ForkEvidence, prefix_root_of
from security.audit.policy import Judged, Policy, judge
from security.audit.proofs import HASH_BYTES, consistency_holds
from security.audit.tree import EMPTY_ROOT
from security.audit.trust_errors import CosignatureError, HeadFormError, HeadSignatureError, UnknownLogError

MAX_PROOF = 63
MAX_BODY = 65_536
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


class Status(IntEnum):
    """The answers of add-checkpoint."""

    COSIGNED = 200
    MALFORMED = 400
    UNSIGNED = 403
    UNKNOWN_LOG = 404
    CONFLICT = 409
    INCONSISTENT = 422


@dataclass(frozen=True, slots=True)
class Submission:
    """A body of add-checkpoint: the size the client thinks we know, the consistency proof from it, the signed note."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    @classmethod
    def parse(cls, body: bytes) -> Submission:
        """Read a body; ValueError where it is none."""
        top, gap, note = body.decode().partition("\n\n")
        first, *lines = top.split("\n")
        found = _OLD.fullmatch(first)
        if not gap or found is None or len(lines) > MAX_PROOF or len(body) > MAX_BODY:
            raise ValueError("body")
        try:
            proof = tuple(map(decode_base64, lines))
            note_parts(note)
        except NoteError:
            raise ValueError("body") from None
        if any(len(node) != HASH_BYTES for node in proof):
            raise ValueError("proof")
        return cls(int(found[1]), proof, note)

    @property
    def body(self) -> bytes:
        """The bytes to send."""
        lines = "".join(f"{encode_base64(node)}\n" for node in self.proof)
        return f"old {self.old}\n{lines}\n{self.note}".encode()


@dataclass(frozen=True, slots=True)
class Known:
    """The head that a witness last cosigned of a log, and the note that carried it."""

    head: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to answer. `head`, `text`: to be kept, then cosigned, where the status is 200.

    `size` is what a conflict is answered with; `evidence` proves, where there is one, that the log forked.
    """

    status: Status
    head: Checkpoint | None = None
    text: str = ""
    size: int = 0
    evidence: ForkEvidence | None = None


def origin_of(note: str) -> str:
    """Return the origin that a note names, believing nothing; empty where it holds no checkpoint."""
    try:
        return Checkpoint.parse(note_parts(note)[0]).origin
    except NoteError:
        return ""


def decide(submission: Submission, logs: Policy, known: Known | None) -> Verdict:
    """Decide on a submission; `logs` names the logs this witness follows, `known` what it knows of this one."""
    try:
        judged = judge(submission.note, logs, quorum=False)
    except UnknownLogError:
        return Verdict(Status.UNKNOWN_LOG)
    except HeadSignatureError:
        return Verdict(Status.UNSIGNED)
    except HeadFormError:
        return Verdict(Status.MALFORMED)
    return _continues(submission, judged, known)


def _continues(submission: Submission, judged: Judged, known: Known | None) -> Verdict:
    """Decide on a head that the log has signed, by what is known of the log."""
    head, old = judged.checkpoint, submission.old
    last = known.head if known else Checkpoint(head.origin, 0, EMPTY_ROOT)
    if old > head.size:
        return Verdict(Status.MALFORMED)
    if old != last.size or (old == head.size and head.root != last.root):
        return Verdict(Status.CONFLICT, size=last.size, evidence=_same_size(known, head, submission.note))
    if not consistency_holds(old, head.size, last.root, head.root, submission.proof):
        return Verdict(Status.INCONSISTENT, size=last.size, evidence=_forked(known, head, submission))
    return Verdict(Status.COSIGNED, head, judged.text)


def _same_size(known: Known | None, head: Checkpoint, note: str) -> ForkEvidence | None:
    """Two signed heads of one size with different roots need no further proof."""
    if known is None or known.head.size != head.size or known.head.root == head.root:
        return None
    return ForkEvidence(known.note, note, head.root, ())


def _forked(known: Known | None, head: Checkpoint, submission: Submission) -> ForkEvidence | None:
    """A proof that leads to the new root from another old one shows that the log has two histories."""
    if known is None:
        return None
    prefix = prefix_root_of(known.head.size, head.size, submission.proof, head.root)
    if prefix is None or prefix == known.head.root:
        return None
    return ForkEvidence(known.note, submission.note, prefix, submission.proof)


def set_back(note: str, own: CosignerKey, known: Known | None) -> bool:
    """Tell whether a note carries our own cosignature over more than we know: our state was set back.

    Nobody else can make such a line, so it is believed even where the rest of the note is not.
    """
    try:
        text, signatures = note_parts(note)
        head = Checkpoint.parse(text)
        mine = cosignature_time(text, signatures, own)
    except (NoteError, CosignatureError):
        return False
    if mine is None:
        return False
    return (
        known is None or head.size > known.head.size or (head.size == known.head.size and head.root != known.head.root)
    )
