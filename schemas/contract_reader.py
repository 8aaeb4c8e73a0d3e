"""Reads one `.avsc` file into a `Contract`, collecting every fault instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas import contract_errors as errors
from schemas.avro_types import NAME, TypeRefusedError, define_once, normalise
from schemas.codes import exists
from schemas.contract import ABOUT, FLAGS, LEVELS, Contract, Field, canonical_order
from schemas.identifiers import FORMATS
from schemas.json_file import read_json
from schemas.person_fields import in_clear, sealed_as_vault
from schemas.shared_types import SharedTypes

LABEL_KEYS = ("casebus.level", "casebus.flags", "casebus.about")
TITLE_KEYS = ("casebus.zh", "casebus.en", "casebus.source")
EXTRAS: Mapping[str, type] = {
    "casebus.format": str,
    "casebus.codes": str,
    "casebus.unit": str,
    "casebus.min": int,
    "casebus.max": int,
    "casebus.example": object,
}
HEAD: Mapping[str, type] = {
    "type": str,
    "version": int,
    "zh": str,
    "en": str,
    "subject": str,
    "retention_days": int,
    "share": str,
    "themes": list,
    "case_refs": dict,
}
OPTIONAL_HEAD: Mapping[str, type] = {"owner": str, "publishers": list, "agreement_no": str, "vault": bool}
SHARES = frozenset({"unconditional", "conditional", "none"})
INTERNAL = 2


def expected_name(event_type: str) -> tuple[str, str]:
    """Return (namespace, record name) that an event type must have: `police.case.filed` → casebus.police, CaseFiled."""
    agency, _, rest = event_type.partition(".")
    return f"casebus.{agency}", "".join(word.capitalize() for word in rest.replace("_", ".").split("."))


class ContractReader:
    """Reads the file `path`; `faults` holds all that is wrong with it."""

    def __init__(self, path: Path, shared: SharedTypes) -> None:
        self.file = f"{path.parent.name}/{path.name}"
        self.faults: list[errors.ContractError] = []
        self._path = path
        self._shared = shared

    def read(self, ids: Mapping[str, Any]) -> Contract | None:
        """Return the contract, or None when there are faults; `ids` is the content of ids.json."""
        raw = read_json(self._path, self.file, self.faults)
        if raw is None:
            return None
        if raw.get("type") != "record" or not isinstance(raw.get("fields"), list) or not raw["fields"]:
            self.faults.append(errors.NotRecordError(file=self.file))
            return None
        head = self._head(raw)
        if head is None:
            return None
        self._names(raw, head)
        fields = canonical_order(f for f in self._fields(raw, vault=head.get("vault", False)) if f)
        if not self.faults:
            self._references(head, fields)
        entry = ids.get(f"{head['type']}/{head['version']}", {})
        if self.faults:
            return None
        return _assemble(raw, head, fields, entry.get("id", 0) if isinstance(entry, dict) else 0)

    def _head(self, raw: Mapping[str, Any]) -> dict[str, Any] | None:
        head = raw.get("casebus")
        if not isinstance(head, dict):
            self.faults.append(errors.ContractHeadError(file=self.file, key="casebus"))
            return None
        wrong = [k for k, kind in HEAD.items() if not isinstance(head.get(k), kind) or head.get(k) == ""]
        wrong += sorted(set(head) - {*HEAD, *OPTIONAL_HEAD})
        wrong += [
            k for k, kind in OPTIONAL_HEAD.items() if k in head and (not isinstance(head[k], kind) or head[k] == "")
        ]
        for key, fits in (
            ("version", lambda v: v >= 1),
            ("retention_days", lambda v: v >= 1),
            ("share", SHARES.__contains__),
        ):
            if key not in wrong and not fits(head[key]):
                wrong.append(key)
        self.faults += [errors.ContractHeadError(file=self.file, key=key) for key in wrong]
        return None if wrong else head

    def _names(self, raw: Mapping[str, Any], head: Mapping[str, Any]) -> None:
        namespace, name = expected_name(head["type"])
        agency, _, rest = head["type"].partition(".")
        wanted = {
            "namespace": (raw.get("namespace"), namespace),
            "name": (raw.get("name"), name),
            "file": (self.file, f"{agency}/{rest}.v{head['version']}.avsc"),
        }
        for found, expected in wanted.values():
            if found != expected:
                self.faults.append(errors.ContractNameError(file=self.file, expected=expected))

    def _fields(self, raw: Mapping[str, Any], *, vault: bool) -> list[Field | None]:
        seen: set[str] = set()
        fields = []
        for row in raw["fields"]:
            name = row.get("name") if isinstance(row, dict) else None
            if not isinstance(name, str) or not NAME.fullmatch(name):
                self.faults.append(errors.FieldNameError(file=self.file, field=repr(name)))
                continue
            if name in seen:
                self._fault(errors.DuplicateFieldError, name)
            seen.add(name)
            if in_clear(name, str(row.get("casebus.zh")), str(row.get("casebus.about"))) and not (
                vault and sealed_as_vault(row.get("casebus.level", 0), row.get("casebus.flags"))
            ):
                self._fault(errors.PersonInClearError, name)
            fields.append(self._field(name, row, raw.get("namespace", "")))
        return fields

    def _field(self, name: str, row: Mapping[str, Any], namespace: str) -> Field | None:
        before = len(self.faults)
        self._label(name, row)
        self._titles(name, row)
        try:
            shape = normalise(row.get("type"), namespace, self._shared.shapes)
        except TypeRefusedError as refused:
            if refused.null_first:
                self._fault(errors.NullFirstError, name)
            else:
                self._fault(errors.UnsupportedTypeError, name, what=refused.what)
            return None
        nullable = isinstance(shape, list)
        if ("default" in row) != nullable or row.get("default") is not None:
            self._fault(errors.DefaultError, name)
        if len(self.faults) > before:
            return None
        return Field(
            name=name,
            avro_type=shape,
            level=row["casebus.level"],
            flags=frozenset(row["casebus.flags"]),
            about=row["casebus.about"],
            zh=row["casebus.zh"],
            en=row["casebus.en"],
            doc=row.get("doc", ""),
            source=row["casebus.source"],
            nullable=nullable,
            extras={**self._inherited(row), **{key.removeprefix("casebus."): row[key] for key in EXTRAS if key in row}},
            parts=self._parts(name, row, namespace),
        )

    def _inherited(self, row: Mapping[str, Any]) -> dict[str, Any]:
        handed_on = self._shared.alias(row["type"])
        return {key: value for key, value in handed_on.items() if f"casebus.{key}" in EXTRAS}

    def _parts(self, name: str, row: Mapping[str, Any], namespace: str) -> dict[str, Mapping[str, Any]]:
        parts = self._shared.parts_of(row["type"], namespace)
        for place, said in parts.items():
            member = place.rpartition(".")[2]
            if in_clear(member, str(said.get("zh")), row["casebus.about"]):
                self._fault(errors.PersonInClearError, f"{name}.{member}")
            self._known(f"{name}.{member}", said)
        return parts

    def _known(self, name: str, said: Mapping[str, Any]) -> None:
        for key, known_name in (("format", FORMATS.__contains__), ("codes", exists)):
            if isinstance(said.get(key), str) and not known_name(said[key]):
                self._fault(errors.FieldAttributeError, name, key=f"casebus.{key}")

    def _label(self, name: str, row: Mapping[str, Any]) -> None:
        missing = [key for key in LABEL_KEYS if key not in row]
        for key in missing:
            self._fault(errors.UnlabelledFieldError, name, key=key)
        if missing:
            return
        level, flags = row["casebus.level"], row["casebus.flags"]
        if not isinstance(level, int) or isinstance(level, bool) or level not in LEVELS:
            self._fault(errors.FieldLevelError, name)
        for flag in flags if isinstance(flags, list) else [flags]:
            if not isinstance(flag, str) or flag not in FLAGS:
                self._fault(errors.UnknownFlagError, name, flag=flag)
        if not isinstance(row["casebus.about"], str) or row["casebus.about"] not in ABOUT:
            self._fault(errors.FieldAboutError, name)

    def _titles(self, name: str, row: Mapping[str, Any]) -> None:
        for key in TITLE_KEYS:
            if not isinstance(row.get(key), str) or not row[key].strip():
                self._fault(errors.UntitledFieldError, name, key=key)
        known = {*LABEL_KEYS, *TITLE_KEYS, *EXTRAS}
        for key in row:
            if key.startswith("casebus.") and (key not in known or not isinstance(row[key], EXTRAS.get(key, object))):
                self._fault(errors.FieldAttributeError, name, key=key)
        self._known(name, {key: row.get(f"casebus.{key}") for key in ("format", "codes")})

    def _references(self, head: Mapping[str, Any], fields: tuple[Field, ...]) -> None:
        by_name = {f.name: f for f in fields}
        subject = by_name.get(head["subject"])
        if subject is None or subject.avro_type != "string" or subject.level > INTERNAL:
            self._fault(errors.SubjectError, head["subject"])
        for name in head["case_refs"]:
            if name not in by_name or by_name[name].base_type != "string" or by_name[name].level > INTERNAL:
                self._fault(errors.SubjectError, name)

    def _fault(self, kind: type[errors.ContractError], field: str, **more: Any) -> None:
        self.faults.append(kind(file=self.file, field=field, **more))


def _assemble(raw: Mapping[str, Any], head: Mapping[str, Any], fields: tuple[Field, ...], number: int) -> Contract:
    rows = {row["name"]: row for row in raw["fields"]}
    seen: set[str] = set()
    schema = {key: value for key, value in raw.items() if key != "fields"}
    schema["fields"] = [{**rows[f.name], "type": define_once(f.avro_type, seen)} for f in fields]
    return Contract(
        id=number,
        type=head["type"],
        version=head["version"],
        agency=head["type"].partition(".")[0],
        zh=head["zh"],
        en=head["en"],
        schema=schema,
        fields=fields,
        subject_field=head["subject"],
        retention_days=head["retention_days"],
        share=head["share"],
        themes=tuple(head["themes"]),
        case_refs=dict(head["case_refs"]),
        owner=head.get("owner", ""),
        publishers=tuple(head.get("publishers", ())),
        agreement_no=head.get("agreement_no", ""),
        vault=head.get("vault", False),
    )
