"""Who speaks in the simulated city: its districts, their units and the organisation systems that publish.

One police source falls silent twice. The first time it comes back and says what happened meanwhile; the second time it
stays silent to the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.simulator.days import END, instant

CITY = "990100"
DISTRICTS = tuple(f"9901{number:02d}" for number in range(1, 17))
SHOWN_DISTRICT = "990103"
"""Where the demonstration's prosecutor and police officer work: every kind of police story happens here too."""
SILENT_DISTRICT = "990107"

_NOON = 12 * 3600
SILENCES = (
    (instant(date(2025, 3, 19), _NOON), instant(date(2025, 4, 8), 9 * 3600)),
    (instant(date(2025, 4, 16), _NOON), instant(END, 3600)),
)
"""When the silent source says nothing, microseconds: [from, to)."""


def police(district: str) -> str:
    """Name the police's case system of a district."""
    return f"police-{district}/cases"


def court(district: str) -> str:
    """Name the court's trial system of a district."""
    return f"court-{district}/trial"


def detention(district: str) -> str:
    """Name the detention house's custody system of a district."""
    return f"detention-{district}/custody"


PRISON = f"prison-{CITY}/custody"
PRISON_UNIT = f"{CITY}700000"
SILENT_SOURCE = police(SILENT_DISTRICT)


def sources() -> tuple[str, ...]:
    """List every organisation system of the city that publishes."""
    return (*(name(district) for name in (police, court, detention) for district in DISTRICTS), PRISON)


def police_units(district: str) -> tuple[str, ...]:
    """List the police units of a district that accept cases."""
    return tuple(f"{district}{number:06d}" for number in (10000, 10100, 10200, 20000))


def court_unit(district: str) -> str:
    """Name the criminal division of a district's court."""
    return f"{district}500000"


def detention_unit(district: str) -> str:
    """Name the detention house of a district."""
    return f"{district}600000"


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch of time in which one source says nothing, microseconds [since, until)."""

    source: str
    since: int
    until: int


def silences() -> tuple[Silence, ...]:
    """List the silences of the city."""
    return tuple(Silence(SILENT_SOURCE, since, until) for since, until in SILENCES)


def speaks_at(source: str, at_us: int) -> bool:
    """Say whether `source` can be heard at a moment."""
    return not any(s.source == source and s.since <= at_us < s.until for s in silences())


def heard_from(source: str, at_us: int) -> int:
    """Return the first moment from `at_us` on at which `source` can be heard."""
    for silence in silences():
        if silence.source == source and silence.since <= at_us < silence.until:
            return silence.until
    return at_us
