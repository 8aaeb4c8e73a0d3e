"""The witness over HTTP (C2SP tlog-witness).

POST /add-checkpoint               a submission → our signature line; 400, 403, 404, 409, 422 as the specification says
GET  /<sha256 of origin>/checkpoint  the newest cosigned head of a log, for monitors
GET  /evidence                     evidence of forks: one JSON document a line
GET  /health
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import FastAPI, Path, Request
from fastapi.responses import Response

from schemas.errors import CasebusError
from security.audit.witnessing import MAX_BODY, Status
from services.witness.store import WitnessStore
from services.witness.witness import Witness

PLAIN = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"
TOO_LARGE = 413
TOO_SLOW = 408
BODY_SECONDS = 10


def create_app(witness: Witness, store: WitnessStore) -> FastAPI:
    """Make the application."""
    app = FastAPI(title="casebus witness", docs_url=None, redoc_url=None, openapi_url=None)

    async def add_checkpoint(request: Request) -> Response:
        body = b""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    body += part
                    if len(body) > MAX_BODY:
                        return Response(status_code=TOO_LARGE)
        except TimeoutError:
            return Response(status_code=TOO_SLOW)
        verdict, line = await asyncio.to_thread(witness.add_checkpoint, body)
        if verdict.status is Status.CONFLICT:
            return Response(f"{verdict.size}\n", verdict.status, headers={"Content-Type": SIZE})
        return Response(line, verdict.status, media_type=PLAIN)

    async def checkpoint(digest: Annotated[str, Path(pattern="^[0-9a-f]{64}$")]) -> Response:
        note = await asyncio.to_thread(witness.checkpoint, digest)
        return Response(status_code=404) if note is None else Response(note, media_type=PLAIN)

    async def evidence() -> Response:
        found = await asyncio.to_thread(store.evidence)
        return Response(b"".join(found), media_type="application/x-ndjson")

    async def health() -> Response:
        return Response(f"{witness.key.text}\n", media_type=PLAIN)

    async def failed(request: Request, error: Exception) -> Response:
        del request
        assert isinstance(error, CasebusError)
        # Nothing was signed: for the client it is our fault, whatever it was.
        return Response(f"{error.code}\n", max(error.http_status, 500), media_type=PLAIN)

    app.add_api_route("/add-checkpoint", add_checkpoint, methods=["POST"])
    app.add_api_route("/{digest}/checkpoint", checkpoint, methods=["GET"])
    app.add_api_route("/evidence", evidence, methods=["GET"])
    app.add_api_route("/health", health, methods=["GET"])
    app.add_exception_handler(CasebusError, failed)
    return app
