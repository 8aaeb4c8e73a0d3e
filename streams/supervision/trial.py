"""Running a model's inline tests: through the engine, as they are written; then again shuffled, doubled and cut.

A story is told three times. As written: the last published states must be the expected ones. Backwards with every fact
twice, one at a time, and all at once: the same final alerts must stand. The engine's state is serialised after every
step, so each telling is also a cut and a restore.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from streams.legal_clock.zone import to_day
from streams.supervision.engine import Engine
from streams.supervision.errors import BadTestError
from streams.supervision.finding import FINAL, Finding, alert_id
from streams.supervision.keystate import MemoryKeyState
from streams.supervision.marks import Marks
from streams.supervision.model import Model
from streams.supervision.story import Chapter, Story, event_id, read_stories


@dataclass(frozen=True)
class Trial:
    """The outcome of one inline test; `problems` is empty where it passed."""

    name: str
    problems: tuple[str, ...]
    published: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it went as expected."""
        return not self.problems


def try_model(model: Model) -> list[Trial]:
    """Run every inline test of a model; raises `BadTestError` where one cannot be read."""
    return [try_story(model, story) for story in read_stories(model)]


def try_story(model: Model, story: Story) -> Trial:
    """Run one inline test and its laws."""
    published = tell(model, story.chapters)
    problems = _compared(model, story, published) + _lawful(model, story, published)
    return Trial(story.name, tuple(problems), tuple(published))


def tell(model: Model, chapters: Sequence[Chapter]) -> list[Finding]:
    """Return the alerts a story publishes, each in its last state."""
    engine, store = Engine([model], chapters[-1].marks.directory), MemoryKeyState()
    last: dict[str, Finding] = {}
    for chapter in chapters:
        for change in engine.apply(store, chapter.facts, chapter.marks):
            last[change.finding.id] = change.finding
    return list(last.values())


def _compared(model: Model, story: Story, published: Sequence[Finding]) -> list[str]:
    left, problems = list(published), []
    for i, wanted in enumerate(story.expect):
        found = next((f for f in left if _fits(model, wanted, f, f"{story.path}.expect[{i}]")), None)
        if found is None:
            problems.append(f"expected and not found: {_told(wanted)}")
        else:
            left.remove(found)
    return problems + [f"found and not expected: {_shown(model, finding)}" for finding in left]


def _fits(model: Model, wanted: Mapping[str, Any], finding: Finding, path: str) -> bool:
    plain = {"state": finding.state, "severity": finding.severity, "subject": finding.subject}
    if any(wanted[name] != value for name, value in plain.items() if name in wanted):
        return False
    if "on" in wanted and alert_id(model.id, model.major, map(event_id, wanted["on"])) != finding.id:
        return False
    ends = finding.due_at
    last = None if ends is None else ends - 1
    times = {"due": (last, ends), "closed": (finding.closed_at,) * 2, "reported": (finding.reported_at,) * 2}
    return all(_at(model, wanted[name], *pair, path) for name, pair in times.items() if name in wanted)


def _at(model: Model, text: str, day_of: int | None, exact: int | None, path: str) -> bool:
    """Compare a day with the local day of one instant, or a time with another."""
    if day_of is None or exact is None:
        return False
    try:
        if "T" in text:
            return model.zone.instant(datetime.fromisoformat(text)) == exact
        return to_day(date.fromisoformat(text)) == model.zone.day(day_of)
    except ValueError as error:
        raise BadTestError(file=model.file, path=path, reason="no such time") from error


def _lawful(model: Model, story: Story, published: Sequence[Finding]) -> list[str]:
    marks = story.chapters[-1].marks
    facts = story.facts
    wanted = _final(published)
    backwards = [Chapter((fact, fact), _before(marks)) for fact in reversed(facts)]
    problems = []
    if _final(tell(model, [*backwards, Chapter((), marks)])) != wanted:
        problems.append("told backwards, every event twice, other alerts stand at the end")
    if _final(tell(model, [Chapter(facts, marks)])) != wanted:
        problems.append("told at once, other alerts stand at the end")
    return problems


def _before(marks: Marks) -> Marks:
    """Return marks at the beginning of time: everything is still to come."""
    return Marks(0, {}, marks.directory)


def _final(published: Sequence[Finding]) -> dict[str, str]:
    return {finding.id: finding.state for finding in published if finding.state in FINAL}


def _told(wanted: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in wanted.items())


def _shown(model: Model, finding: Finding) -> str:
    due = "" if finding.due_at is None else f", due {model.zone.local(finding.due_at - 1).date()}"
    return f"state {finding.state}, severity {finding.severity}{due}"
