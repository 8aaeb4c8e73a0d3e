"""Keys in memory: what the file adapter wraps, and what tests and the demo's checks use."""

from __future__ import annotations

from security.keys import wrapping
from security.keys.material import Material
from security.keys.port import SYSTEM_RANDOM, KekName, Random, UnknownKeyError, WrappedKey
from security.keys.signing import Ed25519Signer
from security.keys.wrapping import KEY_LENGTH


class MemoryKeystore:
    """A keystore that lives as long as the process; same rules as the file's: only `provision_*` makes keys."""

    def __init__(self, material: Material | None = None, random: Random = SYSTEM_RANDOM) -> None:
        self._random = random
        self._adopt(material or Material())

    def _adopt(self, material: Material) -> None:
        self._material = material
        self._by_kid = {kek.kid: kek for kek in material.keks.values()}

    def wrap(self, name: KekName, key: bytes) -> WrappedKey:
        """Wrap a data key by the KEK `name`."""
        kek = self._material.kek(name)
        return WrappedKey(kek.kid, wrapping.wrap(kek.key, kek.kid, key, self._random))

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """Unwrap a data key by the KEK whose id it names."""
        kek = self._by_kid.get(wrapped.kid)
        if kek is None:
            raise UnknownKeyError(name=f"kid {wrapped.kid.hex()}")
        return wrapping.unwrap(kek.key, kek.kid, wrapped.wrapped)

    def secret(self, label: str) -> bytes:
        """Return the shared secret `label`, 32 bytes."""
        if label not in self._material.secrets:
            raise UnknownKeyError(name=label)
        return self._material.secrets[label]

    def signer(self, label: str) -> Ed25519Signer:
        """Return the signing key `label`."""
        if label not in self._material.signers:
            raise UnknownKeyError(name=label)
        return Ed25519Signer(self._material.signers[label])

    def epoch(self, agency: str) -> int:
        """Return the current key epoch of `agency`."""
        return self._material.epochs.get(agency, 1)

    def provision_kek(self, name: KekName) -> None:
        """Make the KEK unless it is there."""
        if self._material.add_kek(name, self._random):
            self._adopt(self._material)

    def provision_secret(self, label: str) -> None:
        """Make the shared secret unless it is there."""
        if label not in self._material.secrets:
            self._material.secrets[label] = self._random(KEY_LENGTH)

    def provision_signer(self, label: str) -> None:
        """Make the signing key unless it is there."""
        if label not in self._material.signers:
            self._material.signers[label] = self._random(KEY_LENGTH)

    def rotate(self, agency: str) -> int:
        """Begin the next epoch of `agency`'s KEKs; what is sealed stays readable. Return the new epoch."""
        self._material.epochs[agency] = self.epoch(agency) + 1
        return self.epoch(agency)
