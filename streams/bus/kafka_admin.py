"""Asking a Kafka what it is and has, and making topics and access rules; never taking anything away."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ConfigResource,
    ConfigResourceType,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import SecurityDisabledError

from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import translated
from streams.bus.kafka_topics import Difference, Found, Plan, Wanted

logging.getLogger("kafka").setLevel(logging.WARNING)

PREFIX = "casebus."
GATEWAY = "gateway"
PRODUCE = 0
HEADERS = 3
"""The version of the produce request that brought record headers, idempotence and transactions (Kafka 0.11)."""
CONNECT_MS = 8_000


@dataclass(frozen=True, slots=True)
class Survey:
    """A Kafka as it answers: how many brokers are up and how many it knows, and whether it takes our records."""

    up: int
    known: int
    takes_headers: bool


class KafkaAdmin:
    """An administrator's connection."""

    def __init__(self, address: KafkaAddress) -> None:
        with translated():
            self._client = KafkaAdminClient(
                **address.options(),
                client_id="casebus-doctor",
                bootstrap_timeout_ms=CONNECT_MS,
                request_timeout_ms=2 * CONNECT_MS,
            )

    def survey(self) -> Survey:
        """Ask who is there and what is spoken."""
        with translated():
            brokers = self._client.describe_cluster()["brokers"]
            spoken = {int(key): versions for key, versions in self._client.api_versions().items()}
        up = [broker for broker in brokers if not broker.get("is_fenced")]
        return Survey(len(up), len(brokers), spoken.get(PRODUCE, (0, 0))[1] >= HEADERS)

    def topics(self, names: Iterable[str]) -> dict[str, Found]:
        """Return those of the topics that exist."""
        wanted = set(names)
        with translated():
            existing = {
                each["name"]: each["partitions"] for each in self._client.describe_topics() if each["name"] in wanted
            }
            if not existing:
                return {}
            resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in sorted(existing)]
            settings = self._client.describe_configs(resources, config_filter="all")["topic"]
        return {name: _found(partitions, settings[name]) for name, partitions in existing.items()}

    def make(self, topics: Sequence[Wanted]) -> None:
        """Make topics that do not exist; returns when each partition has a leader."""
        if not topics:
            return
        with translated(topics[0].name):
            self._client.create_topics(
                {
                    topic.name: {
                        "num_partitions": topic.partitions,
                        "replication_factor": topic.copies,
                        "configs": dict(topic.settings),
                    }
                    for topic in topics
                },
                wait_for_metadata=True,
            )

    def set(self, differing: Sequence[Difference]) -> None:
        """Set the settings that differ; nothing else of a topic is touched."""
        by_topic: dict[str, dict[str, str]] = {}
        for each in differing:
            if each.kind == "setting":
                by_topic.setdefault(each.topic, {})[each.setting] = each.wanted
        if by_topic:
            with translated(min(by_topic)):
                self._client.alter_configs(
                    [ConfigResource(ConfigResourceType.TOPIC, name, configs) for name, configs in by_topic.items()]
                )

    def allow(self, plan: Plan) -> bool:
        """Make the access rules that are missing; False where this Kafka has none at all."""
        with translated():
            try:
                held, _ = self._client.describe_acls(_EVERY)
            except SecurityDisabledError:
                return False
            wanted = set(rules(plan)) - set(held)
            if wanted:
                self._client.create_acls(sorted(wanted, key=repr))
        return True

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def rules(plan: Plan) -> Iterator[Any]:
    """Yield the access rules: who may write, read and see each topic; each role's own groups and transactions.

    A group and a transaction begin with `casebus.` and the role, as in `casebus.release/…`. A name that is no process,
    such as a subscription's, has the one group of its name, which the gateway may look at, and no transaction.
    """
    strangers: set[str] = set()
    for topic in plan.topics:
        place = ResourcePattern(ResourceType.TOPIC, topic.name)
        rights = (
            (ACLOperation.WRITE, topic.write),
            (ACLOperation.READ, topic.read),
            (ACLOperation.DESCRIBE, topic.see),
        )
        for operation, names in rights:
            strangers |= set(names) - set(plan.processes)
            yield from (_rule(name, operation, place) for name in names)
    for name in sorted(strangers):
        group = ResourcePattern(ResourceType.GROUP, PREFIX + name)
        yield _rule(name, ACLOperation.READ, group)
        # How far a receiver has committed stands in the node's audit log, beside what was released to it.
        watching = (process for process, roles in sorted(plan.processes.items()) if GATEWAY in roles)
        yield from (_rule(process, ACLOperation.DESCRIBE, group) for process in watching)
    for process, roles in sorted(plan.processes.items()):
        for role in roles:
            own = (PREFIX + role, ACLResourcePatternType.PREFIXED)
            yield _rule(process, ACLOperation.READ, ResourcePattern(ResourceType.GROUP, *own))
            yield _rule(process, ACLOperation.WRITE, ResourcePattern(ResourceType.TRANSACTIONAL_ID, *own))
            yield _rule(process, ACLOperation.DESCRIBE, ResourcePattern(ResourceType.TRANSACTIONAL_ID, *own))


def _rule(name: str, operation: ACLOperation, place: ResourcePattern) -> Any:
    return ACL(f"User:{name}", "*", operation, ACLPermissionType.ALLOW, place)


def _found(partitions: Sequence[dict[str, Any]], settings: dict[str, Any]) -> Found:
    copies = min((len(each["replica_nodes"]) for each in partitions), default=0)
    return Found(len(partitions), copies, {key: str(each["value"]) for key, each in settings.items()})


_EVERY = ACLFilter(
    principal=None,
    host=None,
    operation=ACLOperation.ANY,
    permission_type=ACLPermissionType.ANY,
    resource_pattern=ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
)
