"""The private file of keys."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from security.keys.file import FileKeystore
from security.keys.material import decode
from security.keys.port import KekName, KeystoreDamagedError, UnknownKeyError, WrappedKey
from security.keys.signing import signature_fits
from security.keys.wrapping import UnwrapError
from security.private_file import PrivateFileError
from tests.unit.security.sealed import fixed_random

KEK = KekName("police", 3, frozenset({"minor"}))
DEK = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the keys are kept."""
    return tmp_path / "keys" / "keystore.json"


def test_reading_never_makes_a_key(path: Path) -> None:
    """An empty keystore refuses by name whatever is asked of it, and leaves no file."""
    keys = FileKeystore(path)

    for ask in (
        lambda: keys.wrap(KEK, DEK),
        lambda: keys.secret("linkage"),
        lambda: keys.signer("audit"),
        lambda: keys.unwrap(WrappedKey(bytes(8), bytes(60))),
    ):
        with pytest.raises(UnknownKeyError) as caught:
            ask()
        assert caught.value.code == "keys.unknown"
    assert not path.exists()


def test_what_was_provisioned_is_there_after_a_restart(path: Path) -> None:
    """KEKs, secrets and signing keys read back from the file as they were made."""
    keys = FileKeystore(path)
    keys.provision_kek(KEK)
    keys.provision_secret("linkage")
    keys.provision_signer("audit")
    wrapped = keys.wrap(KEK, DEK)

    again = FileKeystore(path)

    assert again.unwrap(wrapped) == DEK
    assert again.secret("linkage") == keys.secret("linkage")
    assert signature_fits(again.signer("audit").public_key, keys.signer("audit").sign(b"leaf"), b"leaf")
    assert not signature_fits(again.signer("audit").public_key, keys.signer("audit").sign(b"leaf"), b"lead")


def test_provisioning_twice_changes_nothing(path: Path) -> None:
    """A key that is there stays: provisioning again leaves the file byte for byte."""
    keys = FileKeystore(path)
    keys.provision_kek(KEK)
    keys.provision_secret("linkage")
    before = path.read_bytes()

    keys.provision_kek(KEK)
    keys.provision_secret("linkage")

    assert path.read_bytes() == before


def test_the_file_is_private(path: Path) -> None:
    """The file and its lock are readable by their owner alone."""
    FileKeystore(path).provision_secret("linkage")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name("keystore.json.lock").stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    """Any right of group or world makes the keystore refuse, by a code and a next step."""
    FileKeystore(path).provision_secret("linkage")
    path.chmod(mode)

    with pytest.raises(PrivateFileError) as caught:
        FileKeystore(path)

    assert caught.value.code == "keys.file"
    assert "0600" in caught.value.hint("en")


def test_a_symbolic_link_is_refused(path: Path, tmp_path: Path) -> None:
    """A link in place of the file is not followed."""
    FileKeystore(path).provision_secret("linkage")
    link = tmp_path / "link.json"
    link.symlink_to(path)

    with pytest.raises(PrivateFileError):
        FileKeystore(link)


@pytest.mark.parametrize("content", [b"", b"{}x", b'{"format": 2}', b'{"format":1,"secrets":{"a":"AA=="}}', b'{"x":1}'])
def test_a_damaged_file_is_refused(path: Path, content: bytes) -> None:
    """A file that does not parse, is of another format or holds a short key is integrity broken."""
    FileKeystore(path).provision_secret("linkage")
    path.write_bytes(content)

    with pytest.raises(KeystoreDamagedError) as caught:
        FileKeystore(path)

    assert caught.value.exit_code == 6


def test_a_key_another_process_made_is_found(path: Path) -> None:
    """A keystore that is already open sees what another one provisioned."""
    reader = FileKeystore(path)
    FileKeystore(path).provision_secret("linkage")

    assert len(reader.secret("linkage")) == 32


def test_rotation_begins_a_new_epoch_and_keeps_the_old_readable(path: Path) -> None:
    """After a rotation the epoch is 2 and what epoch 1 wrapped still opens."""
    keys = FileKeystore(path)
    keys.provision_kek(KEK)
    wrapped = keys.wrap(KEK, DEK)

    assert keys.epoch("police") == 1
    assert keys.rotate("police") == 2
    assert FileKeystore(path).epoch("police") == 2
    assert FileKeystore(path).unwrap(wrapped) == DEK


def test_an_altered_wrapped_key_is_refused(path: Path) -> None:
    """Every flipped bit position of a wrapped key is refused, as is a wrong length."""
    keys = FileKeystore(path)
    keys.provision_kek(KEK)
    wrapped = keys.wrap(KEK, DEK)

    for position in range(len(wrapped.wrapped)):
        altered = bytearray(wrapped.wrapped)
        altered[position] ^= 1
        with pytest.raises(UnwrapError):
            keys.unwrap(WrappedKey(wrapped.kid, bytes(altered)))
    with pytest.raises(UnwrapError):
        keys.unwrap(WrappedKey(wrapped.kid, wrapped.wrapped[:-1]))


def test_a_wrapped_key_belongs_to_its_kek(path: Path) -> None:
    """A wrapped key under another KEK's id is refused."""
    keys = FileKeystore(path)
    other = KekName("police", 4)
    keys.provision_kek(KEK)
    keys.provision_kek(other)

    with pytest.raises(UnwrapError):
        keys.unwrap(WrappedKey(keys.wrap(other, DEK).kid, keys.wrap(KEK, DEK).wrapped))


def test_the_key_id_does_not_tell_the_compartments(path: Path) -> None:
    """What stands on the wire is eight random bytes, not the KEK's name."""
    keys = FileKeystore(path)
    keys.provision_kek(KEK)

    assert len(keys.wrap(KEK, DEK).kid) == 8
    assert b"minor" not in keys.wrap(KEK, DEK).kid


def test_a_key_id_never_stands_twice(path: Path) -> None:
    """Where the random port repeats an id, another one is drawn."""
    draws = iter([b"k" * 8, b"1" * 32, b"k" * 8, b"l" * 8, b"2" * 32])
    keys = FileKeystore(path, random=lambda _length: next(draws))

    keys.provision_kek(KEK)
    keys.provision_kek(KekName("police", 4))

    assert {kek.kid for kek in decode(path.read_bytes()).keks.values()} == {b"k" * 8, b"l" * 8}


def test_the_file_is_the_documented_json(path: Path) -> None:
    """The file is JSON with the format, and keys under their full names."""
    keys = FileKeystore(path, random=fixed_random())
    keys.provision_kek(KEK)
    keys.provision_signer("audit")

    held = json.loads(path.read_text())

    assert held["format"] == 1
    assert list(held["keks"]) == ["kek/police/3/minor/1"]
    assert list(held["signers"]) == ["audit"]


def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A keystore below something that is no directory is a coded error."""
    (tmp_path / "file").write_text("")

    with pytest.raises(PrivateFileError):
        FileKeystore(tmp_path / "file" / "keystore.json").provision_secret("linkage")


def test_the_draft_of_a_crash_does_not_stand_in_the_way(path: Path) -> None:
    """A half-written draft that a crash left behind is replaced."""
    keys = FileKeystore(path)
    keys.provision_secret("linkage")
    path.with_name("keystore.json.new").write_bytes(b"half")

    keys.provision_secret("digest")

    assert FileKeystore(path).secret("digest") == keys.secret("digest")
