"""The first step of every normal form: full-width characters become half-width, blanks go, letters are capitals."""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from schemas.identifiers.errors import IdentifierDateError, IdentifierError

MAX_TEXT = 128


def tidy(text: str, kind: str) -> str:
    """Return the tidied text (NFKC, without blanks, upper case); longer ones than 128 characters are no identifier."""
    if len(text) > MAX_TEXT:
        raise IdentifierError(kind=kind)
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def match(pattern: re.Pattern[str], text: str, kind: str) -> dict[str, str]:
    """Return the named parts of the tidied text; `IdentifierError` when it is not written like that."""
    found = pattern.fullmatch(tidy(text, kind))
    if found is None:
        raise IdentifierError(kind=kind)
    return found.groupdict(default="")


def day(text: str, kind: str) -> date:
    """Return the day written as `YYYYMMDD`; `IdentifierDateError` when there is no such day."""
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        raise IdentifierDateError(kind=kind) from None
