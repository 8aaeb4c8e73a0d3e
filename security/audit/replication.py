"""Keeping a replica in step: every durable group goes there in order, and a record counts once it is there too."""

from __future__ import annotations

import threading
from collections import deque

from security.audit.builder import Built
from security.audit.errors import ReplicaFencedError
from security.audit.pipeline import Pipeline
from security.audit.replica import Copied, Replica


class Replication:
    """Takes groups from a pipeline to its replica; `size` is how many records both have."""

    def __init__(self, pipeline: Pipeline, replica: Replica) -> None:
        self._pipeline, self._replica = pipeline, replica
        self._lock = threading.Lock()
        self.size = pipeline.size
        self._written: deque[Built] = deque()
        pipeline.written = self._written

    def keep_until(self, size: int) -> None:
        """Return when the replica has `size` records; groups that failed before go first.

        Raises:
            UnavailableError: the replica cannot have them now.
            ReplicaFencedError: another writer has it: this one writes no more.
        """
        with self._lock:
            if self.size >= size:
                return
            # The pipeline wrote these in order, and those up to `size` before this call.
            groups = list(self._written)
            try:
                self._replica.keep([Copied(each.size - len(each.leaves), each.size, each.content) for each in groups])
            except ReplicaFencedError as error:
                self._pipeline.kill(error)
                raise
            for _ in groups:
                self._written.popleft()
            self.size = groups[-1].size
