"""Stories of a source that falls silent: what is open there is held, then raised as unconfirmed, then told.

Nobody can mute their own supervision: silence neither closes a deadline nor lets it pass unseen, and what the source
says afterwards decides what stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from schemas.clock import SECOND
from services.simulator.days import days_after
from services.simulator.scene import AFTERNOON, Scene
from services.simulator.stories.filing import MODEL, PROMPT, accept, decide, judge
from services.simulator.story import FinalState

LIMIT_DAYS = 3


@dataclass(frozen=True, slots=True)
class Silent:
    """One plot: accepted shortly before a silence, its last day inside it.

    Attributes:
        accepted: the days of acceptance to choose from, each with a last day that is a working day.
        decided: the day of the decision, inside the silence; None for no decision.
    """

    kind: str
    weight: int
    accepted: tuple[date, ...]
    path: tuple[str, ...]
    decided: date | None = None
    state: FinalState | None = None


_BEFORE_FIRST = (date(2025, 3, 17), date(2025, 3, 18))
_BEFORE_SECOND = (date(2025, 4, 14), date(2025, 4, 15))

PLOTS = (
    Silent(
        "silence.decided_in_time",
        2,
        _BEFORE_FIRST,
        ("held", "unconfirmed", "closed_by_late_report"),
        decided=date(2025, 3, 20),
    ),
    Silent(
        "silence.decided_late",
        2,
        _BEFORE_FIRST,
        ("held", "unconfirmed", "overdue_done"),
        decided=date(2025, 3, 27),
        state="overdue_done",
    ),
    Silent("silence.never_decided", 2, _BEFORE_FIRST, ("held", "unconfirmed", "raised"), state="raised"),
    Silent("silence.stays_silent", 2, _BEFORE_SECOND, ("held", "unconfirmed"), state="unconfirmed"),
)


def tell(plot: Silent, scene: Scene) -> None:
    """Tell the story of a plot."""
    accepted_on = scene.rng.choice(plot.accepted)
    trigger = accept(scene, "criminal", accepted_on, travels=(60 * SECOND, PROMPT))
    if plot.decided is not None:
        decide(scene, "filed", scene.at(plot.decided, AFTERNOON))
    judge(scene, trigger, days_after(accepted_on, LIMIT_DAYS), plot.state, plot.kind)
    scene.passes(MODEL, trigger, *plot.path)
