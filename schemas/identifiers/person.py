"""The citizen identity number: GB 11643, eighteen characters, check character by ISO 7064 MOD 11-2."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from operator import mul
from typing import Self

from schemas.identifiers.errors import ChecksumError, IdentifierError
from schemas.identifiers.normal import day, match

KIND = "id_number"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECKS = "10X98765432"
BIRTH = slice(6, 14)
_ZEROS = ord("0") * sum(WEIGHTS)
"""What the digits' bytes are too high by, weighted."""
_PATTERN = re.compile(
    r"(?P<district>[1-9]\d{5})(?P<birth>(?:18|19|20)\d{6})(?P<sequence>\d{3})(?P<check>[\dX])", re.ASCII
)
_INSIDE = re.compile(r"(?<!\d)[1-9]\d{16}[\dXx](?![\dXx])", re.ASCII)


@dataclass(frozen=True)
class IdNumber:
    """A valid identity number. Its text stays out of `repr`: a number must not reach a log by accident."""

    text: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a number in any width and case; raises `IdentifierError`, `IdentifierDateError`, `ChecksumError`."""
        return cls(normal(text))

    @classmethod
    def of(cls, district: str, birth: date, sequence: int) -> Self:
        """Make the number of a district, a day of birth and a sequence 0 … 999."""
        body = f"{district}{birth:%Y%m%d}{sequence:03d}"
        return cls.parse(body + check_character(body))

    @property
    def district(self) -> str:
        """The six digits of the district of registration."""
        return self.text[:6]

    @property
    def birth(self) -> date:
        """The day of birth."""
        return day(self.text[BIRTH], KIND)

    def __str__(self) -> str:
        return self.text


def normal(text: str) -> str:
    """Return a number in its normal form; errors as of `IdNumber.parse`."""
    if not _PATTERN.fullmatch(text):
        text = "".join(match(_PATTERN, text, KIND).values())
    day(text[BIRTH], KIND)
    if check_character(text[:-1]) != text[-1]:
        raise ChecksumError(kind=KIND)
    return text


def check_character(body: str) -> str:
    """Return the check character of the first seventeen digits."""
    if len(body) != len(WEIGHTS):
        raise ValueError
    return CHECKS[(sum(map(mul, body.encode("ascii"), WEIGHTS)) - _ZEROS) % 11]


def holds_id_number(text: str) -> bool:
    """Whether a valid identity number stands anywhere in a text: free text must not carry one."""
    for found in _INSIDE.findall(text):
        try:
            IdNumber.parse(found)
        except IdentifierError:
            continue
        return True
    return False
