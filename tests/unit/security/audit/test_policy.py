"""Policies of trust (C2SP tlog-policy): what they mean, and what is no policy."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.audit.checkpoint import Checkpoint, VerifierKey, signed
from security.audit.cosignature import CosignerKey, cosigned
from security.audit.policy import Policy, judge
from security.audit.trust_errors import (
    CosignatureError,
    HeadFormError,
    HeadSignatureError,
    PolicyFormError,
    QuorumError,
    UnknownLogError,
)
from security.keys.signing import Ed25519Signer
from tests.unit.security.audit.workshop import KEY, ORIGIN, SIGNER

NAMES = ("X1", "X2", "X3", "Y1", "Y2")
WITNESSES = {name: Ed25519Signer(bytes([n + 1] * 32)) for n, name in enumerate(NAMES)}
KEYS = {name: CosignerKey(f"witness.test/{name}", signer.public_key) for name, signer in WITNESSES.items()}
LINES = f"log {KEY.text}\n" + "".join(f"witness {name} {key.text}\n" for name, key in KEYS.items())
GROUPS = "group X 2 X1 X2 X3\ngroup Y any Y1 Y2\ngroup both all X Y\nquorum both\n"
HEAD = Checkpoint(ORIGIN, 3, bytes(range(32)))
AT = 1_700_000_000


def policy(text: str = LINES + GROUPS) -> Policy:
    """Read a policy."""
    return Policy.parse(text.encode())


def note(*witnesses: str) -> str:
    """Return a head that these witnesses have cosigned."""
    lines = [cosigned(HEAD.text, KEYS[name].name, WITNESSES[name], AT) for name in witnesses]
    return signed(HEAD, SIGNER) + "".join(lines)


@pytest.mark.parametrize("given_", [c for n in range(6) for c in itertools.combinations(NAMES, n)])
def test_a_quorum_of_groups(given_: tuple[str, ...]) -> None:
    """Two of X and one of Y, no less: every one of the 32 subsets."""
    enough = len({"X1", "X2", "X3"} & set(given_)) >= 2 and bool({"Y1", "Y2"} & set(given_))

    assert policy().met_by(given_) == enough
    if enough:
        assert judge(note(*given_), policy()).cosigned == dict.fromkeys(given_, AT)
    else:
        with pytest.raises(QuorumError):
            judge(note(*given_), policy())


def test_the_form_is_one() -> None:
    """Comments, blanks and places change nothing of what a policy means; its text reads back to itself."""
    loose = "# ours\n\n \t" + LINES.replace("witness X1", "witness\t X1").replace("\n", " \n") + GROUPS
    placed = LINES.replace(KEY.text, KEY.text + " https://log.test/") + GROUPS

    assert policy(loose) == policy(placed) == policy()
    assert Policy.parse(policy().text.encode()) == policy()
    assert policy(placed).log_urls == {ORIGIN: "https://log.test/"}
    assert Policy.of_key(KEY) == policy(f"log {KEY.text}\nquorum none\n")


OTHER = CosignerKey("other", KEYS["X1"].public_key)
BAD = {
    "no quorum": LINES,
    "two quorums": LINES + GROUPS + "quorum X\n",
    "unknown quorum": LINES + "quorum Z\n",
    "quorum before its group": LINES + "quorum X\ngroup X 1 X1\n",
    "no last line break": LINES + "quorum none",
    "unknown word": LINES + "logs x\nquorum none\n",
    "witness without key": "witness a\nquorum none\n",
    "a log key for a witness": f"witness a {KEY.text}\nquorum none\n",
    "a witness key for a log": f"log {KEYS['X1'].text}\nquorum none\n",
    "a log twice": f"log {KEY.text}\nlog {KEY.text}\nquorum none\n",
    "the same log key under another name": (
        f"log {KEY.text}\nlog {VerifierKey('elsewhere', KEY.public_key).text}\nquorum none\n"
    ),
    "the same witness key under another name": LINES + f"witness a {OTHER.text}\nquorum none\n",
    "a name twice": LINES + f"witness X1 {CosignerKey('a', bytes(32)).text}\nquorum none\n",
    "a group named none": LINES + "group none 1 X1\nquorum none\n",
    "a group named as a witness": LINES + "group X1 1 X2\nquorum none\n",
    "none as a member": LINES + "group a 1 none\nquorum a\n",
    "an unknown member": LINES + "group a 1 Z\nquorum a\n",
    "itself as a member": LINES + "group a 1 a\nquorum none\n",
    "a member twice": LINES + "group a 1 X1 X1\nquorum a\n",
    "a member of two groups": LINES + "group a 1 X1\ngroup b 1 X1\nquorum a\n",
    "no member": LINES + "group a 1\nquorum none\n",
    "threshold 0": LINES + "group a 0 X1\nquorum a\n",
    "threshold above": LINES + "group a 2 X1\nquorum a\n",
    "threshold with a zero": LINES + "group a 01 X1\nquorum a\n",
    "threshold negative": LINES + "group a -1 X1\nquorum a\n",
    "carriage return": LINES + "quorum none\r\n",
    "zero byte": "\0" + LINES + "quorum none\n",
    "delete": LINES + "#\x7f\nquorum none\n",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_policy(name: str) -> None:
    """Every file that breaks a rule of the format is refused with the number of its line."""
    with pytest.raises(PolicyFormError) as refused:
        policy(BAD[name])

    assert refused.value.fields["line"] >= 1


@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    """Whatever stands in the file, it is a policy or refused as none."""
    try:
        found = Policy.parse(content)
    except PolicyFormError:
        return
    assert Policy.parse(found.text.encode(errors="surrogateescape")) == found


def test_names_are_octets() -> None:
    """Names that look alike are different: K is not the Kelvin sign, and bytes that are no UTF-8 are names too."""
    key = KEYS["X1"].text
    raw = (
        f"witness K {key}\ngroup ".encode()
        + "\u212a".encode()
        + b" 1 K\ngroup \xff\xfe 1 \xe2\x84\xaa\nquorum \xff\xfe\n"
    )

    assert Policy.parse(raw).met_by({"K"})


def test_heads_that_are_refused() -> None:
    """No form, an unknown log, a false or missing log signature, a false cosignature: each has its own code."""
    good = note("X1", "X2", "Y1")
    other = signed(Checkpoint("elsewhere", 3, HEAD.root), SIGNER)
    unsigned = HEAD.text + "\n" + cosigned(HEAD.text, KEYS["X1"].name, WITNESSES["X1"], AT)
    forged = good.replace("\n3\n", "\n4\n")
    later = cosigned(HEAD.text, KEYS["X3"].name, WITNESSES["X3"], AT)
    moved = note("X1", "X2", "Y1") + later.replace(later[-10:-4], "AAAAAA")
    for bad, error in (
        ("", HeadFormError),
        (HEAD.text, HeadFormError),
        (other, UnknownLogError),
        (unsigned, HeadSignatureError),
        (forged, HeadSignatureError),
        (moved, CosignatureError),
    ):
        with pytest.raises(error):
            judge(bad, policy())
    assert judge(note(), policy(), quorum=False).cosigned == {}


def test_a_cosignature_is_bound_to_its_time_and_head() -> None:
    """The signed message has the header, the time and the whole text (C2SP tlog-cosignature, the signed message)."""
    line = cosigned(HEAD.text, KEYS["X1"].name, WITNESSES["X1"], AT)
    said = f"cosignature/v1\ntime {AT}\n{HEAD.text}".encode()
    raw = base64.b64decode(line.split(" ")[2])

    assert raw[:4] == KEYS["X1"].key_id
    assert raw[4:12] == AT.to_bytes(8, "big")
    assert raw[12:] == WITNESSES["X1"].sign(said)
