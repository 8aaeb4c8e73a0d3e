"""A type in normal form, as one line that people read."""

from __future__ import annotations

from typing import Any


def type_text(kind: Any) -> str:  # noqa: PLR0911 - one return per kind of type
    """Return a type in normal form as one line: `string?`, `array<long>`, `enum(a, b)`, `casebus.types.Party`."""
    match kind:
        case ["null", branch]:
            return f"{type_text(branch)}?"
        case {"logicalType": logical}:
            return str(logical)
        case {"type": "array"}:
            return f"array<{type_text(kind['items'])}>"
        case {"type": "enum"}:
            return f"enum({', '.join(kind['symbols'])})"
        case {"type": "fixed"}:
            return f"{kind['name']}({kind['size']})"
        case {"type": "record"}:
            return f"{kind['name']}{{{', '.join(_member(f) for f in kind['fields'])}}}"
    return str(kind)


def _member(member: dict[str, Any]) -> str:
    return f"{member['name']}: {type_text(member['type'])}"
