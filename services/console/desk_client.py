"""The console's only partner: the node's desk over loopback HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx

from schemas.errors import CasebusError, UnavailableError
from schemas.texts import Language

TIMEOUT_SECONDS = 10.0
SEARCH_SECONDS = 300.0
"""An exhaustive search reads the whole log."""
UNAUTHORISED = 401
CLIENT_ERRORS = 400


class DeskUnreachableError(UnavailableError):
    """The node does not answer."""

    code = "console.node_unreachable"


class SessionOverError(CasebusError):
    """The desk does not know this session any more."""

    code = "desk.session"
    http_status = 401


class DeskRefusedError(CasebusError):
    """The desk refused, with its own code and texts."""

    code = "console.refused"

    def __init__(self, status: int, error: Mapping[str, Any]) -> None:
        super().__init__(code=error.get("code", ""), status=status)
        self.status = status
        self.error = error

    @property
    def said(self) -> str:
        """What the desk said, in the language it was asked in, and what to do next."""
        return f"{self.error.get('message', '')} {self.error.get('hint', '')}".strip()


class DeskClient:
    """Calls the desk with a session's token; errors come back as coded errors."""

    def __init__(
        self,
        node_url: str,
        language: Language = "zh",
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        # No proxy settings of the environment: the partner is this machine's own node.
        self._http = http or httpx.AsyncClient(
            base_url=node_url, timeout=TIMEOUT_SECONDS, trust_env=False, transport=transport
        )
        self._node_url = node_url
        self._language = language

    def speaking(self, language: Language) -> DeskClient:
        """Return this client over the same connections, its refusals in `language`."""
        return DeskClient(self._node_url, language, http=self._http)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def sign_in(self, account: str, password: str) -> dict[str, Any]:
        """Open a session; the answer has `token` and `me`."""
        return await self._call("POST", "/desk/login", json={"account": account, "password": password})

    async def sign_out(self, token: str) -> None:
        """End a session."""
        await self._call("POST", "/desk/logout", token)

    async def changes(self, token: str, after: int) -> dict[str, Any]:
        """Wait up to a second for something newer than revision `after`."""
        return await self._call("GET", "/desk/changes", token, params={"after": after})

    async def board(self, token: str, filters: Mapping[str, str]) -> dict[str, Any]:
        """Ask for the board."""
        return await self._call("GET", "/desk/board", token, params=dict(filters))

    async def alert(self, token: str, alert_id: str) -> dict[str, Any]:
        """Ask for an alert; opening it is audited by the desk."""
        return await self._call("GET", f"/desk/alerts/{alert_id}", token)

    async def tag(self, token: str, alert_id: str) -> str:
        """Ask whether an alert's page is still the newest."""
        return str((await self._call("GET", f"/desk/alerts/{alert_id}/tag", token))["tag"])

    async def step(self, token: str, alert_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Take a step of a clue."""
        return await self._call("POST", f"/desk/alerts/{alert_id}/steps", token, json=dict(body))

    async def publish(self, token: str, alert_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Publish the missing decision."""
        return await self._call("POST", f"/desk/alerts/{alert_id}/publish", token, json=dict(body))

    async def look_up(self, token: str, alert_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Look up a person of an alert's case; audited by the desk."""
        return await self._call("POST", f"/desk/alerts/{alert_id}/look-ups", token, json=dict(body))

    async def identities(self, token: str, alert_id: str) -> dict[str, Any]:
        """Ask who may be asked about in an alert's case, and which grants stand."""
        return await self._call("GET", f"/desk/alerts/{alert_id}/identities", token)

    async def ask_identity(self, token: str, alert_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a grant to a clear name; audited by the desk."""
        return await self._call("POST", f"/desk/alerts/{alert_id}/identities", token, json=dict(body))

    async def press_grant(
        self, token: str, alert_id: str, grant: str, act: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Approve a grant or open under it; audited by the desk."""
        path = f"/desk/alerts/{alert_id}/identities/{quote(grant, safe='')}/{act}"
        return await self._call("POST", path, token, json=dict(body))

    async def subscription_requests(self, token: str) -> dict[str, Any]:
        """Ask for all requests for subscriptions, pending ones first."""
        return await self._call("GET", "/desk/subscription-requests", token)

    async def subscription_request(self, token: str, request_id: str) -> dict[str, Any]:
        """Ask for one request, field by field, with the digest of what is shown."""
        return await self._call("GET", f"/desk/subscription-requests/{quote(request_id, safe='')}", token)

    async def decide_request(self, token: str, request_id: str, act: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Approve a request as it was shown, or decline it; audited by the desk."""
        path = f"/desk/subscription-requests/{quote(request_id, safe='')}/{act}"
        return await self._call("POST", path, token, json=dict(body))

    async def audit_head(self, token: str) -> dict[str, Any]:
        """Ask for the audit log's newest signed head."""
        return await self._call("GET", "/audit/head", token)

    async def audit_search(self, token: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Search the audit log; audited itself."""
        return await self._call("POST", "/audit/search", token, json=dict(body), timeout=SEARCH_SECONDS)

    async def audit_record(self, token: str, seq: int, purpose: str, log: str) -> dict[str, Any]:
        """Ask for one record of a log, empty for the node's own, with its proof; audited itself."""
        return await self._call("GET", f"/audit/records/{seq}", token, params={"purpose": purpose, "log": log})

    async def audit_bundle(self, token: str, seq: int, purpose: str, log: str) -> bytes:
        """Ask for one record of a log as a bundle, byte for byte; audited itself."""
        body = {"purpose": purpose, "seqs": [seq], "log": log}
        return (await self._send("POST", "/audit/bundle", token, json=body)).content

    async def verification(self, token: str, log: str) -> dict[str, Any]:
        """Ask how far the verification of a whole log is."""
        return await self._call("GET", "/audit/verification", token, params={"log": log})

    async def verify(self, token: str, purpose: str, level: int, log: str) -> dict[str, Any]:
        """Begin to verify a whole log; audited itself."""
        body = {"purpose": purpose, "level": level, "log": log}
        return await self._call("POST", "/audit/verification", token, json=body)

    async def _call(self, method: str, path: str, token: str = "", **options: Any) -> dict[str, Any]:
        body: dict[str, Any] = (await self._send(method, path, token, **options)).json()
        return body

    async def _send(self, method: str, path: str, token: str = "", **options: Any) -> httpx.Response:
        headers: dict[str, str] = {"Accept-Language": self._language}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            answer = await self._http.request(method, path, headers=headers, **options)
        except httpx.HTTPError as error:
            raise DeskUnreachableError(what="node") from error
        if answer.status_code == UNAUTHORISED and token:
            raise SessionOverError(reason="session")
        if answer.status_code >= CLIENT_ERRORS:
            raise DeskRefusedError(answer.status_code, _error_of(answer))
        return answer


def _error_of(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    error = body.get("error", body) if isinstance(body, dict) else {}
    return error if isinstance(error, dict) and "code" in error else {}
