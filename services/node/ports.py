"""Ports on the loopback address: taken before anything else starts, so that one in use is a clear error."""

from __future__ import annotations

import errno
import socket
from typing import ClassVar

from schemas.errors import UnavailableError

LOOPBACK = "127.0.0.1"
BACKLOG = 2048


class PortInUseError(UnavailableError):
    """Another program listens on the port."""

    code: ClassVar[str] = "node.port_in_use"


def listen(port: int) -> socket.socket:
    """Return a listening socket on 127.0.0.1; port 0 takes a free one. Raises `PortInUseError`."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno in {errno.EADDRINUSE, errno.EACCES}:
            raise PortInUseError(port=port) from error
        raise
    return listener


def port_of(listener: socket.socket) -> int:
    """Return the port of a listening socket."""
    return int(listener.getsockname()[1])
