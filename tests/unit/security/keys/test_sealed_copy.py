"""The sealed copy of a keystore: opens with its passphrase alone, and not at all once it was changed."""

from __future__ import annotations

import base64
import json

import pytest

from security.keys.sealed_copy import PassphraseError, seal, unseal

PASSPHRASE = "correct horse battery"


def test_it_opens_with_its_passphrase_alone() -> None:
    """The same bytes come back; another passphrase, a short one, and two copies of the same differ."""
    copy = seal(b"keystore", PASSPHRASE)
    assert unseal(copy, PASSPHRASE) == b"keystore"
    assert seal(b"keystore", PASSPHRASE) != copy
    assert b"keystore" not in copy
    with pytest.raises(PassphraseError):
        unseal(copy, PASSPHRASE + "!")
    with pytest.raises(PassphraseError):
        seal(b"keystore", "too short")


@pytest.mark.parametrize("part", ["nonce", "salt", "sealed"])
def test_a_changed_copy_does_not_open(part: str) -> None:
    """One bit of any part."""
    body = json.loads(seal(b"keystore", PASSPHRASE))
    raw = bytearray(base64.b64decode(body[part]))
    raw[0] ^= 1
    changed = json.dumps({**body, part: base64.b64encode(raw).decode()}).encode()
    with pytest.raises(PassphraseError):
        unseal(changed, PASSPHRASE)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"nonce": 1}'])
def test_what_is_no_copy_is_refused(content: bytes) -> None:
    """Any other file."""
    with pytest.raises(PassphraseError):
        unseal(content, PASSPHRASE)
