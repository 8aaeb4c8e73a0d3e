"""Reading a site file: YAML, checked against its JSON Schema, entries for every district written out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from schemas.districts import districts
from services.node.site_errors import SiteAbsentError, SiteInvalidError, SiteUnreadableError

SCHEMA = Path(__file__).resolve().parents[2] / "deploy" / "site" / "site.schema.json"


def read(path: Path) -> dict[str, Any]:
    """Return the checked document with no `each` left in it.

    Raises:
        SiteAbsentError, SiteUnreadableError, SiteInvalidError: naming file and place.
    """
    document: dict[str, Any] = _parsed(path)
    faults = [{"path": _place(e.absolute_path), "rule": str(e.validator)} for e in _validator().iter_errors(document)]
    if faults:
        raise SiteInvalidError(file=path.name, count=len(faults), faults=faults, **faults[0])
    for section in ("organisations", "sources"):
        document[section] = [entry for written in document[section] for entry in _written_out(written)]
    return document


def _parsed(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SiteAbsentError(file=path.name) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise SiteUnreadableError(file=path.name, line=line) from None


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _place(parts: Any) -> str:
    return "/" + "/".join(str(part) for part in parts)


def _written_out(entry: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the entry, or one for every district of the city where it says `each: district`."""
    if "each" not in entry:
        yield dict(entry)
        return
    bare = {name: value for name, value in entry.items() if name != "each"}
    for district in districts():
        yield {n: _filled(v, district=district.code, zh=district.zh, en=district.en) for n, v in bare.items()}


def _filled(value: Any, **names: str) -> Any:
    if isinstance(value, str):
        return value.format_map(names)
    if isinstance(value, list):
        return [_filled(item, **names) for item in value]
    return value
