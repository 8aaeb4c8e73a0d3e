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
        document[section] = [
            entry
            for index, written in enumerate(document[section])
            for entry in _written_out(written, path.name, f"/{section}/{index}")
        ]
    return document


def _parsed(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SiteAbsentError(file=path.name) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        raise SiteUnreadableError(file=path.name, line=mark.line + 1 if mark else 0) from None


@cache
def validator_of(section: str) -> jsonschema.Draft202012Validator:
    """Return what checks one entry of a section, such as `sources`."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    entry = {**schema["properties"][section]["items"], "$defs": schema["$defs"]}
    return jsonschema.Draft202012Validator(entry)


@cache
def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker(["date"]))


def _place(parts: Any) -> str:
    return "/" + "/".join(str(part) for part in parts)


def _written_out(entry: Mapping[str, Any], file: str, place: str) -> Iterator[dict[str, Any]]:
    """Yield the entry, or one for every district of the city where it says `each: district`."""
    if "each" not in entry:
        yield dict(entry)
        return
    bare = {name: value for name, value in entry.items() if name != "each"}
    for district in districts():
        try:
            yield {n: _filled(v, district=district.code, zh=district.zh, en=district.en) for n, v in bare.items()}
        except (KeyError, ValueError, IndexError):
            raise SiteInvalidError(file=file, count=1, faults=[], path=place, rule="each") from None


def _filled(value: Any, **names: str) -> Any:
    if isinstance(value, str):
        return value.format_map(names)
    if isinstance(value, list):
        return [_filled(item, **names) for item in value]
    return value
