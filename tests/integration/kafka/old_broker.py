"""A server that speaks as a broker from before Kafka 0.11 does: Kafka 4 keeps no such protocol any more.

It tells the versions of its requests and its metadata, as a client asks them first; anything else ends the connection.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.kafka.ports import LOOPBACK
from streams.bus.kafka_address import KafkaAddress

PRODUCE, FETCH, OFFSETS, METADATA, VERSIONS = 0, 1, 2, 3, 18
SPOKEN = ((PRODUCE, 0, 2), (FETCH, 0, 3), (OFFSETS, 0, 1), (METADATA, 0, 2), (VERSIONS, 0, 0))
"""Request, lowest and highest version: those of Kafka 0.10.1, https://kafka.apache.org/protocol."""
UNSUPPORTED = 35
HEADER = struct.Struct(">ihhi")
"""Size, request, version, number of the request."""


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Answer until the client goes away, or asks what is not answered."""
        while len(head := self.rfile.read(HEADER.size)) == HEADER.size:
            size, request, version, number = HEADER.unpack(head)
            self.rfile.read(size - HEADER.size + 4)
            if request == VERSIONS:
                body = _versions(version)
            elif request == METADATA:
                body = self._metadata()
            else:
                return
            self.wfile.write(struct.pack(">ii", len(body) + 4, number) + body)

    def _metadata(self) -> bytes:
        """Version 2: this one broker, no cluster id, and no topics."""
        _, port = self.connection.getsockname()
        name = LOOPBACK.encode()
        broker = struct.pack(">iih", 1, 0, len(name)) + name + struct.pack(">ih", port, -1)
        return broker + struct.pack(">hii", -1, 0, 0)


def _versions(asked: int) -> bytes:
    """Version 0, whatever was asked: a newer question is answered by an error and what there is."""
    ranges = b"".join(struct.pack(">hhh", *each) for each in SPOKEN)
    return struct.pack(">hi", UNSUPPORTED if asked else 0, len(SPOKEN)) + ranges


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def old_broker() -> Iterator[KafkaAddress]:
    """Serve on a free port; yield its address."""
    with _Server((LOOPBACK, 0), _Conversation) as server:
        thread = threading.Thread(target=server.serve_forever, name="old-broker", daemon=True)
        thread.start()
        try:
            yield KafkaAddress(f"{LOOPBACK}:{server.server_address[1]}")
        finally:
            server.shutdown()
            thread.join()
