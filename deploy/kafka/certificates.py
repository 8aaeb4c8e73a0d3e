"""Certificates of a local Kafka: one authority, a certificate for each broker and each client.

They are for tests and trials. A site's own authority signs the certificates of a site; the names stay the same:
organisational unit none, organisation `bus`, common name the client's role, such as `O=bus,CN=gateway`.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORGANISATION = "bus"
BROKER = "broker"
ADMIN = "admin"
LIFE = dt.timedelta(days=365)
PRIVATE = 0o600


@dataclass(frozen=True)
class Authority:
    """Signs certificates into a folder: `ca.pem`, and NAME.pem with key and certificate, mode 0600."""

    folder: Path

    @property
    def root(self) -> Path:
        """The authority's certificate."""
        return self.folder / "ca.pem"

    def make(self) -> None:
        """Make the authority, unless it is there."""
        if self.root.exists():
            return
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _begin(_name("authority"), _name("authority"), key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        write_private(self.folder / "ca.key", _key_bytes(key))
        self.root.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def certificate(self, name: str, *hosts: str) -> Path:
        """Return the file with key and certificate of `name`, made when it is first asked for.

        It is good for a server on this machine and on `hosts`.
        """
        path = self.folder / f"{name}.pem"
        if not path.exists():
            write_private(path, self._signed(name, hosts))
        return path

    def _signed(self, name: str, hosts: tuple[str, ...]) -> bytes:
        signer = serialization.load_pem_private_key((self.folder / "ca.key").read_bytes(), None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise TypeError(type(signer).__name__)
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.load_pem_x509_certificate(self.root.read_bytes()).subject
        addresses: list[x509.GeneralName] = [
            x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")),
            x509.DNSName("localhost"),
        ]
        addresses += [x509.DNSName(host) for host in hosts]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = (
            _begin(_name(name), issuer, key.public_key())
            .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        )
        certificate = builder.sign(signer, hashes.SHA256())
        return _key_bytes(key) + certificate.public_bytes(serialization.Encoding.PEM)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _begin(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + LIFE)
    )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION),
        ]
    )


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
