"""Stories of M13, second part: within a month of the notice the convict is in prison, or is lawfully somewhere else.

Law: 监狱法 §15, 程序规定 §300 (one month from receiving the notice; a month is not thirty days), 刑诉法 §264 (the rest
is served in detention when three months or less are left), 规则 §625.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from schemas.clock import DAY
from services.simulator.days import CLAMPED_MONTH, ROLLED_MONTH, START, days_after, end_of, month_after
from services.simulator.scene import AFTERNOON, LATE_EVENING, Hours, Scene
from services.simulator.stories import sentence as tellings
from services.simulator.stories.sentence import DELIVERY, NOTICE, Penalty, Sentence
from services.simulator.story import Expected, FinalState

Ending = Literal["admitted", "detention_served", "temp_release"]
_EARLIEST_SERVED = date(2025, 3, 6)
_LATEST_SERVED = date(2025, 4, 8)
_SOUGHT_AFTER_DAYS = 4


@dataclass(frozen=True, slots=True)
class Delivery:
    """One plot.

    Attributes:
        ending: how it ends, None when it does not.
        day: days after the notice (a range), "last" for the last evening, "late" for days after it, "rolled" for the
            working day to which a day off would have moved.
        refused: the prison first refuses; the clock stays open.
        handed_over: the police say that they delivered; only an admission ends it.
        month: how the month of this plot lies: "plain", "rolled" (its last day is a day off) or "clamped" (31 → 30).
    """

    kind: str
    weight: int
    penalty: Penalty = "fixed_term"
    in_custody: bool = True
    short: bool = False
    ending: Ending | None = "admitted"
    day: tuple[int, int] | Literal["last", "late", "rolled"] = (5, 20)
    refused: bool = False
    handed_over: bool = True
    month: Literal["plain", "rolled", "clamped"] = "plain"
    reported_late: bool = False
    state: FinalState | None = None
    path: tuple[str, ...] = ()


PLOTS = (
    Delivery("m13.delivery_missing", 6, ending=None, handed_over=False, state="raised", path=("approaching", "raised")),
    Delivery("m13.handed_over_not_admitted", 2, ending=None, state="raised"),
    Delivery("m13.delivery_late", 3, day="late", state="overdue_done", path=("raised", "overdue_done")),
    Delivery("m13.delivery_reported_late", 2, reported_late=True, path=("raised", "closed_by_late_report")),
    Delivery("m13.admitted_last_evening", 3, day="last", path=("approaching", "cleared")),
    Delivery("m13.admitted_in_time", 14),
    Delivery("m13.at_large_admitted", 4, in_custody=False),
    Delivery("m13.at_large_missing", 2, in_custody=False, ending=None, handed_over=False, state="raised"),
    Delivery("m13.refused_then_admitted", 3, day=(12, 20), refused=True),
    Delivery("m13.refused_open", 3, ending=None, refused=True, state="raised"),
    Delivery("m13.detention_served", 4, short=True, ending="detention_served", day=(2, 12), handed_over=False),
    Delivery(
        "m13.criminal_detention", 3, "criminal_detention", ending="detention_served", day=(2, 12), handed_over=False
    ),
    Delivery("m13.temp_release", 4, ending="temp_release", day=(4, 25), handed_over=False),
    Delivery("m13.rolled_admitted", 2, in_custody=False, day="last", month="rolled"),
    Delivery("m13.custody_not_rolled", 2, day="rolled", month="rolled", state="overdue_done"),
    Delivery("m13.clamped_missing", 2, ending=None, handed_over=False, month="clamped", state="raised"),
    Delivery("m13.clamped_admitted", 2, day="last", month="clamped"),
)


def tell(plot: Delivery, scene: Scene) -> None:
    """Tell the story of a plot."""
    served_on, last_day, working_day = _days(plot, scene)
    effective_on = max(START, days_after(served_on, -scene.rng.randint(1, 6)))
    sentence, convicted = tellings.convict(
        scene, effective_on, plot.penalty, in_custody=plot.in_custody, short=plot.short
    )
    trigger = tellings.serve_notice(scene, sentence, served_on)
    if not plot.in_custody:
        tellings.seek(scene, sentence, days_after(served_on, _SOUGHT_AFTER_DAYS))
    if plot.refused:
        _be_refused(scene, sentence, served_on)
    _end(plot, scene, sentence, (served_on, last_day, working_day))
    scene.nothing(NOTICE, convicted, plot.kind)
    if plot.state is None:
        scene.nothing(DELIVERY, trigger, plot.kind)
    else:
        scene.expect(Expected(DELIVERY, plot.state, (trigger,), last_day))
    if plot.path:
        scene.passes(DELIVERY, trigger, *plot.path)


def _days(plot: Delivery, scene: Scene) -> tuple[date, date, date]:
    """Choose the day of the notice; returns it, the last day, and the working day on or after the month's end."""
    match plot.month:
        case "rolled":
            first, same_day, working = scene.rng.choice(ROLLED_MONTH)
            return first, same_day if plot.in_custody else working, working
        case "clamped":
            first, last = CLAMPED_MONTH
            return first, last, last
        case "plain":
            first = scene.first_day(month_after, earliest=_EARLIEST_SERVED, latest=_LATEST_SERVED)
            return first, month_after(first), month_after(first)


def _be_refused(scene: Scene, sentence: Sentence, served_on: date) -> None:
    day = days_after(served_on, scene.rng.randint(5, 10))
    tellings.hand_over(scene, sentence, day)
    tellings.refuse(scene, sentence, day)


def _end(plot: Delivery, scene: Scene, sentence: Sentence, days: tuple[date, date, date]) -> None:
    served_on, last_day, _ = days
    if plot.ending is None:
        if plot.handed_over and not plot.refused:
            tellings.hand_over(scene, sentence, days_after(served_on, scene.rng.randint(5, 20)))
        return
    day, hours = _moment(plot, scene, days)
    match plot.ending:
        case "detention_served":
            tellings.serve_in_detention(scene, sentence, day)
        case "temp_release":
            tellings.release_temporarily(scene, sentence, day)
        case "admitted":
            tellings.hand_over(scene, sentence, day)
            arrives = end_of(last_day) + scene.rng.randint(3 * DAY, 7 * DAY) if plot.reported_late else None
            tellings.admit(scene, sentence, day, hours, arrives_us=arrives, admitted=not plot.reported_late)


def _moment(plot: Delivery, scene: Scene, days: tuple[date, date, date]) -> tuple[date, Hours]:
    served_on, last_day, working_day = days
    match plot.day:
        case "last":
            return last_day, LATE_EVENING
        case "late":
            return days_after(last_day, scene.rng.randint(3, 5)), AFTERNOON
        case "rolled":
            return working_day, AFTERNOON
        case (low, high):
            return days_after(served_on, scene.rng.randint(low, high)), AFTERNOON
