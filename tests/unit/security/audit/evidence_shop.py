"""A witnessed log, bundles of it, and ways to change one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from security.audit.checkpoint import Checkpoint, VerifierKey, note_parts, signed
from security.audit.cosignature import CosignerKey, cosigned
from security.audit.evidence import Evidence
from security.audit.policy import Policy
from security.audit.record import Entry
from security.keys.signing import Ed25519Signer
from tests.unit.security.audit.workshop import KEY, ORIGIN, SIGNER, open_log, release

AT = 1_700_000_000
WITNESSES = {name: Ed25519Signer(bytes([n + 101] * 32)) for n, name in enumerate(("court", "police", "justice"))}
KEYS = {name: CosignerKey(f"witness.test/{name}", signer.public_key) for name, signer in WITNESSES.items()}
POLICY = Policy.parse(
    (
        f"log {KEY.text}\n"
        + "".join(f"witness {name} {key.text}\n" for name, key in KEYS.items())
        + "group agencies 2 court police justice\nquorum agencies\n"
    ).encode()
)
FORGER = Ed25519Signer(bytes([99] * 32))
Change = Callable[[dict[str, Any]], None]


def cosign(note: str, *names: str) -> str:
    """Return the note with cosignatures."""
    text = note_parts(note)[0]
    return note + "".join(cosigned(text, KEYS[name].name, WITNESSES[name], AT) for name in names)


def witnessed(directory: Path) -> tuple[Evidence, str]:
    """Make a log of 300 records with a cosigned head; return its evidence and an earlier head of 280."""
    log = open_log(directory)
    log.append([release(n) for n in range(280)])
    earlier = log.checkpoint()
    log.append(
        [
            *[release(n) for n in range(280, 299)],
            Entry(act="open", actor="警员", data={"x": ["\u00e9\n\x01", {"y": [1]}]}),
        ]
    )
    log.close()
    note = (directory / "checkpoint").read_text(encoding="utf-8")
    (directory / "cosigned").write_text(cosign(note, "court", "police"), encoding="utf-8")
    return Evidence.open(directory, POLICY), earlier


def resealed(document: dict[str, Any]) -> bytes:
    """Write a bundle with a checksum that fits, as a careful forger would."""
    document.pop("sha256", None)
    digest = sha256(written(document)).hexdigest()
    return written({**document, "sha256": digest})


def written(document: dict[str, Any]) -> bytes:
    """Write canonical JSON with one line break."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _record(number: int, **changes: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["records"][number].update(changes)

    return change


def _swap(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


def _edit(key: str, old: str, new: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        document[key] = _swap(document[key], old, new)

    return change


def _body(number: int, old: str, new: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        record = document["records"][number]
        record["body"] = _swap(record["body"], old, new)

    return change


def _order(document: dict[str, Any]) -> None:
    document["records"].reverse()


def _twice(document: dict[str, Any]) -> None:
    document["records"].append(document["records"][-1])


def _proofs_swapped(document: dict[str, Any]) -> None:
    first, second = document["records"][:2]
    first["proof"], second["proof"] = second["proof"], first["proof"]


def _renumbered(document: dict[str, Any]) -> None:
    document["records"][-1]["seq"] += 1


def _beyond(document: dict[str, Any]) -> None:
    record = document["records"][-1]
    record["seq"] = 999
    record["body"] = _swap(record["body"], '"seq":299', '"seq":999')


def _other_log(document: dict[str, Any]) -> None:
    text = note_parts(document["checkpoint"])[0]
    head = Checkpoint.parse(text)
    key = VerifierKey(ORIGIN, FORGER.public_key)
    note = cosign(signed(head, FORGER), "court", "police")
    document["checkpoint"] = note
    document["policy"] = Policy({ORIGIN: (key,)}, POLICY.witnesses, POLICY.groups, POLICY.quorum).text


def _stripped(document: dict[str, Any]) -> None:
    lines = document["checkpoint"].splitlines(keepends=True)
    document["checkpoint"] = "".join(lines[:-1])


def _unsigned(document: dict[str, Any]) -> None:
    lines = document["checkpoint"].splitlines(keepends=True)
    document["checkpoint"] = "".join(lines[:4] + lines[5:])


def _dated(document: dict[str, Any]) -> None:
    lines = document["checkpoint"].splitlines(keepends=True)
    *start, coded = lines[-1].split(" ")
    raw = bytearray(base64.b64decode(coded))
    raw[11] ^= 1
    lines[-1] = " ".join([*start, base64.b64encode(bytes(raw)).decode() + "\n"])
    document["checkpoint"] = "".join(lines)


def _truncated(note: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["checkpoint"] = cosign(note, "court", "police")

    return change


def _earlier(**changes: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["earlier"].update(changes)

    return change


def _proof_of_earlier(document: dict[str, Any]) -> None:
    document["earlier"]["proof"].pop()


def _longer_proof(document: dict[str, Any]) -> None:
    document["earlier"]["proof"].append(document["earlier"]["proof"][0])


def _drop_node(document: dict[str, Any]) -> None:
    document["records"][0]["proof"].pop()


def _grow(document: dict[str, Any]) -> None:
    document["records"][0]["proof"] *= 10


def _larger_earlier(document: dict[str, Any]) -> None:
    document["earlier"]["checkpoint"] = signed(Checkpoint(ORIGIN, 301, bytes(32)), SIGNER)


def forgeries(earlier: str) -> Iterator[tuple[str, Change, str]]:
    """Yield (what a careful forger changes, the change, the code that must answer)."""
    yield "a value of a record", _body(0, '"sub":"s', '"sub":"t'), "bundle.inclusion"
    yield "white space in a record", _body(0, '"act":', '"act": '), "bundle.record_form"
    yield "an unknown key", _body(0, '"act":', '"aaa":"","act":'), "bundle.record_form"
    yield "a key twice", _body(0, '"act":"release"', '"act":"open","act":"release"'), "bundle.record_form"
    yield "a float", _body(0, '"epoch":1', '"epoch":1.0'), "bundle.record_form"
    yield "a default written", _body(0, '"data":', '"ctl":0,"data":'), "bundle.record_form"
    yield "no object", _record(0, body="[]"), "bundle.record_form"
    yield "not NFC", _body(4, "\u00e9", "e\u0301"), "bundle.record_form"
    yield "another name", _body(4, "警员", "警官"), "bundle.inclusion"
    yield "the leaf before", _record(0, prev="00" * 32), "bundle.inclusion"
    yield "the leaf before of a neighbour", _record(2, prev="00" * 32), "bundle.chain"
    yield "capitals in the leaf before", _record(0, prev="AB" * 32), "bundle.record_form"
    yield "a short leaf before", _record(0, prev="00"), "bundle.record_form"
    yield "its number", _renumbered, "bundle.record_place"
    yield "its number inside too", _beyond, "bundle.record_place"
    yield "the order", _order, "bundle.record_order"
    yield "a record twice", _twice, "bundle.record_order"
    yield "a negative number", _record(0, seq=-1), "bundle.record_order"
    yield "paths swapped", _proofs_swapped, "bundle.inclusion"
    yield "a path cut", _drop_node, "bundle.inclusion"
    yield "a path grown", _grow, "bundle.inclusion"
    yield "a path that is no base64", _record(0, proof=["?"]), "bundle.inclusion"
    yield "the size", _edit("checkpoint", "\n300\n", "\n301\n"), "trust.head_signature"
    yield "the root", _edit("checkpoint", "\n300\n", "\n300\nx"), "trust.head_form"
    yield "the origin", _edit("checkpoint", ORIGIN, ORIGIN + "x"), "trust.unknown_log"
    yield "the log's signature", _unsigned, "trust.head_signature"
    yield "the log's key, and the policy with it", _other_log, "bundle.policy_differs"
    yield "a cosignature taken away", _stripped, "trust.quorum"
    yield "the time of a cosignature", _dated, "trust.cosignature"
    yield "an earlier head in its place", _truncated(earlier), "bundle.inclusion"
    yield "the quorum", _edit("policy", "agencies 2 ", "agencies 1 "), "bundle.policy_differs"
    yield "a witness's name", _edit("policy", "witness court ", "witness kourt "), "bundle.policy_form"
    yield "a comment in the policy", _edit("policy", "log ", "# x\nlog "), "bundle.policy_differs"
    yield "the earlier head", _earlier(checkpoint=_swap(earlier, "\n280\n", "\n279\n")), "bundle.earlier_head"
    yield "an earlier head that is later", _larger_earlier, "bundle.earlier_head"
    yield "a consistency proof cut", _proof_of_earlier, "bundle.consistency"
    yield "a consistency proof grown", _longer_proof, "bundle.consistency"
    yield "another consistency proof", _earlier(proof=["A" * 43 + "="]), "bundle.consistency"
    yield "the version", _edit("format", "/v1", "/v2"), "bundle.version"
    yield "the format", _edit("format", "casebus.bundle", "casebus"), "bundle.form"
    yield "no record at all", lambda document: document.update(records=[]), "bundle.form"
    yield "a key more", lambda document: document.update(more=1), "bundle.form"
    yield "a key less", lambda document: document.pop("policy"), "bundle.form"
    yield "a type", _record(0, seq="0"), "bundle.form"
    yield "a record's key more", _record(0, more=""), "bundle.form"
    yield "earlier as nothing", lambda document: document.update(earlier=None), "bundle.form"
