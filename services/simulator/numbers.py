"""Numbers of the simulated city: persons, enterprises, cases. Every one is well formed and none can be real.

Persons and enterprises are registered in region 99, which GB/T 2260 has never given away; courts carry a character
that no court has (formats: 《案号规定》, GA 380, GB 11643, GB 32100).
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, timedelta

from schemas.identifiers import IdNumber, UnifiedCreditCode

_MINOR_BORN = date(2009, 9, 1)
_ADULT_BORN = date(1960, 1, 1)
_ADULT_SPAN_DAYS = 16_000
_LATER_CASES = 5_000
_WRITTEN = {
    "intake_number": "{district}{year}{serial:07d}",
    "department_intake_number": "演检起诉受[{year}]{district}{serial:05d}号",
    "document_number": "演检建〔{year}〕{serial}号",
    "corrections_number": "SJ-{district}-{year}-{serial:06d}",
    "enforcement_number": "XZ-{district}E1-{year}-{serial}",
    "clue_number": "XS-{district}-{day:%Y%m%d}-{serial:05d}",
    "detainee_number": "{district}000{day:%Y%m%d}{serial:04d}",
}
"""How the numbers of `schemas.identifiers` are written that no method of its own makes."""


class Numbers:
    """Gives out numbers: each once, in the order they are asked for, the same for the same seed."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._serials: Counter[str] = Counter()

    def person(self, district: str, *, minor: bool = False) -> str:
        """Return a resident identity number of a person registered in `district`."""
        if minor:
            born = _MINOR_BORN + timedelta(days=self._rng.randrange(360))
        else:
            born = _ADULT_BORN + timedelta(days=self._rng.randrange(_ADULT_SPAN_DAYS))
        return str(IdNumber.of(district, born, self._next(f"{district}{born:%Y%m%d}")))

    def enterprise(self, district: str) -> str:
        """Return a unified social credit code of an enterprise of `district` (GB 32100)."""
        return str(UnifiedCreditCode.of(district, f"MA{self._next('enterprise'):06d}"))

    def acceptance(self, unit: str, day: date) -> str:
        """Return an acceptance number (接报案编号): J, the unit, the day, a serial."""
        return f"J{unit}{day:%Y%m%d}{self._next('J' + unit):04d}"

    def police_case(self, unit: str, day: date) -> str:
        """Return a police case number (公安案件编号): A, the unit, year and month, a serial."""
        return f"A{unit}{day:%Y%m}{self._next('A' + unit):05d}"

    def court_case(self, district: str, day: date) -> str:
        """Return a first-instance criminal case number of the district's court, brackets in their normal form."""
        return f"({day.year})演{district[2:]}刑初{self._next('ah' + district)}号"

    def later_court_case(self, district: str, day: date, character: str) -> str:
        """Return a case number of the district's court of any character, far from those of `court_case`."""
        return f"({day.year})演{district[2:]}{character}{_LATER_CASES + self._next('ah' + character)}号"

    def of_kind(self, kind: str, district: str, day: date) -> str:
        """Return a number of a kind of `schemas.identifiers` that none of the above makes."""
        return _WRITTEN[kind].format(district=district, year=day.year, day=day, serial=self._next(kind))

    def serial(self, series: str) -> int:
        """Return the next number of a series of its own."""
        return self._next(f"series {series}")

    def receipt(self, unit: str) -> str:
        """Return the number of the receipt that the reporting person was given."""
        return f"R{unit[:6]}{self._next('R' + unit[:6]):06d}"

    def _next(self, series: str) -> int:
        self._serials[series] += 1
        return self._serials[series]
