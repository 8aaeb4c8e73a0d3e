"""Member names of a JSON text: none may stand twice in one object.

RFC 8259 §4 leaves open which of two members with one name counts, and readers differ. A receipt names the bytes that
were sent, so bytes that two readers may read in two ways are refused. What is decoded holds each name once; a text that
has, spaces apart, no more `":` than that has members repeats none. Any other text is read again, name by name.
"""

from __future__ import annotations

import json
from typing import Any

from schemas.json_file import RepeatedNameError, unique

_SPACES = b" \t\r\n"


def names_once(text: bytes, said: Any) -> bool:
    """Tell whether no object of a JSON text repeats a member name; `said` is what the text was decoded to."""
    if text.translate(None, _SPACES).count(b'":') == _members(said):
        return True
    try:
        json.loads(text, object_pairs_hook=unique, parse_int=_nothing, parse_float=_nothing)
    except RepeatedNameError:
        return False
    return True


def _members(said: Any) -> int:
    """Count the members of all objects in a decoded JSON value."""
    count, below = 0, said
    if type(said) is dict:
        count, below = len(said), said.values()
    elif type(said) is not list:
        return 0
    for each in below:
        if type(each) is dict or type(each) is list:
            count += _members(each)
    return count


def _nothing(_: str) -> None:
    """Leave a number unread: only names are looked at."""
