"""Stories of M13, first part: within ten days of taking effect the court serves the execution notice.

Law: 刑诉法 §264, 刑诉解释 §511 (ten days); C2: the last day moves past days off, never for a person in custody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Literal

from schemas.clock import DAY
from services.simulator.days import ROLLED_TEN_DAYS, days_after, end_of
from services.simulator.scene import AFTERNOON, LATE_EVENING, Hours, Scene
from services.simulator.stories import sentence as tellings
from services.simulator.stories.sentence import DELIVERY, NOTICE, Penalty, Sentence
from services.simulator.story import Expected, FinalState

LIMIT_DAYS = 10
_LATEST_EFFECTIVE = date(2025, 4, 10)


@dataclass(frozen=True, slots=True)
class Notice:
    """One plot.

    Attributes:
        served: days after taking effect (a range), "last" for the last evening, "late" for days after it, "rolled" for
            the working day to which a day off would have moved; None for never.
        rolled: day ten is a day off.
        applicable: whether such a penalty is served in prison or detention at all.
        state: the alert that must stand; None when none may.
    """

    kind: str
    weight: int
    penalty: Penalty = "fixed_term"
    in_custody: bool = True
    served: tuple[int, int] | Literal["last", "late", "rolled"] | None = (2, 8)
    rolled: bool = False
    reported_late: bool = False
    applicable: bool = True
    state: FinalState | None = None
    path: tuple[str, ...] = ()


PLOTS = (
    Notice("m13.notice_missing", 6, served=None, state="raised", path=("approaching", "raised")),
    Notice("m13.notice_missing_life", 1, "life", served=None, state="raised"),
    Notice("m13.notice_late", 3, served="late", state="overdue_done", path=("raised", "overdue_done")),
    Notice("m13.notice_reported_late", 2, reported_late=True, path=("raised", "closed_by_late_report")),
    Notice("m13.notice_last_evening", 3, served="last", path=("approaching", "cleared")),
    Notice("m13.notice_in_time", 12),
    Notice("m13.notice_rolled_served", 2, in_custody=False, served="last", rolled=True),
    Notice("m13.notice_rolled_missing", 2, in_custody=False, served=None, rolled=True, state="raised"),
    Notice("m13.notice_custody_not_rolled", 2, served="rolled", rolled=True, state="overdue_done"),
    Notice("m13.probation", 5, "probation", in_custody=False, served=None, applicable=False),
    Notice("m13.public_surveillance", 3, "public_surveillance", in_custody=False, served=None, applicable=False),
    Notice("m13.fine_only", 2, "fine_only", in_custody=False, served=None, applicable=False),
)


def tell(plot: Notice, scene: Scene) -> None:
    """Tell the story of a plot."""
    effective_on, last_day, working_day = _days(plot, scene)
    sentence, trigger = tellings.convict(scene, effective_on, plot.penalty, in_custody=plot.in_custody)
    if plot.served is not None:
        day, hours = _moment(plot, scene, effective_on, last_day, working_day)
        arrives = end_of(last_day) + scene.rng.randint(3 * DAY, 7 * DAY) if plot.reported_late else None
        served = tellings.serve_notice(scene, sentence, day, hours, arrives_us=arrives, admitted=not plot.reported_late)
        _deliver(scene, sentence, day)
        scene.nothing(DELIVERY, served, plot.kind)
    if plot.state is None:
        scene.nothing(NOTICE, trigger, plot.kind)
    else:
        scene.expect(Expected(NOTICE, plot.state, (trigger,), last_day))
    if plot.path:
        scene.passes(NOTICE, trigger, *plot.path)


def _days(plot: Notice, scene: Scene) -> tuple[date, date, date]:
    """Choose the day of taking effect; returns it, the last day, and the working day on or after day ten."""
    if plot.rolled:
        first, tenth, working = scene.rng.choice(ROLLED_TEN_DAYS)
        return first, tenth if plot.in_custody else working, working
    limit = partial(days_after, count=LIMIT_DAYS)
    first = scene.first_day(limit, latest=_LATEST_EFFECTIVE)
    return first, limit(first), limit(first)


def _moment(plot: Notice, scene: Scene, first: date, last: date, working: date) -> tuple[date, Hours]:
    match plot.served:
        case "last":
            return last, LATE_EVENING
        case "late":
            return days_after(last, scene.rng.randint(3, 8)), AFTERNOON
        case "rolled":
            return working, AFTERNOON
        case (low, high):
            return days_after(first, scene.rng.randint(low, high)), AFTERNOON
        case None:
            raise ValueError(plot.kind)


def _deliver(scene: Scene, sentence: Sentence, served_on: date) -> None:
    """Let the delivery end well within its month: these stories are about the notice."""
    day = days_after(served_on, scene.rng.randint(3, 7))
    tellings.hand_over(scene, sentence, day)
    tellings.admit(scene, sentence, day)
