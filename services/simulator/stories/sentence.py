"""What the stories of M13 are told with: judgment, notice, delivery, admission, and those that come instead.

Every event carries the court case number and the person; that pair is the key of both models of M13.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from schemas.districts import CITY
from services.simulator import cast
from services.simulator.days import days_after, local_text
from services.simulator.scene import AFTERNOON, MORNING, Hours, Scene
from services.simulator.stories.filing import CHARGES

NOTICE = "M13-notice"
DELIVERY = "M13-delivery"

Penalty = Literal[
    "fixed_term", "life", "suspended_death", "criminal_detention", "probation", "public_surveillance", "fine_only"
]
_DAYS_A_MONTH = 30
_SHORT_TERM_DAYS = 80


@dataclass(frozen=True, slots=True)
class Sentence:
    """A judgment that takes effect.

    Attributes:
        person: resident identity number of the convict.
        effective_on: the day it takes effect.
        in_custody: whether the convict is held; limits never roll then (C2).
        remaining_days: what is left to serve when it takes effect.
    """

    person: str
    effective_on: date
    penalty: Penalty
    in_custody: bool
    remaining_days: int


def convict(
    scene: Scene, effective_on: date, penalty: Penalty, *, in_custody: bool, short: bool = False
) -> tuple[Sentence, int]:
    """The judgment takes effect (裁判生效); returns the sentence and the place of the event."""
    months = scene.rng.randint(1, 6) if penalty == "criminal_detention" else scene.rng.randint(8, 96)
    remaining = scene.rng.randint(20, _SHORT_TERM_DAYS) if short else months * _DAYS_A_MONTH
    person = scene.numbers.person(scene.district)
    sentence = Sentence(person, effective_on, penalty, in_custody, remaining)
    scene.subject = scene.numbers.court_case(scene.district, effective_on)
    timed = penalty in {"fixed_term", "criminal_detention"}
    data = _keyed(scene, sentence) | {
        "penalty": penalty,
        "probation": penalty == "probation",
        "months": months if timed else None,
        "remaining_days_at_delivery": remaining if timed else None,
        "term_end": days_after(effective_on, remaining).isoformat() if timed else None,
        "effective_date": effective_on.isoformat(),
        "in_custody": in_custody,
        "unit": cast.unit_of(scene.district, "court"),
        "charge_code": scene.rng.choice(CHARGES),
    }
    at_us = scene.at(effective_on, MORNING)
    return sentence, scene.tell(cast.court(scene.district), "court.judgment.effective", at_us, data)


def serve_notice(
    scene: Scene,
    sentence: Sentence,
    day: date,
    hours: Hours = AFTERNOON,
    *,
    arrives_us: int | None = None,
    admitted: bool = True,
) -> int:
    """The court serves the execution notice (执行通知书送达); it opens the month of delivery."""
    at_us = scene.at(day, hours)
    detained = sentence.in_custody and sentence.remaining_days <= _SHORT_TERM_DAYS
    to_org = f"detention-{scene.district}" if detained else f"police-{scene.district}"
    data = _keyed(scene, sentence) | {
        "to_org": to_org,
        "served_at": local_text(at_us),
        "unit": cast.unit_of(scene.district, "court"),
        "remaining_days": max(1, sentence.remaining_days - (day - sentence.effective_on).days),
    }
    source = cast.court(scene.district)
    return scene.tell(source, "court.execution_notice.sent", at_us, data, arrives_us=arrives_us, admitted=admitted)


def hand_over(scene: Scene, sentence: Sentence, day: date) -> int:
    """The police hand the convict over to the prison (交付执行); admission is the prison's word, not theirs."""
    at_us = scene.at(day, MORNING)
    data = _keyed(scene, sentence) | {
        "unit": scene.unit,
        "to": f"prison-{CITY}",
        "delivered_at": local_text(at_us),
    }
    return scene.tell(cast.police(scene.district), "police.custody.delivered", at_us, data)


def admit(
    scene: Scene,
    sentence: Sentence,
    day: date,
    hours: Hours = AFTERNOON,
    *,
    arrives_us: int | None = None,
    admitted: bool = True,
) -> int:
    """The prison admits the convict (收监)."""
    return scene.tell(
        cast.PRISON,
        "prison.admitted",
        scene.at(day, hours),
        _keyed(scene, sentence) | {"unit": cast.unit_of(CITY, "prison")},
        arrives_us=arrives_us,
        admitted=admitted,
    )


def refuse(scene: Scene, sentence: Sentence, day: date) -> int:
    """The prison refuses admission (拒收)."""
    reason = scene.rng.choice(("health", "documents_incomplete"))
    data = _keyed(scene, sentence) | {"unit": cast.unit_of(CITY, "prison"), "reason_code": reason}
    return scene.tell(cast.PRISON, "prison.admission.refused", scene.at(day, AFTERNOON), data)


def serve_in_detention(scene: Scene, sentence: Sentence, day: date) -> int:
    """The rest is served in the detention house: at most three months left, or criminal detention (刑诉法 §264)."""
    left = max(1, sentence.remaining_days - (day - sentence.effective_on).days)
    data = _keyed(scene, sentence) | {"unit": cast.unit_of(scene.district, "detention"), "remaining_days": left}
    return scene.tell(cast.detention(scene.district), "detention.served", scene.at(day, AFTERNOON), data)


def release_temporarily(scene: Scene, sentence: Sentence, day: date) -> int:
    """The court lets the sentence be served outside prison for a time (暂予监外执行)."""
    at_us = scene.at(day, AFTERNOON)
    data = _keyed(scene, sentence) | {"unit": cast.unit_of(scene.district, "court"), "decided_at": local_text(at_us)}
    return scene.tell(cast.court(scene.district), "court.temp_release.decided", at_us, data)


def seek(scene: Scene, sentence: Sentence, day: date) -> int:
    """The police list a convict at large as wanted (上网追逃); it says that they search, it delivers nobody."""
    data = _keyed(scene, sentence) | {
        "unit": scene.unit,
        "wanted_level": scene.rng.choice(("online", "class_b")),
        "reason": "判决生效后下落不明",
    }
    return scene.tell(
        cast.police(scene.district),
        "police.wanted.issued",
        scene.at(day, AFTERNOON),
        data,
        flags=("investigation_open",),
    )


def _keyed(scene: Scene, sentence: Sentence) -> dict[str, Any]:
    return {"ah": scene.subject, "person": {"id_number": sentence.person}}
