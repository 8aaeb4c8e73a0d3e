"""The desk: one method per thing a signed-in person can ask for; every answer is a view model for this person."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, replace
from typing import Any

from schemas.catalogue import Contracts
from schemas.clock import Clock
from schemas.districts import districts
from security.keys.port import KekName
from security.vault import NotInVaultError, Vault
from services.desk import alert_page, board, publishing
from services.desk.alert_contract import ALERT
from services.desk.decisions import Table, TableOf, decide, detail_decision, guards_between, sees, shell_visible
from services.desk.errors import NotYoursError
from services.desk.grants import Grants
from services.desk.identities import Identities
from services.desk.look_up import LookUps, Sought
from services.desk.models import ModelCards
from services.desk.opening import Openings
from services.desk.people import Person, describe
from services.desk.publishing import Door, Known, Options, Wish, options_of
from services.desk.stepping import Stepping
from services.desk.trail import Trail
from streams.bus.port import Bus
from streams.clues import Clue, Step
from streams.projections.read_model import ReadModel, UnknownAlertError
from streams.projections.values import AlertRow, Filter

KEK = KekName("casebus", 3)
"""Notes on clues are sealed to this key."""


@dataclass(frozen=True)
class Opened:
    """An alert as the handlers need it: its row, where its clue stands, the guards, the person's decisions."""

    row: AlertRow
    clue: Clue
    guards: int
    table: Table


def reach(district: str) -> str:
    """Return the prefix of the districts that belong to this one: 990103 is itself, 990100 the whole city."""
    return district.removesuffix("00").removesuffix("00")


class Desk:
    """Decides, audits and opens for the console; holds no session of its own."""

    def __init__(
        self,
        *,
        read_model: ReadModel,
        bus: Bus,
        audit: Any,
        sealer: Any,
        tables: TableOf,
        door: Door,
        clock: Clock,
        contracts: Contracts,
        models: ModelCards,
        options: Options = options_of,
        vault: Vault | None = None,
    ) -> None:
        self._read_model = read_model
        self._tables = tables
        self._door = door
        self._clock = clock
        self._contracts = contracts
        self._models = models
        self._options = options
        self._trail = Trail(audit, bus, clock)
        self._openings = Openings(read_model, contracts, sealer, self._trail)
        self._look_ups = LookUps(read_model, contracts, self._openings, self._trail, clock)
        self._identities = (
            Identities(
                vault,
                Grants(bus),
                contracts,
                self._openings,
                self._look_ups,
                self._trail,
                clock,
                secrets.token_bytes,
            )
            if vault
            else None
        )
        self._stepping = Stepping(bus, sealer, self._trail, clock, KEK, threading.Lock())

    def me(self, person: Person) -> dict[str, Any]:
        """Render who is signed in and what kind of board this person gets."""
        return describe(person, sees(self._tables(person.principal), person))

    def changes(self) -> dict[str, Any]:
        """Tell what moved: the revision, the node's clock, the marks and who is silent."""
        marks = self._read_model.marks()
        return {
            "revision": self._read_model.revision(),
            "now": self._clock.now_us(),
            "mark": marks.clock,
            "silent": list(marks.silent),
        }

    def board(self, person: Person, wanted: Filter) -> dict[str, Any]:
        """Render the board for a person: counts, shells or log facts."""
        kind = sees(self._tables(person.principal), person)
        head = {"me": describe(person, kind)} | self.changes()
        if kind == "none":
            return head
        if kind == "log":
            rows = self._read_model.newest(Filter())
            recent = [alert_page.access(a) | {"alert_id": i} for i, a in self._read_model.recent_accesses()]
            return head | {"rows": [board.log_row(row) for row in rows], "accesses": recent}
        counted = self._counts(wanted)
        if kind == "counts":
            return head | counted
        return head | counted | {"rows": [board.shell(row) for row in self._rows(person, wanted)]}

    def alert(self, person: Person, alert_id: str) -> dict[str, Any]:
        """Render one alert for a person; what may be opened is opened, audited and shown, the rest says why not.

        Raises:
            UnknownAlertError: there is none, or nothing of it may be shown.
        """
        opened = self._open(person, alert_id)
        head = {"me": describe(person, sees(opened.table, person))} | self.changes()
        history = self._read_model.history(alert_id)
        if not person.principal.payload:
            return head | alert_page.log_page(opened.row, history, self._read_model.accesses(alert_id))
        if not shell_visible(opened.table, opened.guards):
            return head | alert_page.closed(alert_id, decide(opened.table, ALERT, frozenset(), opened.guards))
        # Before what it stands for is read: a tag that is newer than the page would keep the page as it is.
        tag = self._tag(opened)
        page = alert_page.with_shell(opened.row, self._models.about(opened.row.model), history)
        detail = self._openings.for_person(person, opened.table, opened.row, opened.guards)
        clue = alert_page.clue(person, opened.clue, self._read_model.clue_steps(alert_id))
        extra = {"clue": clue, "publish": self._forms(person, opened), "tag": tag}
        return head | page | detail | extra

    def tag(self, person: Person, alert_id: str) -> dict[str, Any]:
        """Return a mark of the alert page's content: it changes when the page should be asked for again."""
        opened = self._open(person, alert_id)
        return {"tag": self._tag(opened) if shell_visible(opened.table, opened.guards) else ""}

    def step(self, person: Person, alert_id: str, step: Step, note: str = "") -> dict[str, Any]:
        """Take a step of the clue; the answer is where the clue stands now."""
        opened = self._open(person, alert_id)
        case = self._openings.case_digest(self._openings.detail(opened.row).subject)
        after = self._stepping.take(person, alert_id, replace(step, actor=person.account, role=person.role), note, case)
        return {"state": after.state.value, "version": after.version, "assignee": after.assignee}

    def look_up(self, person: Person, alert_id: str, sought: Sought) -> dict[str, Any]:
        """Look up a person for the alert's case; LookUpError where there is no duty to it."""
        opened = self._open(person, alert_id)
        return self._look_ups.take(person, opened.table, opened.row, opened.guards, sought)

    def identities(self, person: Person, alert_id: str) -> tuple[Identities, Opened]:
        """Return what gives clear names, and the alert as this person has it; raises where there is no vault."""
        if self._identities is None:
            raise NotInVaultError
        return self._identities, self._open(person, alert_id)

    def publish(self, person: Person, alert_id: str, wish: Wish) -> dict[str, Any]:
        """Publish the missing decision as the organisation's system, the person named in the audit log.

        Raises:
            NotYoursError: this person, or this organisation's system, may not publish this type here.
        """
        opened = self._open(person, alert_id)
        known = self._known(person, opened)
        if known is None or wish.type not in self._closers(opened, known.source):
            raise NotYoursError(reason="publish")
        contract = self._contracts.by_type(wish.type)
        raw = publishing.event(contract, wish, known)
        if wrong := publishing.mistakes(contract, raw):
            return wrong
        case = self._openings.case_digest(known.subject)
        self._trail.note(person, "alert", alert_id, case=case, data={"step": "publish", "event": raw["id"]})
        (outcome,) = self._door.accept(known.source, [raw], actor=person.account)
        # The receipt is the organisation system's; a person needs to know what became of the event.
        return {name: value for name, value in outcome.as_dict().items() if name != "receipt"}

    def _open(self, person: Person, alert_id: str) -> Opened:
        """Find an alert for a person; what may not be shown does not exist for this person."""
        row = self._read_model.alert(alert_id)
        clue = self._stepping.clue(alert_id)
        table = self._tables(person.principal)
        guards = guards_between(person, row, clue, self._clock.now_us())
        if person.principal.payload and not decide(table, ALERT, frozenset(), guards).visible:
            self._trail.note(person, "open", alert_id, out="deny", why=UnknownAlertError.code)
            raise UnknownAlertError(what="alert")
        return Opened(row, clue, guards, table)

    def _counts(self, wanted: Filter) -> dict[str, Any]:
        counts = self._read_model.counts(wanted)
        city = self._read_model.counts(replace(wanted, districts=(), unit=""))
        return {
            "kpis": board.tally(counts),
            "states": board.by_state(counts),
            "districts": board.by_district(city, [district.code for district in districts()]),
            "units": board.by_unit(counts) if wanted.districts else [],
            "models": board.by_model(counts, self._models),
        }

    def _rows(self, person: Person, wanted: Filter) -> list[AlertRow]:
        """Return the rows in this person's scope: the query itself is narrowed, nothing is filtered out later."""
        codes = [d.code for d in districts() if d.code.startswith(tuple(reach(p) for p in person.districts))]
        asked = tuple(code for code in codes if not wanted.districts or code in wanted.districts)
        units = tuple(unit for unit in person.units if wanted.unit in {"", unit})
        if not asked or (person.units and not units):
            return []
        narrowed = replace(wanted, districts=asked)
        if not units:
            return self._read_model.newest(narrowed)
        return [row for unit in units for row in self._read_model.newest(replace(narrowed, unit=unit))]

    def _tag(self, opened: Opened) -> str:
        events = 0
        if detail_decision(opened.table, opened.guards)[0]:
            events = self._read_model.event_count(self._openings.detail(opened.row).subject)
        return f"{opened.row.revision}.{opened.row.clue_version}.{opened.clue.version}.{events}"

    def _known(self, person: Person, opened: Opened) -> Known | None:
        """Return what a publication would carry, where this person's organisation has a system for it."""
        may_open, _ = detail_decision(opened.table, opened.guards)
        if not (may_open and person.publishes and opened.row.unit in person.units):
            return None
        detail = self._openings.detail(opened.row)
        person_key = self._openings.person_key(detail)
        return Known(detail.subject, opened.row.unit, opened.row.district, person.publishes, person_key)

    def _forms(self, person: Person, opened: Opened) -> list[dict[str, Any]]:
        known = self._known(person, opened)
        # A clock that stands still misses no decision.
        if known is None or opened.row.state not in board.OPEN_STATES:
            return []
        contracts = [self._contracts.by_type(kind) for kind in self._closers(opened, known.source)]
        return [publishing.form(c, known, self._options) for c in contracts if publishing.offered(c, known)]

    def _closers(self, opened: Opened, source: str) -> list[str]:
        agency = source.partition("-")[0]
        return [kind for kind in self._models.closers(opened.row.model) if kind.startswith(f"{agency}.")]
