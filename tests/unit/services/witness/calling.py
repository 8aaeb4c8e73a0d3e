"""Calling an application without a network, from plain code."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx
from fastapi import FastAPI


class Applications(httpx.BaseTransport):
    """A transport to applications by host name; a host that is not there cannot be reached."""

    def __init__(self, applications: Mapping[str, FastAPI]) -> None:
        self.applications = dict(applications)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request by the host's application."""
        app = self.applications.get(request.url.host)
        if app is None:
            raise httpx.ConnectError("no such host", request=request)
        return asyncio.run(_answer(app, request))


async def _answer(app: FastAPI, request: httpx.Request) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
        answer = await client.request(request.method, request.url.path, content=request.read())
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content, request=request)


def client_of(app: FastAPI) -> httpx.Client:
    """Return a client of one application."""
    return httpx.Client(transport=Applications({"app": app}), base_url="http://app")
