"""Sealing: golden bytes, budgets, and refusals."""

from __future__ import annotations

import hmac
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.clock import ManualClock
from security.keys.memory import MemoryKeystore
from security.keys.port import KekName, UnknownKeyError
from security.keys.wrapping import UnwrapError
from security.labels import Label
from security.sealing import (
    BODY_OVERHEAD,
    HEADER_LENGTH,
    Budget,
    SealBrokenError,
    Sealer,
    SuiteError,
    hmac_sha256,
    normalised,
)
from tests.unit.security.sealed import NOON, fixed_random, sealer

KEK = KekName("police", 3)
CLEAR = b"CANARY-clear"
GOLDEN_BLOB = (
    "01856b7471e95fcb05799f2cad4c2c974140a6d37b52c7779470a823945c5fe3b8d9ccef71260ba57c541396df8bfe72"
    "4f42706ea2765ba421e85a308b66b43a5590029b86000000000000000000000000a817459be83bc3f7e67b0b3e6ba6be"
    "896a03eac0704ba563a7c16901"
)
GOLDEN_PERSON = "0123cd2dcbc37a4e4b8e73ddbdc145b04770b03495b7ccbe6617bf44b41339299d"


def test_the_sealed_blob_never_changes() -> None:
    """With fixed keys the blob is these bytes: suite, kid, wrapped key, nonce, ciphertext, tag."""
    assert sealer().seal(KEK, b"ad", CLEAR).hex() == GOLDEN_BLOB


def test_a_golden_blob_opens() -> None:
    """The golden blob opens by the same keystore in another process' sealer."""
    keys = MemoryKeystore(random=fixed_random("keys"))
    keys.provision_kek(KEK)

    assert Sealer(keys, ManualClock(NOON)).open(bytes.fromhex(GOLDEN_BLOB), b"ad") == CLEAR


def test_seal_and_open() -> None:
    """What was sealed opens with the same associated data, and costs its overhead."""
    s = sealer()

    blob = s.seal(KEK, b"ad", CLEAR)

    assert s.open(blob, b"ad") == CLEAR
    assert CLEAR not in blob
    assert len(blob) == HEADER_LENGTH + BODY_OVERHEAD + len(CLEAR)


def test_every_flipped_byte_is_refused() -> None:
    """Each byte of a blob is bound: flipping any is refused with a code, whichever part it is of."""
    keys = MemoryKeystore(random=fixed_random("keys"))
    blob = sealer(keys).seal(KEK, b"ad", CLEAR)
    reader = Sealer(keys, ManualClock(NOON))

    codes = set()
    for position in range(len(blob)):
        altered = bytearray(blob)
        altered[position] ^= 0x40
        with pytest.raises((SealBrokenError, SuiteError, UnknownKeyError, UnwrapError)) as caught:
            reader.open(bytes(altered), b"ad")
        codes.add(caught.value.code)
    assert codes == {"sealing.suite", "keys.unknown", "keys.unwrap", "sealing.broken"}


def test_every_truncation_is_refused() -> None:
    """A blob that is cut anywhere is refused."""
    s = sealer()
    blob = s.seal(KEK, b"ad", CLEAR)

    for length in range(len(blob)):
        with pytest.raises(SealBrokenError):
            s.open(blob[:length], b"ad")


def test_other_associated_data_is_refused() -> None:
    """A blob that is moved to where it does not belong is refused."""
    s = sealer()
    blob = s.seal(KEK, b"event 1", CLEAR)

    with pytest.raises(SealBrokenError):
        s.open(blob, b"event 2")


def test_a_header_cannot_be_lent() -> None:
    """A body under another data key's header is refused."""
    s = sealer()
    header, _ = s.seal_parts(KekName("police", 4), b"ad", CLEAR)
    _, body = s.seal_parts(KEK, b"ad", CLEAR)

    with pytest.raises(SealBrokenError):
        s.open_parts(header, body, b"ad")


def test_sm4_has_its_suite_byte_and_is_refused_by_name() -> None:
    """Suite 2 is known by name and not opened by this version."""
    s = sealer()
    blob = b"\x02" + s.seal(KEK, b"ad", CLEAR)[1:]

    with pytest.raises(SuiteError) as caught:
        s.open(blob, b"ad")

    assert caught.value.fields == {"suite": 2, "name": "SM4-GCM"}


def headers(s: Sealer, count: int) -> list[bytes]:
    """Seal `count` times and return the data-key header of each."""
    return [s.seal_parts(KEK, b"", b"")[0] for _ in range(count)]


def test_a_data_key_has_a_budget_of_uses() -> None:
    """After its uses are spent the next seal makes a new data key; every nonce of a key is new."""
    s = sealer(budget=Budget(uses=3))

    parts = [s.seal_parts(KEK, b"", b"") for _ in range(7)]

    assert [p[0] for p in parts] == [parts[0][0]] * 3 + [parts[3][0]] * 3 + [parts[6][0]]
    assert len({(header, body[:12]) for header, body in parts}) == 7


def test_a_data_key_has_a_budget_of_age() -> None:
    """A data key that is too old by the clock is replaced."""
    clock = ManualClock(NOON)
    s = Sealer(MemoryKeystore(), clock, provisions=True, budget=Budget(age_us=10))

    first = headers(s, 1)
    clock.advance_to(NOON + 9)
    same = headers(s, 1)
    clock.advance_to(NOON + 10)

    assert first == same
    assert headers(s, 1) != first


def test_a_forked_child_uses_new_data_keys() -> None:
    """After a fork the child does not go on with the parent's counter nonces."""
    s = sealer()
    before = headers(s, 1)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        os.write(write, headers(s, 1)[0])
        os._exit(0)

    os.waitpid(child, 0)

    assert os.read(read, HEADER_LENGTH) != before[0]
    assert headers(s, 1) == before
    os.close(read)
    os.close(write)


def test_readers_never_make_keys() -> None:
    """A sealer that was not told to provision raises where a key is missing."""
    s = Sealer(MemoryKeystore(), ManualClock())

    with pytest.raises(UnknownKeyError):
        s.seal(KEK, b"", b"")
    with pytest.raises(UnknownKeyError):
        s.mac("gw", b"")
    with pytest.raises(UnknownKeyError):
        s.person_key("x")


def test_checking_a_mac_never_makes_keys() -> None:
    """A MAC under a name nobody registered is refused, also by a sealer that provisions."""
    with pytest.raises(UnknownKeyError):
        sealer().mac_fits("stranger", b"data", bytes(32))


def test_macs_fit_their_label_and_data_alone() -> None:
    """A MAC does not fit other data, another label, or another length."""
    s = sealer()
    mac = s.mac("gw", b"data")
    s.mac("other", b"data")

    assert s.mac_fits("gw", b"data", mac)
    assert not s.mac_fits("gw", b"date", mac)
    assert not s.mac_fits("other", b"data", mac)
    assert not s.mac_fits("gw", b"data", mac[:-1])


def test_digests_of_different_uses_never_meet() -> None:
    """The label is part of what is digested."""
    s = sealer()

    assert s.keyed_digest("case", b"1") == s.keyed_digest("case", b"1")
    assert s.keyed_digest("case", b"1") != s.keyed_digest("event", b"1")
    assert len(s.keyed_digest("case", b"1")) == 32


def test_the_person_key_never_changes() -> None:
    """With a fixed linkage key the person key is these 33 bytes, whatever width or case the number was typed in."""
    s = sealer()

    assert s.person_key("99010119850307001x").hex() == GOLDEN_PERSON
    assert s.person_key(" ９９０１０１１９８５０３０７００１Ｘ").hex() == GOLDEN_PERSON
    assert s.person_key("990101199001010027").hex() != GOLDEN_PERSON


def test_normal_form_of_an_id_number() -> None:
    """Half-width, upper case, no spaces."""
    assert normalised(" 99010119850307 001x\t") == "99010119850307001X"


def test_the_class_key_follows_the_agency_epoch() -> None:
    """After a rotation new seals go to the next epoch's KEK and old ones open."""
    keys = MemoryKeystore()
    s = sealer(keys)
    label = Label(3, frozenset({"minor"}))
    old = s.seal(s.name("police", label), b"ad", CLEAR)

    keys.rotate("police")

    assert str(s.name("police", label)) == "kek/police/3/minor/2"
    assert s.open(old, b"ad") == CLEAR


def test_a_flood_of_data_keys_is_bounded() -> None:
    """The cache of opened data keys does not grow without end, and what falls out opens again."""
    s = sealer(budget=Budget(uses=1))
    first = s.seal(KEK, b"", CLEAR)

    for _ in range(4096):
        s.seal(KEK, b"", b"")

    assert len(s._opened) <= 4096
    assert s.open(first, b"") == CLEAR


@given(key=st.binary(max_size=200), data=st.binary(max_size=300))
def test_the_prepared_hmac_is_the_standard_one(key: bytes, data: bytes) -> None:
    """For keys shorter and longer than a block, twice with the same preparation: what the standard library computes."""
    keyed = hmac_sha256(key)

    assert [keyed(data), keyed(data)] == [hmac.digest(key, data, "sha256")] * 2
    assert hmac_sha256(key, b"use\0")(data) == hmac.digest(key, b"use\0" + data, "sha256")
