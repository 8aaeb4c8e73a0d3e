"""Which logs a site on Kafka has beside the node's own, by whose keys they are signed, and keeping copies of them.

Names come from the control records, which the node signs; keys from the node's keystore, where each worker made its own
(`services/worker/keeping.py`). Neither is ever taken from a log, nor from the topic that it is copied from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

from schemas.clock import Clock
from schemas.errors import CasebusError
from security.audit.checkpoint import VerifierKey
from security.audit.policy import Policy
from security.control import Snapshot
from security.keys.port import Keystore, UnknownKeyError
from services.auditor.following import IndexFollower
from services.node.establishment import WORKERS
from services.node.ground import AUDIT_KEY
from services.node.layout import DataDirectory, NodeName
from streams.audit_copy import CopyState, TopicCopy, kept_in
from streams.audit_replica import PREFIX
from streams.bus.port import Reader


def logs_of(snapshot: Snapshot) -> set[str]:
    """Return the names of the logs that a site must have: those of its workers and of the gateways beside the node."""
    sites = snapshot.of("site").values()
    workers = {name for body in sites for kind, usual in WORKERS.items() for name in body.get(kind, usual)}
    gateways = {body.get("gateway", "") for body in snapshot.of("source").values()}
    return workers | gateways - {""}


def policy_of(keystore: Keystore, origin: str, name: str) -> Policy:
    """Return the keys that may sign the log `name` of a site whose node's log is `origin`: the log's own, the node's.

    A gateway's log is signed by the node's key, and so is one that an earlier version began.
    """
    called = f"{origin}/{name}"
    keys = []
    for label in (f"{AUDIT_KEY}/{name}", AUDIT_KEY):
        with suppress(UnknownKeyError):
            keys.append(VerifierKey(called, keystore.signer(label).public_key))
    return Policy(logs={called: tuple(keys)})


class LogCopies:
    """Keeps the copies of a node up with their topics, and an index with each; one process does it for a node."""

    def __init__(self, data: DataDirectory, name: NodeName, keystore: Keystore, reader: Reader, clock: Clock) -> None:
        self._data, self._name, self._keystore, self._reader, self._clock = data, name, keystore, reader, clock
        self._copies: dict[str, tuple[TopicCopy, IndexFollower]] = {}

    def look(self) -> Mapping[str, CopyState]:
        """Follow every topic of a log that is there or was; return how far each copy is.

        Raises:
            UnavailableError: the bus does not answer.
        """
        there = {topic.removeprefix(PREFIX) for topic in self._reader.topics(PREFIX)} - {self._name.node}
        return {name: self._follow(name) for name in sorted(there | kept_in(self._data.logs))}

    def close(self) -> None:
        """Give every file back."""
        for copy, index in self._copies.values():
            copy.close()
            index.close()
        self._copies.clear()

    def _follow(self, name: str) -> CopyState:
        if name not in self._copies:
            self._copies[name] = self._made(name)
        copy, index = self._copies[name]
        state = copy.look()
        if state.signed:
            # The index is never believed: whoever searches checks it, and makes it anew.
            with suppress(CasebusError):
                index.look()
        return state

    def _made(self, name: str) -> tuple[TopicCopy, IndexFollower]:
        folder = self._data.logs / name
        copy = TopicCopy(self._reader, folder, name, f"{self._name.origin}/{name}", self._known(name), self._clock)
        laid_out = DataDirectory(folder)
        return copy, IndexFollower(laid_out.audit, laid_out.index)

    def _known(self, name: str) -> Callable[[], Policy]:
        return lambda: policy_of(self._keystore, self._name.origin, name)
