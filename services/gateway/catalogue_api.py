"""The catalogue over HTTP.

GET /v1/catalogue?theme&owner    the resource directory (资源目录), JSON
GET /v1/catalogue.csv            the same for spreadsheets
GET /v1/catalogue/{type}         one event type: fields, versions, producers, consumers, an example
GET /v1/asyncapi.json            the bus as an AsyncAPI 3 document
"""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from schemas.asyncapi import asyncapi
from schemas.contract_errors import UnknownTypeError
from schemas.directory import Entry, FieldRow, directory_csv
from services.gateway.catalogue import Catalogue
from services.gateway.described import described
from services.gateway.exchange import QueryError, TokenError, json_response
from services.gateway.readers import Readers

CSV: Final = "text/csv; charset=utf-8"
VERSION: Final = "1"
Word = Annotated[str, Query(max_length=60, pattern=r"^[\w.-]*$")]
EventType = Annotated[str, Path(max_length=120, pattern=r"^[\w.-]+$", description="such as police.case.filed")]
_NUMBERS: Final = {"version": 1, "level": 3, "fields": 6, "retention_days": 3650, "schema_id": 3}


def _example(kind: type, **known: Any) -> dict[str, Any]:
    return {field.name: known.get(field.name, _NUMBERS.get(field.name, "…")) for field in fields(kind)}


ENTRY: Final = _example(Entry, theme="criminal", type="police.case.filed", zh="立案", en="case filed")
PAGE: Final = {
    **ENTRY,
    "themes": ["criminal"],
    "versions": [{"version": 1, "schema_id": 3}],
    "field_table": [_example(FieldRow, name="unit", zh="承办单位", en="unit", mandatory=True)],
    "producers": [{"source": "police-990103/cases", "organisation": "police-990103", "districts": ["990103"]}],
    "consumers": [
        {
            "subscription": "procuratorate-990103-filing",
            "organisation": "procuratorate-990103",
            "purpose": "filing-supervision",
            "fields": ["unit"],
            "districts": ["990103"],
        }
    ],
    "consumers_in_all": 3,
    "example": {"specversion": "1.0", "type": "police.case.filed"},
}


def catalogue_router(catalogue: Catalogue, readers: Readers) -> APIRouter:
    """Make the router."""
    router = APIRouter(prefix="/v1", tags=["catalogue"])
    document = asyncapi(catalogue.contracts, VERSION)

    def entries(request: Request, theme: Word = "", owner: Word = "") -> Response:
        """List what is shared, by theme: the resource directory."""
        readers.of(request)
        found = catalogue.entries(theme, owner)
        return json_response({"entries": [asdict(entry) for entry in found], "count": len(found)})

    def table(request: Request, theme: Word = "", owner: Word = "") -> Response:
        """Return the resource directory as CSV, in UTF-8 with a byte order mark."""
        readers.of(request)
        return Response(directory_csv(catalogue.entries(theme, owner)).encode(), media_type=CSV)

    def page(request: Request, event_type: EventType) -> Response:
        """Return one event type: its field table, versions, producers, consumers and an example."""
        return json_response(catalogue.page(readers.of(request), event_type))

    def bus(request: Request) -> Response:
        """Return what the bus takes and delivers, as an AsyncAPI 3 document."""
        readers.of(request)
        return json_response(document)

    add = router.add_api_route
    add("/catalogue", entries, **described({"entries": [ENTRY], "count": 1}, QueryError, TokenError))
    add("/catalogue.csv", table, **described("theme,type,…\r\n", QueryError, TokenError, media="text/csv"))
    add("/catalogue/{event_type}", page, **described(PAGE, QueryError, TokenError, UnknownTypeError))
    add("/asyncapi.json", bus, **described({"asyncapi": "3.0.0", "channels": {}, "operations": {}}, TokenError))
    return router
