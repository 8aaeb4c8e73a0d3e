"""One record with its proof, as a page shows it: body, leaf, path, signed head, and the key that signed."""

from __future__ import annotations

from typing import Any

import msgspec

from security.audit.bundle import verify_bundle
from security.audit.copying import signing_key
from security.audit.evidence import Evidence
from security.audit.record import BODY_AT, PREFIX, decode


def proved(evidence: Evidence, seq: int) -> dict[str, Any]:
    """Return record `seq` with its proof, verified here as a bundle is.

    Raises:
        RecordMissingError, RecordRetiredError: there is no such record under the head, or no more.
        IntegrityError: the log is not what was signed.
    """
    entry = evidence.entry(seq)
    verified = verify_bundle(evidence.bundle([seq]), evidence.policy)
    return {
        "seq": seq,
        "record": msgspec.to_builtins(decode(entry[BODY_AT:])),
        "body": entry[BODY_AT:].decode(),
        "prev": entry[len(PREFIX) : BODY_AT].hex(),
        "leaf": verified.leaves[0].hex(),
        "path": [node.hex() for node in evidence.path(seq)],
        "size": verified.head.size,
        "root": verified.head.root.hex(),
        "origin": verified.head.origin,
        "note": evidence.note,
        "key": signing_key(evidence.note, evidence.policy).text,
    }
