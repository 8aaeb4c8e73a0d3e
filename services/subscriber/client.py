"""Receiving a subscription over HTTP: pages or the stream, schemas from the registry, the sealed part opened here.

A schema that the registry gives is believed only if its digest is the id that was asked for, so the gateway cannot give
a view another meaning. The key never leaves the client.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any, ClassVar, Final

import httpx

from schemas.errors import DeniedError, IntegrityError, UnavailableError
from schemas.framing import unframe
from security.receiver_key import ReceiverKey
from security.view_schema import UnknownViewError, ViewRegistry, ViewSchema
from security.views import read_view

PAGE: Final = 256
READ_SECONDS: Final = 60.0
AGAIN_SECONDS: Final = 2.0
UNAUTHORISED, FORBIDDEN, GONE = 401, 403, 410


class GatewayAwayError(UnavailableError):
    """The gateway does not answer, or answers something else; field: `status`, 0 where there was no answer."""

    code: ClassVar[str] = "subscriber.gateway"


class GatewayDeniedError(DeniedError):
    """The gateway says no; field: `reason`, its code."""

    code: ClassVar[str] = "subscriber.denied"


class ForgedSchemaError(IntegrityError):
    """The registry gave a schema whose digest is not its id."""

    code: ClassVar[str] = "subscriber.schema"


class Subscriber:
    """Receives one subscription; `key` may be None for a receiver that reads the open part alone."""

    def __init__(self, http: httpx.Client, subscription: str, key: ReceiverKey | None = None) -> None:
        self._http, self._subscription, self._key = http, subscription, key
        self._schemas = ViewRegistry()
        self.cursor = ""
        """Where `follow` stands: behind the view it gave last."""

    def page(self, after: int | str) -> tuple[list[dict[str, Any]], int | str]:
        """Return the views that follow `after`, opened, and what to go on from: an offset, or an opaque cursor."""
        answer = self._get(f"/v1/subscriptions/{self._subscription}/events", after=after, limit=PAGE, form="avro")
        return [self.opened(event) for event in answer["events"]], answer["next"]

    def follow(self, after: int | str) -> Iterator[dict[str, Any]]:
        """Yield views as they are released, opened; a broken connection is taken up again where it was.

        Raises:
            GatewayDeniedError: the subscription may not be read, or no more.
        """
        while True:
            try:
                for event, cursor in self._stream(after):
                    self.cursor = after = cursor
                    yield event
            except (httpx.TransportError, GatewayAwayError):
                pass
            time.sleep(AGAIN_SECONDS)

    def acknowledge(self, through: int | str) -> None:
        """Say that every view up to `through`, an offset or a cursor, has arrived; raises what a page raises."""
        path = f"/v1/subscriptions/{self._subscription}/acknowledgements"
        try:
            answer = self._http.post(path, json={"through": through})
        except httpx.TransportError:
            raise GatewayAwayError(status=0) from None
        if not answer.is_success:
            raise _refusal(answer)

    def opened(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return a CloudEvent with `data` in place of `data_base64`: the open fields, and with the key the sealed ones.

        Raises:
            SealBrokenError: the sealed part is not for this key, or was altered.
        """
        if "data_base64" not in event:
            return event  # a notice: what it says stands in its attributes
        view = base64.b64decode(event["data_base64"], validate=True)
        said = read_view(view, self._known(unframe(view)[0]), self._key, uuid.UUID(event["id"]).bytes)
        attributes = {name: value for name, value in event.items() if name not in {"data_base64", "datacontenttype"}}
        return {**attributes, "sealed": said.pop("_sealed"), "withheld": said.pop("_withheld"), "data": said}

    def _known(self, number: int) -> ViewRegistry:
        try:
            self._schemas.by_id(number)
        except UnknownViewError:
            answer = self._get(f"/v1/registry/schemas/ids/{number}")
            schema = ViewSchema(json.loads(answer["schema"]))
            if schema.id != number:
                raise ForgedSchemaError(id=number) from None
            self._schemas.register(schema)
        return self._schemas

    def _stream(self, after: int | str) -> Iterator[tuple[dict[str, Any], str]]:
        path, params = f"/v1/subscriptions/{self._subscription}/stream", {"form": "avro"}
        headers = {"Last-Event-ID": str(after)}
        with self._http.stream("GET", path, params=params, headers=headers, timeout=READ_SECONDS) as answer:
            if not answer.is_success:
                answer.read()
                raise _refusal(answer)
            cursor = str(after)
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    cursor = line.removeprefix("id: ")
                if not line.startswith("data: "):
                    continue
                event = json.loads(line.removeprefix("data: "))
                if "code" in event:
                    _ended(str(event["code"]))
                    return
                yield self.opened(event), cursor

    def _get(self, path: str, **params: str | int) -> Any:
        try:
            answer = self._http.get(path, params=params)
        except httpx.TransportError:
            raise GatewayAwayError(status=0) from None
        if not answer.is_success:
            raise _refusal(answer)
        return answer.json()


def _ended(code: str) -> None:
    """Tell an end that is for good from one after which to come again."""
    if not code.startswith("gateway.stopping"):
        raise GatewayDeniedError(reason=code)


def _refusal(answer: httpx.Response) -> GatewayDeniedError | GatewayAwayError:
    if answer.status_code not in {UNAUTHORISED, FORBIDDEN, GONE}:
        return GatewayAwayError(status=answer.status_code)
    try:
        said = answer.json()
    except ValueError:
        said = {}
    return GatewayDeniedError(reason=str(said.get("code", said.get("error_code", answer.status_code))))
