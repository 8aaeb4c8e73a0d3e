"""Everything that is wrong with a model file, before it meets an event."""

from __future__ import annotations

from pathlib import Path

from schemas.catalogue import Contracts
from streams.supervision.agreement import disagreements
from streams.supervision.errors import MissingTestError, ModelError
from streams.supervision.finding import CLOSED_BY_LATE_REPORT, FINAL, HELD, UNCONFIRMED
from streams.supervision.model import Model
from streams.supervision.story import Story, read_stories
from streams.supervision.trial import Trial, try_story


def faults_of(path: Path, contracts: Contracts | None) -> list[ModelError]:
    """Return the faults of a model file; empty where it is good. Without contracts types and fields are not compared.

    Raises:
        ModelMissingError: there is no such file.
    """
    try:
        model = Model.load(path)
        stories = read_stories(model)
        trials = [try_story(model, story) for story in stories]
    except ModelError as error:
        return [error]
    faults = disagreements(model, contracts) if contracts is not None else []
    return faults + [
        MissingTestError(file=path.name, path="$.tests", name=kind) for kind in missing(model, stories, trials)
    ]


def missing(model: Model, stories: list[Story], trials: list[Trial]) -> list[str]:
    """Name the kinds of inline tests a model still needs.

    fires, silent          every model: a story that ends in a final alert, and one that publishes nothing
    boundary               absence: an alert at the very first instant that is too late
    late_report            absence: a closing event dated in time and reported after the alert
    source_silent          absence: a source that has not caught up
    """
    wanted = {str(e["state"]) for story in stories for e in story.expect}
    have = {
        "fires": bool(wanted & FINAL),
        "silent": any(not story.expect for story in stories),
    }
    if "absence" in model.document["pattern"]:
        have["boundary"] = any(map(_at_the_edge, stories, trials))
        have["late_report"] = CLOSED_BY_LATE_REPORT in wanted
        have["source_silent"] = bool(wanted & {HELD, UNCONFIRMED})
    return [kind for kind, present in have.items() if not present]


def _at_the_edge(story: Story, trial: Trial) -> bool:
    clock = story.chapters[-1].marks.clock
    return any(found.state in FINAL and found.due_at == clock for found in trial.published)
