"""What consumer groups have committed on a Kafka: how far a receiver says it has come. Asked, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kafka.admin import KafkaAdminClient

from streams.bus.kafka_address import KafkaAddress
from streams.bus.kafka_errors import translated

CONNECT_MS = 8_000
Committed = Mapping[str, Mapping[tuple[str, int], int]]
"""Group → (topic, partition) → the offset it goes on from."""


class KafkaGroups:
    """A connection that asks for committed offsets; opened when it is first asked."""

    def __init__(self, address: KafkaAddress) -> None:
        self._address = address
        self._client: KafkaAdminClient | None = None

    def committed(self, groups: Sequence[str]) -> Committed:
        """Return what each group has committed; a group that never did has nothing.

        Raises:
            UnavailableError: the Kafka cannot be reached. DeniedError: its rules do not let us ask.
        """
        if not groups:
            return {}
        with translated():
            if self._client is None:
                self._client = KafkaAdminClient(
                    **self._address.options(),
                    client_id="casebus-groups",
                    bootstrap_timeout_ms=CONNECT_MS,
                    request_timeout_ms=2 * CONNECT_MS,
                )
            found = self._client.list_group_offsets(list(groups))
        return {
            group: {(place.topic, place.partition): held.offset for place, held in offsets.items() if held.offset > 0}
            for group, offsets in found.items()
        }

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None
