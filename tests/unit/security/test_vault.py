"""The identity vault and its erasure: one key a person, two approvals by others, no erasure under a hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from schemas.clock import ManualClock
from security.audit.blob_check import BlobReport, check
from security.audit.blobs import BlobStore
from security.audit.record import Entry
from security.erasure import (
    Erasing,
    HeldError,
    NoSuchHoldError,
    NotAnEraserError,
    NotRequestedError,
    RequestedError,
    SamePersonError,
)
from security.keys.memory import MemoryKeystore
from security.sealing import Sealer
from security.vault import NotInVaultError, Vault, VaultBrokenError

ONE, TWO = (b"\x01" + bytes([n]) * 32 for n in (1, 2))
CLEAR = b'{"name":"canary-name"}'
CLOCK = ManualClock(1_000_000)


@dataclass
class Kept:
    """A log in memory: what was appended, in order."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def first(self) -> int:
        """Number of the last record."""
        return len(self.entries) - 1

    def append(self, entries: Sequence[Entry]) -> Kept:
        """Keep them."""
        self.entries += entries
        return self


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    """A vault beside an empty log."""
    (tmp_path / "audit").mkdir()
    keys = Sealer(MemoryKeystore(), CLOCK, provisions=True)
    return Vault(tmp_path / "keys", BlobStore(tmp_path / "audit"), keys)


def everything(folder: Path) -> bytes:
    """Return every byte under a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_what_is_kept_opens_for_its_person_and_stands_nowhere_in_clear(vault: Vault, tmp_path: Path) -> None:
    """Each person has a key of their own; neither file nor name holds a clear value or the person key."""
    sealed, other = vault.keep(ONE, "a", CLEAR), vault.keep(TWO, "a", b"two")

    assert (vault.open(ONE, "a"), vault.open(TWO, "a")) == (CLEAR, b"two")
    assert sealed.kid != other.kid
    held = everything(tmp_path)
    assert b"canary-name" not in held
    assert ONE not in held
    assert not any(ONE.hex() in str(path) for path in tmp_path.rglob("*"))


def test_the_same_name_is_kept_once(vault: Vault) -> None:
    """An event that is sealed again after a crash is named as before: its leaf still fits."""
    assert vault.keep(ONE, "a", CLEAR) == vault.keep(ONE, "a", CLEAR)


def test_an_altered_blob_is_told(vault: Vault, tmp_path: Path) -> None:
    """One flipped bit, or a blob under another name, does not open."""
    sealed = vault.keep(ONE, "a", CLEAR)
    path = tmp_path / "audit" / "blobs" / sealed.kid / "a"
    whole = path.read_bytes()
    path.with_name("b").write_bytes(whole)
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    for name in ("a", "b"):
        with pytest.raises(VaultBrokenError):
            vault.open(ONE, name)


def test_erasure_takes_three_persons_and_leaves_nothing_that_opens(vault: Vault, tmp_path: Path) -> None:
    """Who asks does not approve, nobody approves twice; then key and blobs are gone, and old copies do not open."""
    sealed = vault.keep(ONE, "a", CLEAR)
    copy = (tmp_path / "audit" / "blobs" / sealed.kid / "a").read_bytes()
    vault.keep(TWO, "a", b"two")
    log = Kept()
    erasing = Erasing(vault, log, CLOCK, "procuratorate-990103", "P_CASE")
    with pytest.raises(NotRequestedError):
        erasing.approve(ONE, "b")

    erasing.request(ONE, "PIPL-47", "a")
    with pytest.raises(RequestedError):
        erasing.request(ONE, "PIPL-47", "b")
    with pytest.raises(SamePersonError):
        erasing.approve(ONE, "a")
    assert erasing.approve(ONE, "b") is None
    with pytest.raises(SamePersonError):
        erasing.approve(ONE, "b")
    assert vault.open(ONE, "a") == CLEAR
    assert erasing.approve(ONE, "c") == log.first

    said = log.entries[-1]
    assert (said.act, said.out, said.data["approvers"], said.data["blobs"]) == ("erase", "ok", ["b", "c"], 1)
    with pytest.raises(NotInVaultError):
        vault.open(ONE, "a")
    assert sealed.kid.encode() not in everything(tmp_path / "keys")
    assert vault.open(TWO, "a") == b"two"
    vault.keep(ONE, "b", b"new")
    BlobStore(tmp_path / "audit").put("a", copy)
    with pytest.raises(NotInVaultError):
        vault.open(ONE, "a")


def test_a_legal_hold_refuses_until_another_person_lifts_it(vault: Vault) -> None:
    """Held: neither asked for nor approved, and the attempt is on record; who set it does not lift it."""
    vault.keep(ONE, "a", CLEAR)
    log = Kept()
    erasing = Erasing(vault, log, CLOCK, "procuratorate-990103", "P_CASE")
    erasing.request(ONE, "PIPL-47", "a")
    erasing.hold(ONE, "H-1", "d")

    with pytest.raises(HeldError):
        erasing.approve(ONE, "b")
    assert (log.entries[-1].act, log.entries[-1].out) == ("erase", "erasure.held")
    with pytest.raises(SamePersonError):
        erasing.lift(ONE, "H-1", "d")
    with pytest.raises(NoSuchHoldError):
        erasing.lift(ONE, "H-2", "b")
    erasing.lift(ONE, "H-1", "b")

    assert erasing.approve(ONE, "b") is None
    assert erasing.approve(ONE, "c") is not None


def test_an_operator_takes_no_part(vault: Vault) -> None:
    """Whoever runs the machine neither asks nor approves nor holds; the attempt is on record."""
    vault.keep(ONE, "a", CLEAR)
    log = Kept()

    with pytest.raises(NotAnEraserError):
        Erasing(vault, log, CLOCK, "casebus-990100", "OPS").request(ONE, "PIPL-47", "a")

    assert (log.entries[-1].out, log.entries[-1].role) == ("erasure.role", "OPS")
    assert vault.subject(ONE).erasure is None


def test_level_four_says_present_erased_or_missing(vault: Vault, tmp_path: Path) -> None:
    """A blob is there as it was, was erased by a record, or is missing; a changed one and one left over are faults."""
    one, two, three = vault.keep(ONE, "a", CLEAR), vault.keep(TWO, "a", b"two"), vault.keep(TWO, "b", b"three")
    store = BlobStore(tmp_path / "audit")
    records = [Entry(act="publish", pii=(one, two, three), seq=0), Entry(act="tick", seq=1)]
    whole, report = BlobReport(), BlobReport()
    assert list(check(records, store, whole)) == []
    assert (whole.present, whole.erased, whole.missing) == (3, 0, 0)

    erased = Entry(act="erase", obj=one.kid, data={"kid": one.kid}, seq=2)
    assert [f.kind for f in check([*records, erased], store, BlobReport())] == ["blob_left"]
    vault.destroy(ONE)
    (tmp_path / "audit" / "blobs" / two.kid / "b").unlink()
    altered = tmp_path / "audit" / "blobs" / two.kid / "a"
    altered.write_bytes(altered.read_bytes()[:-1] + b"\0")

    found = list(check([*records, erased], store, report))

    assert [(f.kind, f.seq) for f in found] == [("blob_missing", 0), ("blob_missing", 0)]
    assert (report.present, report.erased, report.missing, report.erased_by) == (0, 1, 2, {one.kid: 2})
