"""Re-driving: a dead letter goes on its way after what stopped it was mended.

That may be a contract, a code list, a registration, a key. The event is inspected anew, as if it came now. What passes
is published, and in the same transaction its letter is set to `redriven`: killed anywhere, it takes effect once. What
does not pass stays where it lies, open, and the attempt is in the audit log. A letter of release is its raw record,
appended once more: release drops what it has seen, so the record's other events do not come twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from schemas.errors import CasebusError, DeniedError, NotFoundError, RefusedError, UsageError
from schemas.faults import Fault
from security.audit.record import Entry
from security.batch import Prepared, unpack
from security.sealing import Sealer
from services.gateway.commit import Along, CommitDraft
from services.gateway.dead_letters import DeadLetters, Letter, Listed, original, parsed
from services.gateway.inspection import Inspector, Rejected
from services.gateway.letter_state import REASONS, LetterState, LetterStates, put_state
from services.gateway.memory import Memory
from services.gateway.outcome import Outcome, Status
from services.gateway.publication import ROLE, Speaker
from services.gateway.rehearsing import rehearse
from services.gateway.source import Source, Sources, UnknownSourceError
from streams.bus.port import Bus, Record, Transaction
from streams.runners.releasing import DeadLetter as ReleaseLetter

OPERATOR = "operator"
SECURITY = "sealing."
"""How the codes begin that say: a seal, a MAC or a batch is not what the gateway wrote."""
CONFLICTS = ".conflict"
"""How the codes end that say: this id was taken with another payload."""


class NoLetterError(NotFoundError):
    """There is no such letter, or it is another publisher's."""

    code: ClassVar[str] = "gateway.no_letter"


class LetterClosedError(RefusedError):
    """The letter was mended, re-driven or closed before; fields: `state`."""

    code: ClassVar[str] = "gateway.letter_closed"
    http_status: ClassVar[int] = 409


class SecurityLetterError(DeniedError):
    """A seal or MAC did not fit: closing such a letter is the security officer's."""

    code: ClassVar[str] = "gateway.letter_security"


class ReasonError(UsageError):
    """No reason for closing that is known."""

    code: ClassVar[str] = "gateway.letter_reason"


@dataclass(frozen=True)
class Keeper:
    """A person whose role keeps letters of others.

    Attributes:
        serves: answers whether letters of a source are this person's; "" is the source of what nobody could open.
        security: whether the person closes what may be the trace of an attack.
    """

    account: str
    organisation: str
    role: str
    purpose: str
    serves: Callable[[str], bool]
    security: bool = False


@dataclass(frozen=True)
class Asker:
    """Who asks about letters: a source sees its own, a keeper those it serves, the operator of the node every one."""

    source: Source | None
    keeper: Keeper | None = None

    @property
    def org(self) -> str:
        """The organisation of who asks."""
        said = self.source or self.keeper
        return said.organisation if said else ""

    @property
    def role(self) -> str:
        """The role in audit records."""
        if self.keeper is not None:
            return self.keeper.role
        return ROLE if self.source else OPERATOR

    def sees(self, source: str) -> bool:
        """Tell whether letters of a source are shown to who asks."""
        if self.keeper is not None:
            return self.keeper.serves(source)
        return self.source is None or source == self.source.id

    def owns(self, letter: Letter | ReleaseLetter) -> bool:
        """Tell whether the letter is shown to who asks."""
        return self.sees(letter.source)

    def closes(self, code: str) -> bool:
        """Tell whether who asks may close a letter of that code."""
        return not code.startswith(SECURITY) or (self.keeper is not None and self.keeper.security)


@dataclass(frozen=True)
class Verdict:
    """Whether a letter would pass now; else why not. `prepared` is its event where it was inspected and passes."""

    code: str = ""
    faults: tuple[Fault, ...] = ()
    prepared: Prepared | None = None

    @property
    def passes(self) -> bool:
        """Whether it would pass."""
        return not self.code


class Redriver:
    """Looks at letters anew; the door holds its lock around `redrive` and `close`."""

    def __init__(
        self,
        bus: Bus,
        sealer: Sealer,
        inspector: Inspector,
        memory: Memory,
        letters: DeadLetters,
        sources: Callable[[], Sources],
        *,
        vault: bool,
    ) -> None:
        self._bus, self._sealer, self._inspector = bus, sealer, inspector
        self._memory, self._letters, self._sources = memory, letters, sources
        self._vault = vault
        self.states = LetterStates(bus)

    def letter(self, number: int, asker: Asker) -> Letter | ReleaseLetter:
        """Return a letter; raises `NoLetterError` also for one that is somebody else's."""
        stored = self._letters.stored(number)
        letter = parsed(stored) if stored else None
        if letter is None or not asker.owns(letter):
            raise NoLetterError(number=number)
        return letter

    def state(self, number: int, letter: Letter | ReleaseLetter | Listed) -> LetterState:
        """Return what became of a letter; one whose event was taken since, under the same id, is mended."""
        return self.now(self.states.of(number), letter)

    def now(self, kept: LetterState, letter: Letter | ReleaseLetter | Listed) -> LetterState:
        """Return what became of a letter whose kept state is known."""
        released = letter.released if isinstance(letter, Listed) else isinstance(letter, ReleaseLetter)
        if kept.state != "open" or letter.code.endswith(CONFLICTS) or released:
            return kept
        known = self._memory.find(letter.source, letter.event_id)
        return LetterState("mended", known.kept.at, known.kept.seq) if known else kept

    def verdict(self, letter: Letter | ReleaseLetter, now: int) -> Verdict:
        """Inspect a letter as if its event came now."""
        if isinstance(letter, ReleaseLetter):
            return self._released_verdict(letter)
        try:
            source = self._sources().get(letter.source)
        except UnknownSourceError as error:
            return Verdict(error.code, (Fault.of("$.source", error.code, source=letter.source),))
        _, said = original(letter, self._sealer)
        result = self._inspector.inspect(said, source, now)
        if isinstance(result, Rejected):
            return Verdict(result.code, result.faults)
        told = rehearse(result, source, self._memory, self._sealer, vault=self._vault)
        if not told.ok:
            return Verdict(told.code, told.faults)
        return Verdict(prepared=result)

    def _released_verdict(self, letter: ReleaseLetter) -> Verdict:
        """A raw record passes where it opens now: its MAC fits, its keys are there, its classes can be read."""
        try:
            batch = unpack(self._raw(letter).value, self._sealer)
            if letter.code.endswith(CONFLICTS):
                return Verdict(letter.code)
            for event in batch.events if letter.index < 0 else batch.events[letter.index : letter.index + 1]:
                contract = self._inspector.contracts.by_id(event.header.schema_id)
                event.open(range(len(contract.classes)))
        except CasebusError as error:
            return Verdict(error.code)
        return Verdict()

    def _raw(self, letter: ReleaseLetter) -> Record:
        stored = self._bus.read(letter.topic, letter.partition, letter.offset, 1)
        if not stored or stored[0].offset != letter.offset:
            raise NoLetterError(number=letter.offset)
        return Record(stored[0].key, stored[0].value, stored[0].headers)

    def redrive(
        self,
        number: int,
        asker: Asker,
        now: int,
        draft: CommitDraft,
        write: Callable[[CommitDraft, Along], list[list[Outcome]]],
    ) -> tuple[Verdict, Outcome | None]:
        """Send a letter on its way where it passes now; return the verdict, and its event's outcome where it has one.

        Raises:
            NoLetterError, LetterClosedError: nothing was done. UnavailableError: nothing took effect.
        """
        letter = self.letter(number, asker)
        state = self.state(number, letter)
        if state.state != "open":
            raise LetterClosedError(state=state.state)
        verdict = self.verdict(letter, now)
        entry = _entry(number, letter, asker, verdict.code or "ok")
        if not verdict.passes:
            write(draft, Along([entry]))
            return verdict, None
        if isinstance(letter, ReleaseLetter):
            raw = self._raw(letter)

            def again(change: Transaction, seq: int) -> None:
                change.append(letter.topic, letter.partition, [raw])
                put_state(change, number, LetterState("redriven", now, seq))

            write(draft, Along([entry], again))
            return verdict, None
        return verdict, self._publish(number, letter, verdict, entry, now, draft, write)

    def _publish(
        self,
        number: int,
        letter: Letter,
        verdict: Verdict,
        entry: Entry,
        now: int,
        draft: CommitDraft,
        write: Callable[[CommitDraft, Along], list[list[Outcome]]],
    ) -> Outcome:
        assert verdict.prepared is not None
        _, said = original(letter, self._sealer)
        speaker = Speaker(self._sources().get(letter.source), purpose="redrive")
        draft.settle(speaker, [said], [verdict.prepared], lambda _: letter.body or bytes(32))

        def settled(change: Transaction, seq: int) -> None:
            put_state(change, number, LetterState("redriven", now, seq))

        outcome = write(draft, Along([entry], settled))[0][0]
        assert outcome.status in {Status.ACCEPTED, Status.REPEATED}
        return outcome

    def close(self, number: int, asker: Asker, reason: str, now: int, write: Callable[[Along], object]) -> None:
        """Close a letter for a reason of `REASONS`; raises `NoLetterError`, `LetterClosedError`, `ReasonError`.

        Raises `SecurityLetterError` for what only the security officer closes.
        """
        letter = self.letter(number, asker)
        if reason not in REASONS:
            raise ReasonError(known=", ".join(REASONS))
        if not asker.closes(letter.code):
            raise SecurityLetterError(number=number)
        state = self.state(number, letter)
        if state.state != "open":
            raise LetterClosedError(state=state.state)
        entry = _entry(number, letter, asker, "closed", reason)

        def closed(change: Transaction, seq: int) -> None:
            put_state(change, number, LetterState("closed", now, seq, reason))

        write(Along([entry], closed))


def _entry(number: int, letter: Letter | ReleaseLetter, asker: Asker, out: str, why: str = "") -> Entry:
    data: dict[str, object] = {"letter": number, "source": letter.source, "code": letter.code}
    if isinstance(letter, ReleaseLetter):
        data["record"] = f"{letter.topic}/{letter.partition}/{letter.offset}"
    keeper = asker.keeper
    return Entry(
        act="redrive",
        out=out,
        actor=keeper.account if keeper else "",
        purpose=keeper.purpose if keeper else "",
        org=asker.org,
        role=asker.role,
        obj=letter.event_id.hex() or f"letter/{number}",
        why=why or letter.code,
        data=data,
    )
