"""Free ports for brokers: below the range that the kernel gives to outgoing connections.

Above it, a connection to a port where nobody listens yet can be given that very port as its own, and the broker then
finds its address in use.
"""

from __future__ import annotations

import random
import socket

LOOPBACK = "127.0.0.1"
LOWEST, HIGHEST = 20_000, 32_000


def free_ports(number: int) -> list[int]:
    """Return `number` different ports on 127.0.0.1 where nobody listens now."""
    found: list[int] = []
    order = random.SystemRandom().sample(range(LOWEST, HIGHEST), HIGHEST - LOWEST)
    for port in order:
        if len(found) == number:
            break
        if is_free(port):
            found.append(port)
    return found


def is_free(port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Connections of a broker that was just killed still linger; only a listener matters.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True
