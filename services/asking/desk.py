"""The desk of requests: an agency asks, people of the node review, and what is approved becomes a control record.

Two people approve whatever gives more than is in force: none of them of the asking organisation, each of exactly what
was shown (a digest over the wish, what it would get and what it widens). A request that gives nothing more needs one.
Every act is durable in the audit log, with the state it leads to, before it is answered.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import msgspec

from schemas.catalogue import Contracts
from schemas.clock import SECOND, Clock
from security.approval import Approvals, digest_of
from security.audit.record import Entry
from security.control import Snapshot
from security.policy.roles import REVIEWERS
from security.subjects import as_body
from services.asking.errors import (
    ChangedError,
    NoRequestError,
    NotReviewerError,
    PendingError,
    ReasonError,
    SettledError,
    WishError,
)
from services.asking.preview import preview
from services.asking.request import REASONS, Approval, Request, Requests, State, keeping, put
from services.asking.wish import Ground, Wish, faults_of, wish_of
from services.desk.people import Person
from services.gateway.commit import Along
from services.gateway.readers import Reader
from streams.bus.port import Transaction
from streams.control import Wanted

KIND: Final = "subscription"
WIDENING, NARROWING = 2, 1
"""How many people approve."""
PENDING_EACH: Final = 20
"""How many pending requests an organisation may have."""
ASKING: Final = "ask-subscription"
ROLE: Final = "subscriber"


class Record(Protocol):
    """Makes an act durable in the audit log and, in the same step, what follows from it."""

    def __call__(self, entry: Entry, change: Along.Put) -> None:
        """Record; `change` is given the transaction and the number of the record."""
        ...


@dataclass
class RequestDesk:
    """The desk of one node; safe for many threads.

    Attributes:
        snapshot: answers the present control state. wider: what a control record would give beyond it.
        put_in_force: signs a subscription and works by it. deliverable: raises where a worker could not deliver it.
    """

    requests: Requests
    record: Record
    contracts: Contracts
    clock: Clock
    snapshot: Callable[[], Snapshot]
    wider: Callable[[Wanted], Sequence[str]]
    put_in_force: Callable[[Wanted, Sequence[str]], None]
    deliverable: Callable[[str], None]
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, reader: Reader, said: dict[str, Any]) -> dict[str, Any]:
        """Take a request; return it with what it would get.

        Raises:
            WishError: with every fault. PendingError: the same is pending, or there are too many.
        """
        ground = self._ground()
        wish = wish_of(said, reader.organisation, ground)
        faults = faults_of(wish, ground)
        if faults:
            raise WishError(faults)
        with self._lock:
            mine = [each for each in self._all(wish.organisation) if each.state == "pending"]
            if len(mine) >= PENDING_EACH or any(each.wish.subscription == wish.subscription for each in mine):
                raise PendingError
            request = Request(secrets.token_hex(8), wish, reader.name, self.clock.now_us())
            entry = self._entry(request, "asked", actor=reader.name, role=ROLE, purpose=ASKING)
            self.record(entry, keeping(request))
        return self._shown(request)

    def own(self, reader: Reader) -> list[dict[str, Any]]:
        """Return the requests of the reader's organisation, oldest first, in short."""
        return [_short(each) for each in sorted(self._all(reader.organisation), key=lambda r: r.at)]

    def show(self, reader: Reader, request_id: str) -> dict[str, Any]:
        """Return one's own request; raises `NoRequestError`."""
        return self._shown(self._own(reader, request_id))

    def withdraw(self, reader: Reader, request_id: str) -> dict[str, Any]:
        """Take a request back; raises `NoRequestError`, `SettledError`."""
        with self._lock:
            request = self._pending(self._own(reader, request_id))
            entry = self._entry(request, "withdrawn", actor=reader.name, role=ROLE, purpose=ASKING)
            return self._settle(request, entry, "withdrawn")

    def reviews(self, person: Person) -> list[dict[str, Any]]:
        """Return every request, pending ones first; raises `NotReviewerError`."""
        _require_reviewer(person)
        return [_short(each) for each in sorted(self.requests.all(), key=lambda r: (r.state != "pending", r.at))]

    def review(self, person: Person, request_id: str) -> dict[str, Any]:
        """Return one request as a reviewer sees it: who asked, and whether this person may decide it.

        Raises:
            NotReviewerError, NoRequestError: nothing was shown.
        """
        _require_reviewer(person)
        request = self._any(request_id)
        shown = self._shown(request)
        mine = request.wish.organisation == person.organisation or person.account in shown["approved_by"]
        return {**shown, "asker": request.asker, "may_review": request.state == "pending" and not mine}

    def approve(self, person: Person, request_id: str, seen: str) -> dict[str, Any]:
        """Approve what was `seen`; the last approval that is needed puts the subscription in force.

        Raises:
            NotReviewerError, NoRequestError, SettledError, ChangedError: nothing was approved.
            WishError: the wish cannot be granted any more. KafkaTopicMissingError: nobody could deliver it.
        """
        with self._lock:
            request = self._pending(self._any(request_id))
            _require_reviewer(person, request)
            shown = self._shown(request)
            if seen != shown["seen"]:
                raise ChangedError
            if faults := faults_of(request.wish, self._ground()):
                raise WishError(faults)
            valid = [each for each in request.approvals if each.seen == seen]
            standing = Approvals(shown["needs"], given=tuple(each.account for each in valid))
            if not standing.takes(person.account):
                raise NotReviewerError(role=person.role)
            enough = len(valid) + 1 >= standing.needs
            if enough:
                self.deliverable(request.wish.subscription)
            kept = request

            def approved(change: Transaction, seq: int) -> None:
                nonlocal kept
                approval = Approval(person.account, seen, self.clock.now_us(), seq)
                state: State = "approved" if enough else "pending"
                kept = msgspec.structs.replace(request, approvals=(*valid, approval), state=state)
                put(change, kept)

            self.record(self._by(person, request, "approved"), approved)
            return self._grant(kept) if enough else self._shown(kept)

    def decline(self, person: Person, request_id: str, reason: str) -> dict[str, Any]:
        """Decline a request for a reason of `REASONS`; raises as `approve` does, and `ReasonError`."""
        if reason not in REASONS:
            raise ReasonError(known=", ".join(REASONS))
        with self._lock:
            request = self._pending(self._any(request_id))
            _require_reviewer(person, request)
            return self._settle(request, self._by(person, request, "declined", reason), "declined", reason)

    def resume(self) -> None:
        """Put in force what was approved when the node was killed; called before anything else may happen to it."""
        with self._lock:
            for request in list(self.requests.all()):
                if request.state == "approved":
                    self._grant(request)

    def _grant(self, request: Request) -> dict[str, Any]:
        """Put a request in force that enough people approved; done again after a kill, it changes nothing more."""
        shown = self._shown(request)
        approvers = [each.account for each in request.approvals]
        self.put_in_force(self._wanted(request), approvers)
        granted = msgspec.structs.replace(request, state="granted")
        wish = request.wish
        entry = self._entry(request, "granted", actor=approvers[-1], role="", purpose=wish.purpose)
        self.record(entry, keeping(granted))
        return {**shown, **_short(granted)}

    def _settle(self, request: Request, entry: Entry, state: State, reason: str = "") -> dict[str, Any]:
        settled = msgspec.structs.replace(request, state=state, reason=reason)
        self.record(entry, keeping(settled))
        return self._shown(settled)

    def _shown(self, request: Request) -> dict[str, Any]:
        wanted = self._wanted(request)
        principal = request.wish.principal(self._zone())
        told = {
            "wish": msgspec.to_builtins(request.wish),
            "gets": preview(principal, self.contracts),
            "widens": sorted(self.wider(wanted)),
        }
        needs = WIDENING if told["widens"] else NARROWING
        seen = digest_of(told)
        approved = [each.account for each in request.approvals if request.state != "pending" or each.seen == seen]
        return {**_short(request), **told, "needs": needs, "approved_by": approved, "seen": seen}

    def _wanted(self, request: Request) -> Wanted:
        wish = request.wish
        body = {
            "delivers": "view",
            "basis": wish.basis,
            "of_models": False,
            "principal": as_body(wish.principal(self._zone())),
            "request": request.id,
            "agreements": list(wish.agreements),
        }
        return Wanted(KIND, wish.subscription, body)

    def _all(self, organisation: str) -> list[Request]:
        return [each for each in self.requests.all() if each.wish.organisation == organisation]

    def _any(self, request_id: str) -> Request:
        request = self.requests.get(request_id)
        if request is None:
            raise NoRequestError
        return request

    def _own(self, reader: Reader, request_id: str) -> Request:
        request = self._any(request_id)
        if request.wish.organisation != reader.organisation:
            raise NoRequestError
        return request

    @staticmethod
    def _pending(request: Request) -> Request:
        if request.state != "pending":
            raise SettledError(state=request.state)
        return request

    def _ground(self) -> Ground:
        snapshot = self.snapshot()

        def holder(name: str) -> str:
            record = snapshot.records.get((KIND, name))
            return "" if record is None else str(record.value["principal"]["organisation"])

        ceiling = min(int(body["ceiling"]) for body in snapshot.of("site").values())
        today = datetime.fromtimestamp(self.clock.now_us() // SECOND, self._zone()).date()
        return Ground(self.contracts, holder, ceiling, today)

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(next(iter(self.snapshot().of("site").values()))["zone"])

    def _by(self, person: Person, request: Request, what: str, why: str = "") -> Entry:
        return self._entry(
            request, what, actor=person.account, role=person.role, purpose=person.principal.purpose, why=why
        )

    def _entry(self, request: Request, what: str, *, actor: str, role: str, purpose: str, why: str = "") -> Entry:
        wish: Wish = request.wish
        return Entry(
            act=KIND,
            actor=actor,
            org=wish.organisation,
            role=role,
            purpose=purpose,
            obj=wish.subscription,
            ctl=self.snapshot().epoch,
            why=why,
            data={"what": what, "request": request.id, "for": wish.purpose, "types": sorted(wish.fields)},
        )


def _require_reviewer(person: Person, request: Request | None = None) -> None:
    own = request is not None and request.wish.organisation == person.organisation
    if own or person.role not in REVIEWERS:
        raise NotReviewerError(role=person.role)


def _short(request: Request) -> dict[str, Any]:
    return {
        "request": request.id,
        "subscription": request.wish.subscription,
        "organisation": request.wish.organisation,
        "purpose": request.wish.purpose,
        "at": request.at,
        "state": request.state,
        "reason": request.reason,
    }
