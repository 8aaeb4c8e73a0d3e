"""A log asks its witnesses: quorum, witnesses that are down or lie, a log that was set back, and when release stops."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import Response

from schemas.clock import SECOND, ManualClock
from security.audit.checkpoint import note_parts
from security.audit.cosignature import cosigned
from security.audit.errors import AuditTamperedError, RecordRetiredError
from security.audit.evidence import Evidence
from security.audit.policy import Policy, judge
from security.audit.reading import find
from security.audit.witnessed import UnwitnessedError, Witnessed, WitnessGate, quorum_time, unwitnessed_for
from services.witness.app import create_app
from services.witness.asking import Round, WitnessAsker
from services.witness.store import WitnessStore
from services.witness.witness import Witness
from tests.unit.security.audit import retirement_shop as retirement
from tests.unit.security.audit.evidence_shop import FORGER, KEYS, POLICY, WITNESSES
from tests.unit.security.audit.workshop import KEY, ORIGIN, open_log, release, segments
from tests.unit.services.witness.calling import Applications

URLS = {name: f"http://{name}/" for name in KEYS}
TRUSTED = Policy(POLICY.logs, POLICY.witnesses, POLICY.groups, POLICY.quorum, {}, URLS)
START = 1_700_000_000


class Agencies:
    """Three witnesses that can be switched off."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(START * SECOND)
        self.transport = Applications({})
        self.applications: dict[str, FastAPI] = {}
        for name, signer in WITNESSES.items():
            (folder / name).mkdir(parents=True)
            store = WitnessStore(folder / name / "witness.db")
            witness = Witness(store, Policy.of_key(KEY), signer, KEYS[name].name, self.clock)
            self.applications[name] = create_app(witness, store)

    def ask(self, directory: Path, *names: str) -> Round:
        """Ask with these witnesses up."""
        self.transport.applications = {name: self.applications[name] for name in names}
        return self.asker(directory).ask()

    def asker(self, directory: Path) -> WitnessAsker:
        """Return a new asker."""
        return WitnessAsker(directory, TRUSTED, httpx.Client(transport=self.transport))


@pytest.fixture
def agencies(tmp_path: Path) -> Agencies:
    """Three agencies' witnesses."""
    return Agencies(tmp_path / "witnesses")


def test_a_log_that_grows_is_witnessed(agencies: Agencies, tmp_path: Path) -> None:
    """Beside the writer: each head gets its quorum, one that is down catches up later, evidence is under the quorum."""
    directory = tmp_path / "audit"
    log = open_log(directory, span=10)
    sets = [("court", "police"), ("court", "police", "justice"), ("police", "justice"), ("court", "justice")]
    for number, up in enumerate(sets):
        log.append([release(n) for n in range(number * 300, number * 300 + 300)])
        log.checkpoint()
        found = agencies.ask(directory, *up)
        assert found.met
        assert {name for name, answer in found.answers.items() if answer == "cosigned"} == set(up)
        evidence = Evidence.open(directory, TRUSTED)
        assert evidence.head.size == log.size
        assert set(judge(evidence.note, TRUSTED).cosigned) == set(up)
    log.close()


def test_growth_is_proved_to_a_witness_that_last_saw_what_is_retired_now(agencies: Agencies, tmp_path: Path) -> None:
    """It cosigned a head in the midst of what is only hashes now, or none at all; who asks may have begun before."""
    directory = tmp_path / "audit"
    log = open_log(directory, span=retirement.SPAN)
    log.append([release(n) for n in range(300)])
    log.checkpoint()
    asker = agencies.asker(directory)
    agencies.transport.applications = {name: agencies.applications[name] for name in ("court", "police")}
    assert asker.ask().size == 300
    log.append([release(n) for n in range(500)])
    log.close()
    retirement.let_go(directory, 2)
    with pytest.raises(RecordRetiredError):
        find(directory, 299)

    agencies.transport.applications = agencies.applications
    before = asker.ask()
    with retirement.opened(directory) as log:
        log.append([release(n) for n in range(300)])
    after = agencies.ask(directory, "court", "police", "justice")

    assert [set(each.answers.values()) for each in (before, after)] == [{"cosigned"}] * 2
    assert (before.size, after.size) == (802, 1102)
    assert Evidence.open(directory, TRUSTED).head.size == after.size


def test_without_a_quorum_the_older_head_stays(agencies: Agencies, tmp_path: Path) -> None:
    """One of three is no quorum: what was kept before stays, and the answers say who is missing."""
    directory = tmp_path / "audit"
    log = open_log(directory)
    log.append([release(0)])
    log.checkpoint()
    agencies.ask(directory, "court", "justice")
    log.append([release(1)])
    log.checkpoint()

    found = agencies.ask(directory, "justice")

    assert not found.met
    assert found.answers == {"court": "unreachable", "police": "unreachable", "justice": "cosigned"}
    assert Evidence.open(directory, TRUSTED).head.size == 1
    log.close()


def test_a_set_back_log_is_told_by_its_witnesses(agencies: Agencies, tmp_path: Path) -> None:
    """A log put back from a backup, and one that went on differently, are refused with an alarm."""
    directory = tmp_path / "audit"
    log = open_log(directory)
    log.append([release(n) for n in range(3)])
    log.close()
    for part in ("audit", "audit-signer"):
        shutil.copytree(tmp_path / part, tmp_path / f"old-{part}")
    log = open_log(directory)
    log.append([release(n) for n in range(3, 9)])
    log.close()
    assert agencies.ask(directory, "court", "police", "justice").met

    shutil.move(tmp_path / "old-audit-signer", tmp_path / "again-signer")
    shutil.move(tmp_path / "old-audit", tmp_path / "again")
    back = agencies.ask(tmp_path / "again", "court", "police")
    log = open_log(tmp_path / "again")
    log.append([release(n + 100) for n in range(20)])
    log.close()
    on = agencies.ask(tmp_path / "again", "court", "police")

    assert (back.met, back.answers["court"], back.alarming) == (False, "witness.log_set_back", True)
    assert (on.met, on.answers["court"], on.alarming) == (False, "witness.refused", True)


def test_witnesses_that_lie(agencies: Agencies, tmp_path: Path) -> None:
    """A line of another key, a false signature, and nonsense count as no cosignature."""
    directory = tmp_path / "audit"
    log = open_log(directory)
    log.append([release(0)])
    log.close()
    text = note_parts((directory / "checkpoint").read_text(encoding="utf-8"))[0]
    lies = [
        cosigned(text, "elsewhere", FORGER, START),
        cosigned(text, KEYS["court"].name, FORGER, START),
        cosigned(text.replace("\n1\n", "\n2\n"), KEYS["court"].name, WITNESSES["court"], START),
        "nonsense\n",
        "",
    ]
    for lie in lies:
        liar = FastAPI()
        liar.add_api_route("/add-checkpoint", lambda lie=lie: Response(lie), methods=["POST"])
        agencies.transport.applications = {"court": liar}
        assert agencies.asker(directory).ask().answers["court"] == "trust.cosignature"
    silent = FastAPI()
    silent.add_api_route("/add-checkpoint", lambda: Response("x", 409), methods=["POST"])
    agencies.transport.applications = {"court": silent, "police": FastAPI()}
    found = agencies.asker(directory).ask()
    assert (found.answers["court"], found.answers["police"]) == ("unreachable", "unreachable")


def test_a_head_that_the_log_does_not_have_is_not_shown(agencies: Agencies, tmp_path: Path) -> None:
    """Before it is shown to anybody, the head is compared with the records on disk."""
    directory = tmp_path / "audit"
    log = open_log(directory)
    log.append([release(n) for n in range(3)])
    log.close()
    path = segments(directory)[0]
    path.write_bytes(path.read_bytes().replace(b'"obj":"m2"', b'"obj":"m3"'))

    with pytest.raises(AuditTamperedError):
        agencies.ask(directory, "court", "police")


def test_the_rule() -> None:
    """Covered records wait for nothing; others since the last quorum, or since witnesses were first asked for."""
    assert unwitnessed_for(5, Witnessed(5, 10), 0, 1_000) == 0
    assert unwitnessed_for(6, Witnessed(5, 10), 0, 1_000) == 990
    assert unwitnessed_for(1, None, 400, 1_000) == 600
    assert unwitnessed_for(1, None, 2_000, 1_000) == 0
    assert quorum_time({"court": 5, "police": 9, "justice": 7}, POLICY) == 7
    assert quorum_time({"court": 5}, POLICY) is None


def test_release_stops_and_goes_on(agencies: Agencies, tmp_path: Path) -> None:
    """Past `max_unwitnessed` the gate refuses with its reason; a new quorum opens it again by itself."""
    directory = tmp_path / "audit"
    log = open_log(directory, clock=agencies.clock)
    gate = WitnessGate(directory, TRUSTED, agencies.clock, lambda: log.size, limit=60 * SECOND)
    log.append([release(0)])
    log.checkpoint()
    agencies.ask(directory, "court", "police")
    agencies.clock.now += 3_600 * SECOND
    gate.require()
    log.append([release(1)])

    with pytest.raises(UnwitnessedError) as refused:
        gate.require()
    assert refused.value.fields == {"seconds": 3_600, "limit": 60}
    log.checkpoint()
    (directory / "cosigned").write_text("broken", encoding="utf-8")
    with pytest.raises(UnwitnessedError):
        gate.require()
    agencies.ask(directory, "court", "police")
    gate.require()
    WitnessGate(directory, Policy.of_key(KEY), agencies.clock, lambda: 99, limit=0).require()
    assert ORIGIN in Evidence.open(directory, TRUSTED).note
    log.close()
