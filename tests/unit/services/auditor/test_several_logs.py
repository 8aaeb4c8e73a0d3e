"""The officer's desk over the logs of a site: hits of all by time, each proved by its own log; none is left out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from schemas.clock import SECOND, ManualClock
from security.audit.bundle import verify_bundle
from security.audit.checkpoint import VerifierKey
from security.audit.layout import Layout
from security.audit.log import AuditLog
from security.audit.policy import Policy
from security.audit.reading import find
from security.audit.record import Entry
from security.audit.terms import Question
from security.keys.memory import MemoryKeystore
from services.auditor.desk import Asked, AuditDesk
from services.auditor.errors import LogEmptyError, UnknownLogError
from services.auditor.logs import STALE, OtherLogs
from services.node.other_logs import policy_of
from streams.audit_copy import TopicCopy
from streams.audit_replica import BusReplica
from streams.bus.embedded import EmbeddedBus
from tests.unit.services.auditor.test_desk import call
from tests.unit.services.desk.office import NOW, Office, open_office

ASKED = Asked("duty:SEC")
SITE = "casebus.test/990103/audit/n1"
SHOWN = Question(sub=("view-court",))


def manifest(number: int, event: int) -> Entry:
    """Return a release manifest for one receiver."""
    data = {"events": [f"{event:032x}"], "withheld": 0}
    return Entry(act="release", org="court-990103", purpose="trial", obj="view-court", idem=f"{number:032x}", data=data)


@dataclass
class Site:
    """A node's desk and two release workers, each with a log of its own, on one bus."""

    office: Office
    bus: EmbeddedBus
    keys: MemoryKeystore
    clock: ManualClock
    root: Path

    def __post_init__(self) -> None:
        """Open the officer's desk over the node's log and what is copied of the others."""
        node, digest = self.office.folder, self.office.sealer.keyed_digest
        others = OtherLogs(self.root / "audit-logs", lambda: {"release-1", "release-2"}, self.policy, self.clock)
        self.desk = AuditDesk(node / "audit", node / "index.db", self.office.audit, digest, "n1", others)

    def policy(self, name: str) -> Policy:
        """Return the keys that are known for a log."""
        return policy_of(self.keys, SITE, name)

    def worker(self, name: str) -> AuditLog:
        """Open a worker's log as it does on Kafka."""
        self.keys.provision_signer(f"audit/{name}")
        signer, folder = self.keys.signer(f"audit/{name}"), self.root / "workers" / name / "audit"
        replica = BusReplica(self.bus, self.bus, name, f"{SITE}/{name}")
        replica.take()
        log = AuditLog.open(folder, f"{SITE}/{name}", name, signer, self.clock, step=1 << 14)
        replica.belong(Layout(folder))
        log.replicate(replica)
        log.show_heads(replica.show)
        return log

    def write(self, name: str, entries: list[Entry]) -> None:
        """Have a worker write, and copy what it wrote."""
        with self.worker(name) as log:
            for each in entries:
                self.clock.advance_to(self.clock.now_us() + SECOND)
                log.append([each])
        self.follow(name)

    def follow(self, name: str) -> None:
        """Copy the log of a worker as `node up` does."""
        folder = self.root / "audit-logs" / name
        copying = TopicCopy(self.bus, folder, name, f"{SITE}/{name}", lambda: self.policy(name), self.clock)
        copying.look()
        copying.close()

    def search(self, **options: Any) -> dict[str, Any]:
        """Search as the officer."""
        return self.desk.search(self.office.people["security"], ASKED, SHOWN, **options)

    def last(self) -> Entry:
        """Return the newest record of the node's own log."""
        self.office.audit.checkpoint()
        return find(self.office.folder / "audit", self.office.audit.size - 1).record


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site that names two workers, of which nothing is known yet."""
    node = tmp_path / "node"
    node.mkdir()
    office, bus = open_office(node), EmbeddedBus(tmp_path / "bus.db")
    made = Site(office, bus, MemoryKeystore(), ManualClock(NOW), tmp_path)
    # As in a node's keystore: its own key may sign a gateway's log.
    made.keys.provision_signer("audit")
    yield made
    office.close()
    bus.close()


def by_log(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what an answer says of each log."""
    return {each["log"]: each for each in answer["logs"]}


def test_hits_of_all_logs_come_by_time_each_with_its_log(site: Site) -> None:
    """Two workers took turns: one list, one table of what was released; complete to the size of each."""
    site.write("release-1", [manifest(1, 1)])
    site.write("release-2", [manifest(2, 2)])
    site.write("release-1", [manifest(3, 3)])

    answer = site.search(exhaustive=True)

    assert [(hit["log"], hit["seq"]) for hit in answer["hits"]] == [
        ("release-1", 0),
        ("release-2", 0),
        ("release-1", 1),
    ]
    assert [(told["log"], int(told["event"], 16)) for told in answer["releases"]] == [
        ("release-1", 1),
        ("release-2", 2),
        ("release-1", 3),
    ]
    assert (answer["own"], answer["found"], answer["complete"]) == ("n1", 3, True)
    assert {name: (each["size"], each["complete"]) for name, each in by_log(answer).items() if name != "n1"} == {
        "release-1": (2, True),
        "release-2": (1, True),
    }
    assert answer["size"] == sum(each["size"] for each in answer["logs"])
    act = site.last()
    assert (act.act, act.data["logs"], "wrong" in act.data) == ("search", ["n1", "release-1", "release-2"], False)


def test_at_most_the_limit_is_listed_the_earliest_of_all_logs(site: Site) -> None:
    """The limit is of the whole answer; everything is counted."""
    site.write("release-1", [manifest(1, 1), manifest(2, 2)])
    site.write("release-2", [manifest(3, 3)])

    answer = site.search(limit=2)

    assert ([hit["log"] for hit in answer["hits"]], answer["found"]) == (["release-1", "release-1"], 3)


def test_one_log_can_be_asked_for_and_its_record_proves_itself(site: Site) -> None:
    """Search, record, bundle and verification of a worker's log, by the worker's key; each act names the log."""
    site.write("release-1", [manifest(1, 1)])
    site.write("release-2", [manifest(2, 2)])
    officer = site.office.people["security"]
    key = VerifierKey(f"{SITE}/release-2", site.keys.signer("audit/release-2").public_key)

    answer = site.search(log="release-2")
    assert [hit["log"] for hit in answer["hits"]] == ["release-2"]
    assert (site.last().data["log"], site.last().data["logs"]) == ("release-2", ["release-2"])

    proved = site.desk.record(officer, ASKED, 0, "release-2")
    assert (proved["log"], proved["key"], proved["origin"]) == ("release-2", key.text, f"{SITE}/release-2")
    assert (site.last().act, site.last().obj, site.last().data) == ("record", "0", {"log": "release-2"})

    content = site.desk.bundle(officer, ASKED, [0], "release-2")
    assert [record.obj for record in verify_bundle(content, Policy.of_key(key)).records] == ["view-court"]

    wanted = {"purpose": "duty:SEC", "log": "release-2"}
    begun = call(site.desk, site.office, "POST", "/audit/verification", "security", json=wanted)
    assert begun.status_code == 200
    site.desk._checking_of("release-2").join(30)
    shown = call(site.desk, site.office, "GET", "/audit/verification?log=release-2", "security").json()
    assert (shown["state"], shown["report"]["en"]["ok"], shown["report"]["en"]["key"]) == ("done", True, "given")
    assert call(site.desk, site.office, "GET", "/audit/verification", "security").json()["state"] == "never"


def test_what_is_not_known_is_refused_and_recorded(site: Site) -> None:
    """A name that the site does not have is not kept; a log of which nothing is here is named as empty."""
    officer = site.office.people["security"]
    with pytest.raises(UnknownLogError):
        site.search(log="somebody-s-secret")
    assert (site.last().why, "secret" in str(site.last())) == ("auditor.log", False)
    with pytest.raises(LogEmptyError):
        site.desk.record(officer, ASKED, 0, "release-1")
    assert site.last().why == "auditor.log_empty"
    assert call(site.desk, site.office, "GET", "/audit/records/0?purpose=p&log=../x", "security").status_code == 400


def test_a_log_that_is_missing_is_named(site: Site) -> None:
    """The site names a worker of which nothing was ever copied: the answer is not complete, and says why."""
    site.write("release-1", [manifest(1, 1)])

    answer = site.search(exhaustive=True)

    missing = by_log(answer)["release-2"]
    assert (answer["found"], answer["complete"], missing["searched"]) == (1, False, False)
    assert (missing["why"]["code"], "release-2" in missing["why"]["zh"]) == ("auditor.copy_absent", True)
    assert site.last().data["wrong"] == {"release-2": "auditor.copy_absent"}
    others = site.desk.head(site.office.people["security"])["others"]
    assert [(each["log"], each["why"] and each["why"]["code"]) for each in others] == [
        ("release-1", None),
        ("release-2", "auditor.copy_absent"),
    ]


def test_an_empty_log_is_complete(site: Site) -> None:
    """A worker that started and released nothing has a log of no records."""
    site.write("release-1", [])
    site.write("release-2", [manifest(1, 1)])

    answer = site.search(exhaustive=True)

    assert (answer["complete"], by_log(answer)["release-1"]["size"]) == (True, 0)


def test_a_log_that_is_behind_or_was_not_looked_at_is_named(site: Site) -> None:
    """Its records are searched all the same; that there may be more is said."""
    site.write("release-1", [manifest(1, 1)])
    site.write("release-2", [manifest(2, 2)])
    folder, signer = site.root / "workers/release-1/audit", site.keys.signer("audit/release-1")
    apart = AuditLog.open(folder, f"{SITE}/release-1", "release-1", signer, site.clock)
    apart.append([manifest(3, 3)])
    replica = BusReplica(site.bus, site.bus, "release-1")
    replica.show(apart.checkpoint())
    apart.close()
    site.follow("release-1")

    behind = site.search(exhaustive=True)

    said = by_log(behind)["release-1"]
    assert (behind["found"], behind["complete"], said["size"]) == (2, False, 1)
    assert (said["why"]["code"], said["searched"]) == ("auditor.copy_behind", True)

    site.clock.advance_to(site.clock.now_us() + STALE + 2 * SECOND)
    stale = by_log(site.search(exhaustive=True))["release-2"]
    assert (stale["why"]["code"], stale["found"], stale["complete"]) == ("auditor.copy_stale", 1, False)


@pytest.mark.parametrize("exhaustive", [False, True])
def test_a_copy_with_an_altered_bit_is_named_and_hides_nobody_else(site: Site, *, exhaustive: bool) -> None:
    """The other log answers; verification of the altered one names the fault; removed, it is made anew."""
    site.write("release-1", [manifest(1, 1)])
    site.write("release-2", [manifest(2, 2)])
    folder = site.root / "audit-logs/release-1"
    (path,) = Layout(folder / "audit").segment_files()
    data = bytearray(path.read_bytes())
    data[330] ^= 1
    path.write_bytes(data)

    answer = site.search(exhaustive=exhaustive)

    said = by_log(answer)["release-1"]
    assert ([hit["log"] for hit in answer["hits"]], answer["complete"]) == (["release-2"], False)
    assert (said["searched"], said["why"]["code"]) == (False, "audit.tampered")
    site.desk.verify(site.office.people["security"], ASKED, 3, "release-1")
    site.desk._checking_of("release-1").join(30)
    report = site.desk.verification(site.office.people["security"], "release-1")["report"]["en"]
    assert (report["ok"], bool(report["faults"])) == (False, True)

    shutil.rmtree(folder)
    site.follow("release-1")
    assert site.search(exhaustive=True)["complete"]


def test_a_log_under_another_key_is_not_believed(site: Site) -> None:
    """Somebody who writes the topic signs it himself: its records count for nothing, and that is said."""
    site.write("release-1", [manifest(1, 1)])
    shutil.rmtree(site.root / "audit-logs/release-1")
    site.keys = MemoryKeystore()
    site.keys.provision_signer("audit/release-1")
    site.follow("release-1")

    answer = site.search()

    said = by_log(answer)["release-1"]
    assert (answer["found"], said["searched"], said["why"]["code"]) == (0, False, "trust.head_signature")
