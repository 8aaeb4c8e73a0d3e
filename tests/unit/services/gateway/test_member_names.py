"""Member names: a text in which one stands twice is told from every other, however it is written."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.member_names import names_once


class Members(list[tuple[str, Any]]):
    """An object as it is written: its members in order, names as often as they stand."""


NAMES = st.sampled_from(["a", "b", 'q":', "时", "c :", "\\", "a\n"])
VALUES = st.recursive(
    st.none() | st.integers() | NAMES,
    lambda below: st.lists(below, max_size=3) | st.lists(st.tuples(NAMES, below), max_size=4).map(Members),
    max_leaves=12,
)


def repeats(value: Any) -> bool:
    """Tell from the members as written whether a name stands twice in one object."""
    if isinstance(value, Members):
        names = [name for name, _ in value]
        return len(set(names)) != len(names) or any(repeats(each) for _, each in value)
    return isinstance(value, list) and any(repeats(each) for each in value)


def written(value: Any, colon: str, escaped: str) -> str:
    """Write a value as JSON with this colon; the characters of `escaped` stand as their code."""
    if isinstance(value, Members):
        members = (quoted(name, escaped) + colon + written(each, colon, escaped) for name, each in value)
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(each, colon, escaped) for each in value) + "]"
    return quoted(value, escaped) if isinstance(value, str) else json.dumps(value)


def quoted(text: str, escaped: str) -> str:
    """Write a string as JSON; the characters of `escaped` stand as their code."""
    return '"' + "".join(f"\\u{ord(c):04x}" if c in escaped else json.dumps(c)[1:-1] for c in text) + '"'


@given(VALUES, st.sampled_from([":", ": ", " :", "\t: ", "\n:"]), st.sampled_from(["", "a", "b:"]))
def test_a_repeated_name_is_found_however_it_is_written(value: Any, colon: str, escaped: str) -> None:
    """Spaces before the colon, escapes, and colons within strings hide none and invent none."""
    text = written(value, colon, escaped).encode()

    assert names_once(text, msgspec.json.decode(text)) is not repeats(value)


@pytest.mark.parametrize(
    ("text", "once"),
    [
        (rb'{"a":1,"\u0061":2}', False),
        (rb'{"a" :1,"a":"\":"}', False),
        (b'{"a":1.' + b"0" * 5_000 + b',"b" :2}', True),
        (b'{"a":{"a":{"a":1}}}', True),
        (b'"a"', True),
    ],
)
def test_names_that_are_hard_to_see(text: bytes, *, once: bool) -> None:
    """Escaped names, a quote and colon within a string that make up the count, and long numbers."""
    assert names_once(text, msgspec.json.decode(text)) is once
