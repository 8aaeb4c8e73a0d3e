"""A chain under faults: workers that are killed, frozen and joined while events keep coming."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import CoordinatorNotAvailableError

from streams.bus.kafka_address import KafkaAddress
from streams.runners.faust import settings
from tests.house.tree import ROOT
from tests.integration.kafka.chain_stages import Topics
from tests.integration.kafka.chain_worker import SESSION

OPENED = b"worker.partition_opened"
ZOMBIE_SECONDS = 2.5
"""A worker that woke up is left alone so long: what a zombie does is what has to be shown harmless."""
ANYHOW = 0.2
"""The share of kills that strike at any moment of a life; the others strike just after work began."""


@dataclass
class Member:
    """One worker process and the log of its present life."""

    stage: str
    name: str
    log: Path
    process: subprocess.Popen[bytes]
    born: float
    anyhow: float
    doomed_at: float = 0.0
    frozen_until: float = 0.0

    def opened(self) -> bool:
        """Whether it holds a partition in this life."""
        return OPENED in self.log.read_bytes()


@dataclass
class Chain:
    """The workers of one run, by name, and what befell them."""

    address: KafkaAddress
    topics: Topics
    folder: Path
    seed: int = 1
    skip: int = 0
    debug: bool = False
    linger: float = 0.0
    memory: int = settings.STATE_MIB << 20
    copies: int = 1
    members: dict[str, Member] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    freezes: int = 0
    joins: int = 0
    exits: Counter[int] = field(default_factory=Counter)
    lives: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - a reproducible plan

    def make_topics(self) -> None:
        """Create the topics, the changelogs compacted."""
        topics, count = self.topics, self.topics.partitions
        wanted = [NewTopic(name, count, self.copies) for name in (topics.raw, topics.work, topics.alerts)]
        for stage in map(topics.stage, ("release", "supervise")):
            name = settings.changelog(stage.name, stage.topics[0])
            wanted.append(NewTopic(name, count, self.copies, topic_configs={"cleanup.policy": "compact"}))
        admin = KafkaAdminClient(**self.address.options())
        admin.create_topics(wanted)
        admin.close()

    def start(self, stage: str, name: str, *, static: bool = True) -> None:
        """Start a worker; static ones keep their partitions when they come back within a session."""
        self.lives += 1
        log = self.folder / f"{name}-{self.lives}.log"
        command = [sys.executable, "-m", "tests.integration.kafka.chain_worker"]
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [*command, stage, self.topics.run, name if static else "-"],
                cwd=ROOT,
                env={
                    **os.environ,
                    **self.address.environment(),
                    "CHAIN_SKIP": str(self.skip),
                    "CHAIN_DEBUG": str(int(self.debug)),
                    "CHAIN_LINGER": str(self.linger),
                    "CHAIN_MEMORY": str(self.memory),
                    "CHAIN_STATES": str(self.folder / "states"),
                },
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
            )
        self.members[name] = Member(stage, name, log, process, time.monotonic(), self.chance.random())

    def kill(self, member: Member) -> None:
        """End it by kill -9, and start it again."""
        member.process.kill()
        member.process.wait()
        self.kills[member.stage] += 1
        self.start(member.stage, member.name)

    def freeze(self, member: Member, seconds: float) -> None:
        """SIGSTOP; `tend` wakes it."""
        member.process.send_signal(signal.SIGSTOP)
        member.frozen_until = time.monotonic() + seconds
        self.freezes += 1

    def tend(self) -> None:
        """Wake who slept long enough; start again who ended itself."""
        for member in list(self.members.values()):
            if member.frozen_until and time.monotonic() > member.frozen_until:
                member.process.send_signal(signal.SIGCONT)
                member.frozen_until = 0.0
                member.doomed_at = time.monotonic() + ZOMBIE_SECONDS
            code = member.process.poll()
            if code is not None:
                self.exits[code] += 1
                self.start(member.stage, member.name)

    def rest(self, seconds: float) -> None:
        """Let the workers work."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.tend()
            time.sleep(0.1)

    def stop(self) -> None:
        """End every worker, whatever state it is in."""
        for member in self.members.values():
            with contextlib.suppress(ProcessLookupError):
                member.process.send_signal(signal.SIGCONT)
                member.process.terminate()
        for member in self.members.values():
            try:
                member.process.wait(15)
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()

    def settle(self, seconds: float) -> None:
        """Wait until both stages have taken all there is; raises TimeoutError where they do not."""
        deadline = time.monotonic() + seconds
        while not self._settled():
            self.tend()
            if time.monotonic() > deadline:
                raise TimeoutError(self.lag())
            time.sleep(0.3)

    def lag(self) -> dict[str, int]:
        """Return how far each group's commits are behind the last record of each input partition."""
        found = {}
        for stage in map(self.topics.stage, ("release", "supervise")):
            topic = stage.topics[0]
            admin = KafkaAdminClient(**self.address.options())
            committed = admin.list_group_offsets(settings.group(stage.name))[settings.group(stage.name)]
            admin.close()
            for place, last in self._last(topic).items():
                reached = committed.get(place)
                found[f"{topic}/{place.partition}"] = last + 1 - (0 if reached is None else reached.offset)
        return found

    def _settled(self) -> bool:
        try:
            return max(self.lag().values()) <= 0
        except CoordinatorNotAvailableError:
            # A broker that has just started makes its offsets topic when the first group asks.
            return False

    def _last(self, topic: str) -> dict[TopicPartition, int]:
        """Return the offset of the last record of every partition, -1 where there is none; markers are no records."""
        consumer = KafkaConsumer(isolation_level="read_committed", enable_auto_commit=False, **self.address.options())
        places = [TopicPartition(topic, n) for n in range(self.topics.partitions)]
        last = dict.fromkeys(places, -1)
        try:
            consumer.assign(places)
            ends = consumer.end_offsets(places)
            for place in places:
                consumer.seek(place, max(0, ends[place] - 40))
            while any(consumer.position(place) < ends[place] for place in places):
                for place, records in consumer.poll(timeout_ms=200).items():
                    last[place] = records[-1].offset
        finally:
            consumer.close()
        return last


def torment(chain: Chain, *, kills: int, freezes: int, joins: int, seconds: float) -> None:
    """Kill each stage's workers `kills` times in all, freeze past the session, let members come and go.

    Most kills strike shortly after a worker began to work, when transactions are open; some strike at any moment.
    """
    chance, until = chain.chance, time.monotonic() + seconds
    stages = ("release", "supervise")
    next_freeze = next_join = time.monotonic() + 4.0
    while time.monotonic() < until:
        chain.tend()
        now = time.monotonic()
        done = all(chain.kills[stage] >= kills for stage in stages)
        if done and chain.freezes >= freezes and chain.joins >= joins:
            break
        # While one of a stage sleeps the others live, so that they take its partitions over before it wakes.
        sleeping = {member.stage for member in chain.members.values() if member.frozen_until}
        for member in list(chain.members.values()):
            if chain.kills[member.stage] < kills and member.stage not in sleeping and _doomed(member, chance, now):
                chain.kill(member)
        awake = [m for m in chain.members.values() if m.stage not in sleeping and m.opened()]
        if chain.freezes < freezes and now > next_freeze and awake:
            chain.freeze(chance.choice(awake), SESSION + chance.uniform(1.5, 6.0))
            next_freeze = now + chance.uniform(2.0, 4.0)
        if chain.joins < joins and now > next_join:
            _join_or_leave(chain, chance.choice(stages))
            next_join = now + chance.uniform(3.0, 5.0)
        time.sleep(0.01)
    for member in chain.members.values():
        member.frozen_until = member.frozen_until and time.monotonic()


def _doomed(member: Member, chance: random.Random, now: float) -> bool:
    if not member.doomed_at:
        if member.anyhow < ANYHOW:
            member.doomed_at = member.born + chance.uniform(0.3, 2.5)
        elif member.opened():
            member.doomed_at = now + chance.uniform(0.1, 1.5)
    return bool(member.doomed_at) and now > member.doomed_at


def _join_or_leave(chain: Chain, stage: str) -> None:
    """Let one more member join the stage's group, or the one that joined leave it again."""
    name = f"{stage}-guest"
    guest = chain.members.pop(name, None)
    if guest is None:
        chain.start(stage, name, static=False)
    else:
        guest.process.send_signal(signal.SIGCONT)
        guest.process.terminate()
        try:
            guest.process.wait(20)
        except subprocess.TimeoutExpired:
            guest.process.kill()
            guest.process.wait()
    chain.joins += 1
