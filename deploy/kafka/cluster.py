"""A local Kafka in KRaft mode: one broker, or three of which one may be lost; plain, or TLS with client certificates.

    cluster = Cluster.make(folder, brokers=3, tls=True)
    cluster.start()                       # returns when every broker accepts and all see each other
    cluster.address("gateway")            # for any client of ours
    cluster.kill(2); cluster.start(2); cluster.pause(1); cluster.resume(1)
    cluster.stop()

What a cluster is stands in FOLDER/cluster.json, so that `up` and `down` may be two processes.
"""

from __future__ import annotations

import base64
import json
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.kafka.certificates import ADMIN, Authority
from deploy.kafka.failure import LocalKafkaError
from deploy.kafka.java import find_java
from deploy.kafka.libraries import libraries
from deploy.kafka.ports import LOOPBACK, free_ports, is_free
from deploy.kafka.processes import Process, start
from deploy.kafka.properties import Seat, properties, rendered
from streams.bus.kafka_address import KafkaAddress

HERE = Path(__file__).resolve().parent
STATE = "cluster.json"
START_SECONDS = 60.0
STOP_SECONDS = 30.0
HEAP = "256m"
FLAGS = ("-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError")


@dataclass
class Cluster:
    """A cluster and its brokers, by number from 1."""

    folder: Path
    uuid: str
    seats: list[Seat]
    tls: bool = False
    heap: str = HEAP
    extra: Mapping[str, str] = field(default_factory=dict)
    processes: dict[int, Process] = field(default_factory=dict)

    @classmethod
    def make(
        cls,
        folder: Path,
        brokers: int = 1,
        *,
        tls: bool = False,
        heap: str = HEAP,
        extra: Mapping[str, str] | None = None,
    ) -> Cluster:
        """Lay out a new cluster on free ports and format its folders; `extra` goes into every server.properties.

        Raises:
            LocalKafkaError: no Java, no Kafka, or a folder that is in use or whose name cannot be said to Kafka.
        """
        if "," in str(folder.resolve()):
            raise LocalKafkaError("Kafka takes a comma in a folder's name for its end", "name another --data")
        if (folder / STATE).exists():
            raise LocalKafkaError(f"there is a cluster in {folder.name} already", "use it, or name another --data")
        folder.mkdir(parents=True, exist_ok=True)
        ports = free_ports(2 * brokers)
        seats = [Seat(n + 1, ports[2 * n], ports[2 * n + 1]) for n in range(brokers)]
        # A first character `-` would be read as an option.
        name = "c" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        cluster = cls(folder.resolve(), name, seats, tls, heap, dict(extra or {}))
        for seat in seats:
            cluster._format(seat)
        cluster._save()
        return cluster

    @classmethod
    def load(cls, folder: Path) -> Cluster | None:
        """Return the cluster of a folder, None where there is none."""
        path = folder / STATE
        if not path.exists():
            return None
        body = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            folder.resolve(),
            body["uuid"],
            [Seat(**seat) for seat in body["seats"]],
            body["tls"],
            body["heap"],
            body["extra"],
            {int(number): Process(**each) for number, each in body["processes"].items()},
        )

    @property
    def bootstrap(self) -> str:
        """The brokers' addresses, joined by commas."""
        return ",".join(f"{LOOPBACK}:{seat.port}" for seat in self.seats)

    def address(self, client: str = ADMIN) -> KafkaAddress:
        """Return the address for a client; with TLS its certificate is made when it is first asked for."""
        if not self.tls:
            return KafkaAddress(self.bootstrap)
        return KafkaAddress(self.bootstrap, self.authority.root, self.authority.certificate(client))

    @property
    def authority(self) -> Authority:
        """The authority of the cluster's certificates."""
        return Authority(self.folder / "certificates")

    def running(self) -> list[int]:
        """Return the numbers of the brokers whose process runs."""
        return [number for number, process in sorted(self.processes.items()) if process.alive]

    def start(self, *numbers: int, tied: bool = False, wait: bool = True) -> None:
        """Start brokers (all without numbers) and wait until they accept and see each other.

        Args:
            numbers: which brokers.
            tied: end them when this process ends, however it ends.
            wait: return only when they are ready.

        Raises:
            LocalKafkaError: a broker ended, a port is taken, or it took longer than a minute.
        """
        for seat in self._seats(numbers):
            if seat.number in self.running():
                continue
            for port in (seat.port, seat.controller_port):
                if not is_free(port):
                    raise LocalKafkaError(f"port {port} of broker {seat.number} is in use", "stop the program on it")
            folder = self._folder(seat)
            self.processes[seat.number] = start(self._command(seat), folder / "console.log", tied=tied)
        self._save()
        if wait:
            self.wait(*numbers)

    def wait(self, *numbers: int) -> None:
        """Wait until these brokers answer and see as many brokers as run."""
        deadline = time.monotonic() + START_SECONDS
        for seat in self._seats(numbers):
            while not self._ready(seat):
                if seat.number not in self.running():
                    raise LocalKafkaError(f"broker {seat.number} ended: {self.said(seat.number)}", self._look(seat))
                if time.monotonic() > deadline:
                    raise LocalKafkaError(f"broker {seat.number} is not ready after a minute", self._look(seat))
                time.sleep(0.1)

    def stop(self, *numbers: int) -> None:
        """Stop brokers cleanly (all without numbers), together: a last one alone would wait for the others."""
        seats = self._seats(numbers)
        for seat in seats:
            if process := self.processes.get(seat.number):
                process.signal(signal.SIGCONT)
                process.signal(signal.SIGTERM)
        for seat in seats:
            if process := self.processes.pop(seat.number, None):
                process.stop(STOP_SECONDS)
        self._save()

    def kill(self, *numbers: int) -> None:
        """End brokers at once, as a crash does."""
        for seat in self._seats(numbers):
            if process := self.processes.pop(seat.number, None):
                process.signal(signal.SIGKILL)
                process.wait(STOP_SECONDS)
        self._save()

    def pause(self, number: int) -> None:
        """Freeze a broker."""
        self.processes[number].signal(signal.SIGSTOP)

    def resume(self, number: int) -> None:
        """Let a frozen broker go on."""
        self.processes[number].signal(signal.SIGCONT)

    def remove(self) -> None:
        """Stop everything and take the folder away."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def said(self, number: int) -> str:
        """Return the last line that a broker wrote."""
        log = self.folder / f"broker-{number}" / "console.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        return next((line for line in reversed(lines) if line and not line.startswith("\t")), "nothing")

    def _ready(self, seat: Seat) -> bool:
        """Whether a broker answers and sees as many unfenced brokers as run."""
        if is_free(seat.port):
            return False
        address = KafkaAddress(f"{LOOPBACK}:{seat.port}", *self._papers())
        try:
            admin = KafkaAdminClient(**address.options(), bootstrap_timeout_ms=2000, request_timeout_ms=5000)
            try:
                seen = [broker for broker in admin.describe_cluster()["brokers"] if not broker.get("is_fenced")]
            finally:
                admin.close()
        except (KafkaError, OSError):
            return False
        return len(seen) >= len(self.running())

    def _papers(self) -> tuple[Path, Path] | tuple[()]:
        return (self.authority.root, self.authority.certificate(ADMIN)) if self.tls else ()

    def _seats(self, numbers: tuple[int, ...]) -> list[Seat]:
        return [seat for seat in self.seats if not numbers or seat.number in numbers]

    def _folder(self, seat: Seat) -> Path:
        return self.folder / f"broker-{seat.number}"

    def _look(self, seat: Seat) -> str:
        return f"read broker-{seat.number}/console.log in {self.folder.name}"

    def _format(self, seat: Seat) -> None:
        folder = self._folder(seat)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.tls:
            self.authority.make()
        found = properties(seat, self.seats, folder, self.authority if self.tls else None, self.extra)
        (folder / "server.properties").write_text(rendered(found), encoding="utf-8")
        options = ["format", "-t", self.uuid, "-c", str(folder / "server.properties"), "--ignore-formatted"]
        done = subprocess.run(
            [*self._java(), "kafka.tools.StorageTool", *options], capture_output=True, text=True, check=False
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise LocalKafkaError(
                f"Kafka could not format its folder: {said[-1] if said else 'no answer'}", "free disk?"
            )

    def _command(self, seat: Seat) -> list[str]:
        return [*self._java(), "kafka.Kafka", str(self._folder(seat) / "server.properties")]

    def _java(self) -> list[str]:
        configuration = f"-Dlog4j2.configurationFile={HERE / 'log4j2.properties'}"
        return [str(find_java()), f"-Xmx{self.heap}", *FLAGS, configuration, "-cp", f"{libraries()}/*"]

    def _save(self) -> None:
        body = {
            "uuid": self.uuid,
            "seats": [asdict(seat) for seat in self.seats],
            "tls": self.tls,
            "heap": self.heap,
            "extra": dict(self.extra),
            "processes": {number: asdict(process) for number, process in self.processes.items()},
        }
        fresh = self.folder / (STATE + ".new")
        fresh.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
        fresh.replace(self.folder / STATE)
