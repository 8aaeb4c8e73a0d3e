"""Whether a model and the contracts agree: every event type exists, every field, with the type the model thinks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.catalogue import Contracts
from schemas.contract_errors import UnknownTypeError as NoContractError
from streams.supervision.errors import FieldTypeError, ModelError, UnknownFieldError, UnknownTypeError
from streams.supervision.model import Model
from streams.supervision.scope import FieldType

_PLAIN: Mapping[str, FieldType] = {"string": "text", "int": "int", "long": "int", "boolean": "bool"}
_LOGICAL: Mapping[str, FieldType] = {"timestamp-micros": "instant", "date": "day"}


def disagreements(model: Model, contracts: Contracts) -> list[ModelError]:
    """Return everything in which a model differs from the contracts; empty where they agree."""
    faults: list[ModelError] = []
    for alias, declared in model.inputs.items():
        for event_type in declared.types:
            path = f"$.inputs.{alias}"
            try:
                known = contracts.by_type(event_type).by_name
            except NoContractError:
                faults.append(UnknownTypeError(file=model.file, path=path, name=event_type))
                continue
            for name, kind in declared.fields.items():
                place = f"{path}.fields.{name}"
                if name not in known:
                    faults.append(UnknownFieldError(file=model.file, path=place, name=name))
                elif not agrees(kind, known[name].base_type):
                    faults.append(FieldTypeError(file=model.file, path=place, name=name))
    return faults


def agrees(kind: FieldType, avro: Any) -> bool:
    """Say whether a field type of a model is what a contract's field holds."""
    if isinstance(avro, str):
        return _PLAIN.get(avro) == kind
    if "logicalType" in avro:
        return _LOGICAL.get(avro["logicalType"]) == kind
    if avro["type"] == "enum":
        return isinstance(kind, tuple) and set(kind) <= set(avro["symbols"])
    return bool(avro["type"] == "fixed") and kind == "person"
