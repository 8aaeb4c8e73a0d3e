"""What befalls brokers: one of three is lost and comes back, all are restarted in turn, all are gone for a while."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.kafka.cluster import Cluster
from tests.integration.kafka.chain_faults import Chain

COPIES = 3
REST = 3.0


@dataclass
class Outages:
    """Takes brokers of a cluster away under a chain that works, and counts what it did."""

    cluster: Cluster
    chain: Chain
    losses: int = 0
    restarts: int = 0
    blackouts: int = 0

    def lose(self, number: int, seconds: float) -> None:
        """End one broker by kill -9, let the chain go on without it, bring it back."""
        self.cluster.kill(number)
        self.chain.rest(seconds)
        self.cluster.start(number, tied=True)
        self.losses += 1

    def roll(self) -> None:
        """Restart every broker cleanly, one after the other."""
        for seat in self.cluster.seats:
            self.cluster.stop(seat.number)
            self.cluster.start(seat.number, tied=True)
            self.chain.rest(REST)
            self.restarts += 1

    def black_out(self, seconds: float) -> None:
        """Take every broker away at once; workers may end themselves and are started again."""
        self.cluster.kill()
        self.chain.rest(seconds)
        self.cluster.start(tied=True)
        self.blackouts += 1
