"""Signed heads: the note's form, keys, and what must be refused."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from security.audit.checkpoint import Checkpoint, VerifierKey, opened, signed, unverified
from security.audit.errors import NoteError, SignerRefusedError
from security.audit.signer import HeadSigner
from security.audit.tree import EMPTY_ROOT, Tree, leaf_hash
from security.keys.signing import Ed25519Signer
from tests.unit.security.audit.workshop import KEY, ORIGIN, SIGNER

HEAD = Checkpoint(ORIGIN, 3, bytes(range(32)))


def test_golden_note() -> None:
    """The text, the key id and the (deterministic) Ed25519 signature are these bytes."""
    assert signed(HEAD, SIGNER) == (
        "casebus.test/990100/audit/n1\n3\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n"
        "— casebus.test/990100/audit/n1 "
        "pleyVbh/d+u2aGRp7K9PQStTIoy2iAm+ZM3xdPOQQG8zyqXRgnG2uEJBn5pkTKnIBeb6Lg0bC7ZZf+1rNszu2iqp2wg=\n"
    )
    assert KEY.text == "casebus.test/990100/audit/n1+a657b255+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4"


def test_a_note_opens_with_its_key() -> None:
    """A signed head opens with its key, and its key's text form reads back."""
    assert opened(signed(HEAD, SIGNER), KEY) == HEAD
    assert VerifierKey.parse(KEY.text + "\n") == KEY
    assert unverified(signed(HEAD, SIGNER)) == HEAD


def test_other_signatures_are_ignored() -> None:
    """Signature lines of unknown keys before and after ours are ignored (signed-note, verification)."""
    note = signed(HEAD, SIGNER)
    other = f"\u2014 witness.example {base64.b64encode(bytes(68)).decode()}\n"
    text, ours = note.split("\n\n")

    assert opened(f"{text}\n\n{other * 15}{ours}{other}", KEY) == HEAD


def test_a_second_signature_of_ours_must_fit_too() -> None:
    """A known key with a signature that does not fit rejects the whole note, whatever else fits."""
    note = signed(HEAD, SIGNER)
    line = note.split("\n\n")[1]
    wrong = line[:-6] + ("AAA=" if line[-6:-2] != "AAA=" else "BBB=") + "\n"

    with pytest.raises(NoteError):
        opened(note + wrong, KEY)


def test_extension_lines_are_covered_and_left_alone() -> None:
    """A head with extension lines opens, since a reader must not refuse them; a changed one does not."""
    text = HEAD.text + "an extension\n"
    signature = base64.b64encode(KEY.key_id + SIGNER.sign(text.encode())).decode()
    note = f"{text}\n\u2014 {ORIGIN} {signature}\n"

    assert opened(note, KEY) == HEAD
    with pytest.raises(NoteError):
        opened(note.replace("an extension", "on extension"), KEY)


BAD = {
    "unsigned": HEAD.text,
    "no signature line": HEAD.text + "\n",
    "cut": signed(HEAD, SIGNER)[:-1],
    "control character": signed(HEAD, SIGNER).replace("\n3\n", "\n3\r\n"),
    "leading zero": signed(HEAD, SIGNER).replace("\n3\n", "\n03\n"),
    "not a number": signed(HEAD, SIGNER).replace("\n3\n", "\nx\n"),
    "two lines": signed(HEAD, SIGNER).replace("\n3\n", "\n"),
    "short root": signed(HEAD, SIGNER).replace("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "AAEC"),
    "another size": signed(HEAD, SIGNER).replace("\n3\n", "\n4\n"),
    "another dash": signed(HEAD, SIGNER).replace("\u2014", "-"),
    "other key": signed(HEAD, Ed25519Signer(bytes(32))),
    "other origin": signed(Checkpoint("elsewhere", 3, HEAD.root), SIGNER),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_notes_are_refused(name: str) -> None:
    """Every malformed, unsigned or otherwise signed note is refused with one coded error."""
    with pytest.raises(NoteError):
        opened(BAD[name], KEY)


@given(st.text(max_size=300))
def test_any_text_is_refused_with_the_same_error(text: str) -> None:
    """No text at all makes the parser fail in another way."""
    with pytest.raises(NoteError):
        opened(text, KEY)


@pytest.mark.parametrize("text", ["", "a+b", "name+00000000+" + "A" * 44, KEY.text[:-4], "x" + KEY.text, "a+b+c+d"])
def test_bad_keys_are_refused(text: str) -> None:
    """A verifier key whose hash, type or length does not fit is refused."""
    with pytest.raises(NoteError):
        VerifierKey.parse(text)


def tree_of(*names: bytes) -> Tree:
    """Return a tree with these entries."""
    tree = Tree()
    tree.extend([leaf_hash(name) for name in names])
    return tree


def test_signer_signs_continuations_only(tmp_path: Path) -> None:
    """The signer signs what continues its last head, and neither a fork, a smaller tree nor a wrong proof."""
    signer = HeadSigner(ORIGIN, SIGNER, tmp_path / "signer" / "head")
    tree, fork = tree_of(b"a", b"b", b"c", b"d", b"e"), tree_of(b"a", b"b", b"x", b"d", b"e")
    signer.sign(3, tree.root(3), [])

    for size, root, proof in (
        (5, fork.root(), fork.consistency_proof(3, 5)),
        (2, tree.root(2), []),
        (3, fork.root(3), []),
        (5, tree.root(), []),
    ):
        with pytest.raises(SignerRefusedError):
            signer.sign(size, root, proof)
    note = signer.sign(5, tree.root(), tree.consistency_proof(3, 5))

    assert opened(note, KEY).size == 5


def test_signer_remembers_over_a_restart(tmp_path: Path) -> None:
    """A new signer object goes on from the state in its file, and refuses a state that was changed."""
    path = tmp_path / "signer" / "head"
    HeadSigner(ORIGIN, SIGNER, path).sign(2, tree_of(b"a", b"b").root(), [])
    again = HeadSigner(ORIGIN, SIGNER, path)

    assert again.last.size == 2
    with pytest.raises(SignerRefusedError):
        again.sign(1, tree_of(b"a").root(), [])
    path.write_text(path.read_text(encoding="utf-8").replace("\n2\n", "\n1\n"), encoding="utf-8")
    with pytest.raises(SignerRefusedError):
        HeadSigner(ORIGIN, SIGNER, path)


def test_signer_without_state_starts_from_the_empty_tree(tmp_path: Path) -> None:
    """A signer that never signed continues the empty tree, or adopts a head that its own key signed."""
    signer = HeadSigner(ORIGIN, SIGNER, tmp_path / "head")

    assert (signer.last.size, signer.last.root) == (0, EMPTY_ROOT)
    signer.adopt(HEAD)
    assert signer.last == HEAD
