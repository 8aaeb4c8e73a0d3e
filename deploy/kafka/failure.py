"""What stops the local Kafka from starting, with the next step to take."""

from __future__ import annotations


class LocalKafkaError(Exception):
    """The local Kafka cannot be had: what is wrong, and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message}\n  → {hint}")
