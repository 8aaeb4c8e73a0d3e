"""Member names of a JSON text: none may stand twice in one object.

RFC 8259 §4 leaves open which of two members with one name counts, and readers differ. A receipt names the bytes that
were sent, so bytes that two readers may read in two ways are refused. What is decoded holds each name once; a text with
as many `":` as that has members, and no space before a colon, repeats none. Any other text is read again, name by name.
"""

from __future__ import annotations

import json
import re
from typing import Any

_SPACED = re.compile(rb'"[ \t\r\n]+:')


class _TwiceError(ValueError):
    """A name stands twice."""


def names_once(text: bytes, said: Any) -> bool:
    """Tell whether no object of a JSON text repeats a member name; `said` is what the text was decoded to."""
    if text.count(b'":') == _members(said) and _SPACED.search(text) is None:
        return True
    try:
        json.loads(text, object_pairs_hook=_unique, parse_int=_nothing, parse_float=_nothing)
    except _TwiceError:
        return False
    return True


def _members(said: Any) -> int:
    """Count the members of all objects in a decoded JSON value."""
    if isinstance(said, dict):
        return len(said) + sum(_members(each) for each in said.values() if isinstance(each, dict | list))
    if isinstance(said, list):
        return sum(_members(each) for each in said if isinstance(each, dict | list))
    return 0


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _TwiceError


def _nothing(_: str) -> None:
    """Leave a number unread: only names are looked at."""
