"""Districts and units: the invented region 99 with one city of sixteen districts.

A district code has six digits (GB/T 2260: two of province, two of city, two of district) and rolls up by prefix. A unit
code has twelve: its district and six of its own. All names are invented; region 99 does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from schemas.codes import code_list
from schemas.errors import NotFoundError
from schemas.texts import Language

CITY = "990100"
PRISON_UNIT = "900000"
UNIT_KINDS = {
    "01": ("station", "police"),
    "02": ("station", "police"),
    "03": ("station", "police"),
    "50": ("legal", "police"),
    "51": ("economic", "police"),
    "52": ("investigation", "police"),
    "60": ("detention", "detention"),
    "70": ("court", "court"),
    "80": ("procuratorate", "procuratorate"),
    "85": ("justice", "justice"),
    "90": ("prison", "prison"),
}


class UnknownDistrictError(NotFoundError):
    """No district or unit has this code; field: `code_text`."""

    code = "districts.unknown"


@dataclass(frozen=True)
class District:
    """A district or the city itself."""

    code: str
    zh: str
    en: str

    def name(self, language: Language = "en") -> str:
        """Return its name in `language`."""
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class Unit:
    """An office; `kind` is the first word of an entry of `UNIT_KINDS`, `organisation` the organisation's id."""

    code: str
    district: str
    kind: str
    organisation: str
    zh: str
    en: str

    def name(self, language: Language = "en") -> str:
        """Return its name in `language`, the district's name before it."""
        return self.zh if language == "zh" else self.en


def city() -> District:
    """Return the city, 990100."""
    return district(CITY)


@cache
def districts() -> tuple[District, ...]:
    """Return the sixteen districts in order of their codes."""
    return tuple(district(code) for code in sorted(code_list("districts")) if not code.endswith("00"))


@cache
def district(code: str) -> District:
    """Return the district, city or province with this code; raises `UnknownDistrictError`."""
    entry = code_list("districts").get(code)
    if entry is None:
        raise UnknownDistrictError(code_text=code)
    return District(entry.code, entry.zh, entry.en)


def rollup(code: str) -> tuple[str, ...]:
    """Return the code and all it belongs to, smallest first: 990103 → (990103, 990100, 990000)."""
    steps = (code, f"{code[:4]}00", f"{code[:2]}0000")
    return tuple(dict.fromkeys(steps))


def name(code: str, language: Language = "en") -> str:
    """Return the name of a district or unit; an unknown code is its own name, so that no page fails over one."""
    try:
        return unit(code).name(language) if len(code) > len(CITY) else district(code).name(language)
    except UnknownDistrictError:
        return code


@cache
def units(code: str) -> tuple[Unit, ...]:
    """Return the units of a district (the prison is the city's); raises `UnknownDistrictError`."""
    owner = district(code)
    rows = code_list("unit_kinds").values()
    here = [row for row in rows if (row.code == PRISON_UNIT) == (code == CITY)]
    return tuple(_unit(owner, row.code, row.zh, row.en) for row in here)


@cache
def unit(code: str) -> Unit:
    """Return the unit with this twelve-digit code; raises `UnknownDistrictError`."""
    for found in units(code[: len(CITY)]):
        if found.code == code:
            return found
    raise UnknownDistrictError(code_text=code)


def _unit(owner: District, tail: str, zh: str, en: str) -> Unit:
    kind, organisation = UNIT_KINDS[tail[:2]]
    return Unit(
        code=owner.code + tail,
        district=owner.code,
        kind=kind,
        organisation=f"{organisation}-{owner.code}",
        zh=f"{owner.zh}{zh}",
        en=f"{owner.en}, {en}",
    )
