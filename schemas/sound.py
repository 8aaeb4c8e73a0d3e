"""Sound data: one generated function per contract that reads the data of an event in which nothing is wrong.

It returns the same values as `schemas.validation.validate`, or None where there is any fault, or anything unusual that
it leaves to validation, which names every fault. So it is a short way to the same end, never a second opinion: what it
cannot tell by a comparison or one pattern goes through the field's own check, the one that validation runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from schemas.checks import MAX_TEXT, RANGES, Check, PersonKey, Refusal
from schemas.codes import code_list
from schemas.identifiers import NORMAL
from schemas.instants import EPOCH_DAY

Sound = Callable[[Mapping[str, Any], PersonKey | None, int], dict[str, Any] | None]
"""(data, person key, legal day of the event as days since 1970-01-01) → typed values in canonical order, or None."""

SHORT = 18
"""Text below this length cannot hold an identity number."""
_UNSOUND = (Refusal, KeyError, TypeError, ValueError)

Row = tuple[str, bool, Any, Mapping[str, Any], Check]
"""Field name, nullable, type in normal form, its optional attributes, its check."""


def compile_sound(rows: Iterable[Row]) -> Sound:
    """Compile the function of one contract: from its validated names only, never from data."""
    rows = tuple(rows)
    names: dict[str, Any] = {"UNSOUND": _UNSOUND, "KNOWN": frozenset(row[0] for row in rows), "in_time": in_time}
    fields = "".join(f"            {row[0]!r}: {_field(number, row, names)},\n" for number, row in enumerate(rows))
    source = (
        "def sound(d, key, day):\n    get = d.get\n    try:\n"
        "        if not KNOWN.issuperset(d):\n            return None\n"
        f"        return {{\n{fields}        }}\n"
        "    except UNSOUND:\n        return None\n"
    )
    exec(compile(source, "<casebus sound>", "exec"), names)  # noqa: S102
    return names["sound"]  # type: ignore[no-any-return]


def in_time(value: Any, days: Mapping[str, tuple[int, int]], day: int) -> Any:
    """Return a code, or a list of codes, if each was valid on the day; ValueError or KeyError otherwise."""
    for code in value if isinstance(value, list) else (value,):
        if code is not None and not days[code][0] <= day <= days[code][1]:
            raise ValueError
    return value


def _field(number: int, row: Row, names: dict[str, Any]) -> str:
    name, nullable, kind, extras, check = row
    names[f"check{number}"] = check
    test = _test(number, kind, extras, names)
    # Every check refuses None: a mandatory field that is null ends like one that is not there.
    checked = f"check{number}(v, key)"
    value = checked if test is None else f"v if {test} else {checked}"
    if "codes" in extras:
        names[f"days{number}"] = _days(extras["codes"])
        value = f"in_time({value}, days{number}, day)"
    if nullable:
        return f"None if (v := get({name!r})) is None else ({value})"
    return f"({value}) if (v := d[{name!r}]) is not None else {checked}"


def _test(number: int, kind: Any, extras: Mapping[str, Any], names: dict[str, Any]) -> str | None:
    """Return an expression that holds only for a `v` that stands for itself; None where no short one is known."""
    match kind:
        case "string" if extras.get("format") in NORMAL:
            names[f"normal{number}"] = NORMAL[extras["format"]].fullmatch
            return f"normal{number}(v)"
        case "string" if "format" not in extras and "codes" not in extras:
            longest = min(extras.get("max", MAX_TEXT), SHORT - 1)
            return f"type(v) is str and len(v) <= {longest} and v.isascii()"
        case "boolean":
            return "v is True or v is False"
        case "int" | "long":
            low, high = RANGES[kind]
            return f"type(v) is int and {extras.get('min', low)!r} <= v <= {extras.get('max', high)!r}"
        case {"type": "enum"}:
            names[f"symbols{number}"] = frozenset(kind["symbols"])
            return f"v in symbols{number}"
        case _:
            return None


def _days(name: str) -> dict[str, tuple[int, int]]:
    """Return code → first and last day on which it is valid."""
    return {
        code: (row.valid_from.toordinal() - EPOCH_DAY, (row.valid_to or date.max).toordinal() - EPOCH_DAY)
        for code, row in code_list(name).items()
    }
