"""Verify a casebus evidence bundle, with nothing of casebus: the standard library and `cryptography` only.

    python casebus_verify.py BUNDLE --policy FILE
    python casebus_verify.py BUNDLE --public-key FILE

The policy (C2SP tlog-policy) or the log's verifier key must come from you, not from whoever gave you the bundle.
Exit: 0 the bundle holds; 2 the call is wrong; 6 it does not hold, and the code says why. No network is used.

What it checks, in this order: canonical form and checksum; the policy inside equals yours (unless --own-policy); the
log's signature and the quorum of cosignatures over the head (C2SP signed-note, tlog-checkpoint, tlog-cosignature);
each record's canonical form, its number, its link to its neighbour and its inclusion (RFC 6962); that the head
continues the earlier one, if there is one (RFC 6962).
"""

# One plain script for any Python 3, so the house rules for types and formats do not apply.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202, C901, FBT002, FBT003, N818, PLR2004, PTH123, T201, UP031

import argparse
import base64
import binascii
import hashlib
import json
import re
import sys
import unicodedata

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "casebus.bundle/v1"
BUNDLE_KEYS = {"checkpoint", "format", "policy", "records", "sha256"}
RECORD_KEYS = {"body": str, "prev": str, "proof": list, "seq": int}
TEXT, COUNT = "text", "count"
# The closed header of a record: key → (type, the default that is left out, or None where the key always stands).
HEADER = {
    **dict.fromkeys(("act", "node", "out"), (TEXT, None)),
    **dict.fromkeys(("epoch", "seq", "ts", "v"), (COUNT, None)),
    **dict.fromkeys(
        ("actor", "case", "idem", "msg", "obj", "org", "pol", "purpose", "req", "role", "topic"), (TEXT, "")
    ),
    **dict.fromkeys(("trace", "why"), (TEXT, "")),
    "ctl": (COUNT, 0),
    "off": (COUNT, -1),
    "part": (COUNT, -1),
}
LARGEST = 2**53 - 1
MAX_BODY = 16384


class Refused(Exception):
    """The bundle does not hold; the text begins with the code."""


class BadPolicy(Exception):
    """A policy does not follow the format."""


def b64(text):
    """Decode base64; only the one canonical text of each value is taken."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw or base64.b64encode(raw).decode() != text:
        raise ValueError("base64")
    return raw


def canonical(value):
    """Write JSON as RFC 8785 does for the values that are allowed here."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def once(pairs):
    """Refuse an object that has a key twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


# Keys and policies.


def key_of(text, kind):
    """Read a verifier key `name+hash+base64(type ‖ key)` and return (name, key id, public key)."""
    parts = text.strip().split("+", 2)
    raw = b64(parts[-1])
    if len(parts) != 3 or not parts[0] or raw[0] != kind or len(raw) != 33:
        raise ValueError("verifier key")
    identity = hashlib.sha256(parts[0].encode(errors="surrogateescape") + b"\n" + raw).digest()[:4]
    if identity.hex() != parts[1]:
        raise ValueError("verifier key")
    return parts[0], identity, raw[1:]


def policy_of(content):
    """Read a C2SP tlog-policy."""
    policy = {"logs": set(), "witnesses": {}, "groups": {}, "quorum": None}
    lines = content.split(b"\n")
    if lines.pop():
        raise BadPolicy("the last line has no end")
    used = set()
    for number, line in enumerate(lines, 1):
        if any((octet < 32 and octet != 9) or octet == 127 for octet in line):
            raise BadPolicy("line %d" % number)
        words = [word for word in re.split("[ \t]+", line.decode(errors="surrogateescape")) if word]
        if words and not words[0].startswith("#"):
            try:
                policy_line(policy, words, used)
            except (ValueError, IndexError):
                raise BadPolicy("line %d" % number) from None
    if policy["quorum"] is None:
        raise BadPolicy("no quorum")
    return policy


def policy_line(policy, words, used):
    """Take up one line of a policy; ValueError where it does not follow the format."""
    names = set(policy["witnesses"]) | set(policy["groups"])

    def new(name):
        if name == "none" or name in names:
            raise ValueError("name")
        return name

    if words[0] == "log" and len(words) in (2, 3):
        key = key_of(words[1], 1)
        if any(key[2] == known[2] for known in policy["logs"]):
            raise ValueError("duplicate")
        policy["logs"].add(key)
    elif words[0] == "witness" and len(words) in (3, 4):
        key = key_of(words[2], 4)
        if any(key[2] == known[2] for known in policy["witnesses"].values()):
            raise ValueError("duplicate")
        policy["witnesses"][new(words[1])] = key
    elif words[0] == "group" and len(words) >= 4:
        members = words[3:]
        if len(set(members)) != len(members) or set(members) - names or used & set(members):
            raise ValueError("member")
        used |= set(members)
        if words[2] not in ("all", "any") and not re.fullmatch("[1-9][0-9]{0,5}", words[2]):
            raise ValueError("threshold")
        needed = {"all": len(members), "any": 1}.get(words[2]) or int(words[2])
        if needed > len(members):
            raise ValueError("threshold")
        policy["groups"][new(words[1])] = (needed, tuple(members))
    elif words[0] == "quorum" and len(words) == 2:
        if policy["quorum"] is not None or (words[1] != "none" and words[1] not in names):
            raise ValueError("quorum")
        policy["quorum"] = words[1]
    else:
        raise ValueError("line")


def quorum_met(policy, cosigned, name=None):
    """Tell whether a witness or group, by default the quorum, has witnessed."""
    name = policy["quorum"] if name is None else name
    if name == "none":
        return True
    if name in policy["witnesses"]:
        return name in cosigned
    needed, members = policy["groups"][name]
    return sum(quorum_met(policy, cosigned, member) for member in members) >= needed


# Heads.


def note_of(note):
    """Split a signed note into its text and its (name, raw signature) pairs."""
    text, gap, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not gap or lines.pop() or not 0 < len(lines) <= 64:
        raise ValueError("note")
    if any(letter != "\n" and unicodedata.category(letter) == "Cc" for letter in note):
        raise ValueError("note")
    signatures = []
    for line in lines:
        name, space, coded = line[2:].partition(" ")
        if not line.startswith("\u2014 ") or not name or not space or "+" in name:
            raise ValueError("note")
        raw = b64(coded)
        if len(raw) <= 4:
            raise ValueError("note")
        signatures.append((name, raw))
    return text + "\n", signatures


def checkpoint_of(text):
    """Read origin, size and root from a note's text."""
    lines = text.split("\n")
    if len(lines) <= 3 or lines.pop() or not all(lines):
        raise ValueError("checkpoint")
    root = b64(lines[2])
    if not re.fullmatch("0|[1-9][0-9]*", lines[1]) or len(root) != 32:
        raise ValueError("checkpoint")
    return lines[0], int(lines[1]), root


def fits(public, signature, message):
    """Tell whether an Ed25519 signature fits."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def head_of(note, policy, need_quorum=True):
    """Return (origin, size, root) and who cosigned, if the policy accepts the note."""
    try:
        text, signatures = note_of(note)
        origin, size, root = checkpoint_of(text)
    except ValueError:
        raise Refused("trust.head_form: the signed head cannot be read") from None
    logs = [key for key in policy["logs"] if key[0] == origin]
    if not logs:
        raise Refused("trust.unknown_log: the head is of a log that your policy does not know")
    ours = [(key, raw[4:]) for key in logs for name, raw in signatures if (name, raw[:4]) == key[:2]]
    if not ours or not all(fits(key[2], raw, text.encode()) for key, raw in ours):
        raise Refused("trust.head_signature: the log's own signature is missing or does not fit")
    cosigned = {}
    for witness, key in policy["witnesses"].items():
        for name, raw in signatures:
            if (name, raw[:4]) == key[:2]:
                at = int.from_bytes(raw[4:12], "big")
                message = b"cosignature/v1\ntime %d\n" % at + text.encode()
                if len(raw) != 76 or at >= 2**63 or not fits(key[2], raw[12:], message):
                    raise Refused("trust.cosignature: the cosignature of %s does not fit" % witness)
                cosigned[witness] = max(at, cosigned.get(witness, 0))
    if need_quorum and not quorum_met(policy, cosigned):
        raise Refused("trust.quorum: %d witnesses have cosigned, fewer than the quorum" % len(cosigned))
    return (origin, size, root), cosigned


# Trees.


def leaf_hash(entry):
    """RFC 6962 §2.1."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    """RFC 6962 §2.1."""
    return hashlib.sha256(b"\1" + left + right).digest()


def split(count):
    """Return the largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def root_from_path(leaf, index, size, path):
    """Return the root that a path leads to (RFC 6962 §2.1.1); ValueError where its length does not fit."""
    if size == 1:
        if path:
            raise ValueError("length")
        return leaf
    half = split(size)
    if not path:
        raise ValueError("length")
    if index < half:
        return node_hash(root_from_path(leaf, index, half, path[:-1]), path[-1])
    return node_hash(path[-1], root_from_path(leaf, index - half, size - half, path[:-1]))


def roots_from_proof(old, new, proof, whole, old_root):
    """Return both roots that a consistency proof leads to (RFC 6962 §2.1.2); ValueError for a wrong length."""
    if old == new:
        if whole:
            return old_root, old_root
        if len(proof) != 1:
            raise ValueError("length")
        return proof[0], proof[0]
    if not proof:
        raise ValueError("length")
    half = split(new)
    if old <= half:
        before, after = roots_from_proof(old, half, proof[:-1], whole, old_root)
        return before, node_hash(after, proof[-1])
    before, after = roots_from_proof(old - half, new - half, proof[:-1], False, old_root)
    return node_hash(proof[-1], before), node_hash(proof[-1], after)


def consistent(old, new, old_root, new_root, proof):
    """Tell whether the tree of size `new` continues that of size `old`."""
    if old == 0:
        return not proof and old_root == hashlib.sha256().digest() and (new or new_root == old_root)
    if old == new:
        return not proof and old_root == new_root
    try:
        return roots_from_proof(old, new, proof, True, old_root) == (old_root, new_root) and used(old, new, proof)
    except ValueError:
        return False


def used(old, new, proof):
    """Tell whether a consistency proof has just as many nodes as the sizes ask for."""
    count, whole = 0, True
    while old != new:
        half = split(new)
        if old <= half:
            new = half
        else:
            old, new, whole = old - half, new - half, False
        count += 1
    return len(proof) == count + (not whole)


# Records.


def entry_of(record):
    """Return (entry bytes, what the record says); ValueError where it is not canonical."""
    prev = bytes.fromhex(record["prev"])
    body = record["body"].encode()
    if len(prev) != 32 or prev.hex() != record["prev"] or len(body) > MAX_BODY:
        raise ValueError("prev")
    said = json.loads(record["body"], object_pairs_hook=once, parse_float=no_number, parse_constant=no_number)
    if not isinstance(said, dict) or canonical(said) != body or not unicodedata.is_normalized("NFC", record["body"]):
        raise ValueError("canonical")
    header(said)
    return b"\x01\x01" + prev + body, said


def no_number(text):
    """Refuse numbers that are no integers."""
    raise ValueError(text)


def header(said):
    """Check the closed header of a record."""
    missing = {key for key, (_, default) in HEADER.items() if default is None} | {"data"}
    if missing - set(said) or set(said) - set(HEADER) - {"data", "pii"}:
        raise ValueError("keys")
    for key, value in said.items():
        if key == "data":
            if not isinstance(value, dict) or not all(allowed(item, 4) for item in value.values()) or not keys(value):
                raise ValueError("data")
        elif key == "pii":
            if not isinstance(value, list) or not value or not all(sealed(item) for item in value):
                raise ValueError("pii")
        else:
            kind, default = HEADER[key]
            if kind == TEXT and not isinstance(value, str):
                raise ValueError(key)
            limit = 2**32 - 1 if key == "part" else LARGEST
            if kind == COUNT and (type(value) is not int or not 0 <= value <= limit):
                raise ValueError(key)
            if value == default:
                raise ValueError("a default is written")


def sealed(item):
    """Tell whether an item of `pii` has its two texts."""
    return isinstance(item, dict) and set(item) == {"c", "kid"} and all(isinstance(v, str) for v in item.values())


def allowed(value, depth):
    """Tell whether a value of `data` is one that a record may hold."""
    if isinstance(value, (bool, str)):
        return True
    if type(value) is int:
        return abs(value) <= LARGEST
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else None
    return inner is not None and depth > 1 and all(allowed(item, depth - 1) for item in inner)


def keys(value):
    """Tell whether every key below is ASCII."""
    if isinstance(value, dict):
        return all(key.isascii() and keys(item) for key, item in value.items())
    return all(map(keys, value)) if isinstance(value, list) else True


# The bundle.


def bundle_of(content):
    """Read the bundle; nothing in it is believed yet."""
    try:
        said = json.loads(content.decode(), object_pairs_hook=once, parse_float=no_number, parse_constant=no_number)
    except (ValueError, RecursionError):
        raise Refused("bundle.form: this is no bundle") from None
    if not isinstance(said, dict):
        raise Refused("bundle.form: this is no bundle")
    version = said.get("format")
    if version != FORMAT and isinstance(version, str) and version.startswith("casebus.bundle/"):
        raise Refused("bundle.version: this program knows %s" % FORMAT)
    if version != FORMAT or not shaped(said) or canonical(said) + b"\n" != content:
        raise Refused("bundle.form: this is no bundle in canonical form")
    unsealed = canonical({key: value for key, value in said.items() if key != "sha256"}) + b"\n"
    if hashlib.sha256(unsealed).hexdigest() != said["sha256"]:
        raise Refused("bundle.checksum: the bundle differs from its checksum")
    return said


def shaped(said):
    """Tell whether a bundle has its keys and types."""
    texts = [said.get(key) for key in ("checkpoint", "policy", "sha256")]
    if set(said) - {"earlier"} != BUNDLE_KEYS or not all(isinstance(text, str) for text in texts):
        return False
    if not isinstance(said["records"], list) or not said["records"]:
        return False
    for record in said["records"]:
        if not isinstance(record, dict) or set(record) != set(RECORD_KEYS):
            return False
        if any(type(record[key]) is not kind for key, kind in RECORD_KEYS.items()) or not texts_only(record["proof"]):
            return False
    earlier = said.get("earlier", {"checkpoint": "", "proof": []})
    return (
        isinstance(earlier, dict)
        and set(earlier) == {"checkpoint", "proof"}
        and isinstance(earlier["checkpoint"], str)
        and texts_only(earlier["proof"])
    )


def texts_only(items):
    """Tell whether it is a list of texts."""
    return isinstance(items, list) and all(isinstance(item, str) for item in items)


def hashes(proof, refused):
    """Decode the nodes of a proof."""
    try:
        nodes = [b64(node) for node in proof]
    except ValueError:
        nodes = [b""]
    if len(nodes) > 64 or any(len(node) != 32 for node in nodes):
        raise refused
    return nodes


def check_records(records, head):
    """Check form, order, number, link and inclusion of each record."""
    last, leaf = -1, b""
    for record in records:
        seq = record["seq"]
        if seq <= last:
            raise Refused("bundle.record_order: record %d stands in the wrong place" % seq)
        try:
            entry, said = entry_of(record)
        except (ValueError, RecursionError):
            raise Refused("bundle.record_form: record %d is not canonical" % seq) from None
        if said["seq"] != seq or seq >= head[1]:
            raise Refused("bundle.record_place: record %d says another number, or lies beyond the head" % seq)
        if leaf and seq == last + 1 and entry[2:34] != leaf:
            raise Refused("bundle.chain: record %d does not continue the one before it" % seq)
        refused = Refused("bundle.inclusion: the head does not cover record %d" % seq)
        leaf = leaf_hash(entry)
        try:
            root = root_from_path(leaf, seq, head[1], hashes(record["proof"], refused))
        except ValueError:
            raise refused from None
        if root != head[2]:
            raise refused
        last = seq


def check_earlier(earlier, head, policy):
    """Check that the head continues an earlier one; return that one's size."""
    try:
        before, _ = head_of(earlier["checkpoint"], policy, need_quorum=False)
    except Refused as error:
        raise Refused("bundle.earlier_head: %s" % error) from None
    if before[0] != head[0] or before[1] > head[1]:
        raise Refused("bundle.earlier_head: another log, or not earlier")
    refused = Refused("bundle.consistency: size %d does not continue size %d" % (head[1], before[1]))
    if not consistent(before[1], head[1], before[2], head[2], hashes(earlier["proof"], refused)):
        raise refused
    return before[1]


def verify(content, policy, own_policy=False):
    """Verify a bundle's bytes by the verifier's policy and return what is proved; raises Refused."""
    bundle = bundle_of(content)
    if not own_policy:
        try:
            said = policy_of(bundle["policy"].encode())
        except (BadPolicy, UnicodeError):
            raise Refused("bundle.policy_form: the policy inside cannot be read") from None
        if said != policy or bundle["policy"].encode() != written(policy):
            raise Refused("bundle.policy_differs: the bundle was made under another policy than yours")
    head, cosigned = head_of(bundle["checkpoint"], policy)
    check_records(bundle["records"], head)
    since = check_earlier(bundle["earlier"], head, policy) if "earlier" in bundle else None
    seqs = [record["seq"] for record in bundle["records"]]
    return {
        "ok": True,
        "origin": head[0],
        "records": len(seqs),
        "seqs": seqs,
        "size": head[1],
        "root": head[2].hex(),
        "cosigned": cosigned,
        "since": since,
    }


def written(policy):
    """Write a policy in its one form."""

    def key(kind, found):
        raw = bytes([kind]) + found[2]
        return "%s+%s+%s" % (found[0], found[1].hex(), base64.b64encode(raw).decode())

    logs = sorted((log[0], key(1, log)) for log in policy["logs"])
    lines = ["log " + text for _, text in logs]
    lines += ["witness %s %s" % (name, key(4, found)) for name, found in sorted(policy["witnesses"].items())]
    lines += ["group %s %d %s" % (name, n, " ".join(members)) for name, (n, members) in policy["groups"].items()]
    return ("\n".join([*lines, "quorum " + policy["quorum"]]) + "\n").encode(errors="surrogateescape")


def main(arguments=None):
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", help="the bundle's file")
    parser.add_argument("--policy", help="your policy file (C2SP tlog-policy)")
    parser.add_argument("--public-key", help="file with the log's verifier key, where no witnesses are asked for")
    parser.add_argument("--own-policy", action="store_true", help="judge by your policy alone")
    options = parser.parse_args(arguments)
    if bool(options.policy) == bool(options.public_key):
        parser.error("name either --policy or --public-key, and keep it apart from the bundle")
    try:
        with open(options.policy or options.public_key, "rb") as file:
            given = file.read()
        policy = policy_of(given if options.policy else b"log " + given.strip() + b"\nquorum none\n")
        with open(options.bundle, "rb") as file:
            content = file.read()
    except (OSError, BadPolicy) as error:
        parser.error(str(error))
    try:
        proved = verify(content, policy, options.own_policy)
    except Refused as error:
        code, _, text = str(error).partition(": ")
        print(json.dumps({"ok": False, "code": code, "text": text}, ensure_ascii=False))
        return 6
    print(json.dumps(proved, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
