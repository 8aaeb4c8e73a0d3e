"""The operator's routes of a running node, for whoever can read its data directory; on loopback only.

GET  /v1/operator                 the node's name
POST /v1/operator/sources         a reviewed fragment and its approvers: registered, and in force when it is answered
POST /v1/operator/sources/end     it publishes no more, and its tokens are revoked
POST /v1/operator/tokens          a token for a source, shown this once
POST /v1/operator/tokens/revoke   its tokens open nothing any more
"""

# Annotations are evaluated here, not kept as text: the dependencies they name are local to the function.
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from services.gateway.described import described
from services.gateway.exchange import QueryError, TokenError, bearer_of
from services.gateway.source import UnknownSourceError
from services.node.acting import ActorError, By
from services.node.operations import Opened
from services.node.registration import ApproversError, TakenNameError
from services.node.site_errors import AboveCeilingError, SiteInvalidError, UnknownNameError


class SourceBody(BaseModel):
    """Whose tokens."""

    source: str = Field(max_length=200)


class EndingBody(SourceBody):
    """Which source, who ends it and what for."""

    actor: str = Field(max_length=80)
    purpose: str = Field(max_length=80)


class RegistrationBody(BaseModel):
    """A fragment of a site file, and who approved it."""

    fragment: dict[str, Any]
    approvers: list[Annotated[str, Field(max_length=120)]] = Field(max_length=10)


def operator_router(acts: Opened, name: str, is_operator: Callable[[str], bool]) -> APIRouter:
    """Make the routes; every one asks for the operator's token."""

    def operator(request: Request) -> None:
        if not is_operator(bearer_of(request)):
            raise TokenError

    router = APIRouter(prefix="/v1/operator", tags=["operator"], dependencies=[Depends(operator)])
    registering = (QueryError, TokenError, ApproversError, TakenNameError)
    fragment = (SiteInvalidError, UnknownNameError, AboveCeilingError)

    @router.get("", **_plain({"node": "n1"}, TokenError))
    def who() -> dict[str, Any]:
        """Say which node this is."""
        return {"node": name}

    example = {"source": "roadpolice-990100/fines", "epoch": 7, "changed": 1}

    @router.post("/sources", **_plain(example, *registering, *fragment))
    def register(body: RegistrationBody) -> dict[str, Any]:
        """Register a source."""
        return acts.register(body.fragment, body.approvers)

    ended = {"source": example["source"], "epoch": 8}

    @router.post("/sources/end", **_plain(ended, QueryError, TokenError, ActorError, UnknownSourceError))
    def end(body: EndingBody) -> dict[str, Any]:
        """End a source."""
        return {"source": body.source, "epoch": acts.end(body.source, By(body.actor, body.purpose))}

    @router.post("/tokens", **_plain({"source": example["source"], "token": "cb_…"}, TokenError, UnknownSourceError))
    def issue(body: SourceBody) -> dict[str, Any]:
        """Make a token."""
        return {"source": body.source, "token": acts.issue(body.source)}

    @router.post("/tokens/revoke", **_plain({"source": example["source"], "revoked": 1}, TokenError))
    def revoke(body: SourceBody) -> dict[str, Any]:
        """Revoke tokens."""
        return {"source": body.source, "revoked": acts.withdraw(body.source)}

    return router


def _plain(example: Any, *errors: Any) -> dict[str, Any]:
    """Describe a route whose answer FastAPI writes."""
    told = described(example, *errors)
    return {name: value for name, value in told.items() if name != "response_class"}
