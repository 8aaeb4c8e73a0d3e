"""Stories of M01: a case was accepted, and the decision whether to file it has a limit.

Law (domain M01): 3 days for a crime, 7 days for an economic one, an approved extension counts from acceptance; filing,
declining or referring closes. Each plot says what happens and, by that alone, what must be found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Literal

from schemas.clock import DAY, SECOND
from services.simulator import cast
from services.simulator.days import ROLLED_THREE_DAYS, days_after, end_of, local_day, local_text
from services.simulator.scene import AFTER_MIDNIGHT, AFTERNOON, LATE_EVENING, MORNING, Hours, Scene
from services.simulator.story import Expected, FinalState

MODEL = "M01"

CaseKind = Literal["criminal", "economic", "administrative"]
Ending = Literal["filed", "declined", "referred"]
LATEST_DAY = date(2025, 5, 6)
"""No limit of this model ends later than this, so every one is decided before the city's end."""
PROMPT = 600 * SECOND
"""How long an event takes that must not be overtaken."""
_SUSPECT_KNOWN = 0.6


@dataclass(frozen=True, slots=True)
class Filing:
    """One plot.

    Attributes:
        limit: the days that count in the end.
        ending: the deciding event, None when there is none.
        day: when it is decided: days after acceptance (a range), or "last" for the last evening, "next" for the first
            hours after it, "late" for a few days after it.
        extended: (the day after acceptance on which it was approved, the days it allows, counted from acceptance).
        reported_late: the decision reaches the gateway days after the limit, though the source had said "complete".
        decision_first: the decision arrives before the acceptance does.
        rolled: the last day is a day off and moves (C2).
        state: the alert that must stand; None when none may.
        path: states to pass through.
    """

    kind: str
    weight: int
    case_kind: CaseKind = "criminal"
    limit: int = 3
    ending: Ending | None = "filed"
    day: tuple[int, int] | Literal["last", "next", "late"] = (0, 1)
    extended: tuple[int, int] | None = None
    reported_late: bool = False
    decision_first: bool = False
    rolled: bool = False
    state: FinalState | None = None
    path: tuple[str, ...] = ()


PLOTS = (
    Filing("m01.overdue", 8, ending=None, state="raised", path=("approaching", "raised")),
    Filing("m01.decided_late", 4, day="late", state="overdue_done", path=("raised", "overdue_done")),
    Filing("m01.reported_late", 3, day=(1, 3), reported_late=True, path=("raised", "closed_by_late_report")),
    Filing("m01.filed_last_evening", 4, day="last", path=("approaching", "cleared")),
    Filing("m01.decided_after_midnight", 2, day="next", state="overdue_done"),
    Filing("m01.filed_in_time", 30),
    Filing("m01.declined_in_time", 8, ending="declined"),
    Filing("m01.referred_in_time", 6, ending="referred"),
    Filing("m01.economic_overdue", 3, "economic", 7, ending=None, state="raised"),
    Filing("m01.economic_in_time", 6, "economic", 7, day=(4, 6)),
    Filing("m01.economic_declined_late", 2, "economic", 7, ending="declined", day="late", state="overdue_done"),
    Filing("m01.economic_extended_in_time", 4, "economic", 30, day=(9, 27), extended=(5, 30)),
    Filing("m01.economic_extended_overdue", 3, "economic", 30, ending=None, extended=(5, 30), state="raised"),
    Filing(
        "m01.extension_counts_from_acceptance", 2, "economic", 30, day=(32, 33), extended=(5, 30), state="overdue_done"
    ),
    # What is approved after the limit has passed heals nothing: the last day stays the seventh.
    Filing("m01.extended_too_late", 2, "economic", 7, ending=None, extended=(9, 30), state="raised"),
    Filing("m01.criminal_extended_in_time", 3, "criminal", 7, day=(4, 5), extended=(1, 7)),
    Filing("m01.criminal_extended_overdue", 2, "criminal", 7, ending=None, extended=(1, 7), state="raised"),
    Filing("m01.administrative", 4, "administrative", 3, ending="declined", day=(0, 0)),
    Filing("m01.decision_arrives_first", 3, day=(0, 0), decision_first=True),
    Filing("m01.rolled_filed_last_evening", 2, day="last", rolled=True),
    Filing("m01.rolled_overdue", 2, ending=None, rolled=True, state="raised"),
)


def tell(plot: Filing, scene: Scene) -> None:
    """Tell the story of a plot."""
    accepted_on, last_day = _days(plot, scene)
    trigger = accept(scene, plot.case_kind, accepted_on, travels=(DAY // 2, DAY) if plot.decision_first else None)
    if plot.extended is not None:
        day, limit_days = plot.extended
        extend(scene, days_after(accepted_on, day), limit_days)
    if plot.ending is not None:
        _decide(plot, scene, accepted_on, last_day)
    judge(scene, trigger, last_day, plot.state, plot.kind)
    if plot.path:
        scene.passes(MODEL, trigger, *plot.path)


def judge(scene: Scene, trigger: int, last_day: date, state: FinalState | None, why: str) -> None:
    """State what must be found: the alert in `state`, or nothing."""
    if state is None:
        scene.nothing(MODEL, trigger, why)
    else:
        scene.expect(Expected(MODEL, state, (trigger,), last_day))


def _days(plot: Filing, scene: Scene) -> tuple[date, date]:
    if plot.rolled:
        first, _, last = scene.rng.choice(ROLLED_THREE_DAYS)
        return first, last
    limit = partial(days_after, count=plot.limit)
    first = scene.first_day(limit, latest=days_after(LATEST_DAY, -plot.limit))
    return first, limit(first)


def _decide(plot: Filing, scene: Scene, accepted_on: date, last_day: date) -> None:
    day, hours = _moment(plot, scene, accepted_on, last_day)
    at_us = scene.at(day, hours)
    arrives = None
    if plot.reported_late:
        arrives = end_of(last_day) + scene.rng.randint(3 * DAY, 8 * DAY)
    elif plot.decision_first:
        arrives = at_us + PROMPT
    assert plot.ending is not None
    decide(scene, plot.ending, at_us, arrives_us=arrives, admitted=not plot.reported_late)


def _moment(plot: Filing, scene: Scene, accepted_on: date, last_day: date) -> tuple[date, Hours]:
    match plot.day:
        case "last":
            return last_day, LATE_EVENING
        case "next":
            return days_after(last_day, 1), AFTER_MIDNIGHT
        case "late":
            return days_after(last_day, scene.rng.randint(3, 9)), MORNING
        case (low, high):
            return days_after(accepted_on, scene.rng.randint(low, high)), AFTERNOON


def accept(scene: Scene, case_kind: CaseKind, day: date, *, travels: tuple[int, int] | None = None) -> int:
    """The police accept a report (受案登记); `travels` bounds how long the event is on its way, microseconds."""
    at_us = scene.at(day, MORNING)
    if case_kind == "economic":
        scene.unit = cast.unit_of(scene.district, "economic")
        scene.enterprise = scene.numbers.enterprise(scene.district)
    number = scene.numbers.acceptance(scene.unit, day)
    scene.subject = number
    minor = scene.rng.randrange(20) == 0
    known = scene.rng.random() < _SUSPECT_KNOWN
    scene.suspect = {"id_number": scene.numbers.person(scene.district, minor=minor)} if known else None
    data: dict[str, Any] = {
        "jjdbh": number,
        "case_kind": case_kind,
        "accepted_at": local_text(at_us),
        "unit": scene.unit,
        "receipt_no": scene.numbers.receipt(scene.unit),
        "suspect": scene.suspect,
        "summary": scene.rng.choice(SUMMARIES[case_kind]),
    }
    flags = ("minor",) if known and minor else ()
    arrives = at_us + scene.rng.randint(*travels) if travels else None
    source = cast.police(scene.district)
    return scene.tell(source, "police.report.accepted", at_us, data, flags=flags, arrives_us=arrives)


def extend(scene: Scene, day: date, limit_days: int) -> int:
    """A higher level extends the review to `limit_days` counted from acceptance (立案审查延长)."""
    at_us = scene.at(day, MORNING)
    data = {
        "jjdbh": scene.subject,
        "unit": scene.unit,
        "limit_days": limit_days,
        "approver_level": "county",
        "approved_at": local_text(at_us),
    }
    # It must be known before the shorter limit ends, else another alert would rise and fall on the way.
    return scene.tell(cast.police(scene.district), "police.review.extended", at_us, data, arrives_us=at_us + PROMPT)


def decide(scene: Scene, ending: Ending, at_us: int, *, arrives_us: int | None = None, admitted: bool = True) -> int:
    """The police decide: file, decline or refer (立案、不予立案、移送管辖)."""
    data: dict[str, Any] = {"jjdbh": scene.subject, "unit": scene.unit}
    match ending:
        case "filed":
            data |= {
                "ajbh": scene.numbers.police_case(scene.unit, local_day(at_us)),
                "charge_code": scene.rng.choice(CHARGES),
                "filed_at": local_text(at_us),
                "jurisdiction_basis": scene.rng.choice(("place_of_crime", "residence")),
                "suspect": scene.suspect,
                "enterprise_uscc": scene.enterprise,
                "amount_cents": scene.rng.randrange(1_000_000, 500_000_000, 100) if scene.enterprise else None,
            }
        case "declined":
            data |= {"reason_code": scene.rng.choice(("no_crime", "minor_circumstances"))}
        case "referred":
            others = [d for d in cast.DISTRICTS if d != scene.district]
            to_unit = cast.stations(scene.rng.choice(others))[0]
            data |= {"to_unit": to_unit, "reason_code": "other_district", "suspect": scene.suspect}
    source = cast.police(scene.district)
    return scene.tell(source, TYPES[ending], at_us, data, arrives_us=arrives_us, admitted=admitted)


TYPES: dict[Ending, str] = {
    "filed": "police.case.filed",
    "declined": "police.case.filing_declined",
    "referred": "police.case.referred",
}
CHARGES = ("CL264", "CL266", "CL234", "CL293", "CL303", "CL287-2")
"""Charges of the code list."""
SUMMARIES: dict[CaseKind, tuple[str, ...]] = {
    "criminal": ("报称电动自行车被盗", "报称在商场被扒窃", "报称因停车纠纷被打伤", "报称遭遇电话诈骗"),
    "economic": ("反映合同履行中被骗取货款", "反映公司人员侵占货款", "反映预付费门店收款后失联"),
    "administrative": ("反映邻里噪声纠纷", "反映违规燃放烟花"),
}
"""What was reported; never a name, a number or a place."""
