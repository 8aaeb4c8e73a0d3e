"""Evidence of a fork that needs nobody: two heads that one key signed and that cannot be of one history. Sans-IO.

It holds an earlier head of size m, a later one of size n, the root that the first m records of the later tree have, and
the consistency proof of that. Where that root is not the one the earlier head signs, the log has two histories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from schemas.errors import IntegrityError
from security.audit.checkpoint import decode_base64, encode_base64
from security.audit.errors import NoteError
from security.audit.policy import Policy, judge
from security.audit.proofs import HASH_BYTES, consistency_holds
from security.audit.tree import node_hash

FORMAT = "casebus.fork/v1"
MAX_PROOF = 63


class NoForkError(IntegrityError):
    """What was offered as evidence of a fork proves none."""

    code = "trust.no_fork"


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    earlier: str
    format: str
    later: str
    prefix_root: str
    proof: tuple[str, ...]


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(_Written)


@dataclass(frozen=True, slots=True)
class ForkEvidence:
    """Two signed notes, the root of the later tree's first records, and the proof of that (RFC 6962 §2.1.2)."""

    earlier: str
    later: str
    prefix_root: bytes
    proof: tuple[bytes, ...]

    @property
    def content(self) -> bytes:
        """The file's bytes: canonical JSON."""
        proof = tuple(map(encode_base64, self.proof))
        said = _Written(self.earlier, FORMAT, self.later, encode_base64(self.prefix_root), proof)
        return _encoder.encode(said) + b"\n"

    @classmethod
    def parse(cls, content: bytes) -> ForkEvidence:
        """Read a file; NoForkError where it is none."""
        try:
            said = _decoder.decode(content)
            prefix, proof = decode_base64(said.prefix_root), tuple(map(decode_base64, said.proof))
        except (ValueError, RecursionError, msgspec.DecodeError, NoteError):
            raise NoForkError(what="form") from None
        if said.format != FORMAT or len(proof) > MAX_PROOF or len(prefix) != HASH_BYTES:
            raise NoForkError(what="form")
        return cls(said.earlier, said.later, prefix, proof)

    def verify(self, policy: Policy) -> tuple[str, int, int]:
        """Return (origin, size, size) of the two heads, if they prove that the log forked.

        Raises:
            NoForkError: they do not: a signature is missing, or both are of one history, or the proof does not fit.
        """
        try:
            earlier = judge(self.earlier, policy, quorum=False).checkpoint
            later = judge(self.later, policy, quorum=False).checkpoint
        except IntegrityError as error:
            raise NoForkError(what=error.code) from None
        if earlier.origin != later.origin or not 0 < earlier.size <= later.size:
            raise NoForkError(what="order")
        if self.prefix_root == earlier.root:
            raise NoForkError(what="same history")
        if not consistency_holds(earlier.size, later.size, self.prefix_root, later.root, self.proof):
            raise NoForkError(what="proof")
        return earlier.origin, earlier.size, later.size


def prefix_root_of(old: int, new: int, proof: Sequence[bytes], root: bytes) -> bytes | None:
    """Return the root of the first `old` records that a proof leads to, if it also leads to `root` at size `new`.

    None where it does not, or where the proof leaves that root out: `old` a power of two (RFC 9162 §2.1.4.2, step 2).
    """
    if not 0 < old < new or not proof or old & (old - 1) == 0:
        return None
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    prefix = proof[0]
    for node in proof[1:]:
        if fn & 1 or fn == sn:
            prefix = node_hash(node, prefix)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        fn, sn = fn >> 1, sn >> 1
    return prefix if consistency_holds(old, new, prefix, root, proof) else None
