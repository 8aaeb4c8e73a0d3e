"""The part of Avro that contracts use, in one normal form.

Normal form: a primitive is its name; `{"type": "long", "logicalType": "timestamp-micros"}` and
`{"type": "int", "logicalType": "date"}` are the two logical types; `["null", T]` is the only union; enum, fixed and
record carry their full name and are expanded at every use. `define_once` turns that back into valid Avro, where a
name is defined at its first use. Anything else (maps, recursion, decimals, other unions) is refused: Avro 1.12
specification, "Schema Declaration".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

PRIMITIVES = frozenset({"boolean", "int", "long", "float", "double", "bytes", "string"})
LOGICAL = frozenset({("long", "timestamp-micros"), ("int", "date")})
NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
SYMBOL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
TYPE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
MAX_SYMBOLS = 64
MAX_FIXED = 4096


class TypeRefusedError(Exception):
    """A type outside the conventions; the loader adds file and field. `null_first` marks a wrong union."""

    def __init__(self, what: str, *, null_first: bool = False) -> None:
        self.what = what
        self.null_first = null_first
        super().__init__(what)


def normalise(schema: Any, namespace: str, known: Mapping[str, Any], inside: tuple[str, ...] = ()) -> Any:
    """Return the normal form of `schema`; `known` maps full names of shared types to their normal form."""
    if isinstance(schema, list):
        return _union(schema, namespace, known, inside)
    if isinstance(schema, str):
        return schema if schema in PRIMITIVES else _reference(schema, namespace, known)
    if not isinstance(schema, dict):
        raise TypeRefusedError("neither a name nor an object")
    kind = schema.get("type")
    if "logicalType" in schema:
        if (kind, schema["logicalType"]) not in LOGICAL:
            raise TypeRefusedError("logical type")
        return {"type": kind, "logicalType": schema["logicalType"]}
    if kind == "array":
        return {"type": "array", "items": normalise(schema.get("items"), namespace, known, inside)}
    if kind in ("enum", "fixed", "record"):
        return _named(schema, namespace, known, inside)
    if isinstance(kind, str) and kind in PRIMITIVES:
        return kind
    raise TypeRefusedError("kind of type")


def _union(schema: list[Any], namespace: str, known: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
    if len(schema) != 2 or schema[0] != "null" or schema[1] == "null":  # noqa: PLR2004 - null and one type
        raise TypeRefusedError("union", null_first=True)
    branch = normalise(schema[1], namespace, known, inside)
    if isinstance(branch, list):
        raise TypeRefusedError("union in a union", null_first=True)
    return ["null", branch]


def _reference(name: str, namespace: str, known: Mapping[str, Any]) -> Any:
    full = name if "." in name else f"{namespace}.{name}"
    if full not in known:
        raise TypeRefusedError("name that is not defined")
    return known[full]


def _named(schema: Mapping[str, Any], namespace: str, known: Mapping[str, Any], inside: tuple[str, ...]) -> Any:
    name = schema.get("name")
    if not isinstance(name, str) or not TYPE_NAME.fullmatch(name):
        raise TypeRefusedError("type name")
    own = schema.get("namespace", namespace)
    full = name if "." in name else f"{own}.{name}"
    if full in inside:
        raise TypeRefusedError("recursive record")
    if schema["type"] == "fixed":
        return {"type": "fixed", "name": full, "size": _size(schema.get("size"))}
    if schema["type"] == "enum":
        return {"type": "enum", "name": full, "symbols": _symbols(schema.get("symbols"))}
    fields = schema.get("fields")
    if not isinstance(fields, list) or not fields:
        raise TypeRefusedError("record without fields")
    return {"type": "record", "name": full, "fields": [_member(f, namespace, known, (*inside, full)) for f in fields]}


def _member(member: Any, namespace: str, known: Mapping[str, Any], inside: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(member, dict) or not NAME.fullmatch(str(member.get("name"))):
        raise TypeRefusedError("field name of a nested record")
    shape = normalise(member.get("type"), namespace, known, inside)
    default = {"default": None} if isinstance(shape, list) else {}
    return {"name": member["name"], "type": shape, **default}


def _size(size: Any) -> int:
    if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size <= MAX_FIXED:
        raise TypeRefusedError("size of a fixed")
    return size


def _symbols(symbols: Any) -> list[str]:
    if not isinstance(symbols, list) or not 1 <= len(symbols) <= MAX_SYMBOLS or len(set(symbols)) != len(symbols):
        raise TypeRefusedError("symbols of an enum")
    if not all(isinstance(s, str) and SYMBOL.fullmatch(s) for s in symbols):
        raise TypeRefusedError("symbol of an enum")
    return list(symbols)


def define_once(schema: Any, seen: set[str] | None = None) -> Any:  # noqa: PLR0911 - one return per kind of type
    """Return valid Avro: each named type is defined at its first use and named afterwards."""
    seen = set() if seen is None else seen
    if isinstance(schema, list):
        return [define_once(branch, seen) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    if schema["type"] == "array":
        return {**schema, "items": define_once(schema["items"], seen)}
    if "name" not in schema:
        return dict(schema)
    if schema["name"] in seen:
        return schema["name"]
    seen.add(schema["name"])
    if schema["type"] != "record":
        return dict(schema)
    return {**schema, "fields": [{**f, "type": define_once(f["type"], seen)} for f in schema["fields"]]}
