"""Evidence that stands by itself: records, their inclusion proofs, a cosigned head, the policy. Sans-IO (ADR 0013).

A bundle is one JSON document in canonical form with one line break behind it. Its `sha256` covers every other part, so
that any careless change is found; what a careful one would change is under the log's and the witnesses' signatures.
Keys come from the verifier alone: the policy in the bundle says what the exporter went by and must equal the
verifier's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from schemas.errors import IntegrityError
from security.audit.bundle_errors import (
    BundleChecksumError,
    BundleFormError,
    BundlePolicyError,
    BundleVersionError,
    ConsistencyError,
    EarlierHeadError,
    InclusionError,
    LinkError,
    PolicyDiffersError,
    RecordFormError,
    RecordOrderError,
    RecordPlaceError,
)
from security.audit.checkpoint import Checkpoint, decode_base64, encode_base64
from security.audit.errors import NoteError
from security.audit.policy import Judged, Policy, judge
from security.audit.proofs import HASH_BYTES, consistency_holds, inclusion_holds
from security.audit.record import BODY_AT, MAX_BODY, PREFIX, Entry, FormError, decode
from security.audit.tree import leaf_hash
from security.audit.trust_errors import PolicyFormError

FORMAT = "casebus.bundle/v1"
MAX_PROOF = 64


class BundleRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record: its canonical body as text, the leaf before it (64 hex), its number, its path (base64, leaf first)."""

    body: str
    prev: str
    proof: tuple[str, ...]
    seq: int

    @property
    def entry(self) -> bytes:
        """The entry E whose hash is the leaf; ValueError where `prev` is no hash."""
        prev = bytes.fromhex(self.prev)
        if len(prev) != HASH_BYTES or prev.hex() != self.prev:
            raise ValueError("prev")
        return PREFIX + prev + self.body.encode()


class Earlier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An earlier head (signed note) that the bundle's head continues, and the proof of it (base64, RFC 6962 §2.1.2)."""

    checkpoint: str
    proof: tuple[str, ...]


class Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A bundle; its keys are written in alphabetical order.

    Attributes:
        checkpoint: the head as a signed note, with the cosignatures.
        format: `casebus.bundle/v1`.
        policy: the policy by which it was made (C2SP tlog-policy), in `Policy.text` form.
        records: ascending, each once.
        earlier: an earlier head, for the proof that nothing was rewritten since.
        sha256: hex digest of the document without this key.
    """

    checkpoint: str
    format: str
    policy: str
    records: tuple[BundleRecord, ...]
    earlier: Earlier | None = None
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verifier may rely on.

    Attributes:
        head: the checkpoint. cosigned: when each witness cosigned it, POSIX seconds.
        records: the records, as they stand in the log. leaves: their leaf hashes.
        since: size of the earlier head that the log continues, None where the bundle has none.
    """

    head: Checkpoint
    cosigned: Mapping[str, int]
    records: tuple[Entry, ...]
    leaves: tuple[bytes, ...]
    since: int | None

    def as_dict(self) -> dict[str, Any]:
        """Render it for JSON."""
        return {
            "ok": True,
            "origin": self.head.origin,
            "records": len(self.records),
            "seqs": [record.seq for record in self.records],
            "size": self.head.size,
            "root": self.head.root.hex(),
            "cosigned": dict(self.cosigned),
            "since": self.since,
            "faults": [],
        }


_decoder = msgspec.json.Decoder(Bundle)
_encoder = msgspec.json.Encoder(order="sorted")


def record_of(seq: int, entry: bytes, proof: Sequence[bytes]) -> BundleRecord:
    """Return entry `seq` as a bundle holds it."""
    body, prev = entry[BODY_AT:].decode(), entry[len(PREFIX) : BODY_AT].hex()
    return BundleRecord(body, prev, tuple(map(encode_base64, proof)), seq)


def seal(
    note: str, policy: Policy, records: Sequence[BundleRecord], earlier: tuple[str, Sequence[bytes]] | None = None
) -> bytes:
    """Return the bytes of a bundle; `earlier` is an earlier note and the consistency proof from it."""
    before = Earlier(earlier[0], tuple(map(encode_base64, earlier[1]))) if earlier else None
    ordered = tuple(sorted(records, key=lambda record: record.seq))
    bundle = Bundle(note, FORMAT, policy.text, ordered, before)
    return _written(msgspec.structs.replace(bundle, sha256=sha256(_written(bundle)).hexdigest()))


def parse(content: bytes) -> Bundle:
    """Read a bundle's bytes; nothing in it is believed yet.

    Raises:
        BundleFormError, BundleVersionError, BundleChecksumError: it is no whole bundle that this program knows.
    """
    try:
        said = json.loads(content)
        version = said.get("format") if isinstance(said, dict) else None
        if isinstance(version, str) and version.startswith("casebus.bundle/") and version != FORMAT:
            raise BundleVersionError(known=FORMAT)
        bundle = _decoder.decode(content)
    except (ValueError, RecursionError, msgspec.DecodeError):
        raise BundleFormError(what="json") from None
    if bundle.format != FORMAT or not bundle.records:
        raise BundleFormError(what="records" if bundle.format == FORMAT else "format")
    if _written(bundle) != content:
        raise BundleFormError(what="canonical")
    if sha256(_written(msgspec.structs.replace(bundle, sha256=""))).hexdigest() != bundle.sha256:
        raise BundleChecksumError
    return bundle


def verify_bundle(content: bytes, policy: Policy, *, own_policy: bool = False) -> Verified:
    """Verify a bundle by the verifier's `policy`; everything in the result is proved.

    With `own_policy` the policy inside the bundle is left unread: the verifier's judges alone.

    Raises:
        IntegrityError: its class and code say what is wrong; `bundle.*` and `trust.*`.
    """
    bundle = parse(content)
    if not own_policy:
        _same_policy(bundle.policy, policy)
    head = judge(bundle.checkpoint, policy)
    records, leaves = _records(bundle.records, head.checkpoint)
    since = _continues(bundle.earlier, head, policy) if bundle.earlier else None
    return Verified(head.checkpoint, head.cosigned, records, leaves, since)


def _same_policy(text: str, policy: Policy) -> None:
    try:
        said = Policy.parse(text.encode())
    except (PolicyFormError, UnicodeError):
        raise BundlePolicyError from None
    if said != policy or text != policy.text:
        raise PolicyDiffersError


def _records(records: Sequence[BundleRecord], head: Checkpoint) -> tuple[tuple[Entry, ...], tuple[bytes, ...]]:
    decoded: list[Entry] = []
    leaves: list[bytes] = []
    last = -1
    for record in records:
        seq = record.seq
        if seq <= last:
            raise RecordOrderError(seq=seq)
        entry, said = _said(record)
        if said.seq != seq or seq >= head.size:
            raise RecordPlaceError(seq=seq)
        if seq == last + 1 and leaves and entry[len(PREFIX) : BODY_AT] != leaves[-1]:
            raise LinkError(seq=seq)
        leaf = leaf_hash(entry)
        if not inclusion_holds(leaf, seq, head.size, _hashes(record.proof, InclusionError(seq=seq)), head.root):
            raise InclusionError(seq=seq)
        decoded.append(said)
        leaves.append(leaf)
        last = seq
    return tuple(decoded), tuple(leaves)


def _said(record: BundleRecord) -> tuple[bytes, Entry]:
    try:
        entry = record.entry
        body = entry[BODY_AT:]
        if len(body) > MAX_BODY:
            raise FormError("length")
        return entry, decode(body)
    except ValueError:
        raise RecordFormError(seq=record.seq) from None


def _continues(earlier: Earlier, head: Judged, policy: Policy) -> int:
    """Check the earlier head and return its size. Its witnesses may be fewer: the later quorum speaks for both."""
    try:
        before = judge(earlier.checkpoint, policy, quorum=False).checkpoint
    except IntegrityError as error:
        raise EarlierHeadError(why=error.code) from None
    after = head.checkpoint
    if before.origin != after.origin or before.size > after.size:
        raise EarlierHeadError(why="order")
    proof = _hashes(earlier.proof, ConsistencyError(old=before.size, new=after.size))
    if not consistency_holds(before.size, after.size, before.root, after.root, proof):
        raise ConsistencyError(old=before.size, new=after.size)
    return before.size


def _hashes(proof: Sequence[str], fault: IntegrityError) -> list[bytes]:
    if len(proof) > MAX_PROOF:
        raise fault
    try:
        return [decode_base64(node) for node in proof]
    except NoteError:
        raise fault from None


def _written(bundle: Bundle) -> bytes:
    return _encoder.encode(bundle) + b"\n"
