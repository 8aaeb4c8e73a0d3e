"""Codes of organisations: the organisation code (GB 11714) and the unified social credit code (GB 32100-2015)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from schemas.identifiers.errors import ChecksumError
from schemas.identifiers.normal import match

ORGANISATION = "organisation_code"
UNIFIED = "uscc"
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
UNIFIED_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
UNIFIED_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANISATION = re.compile(r"(?P<body>[0-9A-Z]{8})-?(?P<check>[0-9X])", re.ASCII)
_UNIFIED = re.compile(
    rf"(?P<head>[{UNIFIED_LETTERS}]{{2}}[1-9]\d{{5}})(?P<organisation>[{UNIFIED_LETTERS}]{{9}})"
    rf"(?P<check>[{UNIFIED_LETTERS}])",
    re.ASCII,
)


@dataclass(frozen=True)
class OrganisationCode:
    """Nine characters, the last one the check character; normal form without a hyphen."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code, with or without its hyphen; raises `IdentifierError`, `ChecksumError`."""
        parts = match(_ORGANISATION, text, ORGANISATION)
        if organisation_check(parts["body"]) != parts["check"]:
            raise ChecksumError(kind=ORGANISATION)
        return cls(parts["body"] + parts["check"])

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class UnifiedCreditCode:
    """Eighteen characters: two of kind, six of district, nine of the organisation code, one check character."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a code; both check characters must fit. Raises `IdentifierError`, `ChecksumError`."""
        parts = match(_UNIFIED, text, UNIFIED)
        body = parts["head"] + parts["organisation"]
        inner = parts["organisation"]
        if unified_check(body) != parts["check"] or organisation_check(inner[:8]) != inner[8]:
            raise ChecksumError(kind=UNIFIED)
        return cls(body + parts["check"])

    @classmethod
    def of(cls, district: str, organisation: str) -> Self:
        """Make the code of an enterprise (kind 91) in a district from the eight characters of its organisation code."""
        body = f"91{district}{organisation}{organisation_check(organisation)}"
        return cls.parse(body + unified_check(body))

    @property
    def district(self) -> str:
        """The six digits of the district of registration."""
        return self.text[2:8]

    def __str__(self) -> str:
        return self.text


def organisation_check(body: str) -> str:
    """Return the check character of the eight characters of an organisation code."""
    rest = 11 - sum(LETTERS.index(c) * w for c, w in zip(body, ORGANISATION_WEIGHTS, strict=True)) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def unified_check(body: str) -> str:
    """Return the check character of the first seventeen characters of a unified social credit code."""
    total = sum(UNIFIED_LETTERS.index(c) * w for c, w in zip(body, UNIFIED_WEIGHTS, strict=True))
    return UNIFIED_LETTERS[(31 - total % 31) % 31]
