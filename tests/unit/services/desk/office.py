"""A desk over real parts: bus, audit log, sealer, door, read model, policy; one alert whose every value is known.

The case has events of two agencies. Each value that somebody may not see is a canary: a text that stands nowhere else.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.catalogue import Contracts
from schemas.clock import DAY, HOUR, ManualClock
from schemas.instants import parse_instant
from security.audit.blobs import BlobStore
from security.audit.log import AuditLog
from security.keys.memory import MemoryKeystore
from security.keys.port import KekName
from security.keys.signing import Ed25519Signer
from security.policy.compile import compile_table
from security.policy.roles import person as principal
from security.policy.table import DecisionTable
from security.sealing import Sealer
from security.subjects import Principal
from security.vault import Vault
from services.desk.alert_contract import ALERT, ALERT_TYPE
from services.desk.desk import Desk
from services.desk.models import ModelCard, ModelCards
from services.desk.people import Person
from services.gateway.door import Door
from services.gateway.source import RegisteredSource, SourceTable
from streams import alerts, panorama
from streams.alerts import AlertRecord, Detail
from streams.bus.embedded import EmbeddedBus
from streams.bus.port import Record
from streams.panorama import EventRow
from streams.projections.database import open_database
from streams.projections.projector import TOPICS, Projector
from streams.projections.read_model import ReadModel

NOW = parse_instant("2025-03-07T02:00:00Z")
OPENED = parse_instant("2025-03-03T01:30:00Z")
DISTRICT, UNIT = "990103", "990103010000"
SUBJECT = "J990103010000202503000017"
SUMMARY = "canary-summary-4f1c"
SUSPECT = b"\x01" + bytes.fromhex("ca9a12" + "5e" * 29)
HIDDEN_SUMMARY = "canary-sealed-77aa"
WANTED_REASON = "canary-wanted-19bd"
EXPLAIN = "canary-explain-c0de"
CANARIES = (SUBJECT, SUMMARY, SUSPECT[1:].hex()[:8], HIDDEN_SUMMARY, WANTED_REASON, EXPLAIN)
ALERT_ID = f"{7:032x}"
KEK = KekName("casebus", 3)
POLICE = RegisteredSource(
    id="police-990103/cases",
    organisation="police-990103",
    agency="police",
    types=frozenset({"police.report.accepted", "police.case.filed", "police.case.filing_declined"}),
    districts=("990103",),
)
MODEL = ModelCard(
    id="filing-review-overdue",
    code="M01",
    title={"zh": "受案后逾期未决定立案", "en": "Filing review overdue"},
    basis=({"kind": "law", "article": "公通字〔2015〕32号", "title": {"zh": "立案审查期限", "en": "Filing review"}},),
    closers=("police.case.filed", "police.case.filing_declined", "police.case.referred", "court.judgment.effective"),
)
ROLES = {
    "prosecutor": ("P_CASE", "procuratorate-990103", (DISTRICT,)),
    "police": ("GA_LEGAL", "police-990103", (UNIT,)),
    "clerk": ("GOV_Q", "governance-990103", (DISTRICT,)),
    "security": ("SEC", "security-990100", ("",)),
}


@dataclass
class Office:
    """The desk and everything behind it; `settle` projects what the bus holds."""

    desk: Desk
    bus: EmbeddedBus
    audit: AuditLog
    sealer: Sealer
    clock: ManualClock
    contracts: Contracts
    projector: Projector
    people: dict[str, Person]
    folder: Path
    vault: Vault
    close: Callable[[], None] = field(default=lambda: None)

    def settle(self) -> None:
        """Project every record of the bus that the read model has not seen."""
        for topic in TOPICS:
            position = self.projector.position(topic, 0)
            self.projector.apply(topic, 0, self.bus.read(topic, 0, position, 10_000))

    def add_alert(self, number: int = 7, **changed: Any) -> str:
        """Put an alert on the bus and return its id; `changed` are fields of the record."""
        alert_id = f"{number:032x}"
        detail = Detail(
            subject=changed.pop("subject", SUBJECT),
            key=SUSPECT.hex(),
            evidence=(event_id(1).hex(),),
            steps=({"code": "x", "zh": "受案次日起算三日", "en": "Three days from the day after"},),
            basis=({"kind": "law", "article": "公通字〔2015〕32号", "zh": "立案审查期限", "en": "Filing review"},),
            explain={"zh": EXPLAIN, "en": EXPLAIN},
        )
        values: dict[str, Any] = {
            "v": 1,
            "id": alert_id,
            "model": MODEL.id,
            "code": MODEL.code,
            "version": "1.0.0",
            "digest": "d" * 64,
            "state": "raised",
            "severity": "red",
            "district": DISTRICT,
            "unit": UNIT,
            "opened_at": OPENED,
            "due_at": OPENED + 3 * DAY,
            "closed_at": None,
            "reported_at": None,
            "epoch": 1,
            "mark": NOW,
            "detail": self.sealer.seal(KEK, alerts.alert_ad(alert_id), alerts.encode_detail(detail)),
        }
        record = Record(bytes.fromhex(alert_id), alerts.encode(AlertRecord(**(values | changed))))
        self.bus.append(alerts.TOPIC, 0, [record])
        return alert_id

    def add_event(
        self,
        number: int,
        kind: str,
        data: dict[str, Any],
        flags: frozenset[str] = frozenset(),
        *,
        subject: str = SUBJECT,
        unit: str = UNIT,
    ) -> None:
        """Put an event into the panorama; of the one case unless another is named."""
        contract = self.contracts.by_type(kind)
        blobs = contract.codec.encode_classes(data)
        detail = panorama.encode_detail(flags, blobs)
        row = EventRow(
            event_id=event_id(number),
            type=kind,
            contract_id=contract.id,
            source=POLICE.id,
            district=DISTRICT,
            unit=unit,
            subject=subject,
            occurred_at=OPENED + number * HOUR,
            recorded_at=OPENED + number * HOUR + 1,
            level=contract.level,
            supersedes=None,
            detail=self.sealer.seal(KEK, panorama.panorama_ad(event_id(number)), detail),
        )
        self.bus.append(panorama.TOPIC, 0, [Record(event_id(number), panorama.encode(row))])


def event_id(number: int) -> bytes:
    """Return the id of the case's event `number`."""
    return uuid.UUID(int=number).bytes


def report(summary: str) -> dict[str, Any]:
    """Return the values of an accepted report."""
    return {
        "jjdbh": SUBJECT,
        "ajbh": None,
        "case_kind": "criminal",
        "accepted_at": OPENED,
        "unit": UNIT,
        "receipt_no": "990103-2025-000017",
        "summary": summary,
        "suspect": SUSPECT,
    }


def open_office(folder: Path) -> Office:
    """Open an office with one alert, three events and four people."""
    clock = ManualClock(NOW)
    contracts = Contracts.load()
    sealer = Sealer(MemoryKeystore(), clock, provisions=True)
    bus = EmbeddedBus(folder / "bus.db")
    audit = AuditLog.open(folder / "audit", "casebus.test/node", "node", Ed25519Signer(bytes(32)), clock)
    engine = open_database(folder / "read.db")
    door = Door(
        contracts, bus, audit, sealer, clock, SourceTable((POLICE,)), signer=Ed25519Signer(bytes(32)), node="node"
    )
    vault = Vault(folder / "subjects", BlobStore(folder / "audit"), sealer)
    desk = Desk(
        read_model=ReadModel(engine),
        bus=bus,
        audit=audit,
        sealer=sealer,
        tables=cache_by_id(contracts),
        door=door,
        clock=clock,
        contracts=contracts,
        models=ModelCards([MODEL]),
        vault=vault,
    )
    types = (*contracts.types(), ALERT_TYPE)
    people = {name: make_person(name, types) for name in ROLES}

    def close() -> None:
        audit.close()
        bus.close()
        engine.dispose()

    office = Office(desk, bus, audit, sealer, clock, contracts, Projector(engine), people, folder, vault, close)
    office.add_event(1, "police.report.accepted", report(SUMMARY))
    office.add_event(2, "police.report.accepted", report(HIDDEN_SUMMARY), frozenset({"sealed"}))
    wanted = {"ah": SUBJECT, "unit": UNIT, "person": SUSPECT, "wanted_level": "class_a", "reason": WANTED_REASON}
    office.add_event(3, "police.wanted.issued", wanted)
    office.add_alert()
    office.settle()
    return office


def cache_by_id(contracts: Contracts) -> Callable[[Principal], DecisionTable]:
    """Give each principal's table, compiled once."""
    known, compiled = (*contracts.all(), ALERT), dict[str, DecisionTable]()

    def table(who: Principal) -> DecisionTable:
        if who.id not in compiled:
            compiled[who.id] = compile_table(who, known)
        return compiled[who.id]

    return table


def make_person(name: str, types: tuple[str, ...]) -> Person:
    """Make one of the four demonstration people."""
    role, organisation, districts = ROLES[name]
    who = principal(name, role, organisation=organisation, districts=districts, event_types=types)
    return Person(name, name, name, who, publishes=POLICE.id if name == "police" else "")
