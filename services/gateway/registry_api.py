"""The registry over HTTP, as Confluent-compatible clients read it: below `/v1/registry`, read only.

    GET  /subjects · /subjects/{subject}/versions · /subjects/{subject}/versions/{version|latest}[/schema]
    POST /subjects/{subject}                       look-up: which version is this schema?
    GET  /schemas · /schemas/types · /schemas/ids/{id}[/schema|/versions|/subjects]
    GET  /config[/{subject}] · /mode[/{subject}]

Whatever would write is answered 405: contracts are files in git, view schemas follow from them. Errors have the form
`{"error_code": …, "message": …}`. Paths that we do not have, `/associations/…` among them, are 404 in that form, from
which clients conclude that there is nothing special about a topic.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar, Final

from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from schemas.errors import CasebusError, RefusedError
from services.gateway import registry as core
from services.gateway.described import described, registry_form
from services.gateway.exchange import TokenError, language_of
from services.gateway.readers import Readers

PREFIX: Final = "/v1/registry"
MEDIA: Final = "application/vnd.schemaregistry.v1+json"
CODES: Final = {
    core.SubjectAbsentError.code: 40401,
    core.VersionAbsentError.code: 40402,
    core.SchemaAbsentError.code: 40403,
    core.SchemaInvalidError.code: 42201,
    core.VersionInvalidError.code: 42202,
}
"""Error codes of the registry's interface; any other error has its HTTP status."""

Subject = Annotated[str, Path(max_length=400, description="see `GET /v1/registry/subjects`")]
SchemaId = Annotated[int, Path(ge=1, le=2**32 - 1, description="id of the wire framing")]


class ReadOnlyError(RefusedError):
    """Somebody tried to register or change a schema over HTTP."""

    code: ClassVar[str] = "registry.read_only"
    http_status: ClassVar[int] = 405


class PathError(RefusedError):
    """The registry has no such path."""

    code: ClassVar[str] = "registry.path"
    http_status: ClassVar[int] = 404


class SchemaBody(BaseModel):
    """A schema to look up."""

    schema_text: str = Field(alias="schema", max_length=1 << 20, description="Avro, JSON text")
    schema_type: str = Field("AVRO", alias="schemaType", pattern="^AVRO$")


class RegistryRoute(APIRoute):
    """A route whose errors have the registry's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the handler."""
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except CasebusError as error:
                return error_answer(error, request)
            except RequestValidationError as error:
                place = str(error.errors()[0]["loc"][-1])
                wrong = PathError() if place == "number" else core.SchemaInvalidError()
                return error_answer(wrong, request)

        return handler


def error_answer(error: CasebusError, request: Request) -> Response:
    """Answer in the registry's form; the message says the next step too."""
    language = language_of(request)
    document = {
        "error_code": CODES.get(error.code, error.http_status),
        "message": f"{error.message(language)}; {error.hint(language)} [{error.code}]",
    }
    headers = {"WWW-Authenticate": 'Basic realm="casebus"'} if isinstance(error, TokenError) else {}
    return Response(json.dumps(document, ensure_ascii=False), error.http_status, headers, MEDIA)


def registry_router(registry: core.Registry, readers: Readers) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix=PREFIX, tags=["registry"], route_class=RegistryRoute)
    _subject_routes(router, registry, readers)
    _id_routes(router, registry, readers)
    _setting_routes(router, registry, readers)
    _other_routes(router, readers)
    return router


def _subject_routes(router: APIRouter, registry: core.Registry, readers: Readers) -> None:
    absent = (core.SubjectAbsentError, core.VersionAbsentError, core.VersionInvalidError)

    def subjects(
        request: Request, prefix: Annotated[str, Query(alias="subjectPrefix", max_length=400)] = ""
    ) -> Response:
        """List the subjects that the reader may see."""
        return _json(registry.subjects(readers.of(request), prefix.strip(":*")))

    def versions(request: Request, subject: Subject) -> Response:
        """List the versions of a subject."""
        return _json([each.version for each in registry.versions(readers.of(request), subject)])

    def version(request: Request, subject: Subject, version: str) -> Response:
        """Return one version of a subject with its schema; `latest` is the newest."""
        return _json(registry.version(readers.of(request), subject, version).as_dict())

    def schema(request: Request, subject: Subject, version: str) -> Response:
        """Return the schema of one version alone."""
        return Response(registry.version(readers.of(request), subject, version).schema, media_type=MEDIA)

    def look_up(request: Request, subject: Subject, body: Annotated[SchemaBody, Body()]) -> Response:
        """Say which version of a subject a schema is."""
        return _json(registry.look_up(readers.of(request), subject, body.schema_text).as_dict())

    place = "/subjects/{subject}"
    router.add_api_route("/subjects", subjects, **_read(_STRINGS))
    router.add_api_route(place, look_up, methods=["POST"], **_read(_VERSION, *absent, core.SchemaInvalidError))
    router.add_api_route(f"{place}/versions", versions, **_read(_NUMBERS, core.SubjectAbsentError))
    router.add_api_route(f"{place}/versions/{{version}}", version, **_read(_VERSION, *absent))
    router.add_api_route(f"{place}/versions/{{version}}/schema", schema, **_read(_AVRO, *absent))


def _id_routes(router: APIRouter, registry: core.Registry, readers: Readers) -> None:
    def types(request: Request) -> Response:
        """Name the kinds of schema there are."""
        readers.of(request)
        return _json(["AVRO"])

    def schemas(
        request: Request,
        prefix: Annotated[str, Query(alias="subjectPrefix", max_length=400)] = "",
        latest: Annotated[bool, Query(alias="latestOnly")] = False,  # noqa: FBT002 - a parameter of the interface
    ) -> Response:
        """List every version of every subject that the reader may see."""
        found = [e for e in registry.all(readers.of(request)) if e.subject.startswith(prefix)]
        if latest:
            found = list({e.subject: e for e in sorted(found, key=lambda each: each.version)}.values())
        return _json([each.as_dict() for each in found])

    def by_id(request: Request, number: SchemaId) -> Response:
        """Return the schema with this id: of a contract, or from 2^30 on of a view."""
        return _json({"schema": registry.by_id(readers.of(request), number)[0].schema})

    def text_by_id(request: Request, number: SchemaId) -> Response:
        """Return the schema with this id alone."""
        return Response(registry.by_id(readers.of(request), number)[0].schema, media_type=MEDIA)

    def versions_of(request: Request, number: SchemaId) -> Response:
        """Say which subjects and versions have this id."""
        found = registry.by_id(readers.of(request), number)
        return _json([{"subject": each.subject, "version": each.version} for each in found])

    def subjects_of(request: Request, number: SchemaId) -> Response:
        """Say which subjects have this id."""
        return _json([each.subject for each in registry.by_id(readers.of(request), number)])

    place, absent = "/schemas/ids/{number}", core.SchemaAbsentError
    router.add_api_route("/schemas", schemas, **_read(_VERSIONS))
    router.add_api_route("/schemas/types", types, **_read(_STRINGS))
    router.add_api_route(place, by_id, **_read(_SCHEMA, absent))
    router.add_api_route(f"{place}/schema", text_by_id, **_read(_AVRO, absent))
    router.add_api_route(f"{place}/versions", versions_of, **_read(_PLACES, absent))
    router.add_api_route(f"{place}/subjects", subjects_of, **_read(_STRINGS, absent))


def _setting_routes(router: APIRouter, registry: core.Registry, readers: Readers) -> None:
    def config(request: Request) -> Response:
        """Say by which rule versions follow each other."""
        readers.of(request)
        return _json({"compatibilityLevel": core.COMPATIBILITY})

    def config_of(request: Request, subject: Subject) -> Response:
        """Say by which rule the versions of a subject follow each other: the one that holds for all."""
        registry.versions(readers.of(request), subject)
        return _json({"compatibilityLevel": core.COMPATIBILITY})

    def mode(request: Request) -> Response:
        """Say that nothing is registered here."""
        readers.of(request)
        return _json({"mode": "READONLY"})

    def mode_of(request: Request, subject: Subject) -> Response:
        """Say that nothing is registered under a subject."""
        registry.versions(readers.of(request), subject)
        return _json({"mode": "READONLY"})

    router.add_api_route("/config", config, **_read({"compatibilityLevel": core.COMPATIBILITY}))
    level = {"compatibilityLevel": core.COMPATIBILITY}
    router.add_api_route("/config/{subject}", config_of, **_read(level, core.SubjectAbsentError))
    router.add_api_route("/mode", mode, **_read({"mode": "READONLY"}))
    router.add_api_route("/mode/{subject}", mode_of, **_read({"mode": "READONLY"}, core.SubjectAbsentError))


def _other_routes(router: APIRouter, readers: Readers) -> None:
    def read_only(request: Request) -> Response:
        """Refuse what would write."""
        readers.of(request)
        raise ReadOnlyError

    def absent(request: Request) -> Response:
        """Answer 404 in the registry's form for every other path."""
        readers.of(request)
        raise PathError

    writes = ["POST", "PUT", "DELETE", "PATCH"]
    router.add_api_route("/{path:path}", absent, methods=["GET"], include_in_schema=False)
    router.add_api_route("/{path:path}", read_only, methods=writes, include_in_schema=False)


_STRINGS: Final[Any] = ["casebus.police.CaseFiled"]
_NUMBERS: Final[Any] = [1, 2]
_AVRO: Final[Any] = {"type": "record", "name": "CaseFiled", "namespace": "casebus.police", "fields": []}
_SCHEMA: Final[Any] = {"schema": json.dumps(_AVRO)}
_VERSION: Final[Any] = core.Registered("casebus.police.CaseFiled", 1, 3, json.dumps(_AVRO)).as_dict()
_VERSIONS: Final[Any] = [_VERSION]
_PLACES: Final[Any] = [{"subject": "casebus.police.CaseFiled", "version": 1}]


def _read(example: Any, *errors: type[CasebusError]) -> dict[str, Any]:
    return described(example, TokenError, *errors, media=MEDIA, form=registry_form(CODES))


def _json(document: Any) -> Response:
    return Response(json.dumps(document, ensure_ascii=False), media_type=MEDIA)
