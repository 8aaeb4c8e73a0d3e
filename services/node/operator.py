"""The operator's access to a running node: whoever may read its data directory may do what an operator does.

While a node serves, DIR/operator.json (0600) says on which port and by which token; the token is made anew at each
start. A command that finds the node running asks it; one that finds it stopped opens it. Both record the same acts.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from security.private_file import PrivateFile
from services.node.layout import write_private

NAME: Final = "operator.json"
SECONDS: Final = 60.0


@dataclass(frozen=True)
class Access:
    """Where a running node listens, and what opens its operator's routes."""

    port: int
    token: str

    @property
    def url(self) -> str:
        """The node's address."""
        return f"http://127.0.0.1:{self.port}"

    def fits(self, token: str) -> bool:
        """Tell whether a token is the operator's."""
        return hmac.compare_digest(self.token.encode(), token.encode())


def new_access(port: int) -> Access:
    """Make the access of one start."""
    return Access(port, secrets.token_urlsafe(32))


@contextmanager
def offered(root: Path, access: Access) -> Iterator[None]:
    """Offer access while the block runs; after a kill the file stays, and opens nothing."""
    path = root / NAME
    write_private(path, {"port": access.port, "token": access.token})
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def access_to(root: Path) -> Access | None:
    """Return the access that a node offered last in its data directory; None where there is none."""
    content = PrivateFile(root / NAME).read()
    if content is None:
        return None
    body = json.loads(content)
    return Access(int(body["port"]), str(body["token"]))


def client_of(access: Access) -> httpx.Client:
    """Return a client that shows the operator's token."""
    headers = {"Authorization": f"Bearer {access.token}"}
    return httpx.Client(base_url=access.url, headers=headers, timeout=SECONDS, trust_env=False)


def running(root: Path) -> httpx.Client | None:
    """Return a client of the node that runs over `root`; None where none answers to the access it offered."""
    access = access_to(root)
    if access is None:
        return None
    client = client_of(access)
    try:
        if client.get("/v1/operator").is_success:
            return client
    except httpx.TransportError:
        pass
    client.close()
    return None
