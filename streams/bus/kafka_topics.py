"""The topics of casebus on Kafka as data: what `deploy/kafka/topics.yaml` wants, against what a Kafka has.

Plain functions over values; `kafka_admin` asks and changes a Kafka.
"""

from __future__ import annotations

import itertools
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import msgspec
import yaml

from schemas.errors import UsageError

BUNDLED = Path(__file__).resolve().parents[2] / "deploy" / "kafka" / "topics.yaml"
PLACEHOLDERS = frozenset({"agency", "subscription", "node", "gateway", "log"})
IN_STEP = "min.insync.replicas"
OLDEST_FORMAT = ("message.format.version", (0, 11))
"""Brokers before 4.0 can keep a topic in a format that has neither headers nor transactions."""

Value = str | int | float | bool
Kind = Literal["missing", "partitions", "setting", "copies", "format"]


class TopicsFileError(UsageError):
    """The file of topics is not of its form."""

    code: ClassVar[str] = "kafka.topics_file"


class _Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    partitions: int
    zh: str
    en: str
    write: tuple[str, ...]
    read: tuple[str, ...]
    see: tuple[str, ...] = ()
    settings: dict[str, Value] = {}


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Literal[1]
    copies: int
    in_step: int
    settings: dict[str, Value]
    processes: dict[str, tuple[str, ...]]
    topics: tuple[_Topic, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One topic as it should be; `write`, `read` and `see` are the names on the certificates that may.

    Who may write or read a topic sees it too; `see` alone is to know that it is there and how many partitions it has.
    """

    name: str
    partitions: int
    copies: int
    settings: Mapping[str, str]
    write: tuple[str, ...]
    read: tuple[str, ...]
    see: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The topics of a site, and the processes that work on them: name on the certificate → roles."""

    topics: tuple[Wanted, ...]
    processes: Mapping[str, tuple[str, ...]]

    @property
    def names(self) -> list[str]:
        """The topics' names."""
        return [topic.name for topic in self.topics]


@dataclass(frozen=True, slots=True)
class Found:
    """One topic as a Kafka has it: its partitions, the fewest copies of one, its settings."""

    partitions: int
    copies: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it should be; `setting` is empty unless one differs."""

    kind: Kind
    topic: str
    wanted: str
    found: str
    setting: str = ""


def load(names: Mapping[str, Iterable[str]], brokers: int, path: Path = BUNDLED) -> Plan:
    """Return the topics of a site.

    Args:
        names: what the placeholders stand for; topics with a name that is not given are left out. Where no gateways are
            given the node is the only one.
        brokers: how many there are: no topic has more copies.
        path: the file.

    Raises:
        TopicsFileError: the file is not of its form, or has a placeholder that nobody knows.
    """
    try:
        file = msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), _File)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise TopicsFileError(path=path.name, reason=str(error).splitlines()[0]) from error
    names = {"gateway": names.get("node", ()), **names}
    copies = min(file.copies, brokers)
    in_step = max(1, min(file.in_step, copies - 1 if copies > 1 else 1))
    wanted = []
    for topic in file.topics:
        for filling in _fillings(topic.name, names, path):
            settings = {**file.settings, **topic.settings, IN_STEP: in_step}
            wanted.append(
                Wanted(
                    name=topic.name.format_map(filling),
                    partitions=topic.partitions,
                    copies=copies,
                    settings={key: _text(value) for key, value in sorted(settings.items())},
                    write=_processes(file, topic.write, filling),
                    read=_processes(file, topic.read, filling),
                    see=_processes(file, topic.see, filling),
                )
            )
    return Plan(tuple(wanted), file.processes)


def differences(wanted: Sequence[Wanted], found: Mapping[str, Found]) -> list[Difference]:
    """Name everything in which a Kafka is not as it should be."""
    return [each for topic in wanted for each in _of_topic(topic, found.get(topic.name))]


def _of_topic(wanted: Wanted, found: Found | None) -> Iterator[Difference]:
    if found is None:
        yield Difference("missing", wanted.name, str(wanted.partitions), "0")
        return
    if found.partitions != wanted.partitions:
        yield Difference("partitions", wanted.name, str(wanted.partitions), str(found.partitions))
    if found.copies < wanted.copies:
        yield Difference("copies", wanted.name, str(wanted.copies), str(found.copies))
    for key, value in wanted.settings.items():
        if _differs(value, found.settings.get(key, "")):
            yield Difference("setting", wanted.name, value, found.settings.get(key, ""), key)
    name, oldest = OLDEST_FORMAT
    if name in found.settings and _version(found.settings[name]) < oldest:
        yield Difference("format", wanted.name, ".".join(map(str, oldest)), found.settings[name], name)


def _differs(wanted: str, found: str) -> bool:
    try:
        return float(wanted) != float(found)
    except ValueError:
        return wanted != found


def _version(text: str) -> tuple[int, ...]:
    parts = text.split("-", maxsplit=1)[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())


def _fillings(name: str, names: Mapping[str, Iterable[str]], path: Path) -> Iterator[dict[str, str]]:
    holes = sorted({hole for _, hole, _, _ in string.Formatter().parse(name) if hole})
    unknown = set(holes) - PLACEHOLDERS
    if unknown:
        raise TopicsFileError(path=path.name, reason=f"{{{min(unknown)}}}")
    for values in itertools.product(*(sorted(set(names.get(hole, ()))) for hole in holes)):
        yield dict(zip(holes, values, strict=True))


def _processes(file: _File, roles: Iterable[str], filling: Mapping[str, str]) -> tuple[str, ...]:
    """Return the certificates' names that have one of the roles; a name that is no role stands for itself."""
    wanted = {role.format_map(filling) for role in roles}
    known = {role for each in file.processes.values() for role in each}
    having = {process for process, has in file.processes.items() if wanted & set(has)}
    return tuple(sorted(having | (wanted - known)))


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
