"""Reads one JSON object from a file of the catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from schemas import contract_errors as errors


class RepeatedNameError(ValueError):
    """A member name stands twice in one JSON object: readers differ about which one counts (RFC 8259 §4)."""


def read_json(path: Path, file: str, faults: list[errors.ContractError]) -> dict[str, Any] | None:
    """Return the JSON object in `path`; a key that stands twice is a fault, not a silent last one."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)
    except (OSError, ValueError):
        raw = None
    if not isinstance(raw, dict):
        faults.append(errors.UnreadableContractError(file=file))
        return None
    return raw


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object, as the standard library's parser asks; raises `RepeatedNameError`."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RepeatedNameError
    return found
