"""One check per field: JSON or typed value in, typed value out, or a `Refusal` that says why."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from schemas.codes import code_list
from schemas.errors import CasebusError
from schemas.identifiers import FORMATS, IdentifierError
from schemas.identifiers.person import holds_id_number
from schemas.identifiers.person import normal as normal_id_number
from schemas.instants import MAX_DAY, MAX_INSTANT, MIN_DAY, MIN_INSTANT, parse_day, parse_instant

PersonKey = Callable[[str], bytes]
"""Turns a normalised identity number into a person key of 33 bytes."""

Check = Callable[[Any, PersonKey | None], Any]

Parts = Mapping[str, Mapping[str, Any]]
"""`Record.member` → the attributes of that member."""

PERSON_KEY = "casebus.types.PersonKey"
PERSON_KEY_SUITE = 1
MAX_TEXT = 4000
MAX_ITEMS = 1000
RANGES = {"int": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}


class Refusal(Exception):  # noqa: N818 - it is turned into a Fault, never shown itself
    """Why a value does not pass: code, place below the field, fields of the text."""

    def __init__(self, code: str, path: str = "", **fields: Any) -> None:
        self.code, self.path, self.fields = code, path, fields
        super().__init__(code)


def check_of(  # noqa: PLR0911 - one return per kind of type
    kind: Any, extras: Mapping[str, Any], parts: Parts = MappingProxyType({})
) -> Check:
    """Return the check of a type in normal form.

    `extras` are the field's optional attributes (of a list: its items'), `parts` those of the members of records in it.
    """
    match kind:
        case "string":
            return _text(extras)
        case "boolean":
            return _boolean
        case "int" | "long":
            low, high = RANGES[kind]
            return _whole(extras.get("min", low), extras.get("max", high))
        case "double" | "float":
            return _real
        case "bytes":
            return _bytes(None)
        case {"logicalType": "timestamp-micros"}:
            return _time(parse_instant, MIN_INSTANT, MAX_INSTANT, "event.time")
        case {"logicalType": "date"}:
            return _time(parse_day, MIN_DAY, MAX_DAY, "event.day")
        case {"type": "fixed"}:
            return _person if kind["name"] == PERSON_KEY else _bytes(kind["size"])
        case {"type": "enum"}:
            return _symbol(tuple(kind["symbols"]))
        case {"type": "array"}:
            return _array(kind["items"], extras, parts)
        case _:
            return _record(kind["name"], kind["fields"], parts)


def _text(extras: Mapping[str, Any]) -> Check:
    longest = extras.get("max", MAX_TEXT)
    normal = FORMATS[extras["format"]] if "format" in extras else None
    codes = code_list(extras["codes"]) if "codes" in extras else None

    def check(value: Any, _key: PersonKey | None) -> str:
        if not isinstance(value, str):
            raise Refusal("event.kind", expected="text")
        if normal is not None:
            try:
                return normal(value)
            except IdentifierError as error:
                raise Refusal(error.code, **error.fields) from None
        if codes is not None:
            if value not in codes:
                raise Refusal("event.code", list=extras["codes"])
            return value
        return _plain(value, longest)

    return check


def _plain(value: str, longest: int) -> str:
    if len(value) > longest:
        raise Refusal("event.too_long", limit=longest)
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Refusal("event.kind", expected="text (Unicode)") from None
    if len(value) >= 18 and holds_id_number(value):  # noqa: PLR2004 - an identity number has 18 characters
        raise Refusal("event.identity_number")
    return value


def _boolean(value: Any, _key: PersonKey | None) -> bool:
    if not isinstance(value, bool):
        raise Refusal("event.kind", expected="true or false")
    return value


def _whole(low: int, high: int) -> Check:
    def check(value: Any, _key: PersonKey | None) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refusal("event.kind", expected="an integer")
        if not low <= value <= high:
            raise Refusal("event.range", low=low, high=high)
        return value

    return check


def _real(value: Any, _key: PersonKey | None) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal("event.kind", expected="a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refusal("event.kind", expected="a finite number")
    return number


def _time(parse: Callable[[str], int], low: int, high: int, code: str) -> Check:
    def check(value: Any, _key: PersonKey | None) -> int:
        if isinstance(value, str):
            try:
                return parse(value)
            except ValueError:
                raise Refusal(code) from None
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refusal(code)
        if not low <= value <= high:
            raise Refusal(code)
        return value

    return check


def _bytes(size: int | None) -> Check:
    def check(value: Any, _key: PersonKey | None) -> bytes:
        if isinstance(value, str):
            try:
                value = bytes.fromhex(value)
            except ValueError:
                raise Refusal("event.kind", expected="hexadecimal text") from None
        if not isinstance(value, bytes):
            raise Refusal("event.kind", expected="hexadecimal text")
        if size is not None and len(value) != size:
            raise Refusal("event.size", size=size)
        return value

    return check


_key_bytes = _bytes(33)


def _person(value: Any, person_key: PersonKey | None) -> bytes:
    if isinstance(value, Mapping):
        return _keyed(value, person_key)
    key: bytes = _key_bytes(value, None)
    if key[0] != PERSON_KEY_SUITE:
        raise Refusal("event.person_suite")
    return key


def _keyed(value: Mapping[str, Any], person_key: PersonKey | None) -> bytes:
    number = value.get("id_number")
    if len(value) != 1 or not isinstance(number, str):
        raise Refusal("event.kind", expected='a person key, or {"id_number": …}')
    try:
        normal = normal_id_number(number)
    except CasebusError as error:
        raise Refusal(error.code, path=".id_number", **error.fields) from None
    if person_key is None:
        raise Refusal("event.no_linkage_key")
    return person_key(normal)


def _symbol(symbols: tuple[str, ...]) -> Check:
    known = frozenset(symbols)

    def check(value: Any, _key: PersonKey | None) -> str:
        if not isinstance(value, str) or value not in known:
            raise Refusal("event.symbol", symbols=", ".join(symbols))
        return value

    return check


def _array(items: Any, extras: Mapping[str, Any], parts: Parts) -> Check:
    nullable = isinstance(items, list)
    one = check_of(items[1] if nullable else items, extras, parts)

    def check(value: Any, key: PersonKey | None) -> list[Any]:
        if not isinstance(value, list):
            raise Refusal("event.kind", expected="a list")
        if len(value) > MAX_ITEMS:
            raise Refusal("event.too_long", limit=MAX_ITEMS)
        return [None if nullable and x is None else _below(f"[{i}]", one, x, key) for i, x in enumerate(value)]

    return check


def _record(record: str, fields: list[Mapping[str, Any]], parts: Parts) -> Check:
    rows = []
    for field in fields:
        nullable = isinstance(field["type"], list)
        base = field["type"][1] if nullable else field["type"]
        rows.append((field["name"], nullable, check_of(base, parts.get(f"{record}.{field['name']}", {}), parts)))
    names = {name for name, _, _ in rows}

    def check(value: Any, key: PersonKey | None) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise Refusal("event.kind", expected="an object")
        if not names.issuperset(value):
            raise Refusal("event.unknown_field", known=", ".join(sorted(names)))
        out: dict[str, Any] = {}
        for name, nullable, one in rows:
            found = value.get(name)
            if found is None and not nullable:
                raise Refusal("event.missing", path=f".{name}", field=name)
            out[name] = None if found is None else _below(f".{name}", one, found, key)
        return out

    return check


def _below(path: str, check: Check, value: Any, key: PersonKey | None) -> Any:
    """Run a check one step further down and put that step before the path of its refusal."""
    try:
        return check(value, key)
    except Refusal as refusal:
        raise Refusal(refusal.code, path + refusal.path, **refusal.fields) from None
