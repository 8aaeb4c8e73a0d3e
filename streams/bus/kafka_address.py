"""Where a Kafka is and how to speak to it: bootstrap servers, and with TLS the authority and a client certificate."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from schemas.errors import UsageError

BOOTSTRAP = "CASEBUS_KAFKA"
AUTHORITY = "CASEBUS_KAFKA_CA"
CERTIFICATE = "CASEBUS_KAFKA_CERTIFICATE"


class KafkaAddressError(UsageError):
    """The bootstrap servers, the authority or the certificate cannot be used."""

    code: ClassVar[str] = "kafka.address"


@dataclass(frozen=True)
class KafkaAddress:
    """A Kafka as one client sees it.

    Attributes:
        bootstrap: `host:port`, several joined by commas.
        authority: PEM file of the certificate authority; None: no TLS.
        certificate: PEM file with this client's key and certificate chain.
    """

    bootstrap: str
    authority: Path | None = None
    certificate: Path | None = None

    def __post_init__(self) -> None:
        for server in self.servers:
            host, _, port = server.rpartition(":")
            if not host or not port.isdigit():
                raise KafkaAddressError(reason="host:port")
        if self.certificate and not self.authority:
            raise KafkaAddressError(reason="certificate without authority")

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] | None = None) -> KafkaAddress | None:
        """Read `CASEBUS_KAFKA`, `CASEBUS_KAFKA_CA` and `CASEBUS_KAFKA_CERTIFICATE`; None where there is no Kafka."""
        given = os.environ if environment is None else environment
        bootstrap = given.get(BOOTSTRAP, "")
        if not bootstrap:
            return None
        authority, certificate = given.get(AUTHORITY), given.get(CERTIFICATE)
        return cls(bootstrap, Path(authority) if authority else None, Path(certificate) if certificate else None)

    def environment(self) -> dict[str, str]:
        """Return the variables that name this address to a child process."""
        named = {BOOTSTRAP: self.bootstrap, AUTHORITY: self.authority, CERTIFICATE: self.certificate}
        return {name: str(value) for name, value in named.items() if value}

    @property
    def servers(self) -> list[str]:
        """The bootstrap servers, one by one."""
        return [server.strip() for server in self.bootstrap.split(",")]

    def ssl_context(self) -> ssl.SSLContext | None:
        """Return the TLS context, None for a plain connection.

        Raises:
            KafkaAddressError: a file is missing or holds no such thing.
        """
        if self.authority is None:
            return None
        try:
            context = ssl.create_default_context(cafile=str(self.authority))
            if self.certificate:
                context.load_cert_chain(str(self.certificate))
        except (OSError, ssl.SSLError) as error:
            raise KafkaAddressError(reason=type(error).__name__) from error
        return context

    def options(self) -> dict[str, Any]:
        """Return the connection options of kafka-python's and aiokafka's clients."""
        context = self.ssl_context()
        if context is None:
            return {"bootstrap_servers": self.servers}
        return {"bootstrap_servers": self.servers, "security_protocol": "SSL", "ssl_context": context}
