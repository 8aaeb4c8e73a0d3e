"""A gateway as commands reach it: with a source's token from its file, or with the operator's from a data directory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from schemas.errors import UsageError
from services.cli.output import language
from services.cli.trust import content_of
from services.gateway.answers import NoGatewayError, told
from services.node.operator import running

DEFAULT_URL = "http://127.0.0.1:8470"
SECONDS = 60.0
Url = Annotated[str, typer.Option("--url", envvar="CASEBUS_URL", help="The gateway's address.")]
TokenFile = Annotated[Path | None, typer.Option("--token", envvar="CASEBUS_TOKEN_FILE", help="File with your token.")]
DataOrNone = Annotated[
    Path | None, typer.Option("--data", help="The data directory of a running node: act as its operator instead.")
]


class NoTokenError(UsageError):
    """Neither a token file nor a data directory was named."""

    code = "agency.no_token"


class GatewayClient:
    """Requests to one gateway; every refusal is raised as the gateway told it."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """GET."""
        return self._ask("GET", path, params={name: value for name, value in query.items() if value != ""})

    def post(self, path: str, body: Any = None) -> dict[str, Any]:
        """POST a JSON document, or nothing."""
        return self._ask("POST", path, json=body)

    def send(self, path: str, content: bytes, media: str) -> dict[str, Any]:
        """POST bytes as they are."""
        return self._ask("POST", path, content=content, headers={"content-type": media})

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            return told(self._client.request(method, path, **options))
        except httpx.TransportError:
            raise NoGatewayError(url=str(self._client.base_url)) from None


@contextmanager
def gateway(url: str, token: Path | None, data: Path | None = None) -> Iterator[GatewayClient]:
    """Open a client; with `data` as the operator of the node that runs there.

    Raises:
        NoTokenError: neither a token nor a directory. NoGatewayError: no node runs over the directory.
    """
    if data is not None:
        found = running(data)
        if found is None:
            raise NoGatewayError(url=data.name)
        client = found
    elif token is not None:
        headers = {"Authorization": f"Bearer {content_of(token).decode(errors='replace').strip()}"}
        client = httpx.Client(base_url=url, headers=headers, timeout=SECONDS, trust_env=False)
    else:
        raise NoTokenError
    client.headers["accept-language"] = language()
    with closing(client):
        yield GatewayClient(client)
