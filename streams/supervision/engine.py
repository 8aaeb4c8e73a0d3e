"""The supervision engine: facts and marks in, changes of alerts out; what it remembers lives behind a port.

Per key it keeps the facts and what it last published, folds the whole key again whenever a fact arrives or a mark
passes, and publishes the difference. So the order of arrival, repetitions and restarts cannot change the outcome.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from streams.supervision.correcting import Correction, cause_of, reason_of
from streams.supervision.errors import DuplicateModelError
from streams.supervision.fact import Fact, corrections, settled
from streams.supervision.finding import CLEARED, OVER, Finding, State, step, transition
from streams.supervision.judge import Verdict
from streams.supervision.keystate import CLOCK, VERSION, KeyState, KeyStatePort, Published, Wake, decode, encode
from streams.supervision.marks import Marks, SourceDirectory
from streams.supervision.model import Model
from streams.supervision.report import CLOSED, finding, unit_of
from streams.supervision.space import Space, fields_of, spaces_of
from streams.supervision.term import Term

Address = Callable[[str, str], bytes]
"""(key space, key) → the name a key's state is stored under."""

REMEMBERED = 65_536
"""Addresses kept per key space: a case that spoke speaks again soon, and a keyed digest costs nearly a fold."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an alert, to be published.

    Attributes:
        model, code, version, digest: of the model; `previous`: the state before, None for a new alert.
        finding: the alert as it is now.
    """

    model: str
    code: str
    version: str
    digest: str
    previous: State | None
    finding: Finding


@dataclass(slots=True)
class _Dirty:
    """A key to fold: where it lives, the facts that arrived for it, and whether a mark woke it."""

    space: str
    key: str
    facts: list[Fact]
    due: bool = False


_Run = tuple[Model, Callable[[Sequence[Fact]], list[Term]], Callable[[Term, Marks], Verdict]]
"""A model, the terms of its pattern and the verdict of a term."""


def plain_address(space: str, key: str) -> bytes:
    """Return an address that is not keyed: for tests and memory only."""
    return hashlib.sha256(f"{space}\0{key}".encode()).digest()[:16]


class Engine:
    """Runs a set of models over the keys of a store.

    `directory` says who could still close a case. `address` names a key in the store; a node gives a keyed digest.
    `unkeyed` counts facts that lacked a part of their key and could not be folded.
    """

    def __init__(
        self, models: Iterable[Model], directory: SourceDirectory | None = None, address: Address = plain_address
    ) -> None:
        self.models = tuple(models)
        self.directory = directory or SourceDirectory()
        self.unkeyed = 0
        self._address = address
        self._by_id = {model.id: model for model in self.models}
        if len(self._by_id) != len(self.models):
            twice = next(m for m in self.models if self._by_id[m.id] is not m)
            raise DuplicateModelError(file=twice.file, path="$.metadata.id", name=twice.id)
        self._spaces = spaces_of(self.models)
        self._known: dict[str, dict[str, bytes]] = {name: {} for name in self._spaces}
        self._takers: dict[str, tuple[Space, ...]] = {}
        for space in self._spaces.values():
            for event_type in space.fields:
                self._takers[event_type] = (*self._takers.get(event_type, ()), space)
        self._runs: dict[str, tuple[_Run, ...]] = {
            name: tuple((model, model.pattern.terms, model.pattern.verdict) for model in space.models)
            for name, space in self._spaces.items()
        }

    @property
    def types(self) -> tuple[str, ...]:
        """The event types of all models, sorted: the engine's subscription."""
        return tuple(sorted(self._takers))

    @property
    def fields(self) -> dict[str, tuple[str, ...]]:
        """Event type → the fields of all models, sorted: the engine's subscription."""
        return fields_of(self.models)

    @property
    def keys(self) -> dict[str, tuple[str, ...]]:
        """Event type → the fields that models fold by, sorted: they lead to the keys that hold an event."""
        found: dict[str, set[str]] = {}
        for event_type, spaces in self._takers.items():
            folded_by = [space.models[0].key_names for space in spaces]
            named = {name for names in folded_by if isinstance(names, tuple) for name in names}
            found[event_type] = {name for name in named if any(name in space.fields[event_type] for space in spaces)}
        return {event_type: tuple(sorted(names)) for event_type, names in found.items()}

    @property
    def fingerprint(self) -> str:
        """What the stored states depend on; where it differs from the stored one they are folded anew from the log."""
        parts = sorted(f"{m.id}\0{m.major}\0{m.digest}" for m in self.models)
        return hashlib.sha256("\n".join([str(VERSION), *parts]).encode()).hexdigest()

    def addresses(self, fact: Fact) -> tuple[bytes, ...]:
        """Return the addresses of the keys that a fact belongs to: whoever splits the keys sends it to each."""
        found: dict[bytes, None] = {}
        for space in self._takers.get(fact.type, ()):
            key = space.key(fact)
            if key is not None:
                found[self._address_of(space.name, key)] = None
        return tuple(found)

    def apply(
        self, store: KeyStatePort, facts: Iterable[Fact], marks: Marks, owns: Callable[[bytes], bool] | None = None
    ) -> list[Change]:
        """Take facts and marks, bring every key they touch up to date, and return what changed.

        Facts may come in any order and any number of times. The store is changed; the caller commits it together with
        what it publishes. Where the keys are split over several stores, `owns` tells which addresses live in this one.
        """
        marks = replace(marks, directory=self.directory)
        dirty = self._sort(facts)
        if owns is not None:
            dirty = {address: work for address, work in dirty.items() if owns(address)}
        changes: list[Change] = []
        for address in self._due(store, marks):
            dirty.setdefault(address, _Dirty("", "", [])).due = True
        store.expect(list(dirty))
        for address, work in dirty.items():
            changes += self._fold(store, address, work, marks)
        return changes

    def _sort(self, facts: Iterable[Fact]) -> dict[bytes, _Dirty]:
        dirty: dict[bytes, _Dirty] = {}
        known, takers_of, nobody = self._known, self._takers.get, ()
        for fact in facts:
            for space in takers_of(fact.type, nobody):
                key = space.key(fact)
                if key is None:
                    self.unkeyed += 1
                    continue
                address = known[space.name].get(key) or self._address_of(space.name, key)
                work = dirty.get(address)
                if work is None:
                    work = dirty[address] = _Dirty(space.name, key, [])
                work.facts.append(space.project(fact))
        return dirty

    def _address_of(self, space: str, key: str) -> bytes:
        known = self._known[space]
        address = known.get(key)
        if address is None:
            if len(known) >= REMEMBERED:
                known.clear()
            address = known[key] = self._address(space, key)
        return address

    @staticmethod
    def _due(store: KeyStatePort, marks: Marks) -> list[bytes]:
        found = dict.fromkeys(store.due(CLOCK, marks.clock))
        for source in sorted(marks.sources):
            found.update(dict.fromkeys(store.due(source, marks.of(source))))
        return list(found)

    def _fold(self, store: KeyStatePort, address: bytes, work: _Dirty, marks: Marks) -> list[Change]:
        stored = store.get(address)
        if stored is None:
            once = {fact.id: fact for fact in work.facts}
            state = KeyState(VERSION, work.space, work.key, [*once.values()], {})
        else:
            state = decode(stored)
            once = {fact.id: fact for fact in state.facts}
            arrived = {fact.id: fact for fact in work.facts if fact.id not in once}
            if not arrived and not work.due:
                return []
            state.facts += arrived.values()
            once.update(arrived)
        changes, wakes = self._judged(state, settled([*once.values()]), marks)
        store.put(address, encode(state), wakes)
        return changes

    def _judged(self, state: KeyState, counting: list[Fact], marks: Marks) -> tuple[list[Change], list[Wake]]:
        changes: list[Change] = []
        clock: int | None = None
        wakes: dict[str, int] = {}
        before, after = state.published, dict[str, Published]()
        for model, terms_of, verdict_of in self._runs[state.space]:
            for term in terms_of(counting):
                verdict = verdict_of(term, marks)
                said = verdict.state
                # A term that says nothing and never said anything needs no name: most do.
                if before or (said is not None and said != CLEARED):
                    alert = model.alert_id(verdict)
                    stands, change = _changed(model, state.key, verdict, before.pop(alert, None))
                    if change is not None:
                        changes.append(change)
                    if stands is not None:
                        after[alert] = stands
                wake = verdict.wake_at
                if wake is not None and (clock is None or wake < clock):
                    clock = wake
                for source in verdict.waits:
                    due = term.deadline.due_at
                    wakes[source] = min(wakes.get(source, due), due)
        gone = corrections(state.facts) if changes or before else []
        if gone:
            changes = [explained(change, gone, self._by_id[change.model].types) for change in changes]
        changes += [self._vanished(state.key, alert, old, gone) for alert, old in before.items()]
        state.published = after
        return changes, [*([(CLOCK, clock)] if clock is not None else []), *wakes.items()]

    def _vanished(self, key: str, alert: str, old: Published, gone: Sequence[Correction]) -> Change:
        """Clear an alert whose trigger was corrected away or withdrawn."""
        model = self._by_id[old.model]
        reason, evidence = cause_of(alert, model.id, model.major, gone)
        found = Finding(
            id=alert,
            state=CLEARED,
            severity=old.severity,
            subject=old.subject,
            key=key,
            district=old.district,
            unit=old.unit,
            opened_at=old.opened_at,
            due_at=old.due_at,
            evidence=evidence,
            steps=(step(f"model.step.{reason}"),),
            reason=reason,
        )
        return Change(model.id, model.code, model.version, model.digest, old.state, found)


def explained(change: Change, gone: Sequence[Correction], types: Iterable[str]) -> Change:
    """Say of a change that a correction by the source is what made it so, where one is."""
    found = change.finding
    reason = reason_of(found, gone, types)
    if not reason:
        return change
    steps = (*found.steps, step(f"model.step.source_{reason}"))
    return replace(change, finding=replace(found, steps=steps, reason=reason))


def _changed(model: Model, key: str, verdict: Verdict, old: Published | None) -> tuple[Published | None, Change | None]:
    """Return what stands published of a verdict from now on, and the change to publish, if any."""
    previous = None if old is None else old.state
    moved = transition(previous, verdict.state)
    state = moved or previous
    if state is None:
        return None, None
    now = _published(model, verdict, state)
    if now == old:
        return old, None
    found = finding(model, key, verdict, state)
    change = Change(model.id, model.code, model.version, model.digest, previous, found)
    return (None if state in OVER else now), change


def _published(model: Model, verdict: Verdict, state: State) -> Published:
    term = verdict.term
    closer = term.closer if state in CLOSED else None
    return Published(
        model=model.id,
        state=state,
        severity=verdict.severity,
        subject=term.opener.subject,
        district=term.opener.district,
        unit=unit_of(model, term),
        opened_at=term.opened_at,
        due_at=term.deadline.due_at if model.pattern.timed else None,
        closed_at=None if closer is None else term.closed_at,
        reported_at=None if closer is None else closer.recorded_at,
    )
