"""The SM3 head: the standard's own vectors, the shape of the tree, the same records, and a machine without SM3."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from security.audit.checkpoint import note_parts
from security.audit.evidence import Evidence
from security.audit.policy import Policy
from security.audit.reading import read
from security.audit.sm3 import Sm3Head, Sm3MissingError, head_over, probed, signed_sm2
from tests.unit.security.audit.workshop import KEY, ORIGIN, filled


def recursive(hasher: Callable[[bytes], bytes], entries: list[bytes]) -> bytes:
    """Return MTH as RFC 6962 §2.1 writes it."""
    if len(entries) == 1:
        return hasher(b"\x00" + entries[0])
    half = 1 << (len(entries) - 1).bit_length() - 1
    return hasher(b"\x01" + recursive(hasher, entries[:half]) + recursive(hasher, entries[half:]))


def test_the_standards_vectors() -> None:
    """GB/T 32905-2016, annex A: the two examples."""
    hasher = probed()
    assert hasher(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert hasher(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


def test_every_size_has_the_root_of_the_recursive_tree() -> None:
    """Sizes 1 to 130, entry after entry."""
    head, entries = Sm3Head(ORIGIN), list[bytes]()
    for number in range(130):
        entries.append(b"entry %d" % number)
        head.add(entries[-1])
        assert head.checkpoint.root == recursive(probed(), entries)
    assert (head.checkpoint.origin, head.checkpoint.size) == (ORIGIN + "/sm3", 130)


def test_it_covers_the_records_of_the_log(tmp_path: Path) -> None:
    """One changed bit of one entry is another head."""
    entries = [each.entry for each in read(filled(tmp_path / "audit"))]
    one, other = Sm3Head(ORIGIN), Sm3Head(ORIGIN)
    for number, entry in enumerate(entries):
        one.add(entry)
        other.add(entry if number != 7 else entry[:-1] + bytes([entry[-1] ^ 1]))
    evidence = Evidence.open(tmp_path / "audit", Policy.of_key(KEY))
    assert one.checkpoint == head_over(evidence)
    assert one.checkpoint.size == other.checkpoint.size == 20
    assert one.checkpoint.root != other.checkpoint.root


def test_without_sm3_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """An OpenSSL without SM3 is a coded refusal, not another hash."""

    def absent(name: str, data: bytes = b"") -> None:
        del data
        raise ValueError(name)

    monkeypatch.setattr(hashlib, "new", absent)
    with pytest.raises(Sm3MissingError):
        Sm3Head(ORIGIN)


def test_a_providers_signature_stands_in_a_note() -> None:
    """The note is one that every signed-note parser reads; the signature is what the provider gave."""

    class Provider:
        """Signs nothing in truth."""

        public_key = b"\x04" + bytes(64)

        def sign(self, message: bytes) -> bytes:
            """Return bytes that tell what was signed."""
            return hashlib.sha256(message).digest()

    head = Sm3Head(ORIGIN).checkpoint
    text, signatures = note_parts(signed_sm2(head, Provider()))
    assert text == head.text
    assert signatures[0][0] == ORIGIN + "/sm3"
    assert signatures[0][1][4:] == hashlib.sha256(text.encode()).digest()
