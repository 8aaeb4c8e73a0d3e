"""What a keystore keeps, as a value: KEKs with their ids, secrets, signing seeds and epochs; and its JSON form."""

from __future__ import annotations

from typing import Final

import msgspec

from security.keys.port import KID_LENGTH, KekName, KeystoreDamagedError, Random, UnknownKeyError
from security.keys.wrapping import KEY_LENGTH

FORMAT: Final = 1


class StoredKek(msgspec.Struct, frozen=True):
    """One KEK: its opaque id on the wire, and the key."""

    kid: bytes
    key: bytes


class Material(msgspec.Struct, omit_defaults=False, forbid_unknown_fields=True):
    """Everything a file keystore holds; bytes are base64 in JSON.

    `keks` is keyed by the text of `KekName`; `epochs` holds the current epoch of agencies that were rotated.
    """

    format: int = FORMAT
    keks: dict[str, StoredKek] = msgspec.field(default_factory=dict)
    secrets: dict[str, bytes] = msgspec.field(default_factory=dict)
    signers: dict[str, bytes] = msgspec.field(default_factory=dict)
    epochs: dict[str, int] = msgspec.field(default_factory=dict)

    def kek(self, name: KekName) -> StoredKek:
        """Return the KEK `name`; raises `UnknownKeyError`."""
        found = self.keks.get(str(name))
        if found is None:
            raise UnknownKeyError(name=str(name))
        return found

    def add_kek(self, name: KekName, random: Random) -> bool:
        """Make the KEK unless it is there; tell whether it was made. A key id never stands twice."""
        if str(name) in self.keks:
            return False
        taken = {kek.kid for kek in self.keks.values()}
        kid = random(KID_LENGTH)
        while kid in taken:
            kid = random(KID_LENGTH)
        self.keks[str(name)] = StoredKek(kid, random(KEY_LENGTH))
        return True


def encode(material: Material) -> bytes:
    """Render the JSON file."""
    return msgspec.json.format(msgspec.json.encode(material, order="deterministic")) + b"\n"


def decode(raw: bytes) -> Material:
    """Read the JSON file; anything that does not parse or is of another format raises `KeystoreDamagedError`."""
    try:
        material = msgspec.json.decode(raw, type=Material)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise KeystoreDamagedError from None
    keys = [k.key for k in material.keks.values()] + [*material.secrets.values(), *material.signers.values()]
    kids = [k.kid for k in material.keks.values()]
    sound = all(len(key) == KEY_LENGTH for key in keys) and all(len(kid) == KID_LENGTH for kid in kids)
    if material.format != FORMAT or not sound or len(set(kids)) != len(kids):
        raise KeystoreDamagedError
    return material
