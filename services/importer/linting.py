"""The linter of mapping files: what would make the door refuse its events, told before a row is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.catalogue import Contracts
from schemas.codes import code_list
from schemas.contract import Contract, Field
from schemas.contract_errors import UnknownTypeError
from schemas.identifiers import FORMATS, IdentifierError
from schemas.texts import text
from services.importer.mapping import EventRule, FieldRule, MappingError, load_mapping, problems
from services.importer.mapping import Mapping as Rules

WARNINGS = frozenset({"importer.lint.no_sequence"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or worth a look: its place in the mapping as a JSON path, and a code with its fields."""

    path: str
    code: str
    fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def error(self) -> bool:
        """Whether rows would be lost over it."""
        return self.code not in WARNINGS

    def as_dict(self) -> dict[str, Any]:
        """Render in both languages."""
        said = {lang: f"{self.path}: {text(self.code, lang, **self.fields)}" for lang in ("zh", "en")}
        return {"path": self.path, "code": self.code, "error": self.error, **said}


def lint_mapping(path: Path, contracts: Contracts) -> list[Finding]:
    """Return what is wrong with a mapping file, in the file's order.

    Raises:
        MappingMissingError: there is no such file.
    """
    try:
        wrong = [Finding(p.json_path, "importer.lint.form", {"reason": p.message}) for p in problems(path)]
        return wrong or list(_findings(load_mapping(path), contracts))
    except MappingError as error:
        return [Finding(error.fields["path"], "importer.lint.form", {"reason": error.fields["reason"]})]


def _findings(rules: Rules, contracts: Contracts) -> Iterator[Finding]:
    if not rules.sequence:
        yield Finding("$.sequence", "importer.lint.no_sequence")
    if rules.district.value is not None and not _is_district(rules.district.value):
        yield Finding("$.district.value", "importer.lint.district")
    persons = {f.column for rule in rules.events for f in rule.fields if f.kind == "person"}
    if rules.table is not None and rules.table.key in persons:
        yield Finding("$.table.key", "importer.lint.person_key")
    for rule in rules.events:
        at = f"$.events{_step(rule.activity)}"
        try:
            contract = contracts.by_type(rule.type)
        except UnknownTypeError:
            yield Finding(f"{at}.type", "importer.lint.type", {"type": rule.type})
            continue
        yield from _event(at, rule, contract)
        yield from _subject(at, rules, rule, contract)


def _event(at: str, rule: EventRule, contract: Contract) -> Iterator[Finding]:
    mapped = {f.name for f in rule.fields}
    for wanted in contract.fields:
        if not wanted.nullable and wanted.name not in mapped:
            yield Finding(f"{at}.fields", "importer.lint.missing", {"field": wanted.name})
    for f in rule.fields:
        here = f"{at}.fields.{f.name}"
        target = contract.by_name.get(f.name)
        if target is None:
            yield Finding(here, "importer.lint.field", {"type": rule.type})
        elif f.kind not in kinds(target):
            yield Finding(f"{here}.as", "importer.lint.kind", {"kinds": ", ".join(kinds(target)) or "-"})
        else:
            yield from _codes(here, f, target)


def kinds(target: Field) -> tuple[str, ...]:  # noqa: PLR0911 - one return per kind of type
    """Return the kinds of conversion that fit a field of a contract; none where no single text can make its value."""
    match target.base_type:
        case "string" | {"type": "enum"}:
            return ("text",)
        case "boolean":
            return ("boolean",)
        case "int" | "long":
            return ("cents", "integer") if target.name.endswith("_cents") else ("integer",)
        case "float" | "double":
            return ("number", "integer")
        case {"logicalType": "date"}:
            return ("day",)
        case {"logicalType": "timestamp-micros"}:
            return ("instant",)
        case {"type": "fixed"}:
            return ("person",)
    return ()


def _codes(at: str, rule: FieldRule, target: Field) -> Iterator[Finding]:
    allowed = set(code_list(target.extras["codes"])) if "codes" in target.extras else None
    if isinstance(target.base_type, dict) and target.base_type["type"] == "enum":
        allowed = set(target.base_type["symbols"])
    for said, meant in (rule.codes or {}).items():
        if allowed is not None and meant not in allowed:
            yield Finding(f"{at}.codes{_step(said)}", "importer.lint.code", {"value": meant})


def _subject(at: str, rules: Rules, rule: EventRule, contract: Contract) -> Iterator[Finding]:
    """The subject of an event is the contract's case reference: both come from one column."""
    named = next((f for f in rule.fields if f.name == contract.subject_field), None)
    if named is not None and rules.subject.column != named.column:
        yield Finding(f"{at}.fields.{named.name}.column", "importer.lint.subject")


def _step(name: str) -> str:
    return f".{name}" if name.isidentifier() else f"['{name}']"


def _is_district(text_: str) -> bool:
    try:
        FORMATS["district"](text_)
    except IdentifierError:
        return False
    return True
