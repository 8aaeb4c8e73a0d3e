"""The explanation of an alert: one sentence in each language, with named placeholders and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter

from streams.supervision.errors import FieldTypeError, UnknownPlaceholderError
from streams.supervision.inputs import Input
from streams.supervision.scope import Scope

BUILT_IN = ("subject", "district", "opened", "due", "closed", "reported", "article")
ABSENT = "—"


def check_placeholders(texts: Mapping[str, str], opener: Input, scope: Scope) -> None:
    """Check that something fills every placeholder: a built-in name or a field of the opening event.

    Raises:
        UnknownPlaceholderError: nothing fills it, or it is no plain name.
        FieldTypeError: it names a person key, which is for joining, never for reading.
    """
    for language, text in texts.items():
        path = f"$.explanation.{language}"
        for name in placeholders(text, scope, path):
            if name in BUILT_IN:
                continue
            if name not in opener.fields:
                raise scope.error(UnknownPlaceholderError, path, name=name)
            if opener.fields[name] == "person":
                raise scope.error(FieldTypeError, path, name=name)


def placeholders(text: str, scope: Scope, path: str) -> list[str]:
    """Return the names between braces; formats, conversions and attributes are refused."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise scope.error(UnknownPlaceholderError, path, name="{") from error
    found = [(name, spec, conversion) for _, name, spec, conversion in parts if name is not None]
    for name, spec, conversion in found:
        if not name.isidentifier() or spec or conversion:
            raise scope.error(UnknownPlaceholderError, path, name=name)
    return [name for name, _, _ in found]


def fill(text: str, values: Mapping[str, str]) -> str:
    """Fill the placeholders; what is absent shows as a dash."""
    return text.format_map(_Filled(values))


class _Filled(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ABSENT
