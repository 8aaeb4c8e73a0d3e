"""Source of the decoder: straight-line reading with every length compared with the end of the buffer.

Three verbs per type: `read` binds a variable, `skip` only moves on. Both keep the offset in `p` and the end in `end`;
IndexError, struct.error and KeyError are turned into coded errors by the frame around them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from schemas.codec import errors, varint

Row = tuple[str, Any]
INDENT = "    "


class DecoderSource:
    """Collects the functions and constants that one decoder needs."""

    def __init__(self, contract: str) -> None:
        self.functions: list[str] = []
        self.names: dict[str, Any] = {
            "decode_int": varint.decode_int,
            "decode_long": varint.decode_long,
            "decode_time": varint.decode_time,
            "decode_double": varint.decode_double,
            "decode_float": varint.decode_float,
            "struct_error": struct.error,
            "CONTRACT": contract,
            "BOOLEAN": {0: False, 1: True},
            **{name: getattr(errors, name) for name in _ERRORS},
        }
        self._count = 0

    def decode(self, name: str, rows: Sequence[Row]) -> str:
        """Return the source of `name(buf) -> dict` that reads all rows and refuses a rest."""
        body, variables = [], []
        for row, kind in rows:
            var = self._fresh("v")
            body += self.read(kind, var)
            variables.append(f"{row!r}: {var}")
        body += ["if p != end: raise TrailingError(contract=CONTRACT, offset=p)", f"return {{{', '.join(variables)}}}"]
        return self._frame(name, "buf", ["end = len(buf)", "p = 0"], body)

    def following(self, name: str, rows: Sequence[Row]) -> str:
        """Return the source of `name(buf, p) -> (dict, p)` that reads one record of several and says where it ends."""
        body, variables = [], []
        for row, kind in rows:
            var = self._fresh("v")
            body += self.read(kind, var)
            variables.append(f"{row!r}: {var}")
        body += [
            "if p > end: raise TruncatedError(contract=CONTRACT, offset=end)",
            f"return {{{', '.join(variables)}}}, p",
        ]
        return self._frame(name, "buf, p", ["end = len(buf)"], body)

    def slices(self, name: str, rows: Sequence[Row]) -> str:
        """Return the source of `name(buf) -> {field: its bytes}`; the slices joined are the buffer."""
        body, parts = [], []
        for row, kind in rows:
            start, stop = self._fresh("s"), self._fresh("e")
            body += [f"{start} = p", *self.skip(kind), f"{stop} = p"]
            parts.append(f"{row!r}: buf[{start}:{stop}]")
        body += [
            "if p > end: raise TruncatedError(contract=CONTRACT, offset=end)",
            "if p < end: raise TrailingError(contract=CONTRACT, offset=p)",
            f"return {{{', '.join(parts)}}}",
        ]
        return self._frame(name, "buf", ["end = len(buf)", "p = 0"], body)

    def project(self, name: str, classes: Sequence[Sequence[Row]], wanted: frozenset[str]) -> str:
        """Return the source of `name(blobs) -> dict` of the wanted fields; a None leaves its class out."""
        body = ["out = {}"]
        for index, rows in enumerate(classes):
            last = max((i for i, (row, _) in enumerate(rows) if row in wanted), default=-1)
            if last < 0:
                continue
            body += [f"buf = blobs[{index}]", "if buf is not None:"]
            inner = ["end = len(buf)", "p = 0"]
            for row, kind in rows[: last + 1]:
                inner += [*self.read(kind, "v"), f"out[{row!r}] = v"] if row in wanted else self.skip(kind)
            body += [INDENT + line for line in inner]
        return self._frame(name, "blobs", ["end = p = 0"], [*body, "return out"])

    def read(self, kind: Any, var: str) -> list[str]:  # noqa: PLR0911 - one return per kind of type
        """Return the lines that read a value into `var`."""
        if isinstance(kind, list):
            inner = [INDENT + line for line in self.read(kind[1], var)]
            return [*_BRANCH, "if n == 2:", *inner, "else:", f"{INDENT}{var} = None"]
        match kind:
            case "string":
                text = ["try:", f"{INDENT}{var} = str(buf[p:q], 'utf-8')"]
                refuse = [
                    "except UnicodeDecodeError:",
                    f"{INDENT}raise TextError(contract=CONTRACT, offset=p) from None",
                ]
                return [*_EXTENT, *text, *refuse, "p = q"]
            case "bytes":
                return [*_EXTENT, f"{var} = bytes(buf[p:q])", "p = q"]
            case "boolean":
                return [f"{var} = BOOLEAN[buf[p]]", "p += 1"]
            case {"type": "fixed"}:
                bound = "if q > end: raise TruncatedError(contract=CONTRACT, offset=min(p, end))"
                return [f"q = p + {kind['size']}", bound, f"{var} = bytes(buf[p:q])", "p = q"]
            case {"type": "enum"}:
                table = {index * 2: symbol for index, symbol in enumerate(kind["symbols"])}
                return [f"{var} = {self._constant(table)}[buf[p]]", "p += 1"]
            case {"type": "record"}:
                return [f"{var}, p = {self._record(kind)}(buf, p, end)"]
            case {"type": "array"}:
                return [f"{var}, p = {self._array(kind['items'])}(buf, p, end)"]
            case {"type": "long"}:
                return [f"{var}, p = decode_time(buf, p)"]
        return self._number("int" if isinstance(kind, dict) else kind, var)

    def skip(self, kind: Any) -> list[str]:
        """Return the lines that move past a value; a string's text is not checked."""
        if isinstance(kind, list):
            return [*_BRANCH, "if n == 2:", *(INDENT + line for line in self.skip(kind[1]))]
        match kind:
            case "string" | "bytes":
                return [*_EXTENT, "p = q"]
            case "double" | "float":
                return [f"p += {8 if kind == 'double' else 4}"]
            case {"type": "fixed"}:
                return [f"p += {kind['size']}"]
            case "int" | "long" | {"type": "int" | "long"}:
                return ["while buf[p] > 127: p += 1", "p += 1"]
            case _:
                return self.read(kind, "_")

    def _number(self, kind: str, var: str) -> list[str]:
        if kind in ("double", "float"):
            return [f"{var}, p = decode_{kind}(buf, p)"]
        short = ["n = buf[p]", "if n < 128:", f"{INDENT}{var} = (n >> 1) ^ -(n & 1)", f"{INDENT}p += 1"]
        return [*short, "else:", f"{INDENT}{var}, p = decode_{kind}(buf, p)"]

    def _record(self, kind: Any) -> str:
        name, body, parts = self._fresh("record_"), [], []
        for member in kind["fields"]:
            var = self._fresh("m")
            body += self.read(member["type"], var)
            parts.append(f"{member['name']!r}: {var}")
        self._function(f"def {name}(buf, p, end):", [*body, f"return {{{', '.join(parts)}}}, p"])
        return name

    def _array(self, items: Any) -> str:
        """A function for an array: blocks, of which each item takes a byte at least, so a count is bounded."""
        name = self._fresh("array_")
        item = [INDENT * 2 + line for line in [*self.read(items, "x"), "append(x)"]]
        body = ["out = []", "append = out.append", "while True:"]
        body += [f"{INDENT}count, p = decode_long(buf, p)", f"{INDENT}if count == 0: return out, p"]
        body += [f"{INDENT}if count < 0:", f"{INDENT * 2}count = -count", f"{INDENT * 2}size, p = decode_long(buf, p)"]
        body += [f"{INDENT * 2}if not 0 <= size <= end - p: raise LengthError(contract=CONTRACT, offset=p)"]
        body += [f"{INDENT}if count > end - p: raise LengthError(contract=CONTRACT, offset=p)"]
        self._function(f"def {name}(buf, p, end):", [*body, f"{INDENT}for _ in range(count):", *item])
        return name

    def _function(self, head: str, body: Sequence[str]) -> None:
        self.functions.append("\n".join([head, *(INDENT + line for line in body), ""]))

    def _frame(self, name: str, argument: str, start: Sequence[str], body: Sequence[str]) -> str:
        lines = [f"def {name}({argument}):", *(INDENT + s for s in start), f"{INDENT}try:"]
        lines += [INDENT * 2 + line for line in body]
        return "\n".join([*lines, *_HANDLERS, ""])

    def _constant(self, value: Any) -> str:
        name = self._fresh("TABLE_")
        self.names[name] = value
        return name

    def _fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"


_ERRORS = ("TruncatedError", "LengthError", "VarintError", "TextError", "SymbolError", "TrailingError")

_BRANCH = [
    "n = buf[p]",
    "if n != 0 and n != 2: raise SymbolError(contract=CONTRACT, offset=p)",
    "p += 1",
]

_EXTENT = [
    "n = buf[p]",
    "if n < 128:",
    "    if n & 1: raise LengthError(contract=CONTRACT, offset=p)",
    "    p += 1",
    "    q = p + (n >> 1)",
    "else:",
    "    n, p = decode_long(buf, p)",
    "    if n < 0: raise LengthError(contract=CONTRACT, offset=p)",
    "    q = p + n",
    "if q > end: raise LengthError(contract=CONTRACT, offset=p)",
]

_HANDLERS = [
    "    except (IndexError, struct_error):",
    "        raise TruncatedError(contract=CONTRACT, offset=min(p, end)) from None",  # a skip may stand past the end
    "    except KeyError:",
    "        raise SymbolError(contract=CONTRACT, offset=p) from None",
    "    except VarintError as error:",
    "        raise VarintError(contract=CONTRACT, offset=error.fields['offset']) from None",
]
