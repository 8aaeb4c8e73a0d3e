"""Source of the encoder: one expression per field, joined at once.

The fast form looks lengths and enum symbols up in tables and fails on anything unusual (a string of 8 KiB); the safe
form takes every case. `Codec` runs the fast one and falls back, so both must write the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.codec import varint

Row = tuple[str, Any]


class EncoderSource:
    """Collects the functions and constants that one encoder needs."""

    def __init__(self, *, fast: bool) -> None:
        self.fast = fast
        self.functions: list[str] = []
        self.names: dict[str, Any] = {
            "LENGTH": varint.LENGTH,
            "SOME_LENGTH": varint.SOME_LENGTH,
            "encode_int": varint.encode_int,
            "encode_long": varint.encode_long,
            "encode_time": varint.encode_time,
            "encode_double": varint.encode_double,
            "encode_float": varint.encode_float,
            "join": b"".join,
            "exactly": exactly,
            "BOOLEAN": {True: b"\x01", False: b"\x00"},
        }
        self._count = 0

    def classes(self, classes: Sequence[Sequence[Row]]) -> str:
        """Return the source of `encode` and `encode_classes`."""
        per_class = [[part for row in rows for part in self.field(row)] for rows in classes]
        whole = ", ".join(part for parts in per_class for part in parts)
        tuples = "".join(f"join(({''.join(p + ', ' for p in parts)})), " for parts in per_class)
        main = (
            f"def encode(d):\n    get = d.get\n    return join(({whole},))\n"
            f"def encode_classes(d):\n    get = d.get\n    return ({tuples})\n"
        )
        return "\n".join([*self.functions, main])

    def field(self, row: Row) -> list[str]:
        """Return the parts of one field: expressions that give bytes."""
        name, kind = row
        if not isinstance(kind, list):
            return self.value(kind, f"d[{name!r}]")
        var = self._fresh("v")
        some = self._some(kind[1], var)
        return [f"(b'\\0' if ({var} := get({name!r})) is None else {some})"]

    def value(self, kind: Any, expr: str) -> list[str]:  # noqa: PLR0911 - one return per kind of type
        """Return the parts of a value that is there."""
        match kind:
            case "string" | "bytes":
                var = self._fresh("b")
                source = f"{expr}.encode()" if kind == "string" else f"bytes(memoryview({expr}))"
                return [self._length(f"{var} := {source}"), var]
            case "boolean":
                return [f"BOOLEAN[{expr}]"]
            case "int" | "long" | "double" | "float":
                return [f"encode_{kind}({expr})"]
            case {"type": "int"}:
                return [f"encode_int({expr})"]
            case {"type": "long"}:
                return [f"encode_time({expr})"]
            case {"type": "fixed"}:
                return [f"exactly({expr}, {kind['size']})"]
            case {"type": "enum"}:
                table = {s: varint.encode_long(i) for i, s in enumerate(kind["symbols"])}
                return [f"{self._constant(table)}[{expr}]"]
            case {"type": "record"}:
                return [f"{self._record(kind)}({expr})"]
            case _:
                return [f"{self._array(kind['items'])}({expr})"]

    def _some(self, kind: Any, var: str) -> str:
        """One expression for a nullable value that is there: branch byte and value."""
        if kind == "string" and self.fast:
            text = self._fresh("b")
            return f"SOME_LENGTH[len({text} := {var}.encode())] + {text}"
        if isinstance(kind, dict) and kind["type"] == "enum":
            table = {s: b"\x02" + varint.encode_long(i) for i, s in enumerate(kind["symbols"])}
            return f"{self._constant(table)}[{var}]"
        return " + ".join(["b'\\2'", *self.value(kind, var)])

    def _length(self, expr: str) -> str:
        return f"LENGTH[len({expr})]" if self.fast else f"encode_long(len({expr}))"

    def _record(self, kind: Any) -> str:
        parts = [part for f in kind["fields"] for part in self.field((f["name"], f["type"]))]
        name = self._fresh("record_")
        self.functions.append(f"def {name}(d):\n    get = d.get\n    return join(({', '.join(parts)},))\n")
        return name

    def _array(self, items: Any) -> str:
        item = self._some(items[1], "x") if isinstance(items, list) else " + ".join(self.value(items, "x"))
        if isinstance(items, list):
            item = f"b'\\0' if x is None else {item}"
        name = self._fresh("array_")
        self.functions.append(
            f"def {name}(d):\n    if not d:\n        return b'\\0'\n"
            f"    out = [encode_long(len(d))]\n    for x in d:\n        out.append({item})\n"
            f"    out.append(b'\\0')\n    return join(out)\n"
        )
        return name

    def _constant(self, value: Any) -> str:
        name = self._fresh("TABLE_")
        self.names[name] = value
        return name

    def _fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"


def exactly(value: bytes, size: int) -> bytes:
    """Return the bytes of a fixed; ValueError when they are not `size` bytes."""
    if len(value) != size:
        raise ValueError
    return value
