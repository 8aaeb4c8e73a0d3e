"""The data directory of a node: where each thing lies, and the lock that keeps a second node out.

DIR/node.json       name and origin of the node, what its bus is, version of this layout
DIR/clock.json      a scaled or stepped clock, for demonstrations only
DIR/keys/           keystore, 0600; subjects/ the vault's keys, one file a person
DIR/people.json     local accounts (argon2id), 0600
DIR/tokens.json     digests of the organisation systems' tokens, 0600
DIR/audit/          the audit log; its public key is DIR/audit/log.vkey
DIR/audit-index.db  the search index over it; it can be thrown away and is made anew
DIR/audit-logs/     on Kafka: copies of the site's other logs, made anew from their topics when they are removed
DIR/audit.json      where the audit log has its replica, how long it may go without witnesses
DIR/epoch.json      the highest control epoch this node has seen
DIR/bus.db          topics, stores and positions, where the bus is not Kafka
DIR/read.db         the read model; it can be thrown away and is made anew from the bus
DIR/lock            held by the running node
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from schemas.errors import IntegrityError, NotFoundError, UnavailableError, UsageError
from security.private_file import PrivateFile

LAYOUT_VERSION = 2
OLDEST = 1
KAFKA = "kafka"
PRIVATE = 0o600
PRIVATE_FOLDER = 0o700


class NodeLockedError(UnavailableError):
    """Another process has the data directory open."""

    code: ClassVar[str] = "node.locked"


class NoNodeError(NotFoundError):
    """The directory holds no node."""

    code: ClassVar[str] = "node.absent"


class UnfinishedNodeError(NotFoundError):
    """The node was named but never finished: what the site says is not on its bus."""

    code: ClassVar[str] = "node.unfinished"


class EpochLostError(IntegrityError):
    """The bus holds fewer control records than this node has seen: an older one was put in its place."""

    code: ClassVar[str] = "node.epoch_lost"


class LayoutVersionError(UsageError):
    """The directory was written by another version of casebus."""

    code: ClassVar[str] = "node.layout_version"


@dataclass(frozen=True)
class NodeName:
    """What a node is called: `node` in records, `origin` in checkpoints."""

    node: str
    origin: str


class DataDirectory:
    """A node's data directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.keys = root / "keys"
        self.subjects = self.keys / "subjects"
        self.people = root / "people.json"
        self.tokens = root / "tokens.json"
        self.audit = root / "audit"
        self.audit_settings = root / "audit.json"
        self.index = root / "audit-index.db"
        self.logs = root / "audit-logs"
        self.bus = root / "bus.db"
        self.read = root / "read.db"
        self.clock = root / "clock.json"
        self.epoch = root / "epoch.json"
        self._lock: int | None = None

    @property
    def exists(self) -> bool:
        """Whether a node was provisioned here."""
        return (self.root / "node.json").is_file()

    @property
    def on_kafka(self) -> bool:
        """Whether the node was made on Kafka; else its bus is DIR/bus.db."""
        return bool(json.loads((self.root / "node.json").read_text(encoding="utf-8")).get("bus") == KAFKA)

    def make(self, name: NodeName, *, on_kafka: bool = False) -> None:
        """Make the folders, name the node and say what its bus is; an existing node keeps its name and bus."""
        for folder in (self.root, self.keys):
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        if not self.exists:
            body: dict[str, Any] = {"layout": LAYOUT_VERSION, "node": name.node, "origin": name.origin}
            if on_kafka:
                body["bus"] = KAFKA
            write_private(self.root / "node.json", body)

    def name(self) -> NodeName:
        """Read the node's name; a directory without a node or of another layout is refused."""
        if not self.exists:
            raise NoNodeError(path=self.root.name)
        body = json.loads((self.root / "node.json").read_text(encoding="utf-8"))
        if not OLDEST <= body["layout"] <= LAYOUT_VERSION:
            raise LayoutVersionError(found=body["layout"], known=LAYOUT_VERSION)
        return NodeName(body["node"], body["origin"])

    def layout(self) -> int:
        """Return the version of the layout that the directory has."""
        return int(json.loads((self.root / "node.json").read_text(encoding="utf-8"))["layout"])

    def write_layout(self, version: int) -> None:
        """Write down that the directory has this layout now."""
        body = json.loads((self.root / "node.json").read_text(encoding="utf-8"))
        write_private(self.root / "node.json", {**body, "layout": version})

    def highest_epoch(self) -> int:
        """Return the highest control epoch that was seen here."""
        if not self.epoch.is_file():
            return 0
        return int(json.loads(self.epoch.read_text(encoding="utf-8"))["epoch"])

    def keep_epoch(self, epoch: int) -> None:
        """Remember a control epoch; raises `EpochLostError` for one below what was seen."""
        highest = self.highest_epoch()
        if epoch < highest:
            raise EpochLostError(epoch=epoch, highest=highest)
        if epoch > highest:
            write_private(self.epoch, {"epoch": epoch})

    def lock(self) -> None:
        """Take the directory for this process; the kernel gives it back when the process ends, however it ends."""
        handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 32, 0).decode(errors="replace").strip() or "?"
            os.close(handle)
            raise NodeLockedError(path=self.root.name, pid=holder) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        self._lock = handle

    def unlock(self) -> None:
        """Give the directory back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def write_private(path: Path, body: dict[str, Any]) -> None:
    """Write a small JSON file that only its owner can read, whole or not at all."""
    file = PrivateFile(path)
    with file.locked():
        file.write(json.dumps(body, ensure_ascii=False, indent=1).encode() + b"\n")
