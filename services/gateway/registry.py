"""The schema registry: subjects, versions and ids over contracts and view schemas. No HTTP in it.

    casebus.police.CaseFiled                                      a contract: the record's name; versions 1, 2, …
    casebus.view.<subscription>-casebus.view.police.CaseFiledV1   a view: topic and record's name (TopicRecordName)

Contracts have the ids of `contracts/ids.json`, view schemas 2^30 plus 30 bits of their SHA-256. A view's version counts
the schemas that the subscription has had for that contract version. What a reader may not see does not exist for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fastavro.schema import SchemaParseException, parse_schema, to_parsing_canonical_form

from schemas.catalogue import Contracts
from schemas.errors import NotFoundError, UsageError
from services.gateway.readers import Reader
from streams.view_catalogue import KnownView, ViewCatalogue

LATEST = "latest"
LATEST_NUMBER = "-1"
COMPATIBILITY = "BACKWARD_TRANSITIVE"


class SubjectAbsentError(NotFoundError):
    """No such subject, or none that the reader may see."""

    code = "registry.subject"


class VersionAbsentError(NotFoundError):
    """The subject has no such version."""

    code = "registry.version"


class SchemaAbsentError(NotFoundError):
    """No schema has the id, or none that the reader may see; or the subject never had this schema."""

    code = "registry.schema"


class VersionInvalidError(UsageError):
    """A version is a number from 1, or `latest`."""

    code = "registry.version_invalid"
    http_status = 422


class SchemaInvalidError(UsageError):
    """The schema to look up is no Avro schema."""

    code = "registry.schema_invalid"
    http_status = 422


@dataclass(frozen=True)
class Registered:
    """One version of a subject; `schema` is Avro as JSON text."""

    subject: str
    version: int
    id: int
    schema: str

    def as_dict(self) -> dict[str, Any]:
        """Render as registry clients of the field expect it."""
        return {
            "subject": self.subject,
            "version": self.version,
            "id": self.id,
            "schemaType": "AVRO",
            "schema": self.schema,
        }


class Registry:
    """Answers for one reader at a time."""

    def __init__(self, contracts: Contracts, views: ViewCatalogue) -> None:
        self._views = views
        self._contracts = tuple(
            Registered(subject_of(c.schema), c.version, c.id, _text(c.schema)) for c in contracts.all()
        )
        self._rendered: dict[int, str] = {}

    def subjects(self, reader: Reader, prefix: str = "") -> list[str]:
        """Name the subjects, sorted."""
        return sorted({each.subject for each in self.all(reader) if each.subject.startswith(prefix)})

    def versions(self, reader: Reader, subject: str) -> list[Registered]:
        """Return the versions of a subject, oldest first; raises `SubjectAbsentError`."""
        found = sorted((e for e in self.all(reader) if e.subject == subject), key=lambda each: each.version)
        if not found:
            raise SubjectAbsentError(subject=_shown(subject))
        return found

    def version(self, reader: Reader, subject: str, wanted: str) -> Registered:
        """Return one version; `latest` and -1 are the newest.

        Raises:
            SubjectAbsentError, VersionAbsentError, VersionInvalidError.
        """
        versions = self.versions(reader, subject)
        if wanted in {LATEST, LATEST_NUMBER}:
            return versions[-1]
        if not wanted.isdecimal() or not wanted.isascii() or int(wanted) < 1:
            raise VersionInvalidError
        for each in versions:
            if each.version == int(wanted):
                return each
        raise VersionAbsentError(version=int(wanted))

    def by_id(self, reader: Reader, number: int) -> list[Registered]:
        """Return every subject and version that has this id; raises `SchemaAbsentError`."""
        found = [each for each in self.all(reader) if each.id == number]
        if not found:
            raise SchemaAbsentError(id=number)
        return found

    def look_up(self, reader: Reader, subject: str, schema: str) -> Registered:
        """Return the newest version of `subject` with this schema: the same JSON, else the same parsing canonical form.

        Raises:
            SubjectAbsentError, SchemaInvalidError, SchemaAbsentError.
        """
        versions = self.versions(reader, subject)
        wanted, canonical = _parsed(schema)
        for same in (
            [each for each in versions if json.loads(each.schema) == wanted],
            [each for each in versions if _parsed(each.schema)[1] == canonical],
        ):
            if same:
                return same[-1]
        raise SchemaAbsentError(id=0)

    def all(self, reader: Reader) -> Iterator[Registered]:
        """Yield everything that the reader may see."""
        yield from self._contracts
        yield from self._of_views(
            each for each in self._views.all() if reader.sees(each.organisation, each.subscription)
        )

    def _of_views(self, views: Iterable[KnownView]) -> Iterator[Registered]:
        counts: dict[str, int] = {}
        for view in views:
            subject = f"casebus.view.{view.subscription}-{view.schema.schema['name']}"
            counts[subject] = counts.get(subject, 0) + 1
            number = view.schema.id
            text = self._rendered.get(number) or self._rendered.setdefault(number, _text(view.schema.schema))
            yield Registered(subject, counts[subject], number, text)


def subject_of(schema: dict[str, Any]) -> str:
    """Return the subject of a contract: its record's full name."""
    return f"{schema['namespace']}.{schema['name']}" if "namespace" in schema else str(schema["name"])


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def _parsed(schema: str) -> tuple[Any, str]:
    try:
        document = json.loads(schema)
        return document, str(to_parsing_canonical_form(parse_schema(document)))
    except (ValueError, TypeError, KeyError, RecursionError, SchemaParseException):
        raise SchemaInvalidError from None


def _shown(subject: str) -> str:
    """Keep of a name that was asked for what can be shown: it came from outside."""
    return "".join(c for c in subject[:160] if c.isascii() and (c.isalnum() or c in "._-"))
