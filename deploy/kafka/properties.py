"""A broker's server.properties: a plain function of what the cluster is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.kafka.certificates import BROKER, ORGANISATION, Authority
from deploy.kafka.ports import LOOPBACK


@dataclass(frozen=True)
class Seat:
    """Where one broker sits: its number, its port for clients and brokers, its port for the controllers."""

    number: int
    port: int
    controller_port: int


def properties(
    seat: Seat, seats: list[Seat], folder: Path, authority: Authority | None, extra: Mapping[str, str]
) -> dict[str, str]:
    """Return the properties of one broker; `extra` goes over what stands here."""
    copies = min(3, len(seats))
    voters = ",".join(f"{each.number}@{LOOPBACK}:{each.controller_port}" for each in seats)
    protocol = "SSL" if authority else "PLAINTEXT"
    found = {
        "process.roles": "broker,controller",
        "node.id": str(seat.number),
        "controller.quorum.voters": voters,
        "listeners": f"EXT://{LOOPBACK}:{seat.port},CTRL://{LOOPBACK}:{seat.controller_port}",
        "advertised.listeners": f"EXT://{LOOPBACK}:{seat.port}",
        "listener.security.protocol.map": f"EXT:{protocol},CTRL:{protocol}",
        "controller.listener.names": "CTRL",
        "inter.broker.listener.name": "EXT",
        "log.dirs": str(folder / "data"),
        # A topic that nobody made beforehand would have the wrong settings; a stale copy that leads would lose records.
        "auto.create.topics.enable": "false",
        "unclean.leader.election.enable": "false",
        "default.replication.factor": str(copies),
        "min.insync.replicas": str(max(1, copies - 1)),
        "offsets.topic.replication.factor": str(copies),
        "transaction.state.log.replication.factor": str(copies),
        "transaction.state.log.min.isr": str(max(1, copies - 1)),
        "share.coordinator.state.topic.replication.factor": str(copies),
        "share.coordinator.state.topic.min.isr": str(max(1, copies - 1)),
        # A small site has few groups and few transactional producers: fewer internal partitions start sooner.
        "offsets.topic.num.partitions": "8",
        "transaction.state.log.num.partitions": "8",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "log.retention.hours": "-1",
    }
    if authority:
        found |= secured(authority)
    return found | dict(extra)


def secured(authority: Authority) -> dict[str, str]:
    """Return what asks every client for a certificate and refuses whatever no rule allows."""
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(authority.certificate(BROKER)),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.root),
        "ssl.client.auth": "required",
        "ssl.enabled.protocols": "TLSv1.3,TLSv1.2",
        # The name arrives in the reverse order of the certificate's: organisation first.
        "ssl.principal.mapping.rules": f"RULE:^O={ORGANISATION},CN=([A-Za-z0-9._-]+)$/$1/,DEFAULT",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:broker;User:admin",
        "allow.everyone.if.no.acl.found": "false",
    }


def rendered(found: Mapping[str, str]) -> str:
    """Write properties as Java reads them."""
    return "".join(f"{key}={value.replace(chr(92), chr(92) * 2)}\n" for key, value in found.items())
