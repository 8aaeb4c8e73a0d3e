"""Who speaks in the simulated city: its districts, their units and the organisation systems that publish.

One police source falls silent twice. The first time it comes back and says what happened meanwhile; the second time it
stays silent to the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from schemas.districts import CITY, districts, units
from services.simulator.days import END, instant

DISTRICTS = tuple(district.code for district in districts())
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

_OFFICES = {
    # Kind of organisation → the unit of a district that speaks for it; the first seven stand in the directory.
    "police": "520000",
    "detention": "600000",
    "court": "700000",
    "procuratorate": "800000",
    "justice": "850000",
    "traffic": "530000",
    "prison": "900000",
    "admin": "860000",
    "administrator": "861000",
    "bank": "862000",
    "chamber": "863000",
    "civil": "864000",
    "congress": "865000",
    "culture": "866000",
    "eco": "867000",
    "edu": "868000",
    "emergency": "869000",
    "finance": "870000",
    "governance": "871000",
    "health": "872000",
    "housing": "873000",
    "hr": "874000",
    "market": "875000",
    "nature": "876000",
    "platform": "877000",
    "tax": "878000",
    "urban": "879000",
}
_OF_THE_CITY = {"prison": "prison", "platform": "casebus"}
"""Kinds with one organisation for the whole city, and what its id begins with."""


def office(district: str, kind: str) -> str:
    """Return the code of the unit that speaks for a kind of organisation in a district."""
    return (CITY if kind in _OF_THE_CITY else district) + _OFFICES[kind]


def records(kind: str, district: str) -> str:
    """Name the system through which a kind of organisation tells the small stories."""
    return f"{_OF_THE_CITY[kind]}-{CITY}/records" if kind in _OF_THE_CITY else f"{kind}-{district}/records"


def background_sources() -> tuple[str, ...]:
    """List the systems that tell the small stories, all of the shown district or the city."""
    return tuple(records(kind, SHOWN_DISTRICT) for kind in _OFFICES)


SILENT_SOURCE = police(SILENT_DISTRICT)


def sources() -> tuple[str, ...]:
    """List every organisation system of the city that publishes."""
    planted = (*(name(district) for name in (police, court, detention) for district in DISTRICTS), PRISON)
    return (*planted, *background_sources())


def stations(district: str) -> tuple[str, ...]:
    """List the police stations of a district: the units that accept ordinary cases."""
    return tuple(unit.code for unit in units(district) if unit.kind == "station")


def unit_of(district: str, kind: str) -> str:
    """Return the one unit of a kind in a district: court, detention, economic, prison (the city's)."""
    return next(unit.code for unit in units(district) if unit.kind == kind)


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
