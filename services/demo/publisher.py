"""The city's agencies as HTTP clients of the gateway: each with its own token, each event and mark a request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import httpx

from schemas.errors import UnavailableError
from schemas.instants import format_instant
from services.simulator.delivery import Delivery

TIMEOUT_SECONDS = 30.0
BUSY = 429
OK = 400


class GatewayAnswerError(UnavailableError):
    """The gateway answered what a well-behaved city does not expect."""

    code: ClassVar[str] = "demo.gateway_answer"


class Publisher:
    """Delivers to a gateway and counts what became of it."""

    def __init__(self, url: str, tokens: Mapping[str, str]) -> None:
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS, trust_env=False)
        self._tokens = tokens
        self.counts: Counter[str] = Counter()

    def deliver(self, delivery: Delivery) -> None:
        """Send one delivery; raises `GatewayAnswerError` where it was not taken."""
        token = {"Authorization": f"Bearer {self._tokens[delivery.source]}"}
        if delivery.event is not None:
            self._post("/v1/events", dict(delivery.event), token)
            self.counts["events"] += 1
        else:
            self._post("/v1/marks", {"complete_to": format_instant(delivery.mark or 0)}, token)
            self.counts["marks"] += 1

    def tell(self, path: str, body: Mapping[str, Any]) -> None:
        """Post to the demonstration's own routes."""
        self._post(path, dict(body), {})

    def healthy(self) -> bool:
        """Tell whether the gateway answers."""
        try:
            return self._client.get("/v1/health").is_success
        except httpx.TransportError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(self, path: str, body: dict[str, Any], headers: Mapping[str, str]) -> None:
        answer = self._client.post(path, json=body, headers=dict(headers))
        if answer.status_code >= OK:
            raise GatewayAnswerError(path=path, status=answer.status_code)
