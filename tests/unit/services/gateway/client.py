"""A client that talks to an application in this process: no socket, the application's life included."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from fastapi import FastAPI


class Client:
    """Requests as plain calls; the loop lives in a thread of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, http: httpx.AsyncClient) -> None:
        self._loop = loop
        self._http = http

    @property
    def headers(self) -> httpx.Headers:
        """The headers of every request."""
        return self._http.headers

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send one request."""
        if isinstance(options.get("content"), Iterator):
            options["content"] = _parts(list(options["content"]))
        return asyncio.run_coroutine_threadsafe(self._http.request(method, path, **options), self._loop).result(30)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        """POST."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx.Response:
        """PUT."""
        return self.request("PUT", path, **options)


async def _parts(parts: list[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@contextmanager
def client_of(app: FastAPI, token: str = "") -> Iterator[Client]:
    """Run an application and give a client of it; failures of the application are answers, as behind a server."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def opened() -> tuple[Any, httpx.AsyncClient]:
        life = app.router.lifespan_context(app)
        await life.__aenter__()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return life, httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)

    async def closed() -> None:
        await http.aclose()
        await life.__aexit__(None, None, None)

    life, http = asyncio.run_coroutine_threadsafe(opened(), loop).result(30)
    try:
        yield Client(loop, http)
    finally:
        asyncio.run_coroutine_threadsafe(closed(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()
