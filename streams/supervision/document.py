"""A model file as text: YAML without surprises, checked against the schema, with a content hash."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from streams.supervision.errors import ModelMissingError, NotYamlError, SchemaMismatchError

SCHEMA = Path(__file__).with_name("model.schema.json")
_PLAIN = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:bool", "tag:yaml.org,2002:float"}


class _Reader(yaml.SafeLoader):
    """YAML in which dates stay text, only true and false are truth values, and no key stands twice."""


_Reader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _PLAIN]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Reader.add_implicit_resolver("tag:yaml.org,2002:bool", __import__("re").compile(r"^(?:true|false)$"), list("tf"))


def _mapping(reader: _Reader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [key.value for key, _ in node.value]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise yaml.constructor.ConstructorError(None, None, f"key {twice} stands twice", node.start_mark)
    return reader.construct_mapping(node, deep=True)


_Reader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_document(path: Path) -> dict[str, Any]:
    """Read a model file.

    Raises:
        ModelMissingError: there is no such file.
        NotYamlError, SchemaMismatchError: see `parse_document`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ModelMissingError(what=path.name) from error
    except UnicodeDecodeError as error:
        raise NotYamlError(file=path.name, path="$", reason="not UTF-8") from error
    return parse_document(text, path.name)


def parse_document(text: str, file: str) -> dict[str, Any]:
    """Parse and check a model file's text; `file` is the name that errors show.

    Raises:
        NotYamlError: it is not YAML, or a key stands twice.
        SchemaMismatchError: it does not fit the schema; names the deepest place that is wrong.
    """
    try:
        document = yaml.load(text, _Reader)  # noqa: S506 - a SafeLoader with fewer resolvers
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}" if mark else "$"
        raise NotYamlError(file=file, path=place, reason=getattr(error, "problem", None) or "not YAML") from error
    problem = jsonschema.exceptions.best_match(_validator().iter_errors(document))
    if problem is not None:
        raise SchemaMismatchError(file=file, path=problem.json_path, reason=problem.message)
    checked: dict[str, Any] = document
    return checked


def content_hash(document: dict[str, Any], overrides: dict[str, Any]) -> str:
    """Return the SHA-256 (hex) of the canonical form: sorted keys, no blanks, overridden parameters beside the file."""
    canonical: dict[str, Any] = {"file": document, "params": overrides} if overrides else document
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
