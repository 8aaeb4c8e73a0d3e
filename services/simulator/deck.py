"""Which stories a city of a given size gets: first one of each plot, then by weight, spread over the districts."""

from __future__ import annotations

import random

from services.simulator import cast
from services.simulator.numbers import Numbers
from services.simulator.scene import Scene, home_of
from services.simulator.stories import delivery, filing, notice, silence
from services.simulator.stories.delivery import Delivery
from services.simulator.stories.filing import Filing
from services.simulator.stories.notice import Notice
from services.simulator.stories.silence import Silent
from services.simulator.story import Story

Plot = Filing | Notice | Delivery | Silent

PLOTS: tuple[Plot, ...] = (*filing.PLOTS, *notice.PLOTS, *delivery.PLOTS, *silence.PLOTS)
KINDS = tuple(plot.kind for plot in PLOTS)

_SPEAKING = tuple(district for district in cast.DISTRICTS if district != cast.SILENT_DISTRICT)


def stories(rng: random.Random, cases: int) -> list[Story]:
    """Tell `cases` stories; a city of `len(PLOTS)` cases or more has every plot, most of them in the shown district."""
    numbers = Numbers(rng)
    weights = [plot.weight for plot in PLOTS]
    told = []
    for index in range(cases):
        if index < len(PLOTS):
            plot, district = PLOTS[index], cast.SHOWN_DISTRICT
        else:
            plot, district = rng.choices(PLOTS, weights)[0], rng.choice(_SPEAKING)
        told.append(_tell(plot, district, rng, numbers))
    return told


def _tell(plot: Plot, district: str, rng: random.Random, numbers: Numbers) -> Story:
    place = cast.SILENT_DISTRICT if isinstance(plot, Silent) else district
    scene = Scene(rng, numbers, kind=plot.kind, district=place, unit=home_of(place, rng))
    match plot:
        case Filing():
            filing.tell(plot, scene)
        case Notice():
            notice.tell(plot, scene)
        case Delivery():
            delivery.tell(plot, scene)
        case Silent():
            silence.tell(plot, scene)
    return scene.story()
