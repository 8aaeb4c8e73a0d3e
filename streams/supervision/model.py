"""A compiled supervision model: what a model file means, ready to run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from streams.legal_clock import LocalZone, UnknownZoneError, calendar, local_zone
from streams.supervision.document import content_hash, parse_document, read_document
from streams.supervision.errors import FieldTypeError, SchemaMismatchError, UnknownFieldError
from streams.supervision.explanation import check_placeholders
from streams.supervision.fact import Fact
from streams.supervision.finding import alert_id
from streams.supervision.inputs import Input, KeyOf, compile_inputs, compile_key, field_list
from streams.supervision.judge import Verdict
from streams.supervision.marks import Marks
from streams.supervision.pattern import Pattern, compile_pattern
from streams.supervision.scope import Law, Param, Scope, read_scope


@dataclass(frozen=True)
class Model:
    """One supervision model.

    Attributes:
        id: stable name; `code`: its number in the catalogue of models (M01 …), which several files may share.
        version: major.minor.patch; a new `major` gives new alert ids.
        digest: SHA-256 (hex) of the canonical file and of overridden parameters; stands in every alert.
        inputs: alias → what the model takes.
        fields: event type → the fields the model asks for. Nothing else of an event reaches it.
        key_names: the fields it folds by, or `subject`; models with the same ones share a key space.
        unit: the field of the opening event that names the responsible unit, or None.
        document: the file, as it was read.
    """

    id: str
    code: str
    version: str
    status: str
    digest: str
    title: Mapping[str, str]
    zone: LocalZone
    inputs: Mapping[str, Input]
    fields: Mapping[str, tuple[str, ...]]
    key_names: str | tuple[str, ...]
    key: KeyOf
    pattern: Pattern
    laws: Mapping[str, Law]
    params: Mapping[str, Param]
    unit: str | None
    document: Mapping[str, Any]
    file: str

    @classmethod
    def load(cls, path: Path | str, *, overrides: Mapping[str, int] | None = None) -> Self:
        """Read and compile a model file; `overrides` sets parameters within their ranges.

        Raises:
            ModelMissingError: there is no such file.
            ModelError: it cannot be used; the error names the file and the path in it.
        """
        path = Path(path)
        return cls.of(read_document(path), path.name, overrides)

    @classmethod
    def parse(cls, text: str, file: str = "model.yaml", *, overrides: Mapping[str, int] | None = None) -> Self:
        """Compile a model from the text of a file; raises like `load`."""
        return cls.of(parse_document(text, file), file, overrides)

    @classmethod
    def of(cls, document: dict[str, Any], file: str, overrides: Mapping[str, int] | None = None) -> Self:
        """Compile a checked document; raises like `load`."""
        changed = dict(overrides or {})
        scope = read_scope(document, _zone(document, file), file, changed)
        inputs = compile_inputs(document, scope)
        days = calendar(document["calendar"]) if "calendar" in document else None
        names = document["key"] if isinstance(document["key"], str) else tuple(document["key"])
        metadata = document["metadata"]
        model = cls(
            id=metadata["id"],
            code=metadata["code"],
            version=metadata["version"],
            status=metadata["status"],
            digest=content_hash(document, changed),
            title=metadata["title"],
            zone=scope.zone,
            inputs=inputs,
            fields=field_list(inputs),
            key_names=names,
            key=compile_key(names, inputs, scope),
            pattern=compile_pattern(document, inputs, scope, days),
            laws=scope.laws,
            params=scope.params,
            unit=_unit(document, inputs, scope),
            document=document,
            file=file,
        )
        check_placeholders(document["explanation"], opening(document, inputs), scope)
        return model

    @property
    def major(self) -> int:
        """The major version: part of the identity of its alerts."""
        return int(self.version.partition(".")[0])

    @cached_property
    def kinds(self) -> Mapping[str, frozenset[object]]:
        """Field name → the kinds that its inputs give it."""
        names = {name for declared in self.inputs.values() for name in declared.fields}
        return {name: frozenset(d.fields[name] for d in self.inputs.values() if name in d.fields) for name in names}

    @property
    def types(self) -> tuple[str, ...]:
        """The event types it takes, sorted."""
        return tuple(self.fields)

    @property
    def space(self) -> str:
        """The name of its key space: models that fold by the same fields share a key's facts, others never meet."""
        names = self.key_names if isinstance(self.key_names, str) else "\0".join(("", *self.key_names))
        return hashlib.sha256(names.encode()).hexdigest()[:16]

    def verdicts(self, facts: Sequence[Fact], marks: Marks) -> list[Verdict]:
        """Judge every term of one key; `facts` as `streams.supervision.fact.folded` gives them."""
        pattern = self.pattern
        return [pattern.verdict(term, marks) for term in pattern.terms(facts)]

    def alert_id(self, verdict: Verdict) -> str:
        """Return the identity of the alert of a term: it is the event that opened it."""
        return alert_id(self.id, self.major, (verdict.term.opener.id,))


def opening(document: Mapping[str, Any], inputs: Mapping[str, Input]) -> Input:
    """Return the input that triggers findings."""
    spec = next(iter(document["pattern"].values()))
    return inputs[spec["on"] if "on" in spec else spec["open"]]


def _zone(document: Mapping[str, Any], file: str) -> LocalZone:
    try:
        return local_zone(document["zone"])
    except UnknownZoneError as error:
        raise SchemaMismatchError(file=file, path="$.zone", reason="unknown time zone") from error


def _unit(document: Mapping[str, Any], inputs: Mapping[str, Input], scope: Scope) -> str | None:
    name: str | None = document.get("route", {}).get("unit")
    if name is None:
        return None
    fields = opening(document, inputs).fields
    if name not in fields:
        raise scope.error(UnknownFieldError, "$.route.unit", name=name)
    if fields[name] != "text":
        raise scope.error(FieldTypeError, "$.route.unit", name=name)
    return name
