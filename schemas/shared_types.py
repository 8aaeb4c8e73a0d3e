"""Types that several contracts share: one file each below `contracts/types/`, named by `casebus.types.<name>`.

Two kinds. A *named type* (fixed, enum, record) is Avro; the members of a record may carry `casebus.*` attributes, and
validation keeps their formats and code lists inside every contract that uses them. An *alias* gives a primitive or a
logical type a name and attributes, such as money in integer cents: it stands for its type, so the served schema holds
plain Avro, and a field that uses it inherits the attributes it does not set itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas import contract_errors as errors
from schemas.avro_types import PRIMITIVES, TypeRefusedError, normalise
from schemas.json_file import read_json

NAMESPACE = "casebus.types"
TYPES = "types"
Parts = Mapping[str, Mapping[str, Any]]
"""`Record.member` (full name) → its `casebus.*` attributes without the prefix, and `doc`."""


@dataclass(frozen=True)
class SharedTypes:
    """The shared types of a catalogue, by full name.

    Attributes:
        shapes: the type in normal form.
        parts: the attributes of the members inside it.
        inherited: the attributes that an alias hands on.
    """

    shapes: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, Parts] = field(default_factory=dict)
    inherited: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def over(self, other: SharedTypes) -> SharedTypes:
        """Return these types, and those of `other` that have no namesake here."""
        return SharedTypes(
            {**other.shapes, **self.shapes}, {**other.parts, **self.parts}, {**other.inherited, **self.inherited}
        )

    def parts_of(self, schema: Any, namespace: str) -> dict[str, Mapping[str, Any]]:
        """Return the attributes of every member of the records in `schema`."""
        return dict(_members(schema, namespace, self.parts))

    def alias(self, schema: Any) -> Mapping[str, Any]:
        """Return what a field of this type inherits; nothing when it is no alias."""
        name = schema[1] if isinstance(schema, list) and len(schema) == 2 else schema  # noqa: PLR2004 - null and one
        return self.inherited.get(name, {}) if isinstance(name, str) else {}


def load_types(root: Path, faults: list[errors.ContractError]) -> SharedTypes:
    """Read the shared types below `root`; one may use others, in any order."""
    shapes: dict[str, Any] = {}
    parts: dict[str, Parts] = {}
    inherited: dict[str, Mapping[str, Any]] = {}
    waiting = _read(root, faults)
    while waiting:
        refused: dict[str, tuple[str, dict[str, Any]]] = {}
        before = len(shapes)
        for file, raw in waiting.values():
            name = f"{NAMESPACE}.{Path(file).stem}"
            try:
                shape = normalise(raw, NAMESPACE, shapes)
            except TypeRefusedError as reason:
                refused[file] = (file, raw)
                what = reason.what
                continue
            named = isinstance(shape, dict) and "name" in shape
            if named and shape["name"] != name:
                faults.append(errors.ContractNameError(file=file, expected=name))
            shapes[shape["name"] if named else name] = shape
            parts[name] = dict(_members(raw, NAMESPACE, parts))
            if not named:
                inherited[name] = attributes(raw)
        if len(shapes) == before and refused:
            faults += [errors.UnsupportedTypeError(file=file, field="", what=what) for file in refused]
            break
        waiting = refused
    return SharedTypes(shapes, parts, inherited)


def attributes(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `casebus.*` attributes of a row without their prefix, and its `doc`."""
    found = {key.removeprefix("casebus."): value for key, value in row.items() if key.startswith("casebus.")}
    return {**found, "doc": row["doc"]} if "doc" in row else found


def _read(root: Path, faults: list[errors.ContractError]) -> dict[str, tuple[str, dict[str, Any]]]:
    found = {}
    for path in sorted((root / TYPES).glob("*.avsc")):
        file = f"{TYPES}/{path.name}"
        raw = read_json(path, file, faults)
        if raw is not None:
            found[file] = (file, raw)
    return found


def _members(schema: Any, namespace: str, known: Mapping[str, Parts]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(schema, str) and schema not in PRIMITIVES:
        yield from known.get(schema if "." in schema else f"{namespace}.{schema}", {}).items()
    elif isinstance(schema, list):
        for branch in schema:
            yield from _members(branch, namespace, known)
    elif isinstance(schema, dict) and schema.get("type") == "array":
        yield from _members(schema.get("items"), namespace, known)
    elif isinstance(schema, dict) and schema.get("type") == "record":
        name = str(schema.get("name"))
        full = name if "." in name else f"{schema.get('namespace', namespace)}.{name}"
        for member in schema.get("fields") or ():
            if isinstance(member, dict):
                yield f"{full}.{member.get('name')}", attributes(member)
                yield from _members(member.get("type"), namespace, known)
