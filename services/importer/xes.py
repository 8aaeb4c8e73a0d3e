"""XES logs (IEEE 1849) as rows: one event a row, read as a stream, with nothing of XML that could do harm.

A column is the key of an event's attribute; `case:` before a key names an attribute of the trace. Document types and
entities are refused (defusedxml), an event beyond a limit too. A fault of XML ends the reading: what follows it cannot
be told apart.
"""

from __future__ import annotations

import xml.sax
import zlib
from collections.abc import Iterator
from xml.sax.handler import ContentHandler

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from services.importer.block import Block
from services.importer.lines import FileBrokenError, open_bytes
from services.importer.mapped_file import MappedFile
from services.importer.place import EventPlace, Place
from services.importer.position import Position
from services.importer.rejection import Rejection

CHUNK = 1 << 16
EVENT_LIMIT = 4 << 20
"""Bytes without the end of an event after which a file is no log."""
OF_TRACE = "case:"
_ATTRIBUTES = frozenset({"string", "date", "int", "float", "boolean", "id"})


class XesLog(MappedFile):
    """Implements `Rows`; places are the numbers of trace and event."""

    def blocks(self, position: Position) -> Iterator[Block]:
        """Yield the events from number `position.next_line` of the file on.

        Raises:
            FileBrokenError: the archive is damaged, the file is no XML, declares a type or entities, or ends too soon.
        """
        collected = _Events(self._mapping.columns, position.next_line)
        parser = DefusedExpatParser(forbid_dtd=True)
        parser.setContentHandler(collected)
        since = 0
        try:
            with open_bytes(self._path) as stream:
                while raw := stream.read(CHUNK):
                    before = collected.number
                    parser.feed(raw)
                    since = since + len(raw) if collected.number == before else 0
                    if since > EVENT_LIMIT:
                        raise FileBrokenError(file=self._path.name, line=parser.getLineNumber())
                    if collected.places or collected.rejections:
                        yield collected.taken()
                parser.close()
        except (xml.sax.SAXException, DefusedXmlException, EOFError, OSError, zlib.error) as error:
            raise FileBrokenError(file=self._path.name, line=parser.getLineNumber() or 1) from error


class _Events(ContentHandler):
    """Collects the events; `number` counts all of them, those before `start` are passed over."""

    def __init__(self, columns: tuple[str, ...], start: int) -> None:
        super().__init__()
        self._columns = columns
        self._start = start
        self._depth = 0
        self._at = ""
        self._trace: dict[str, str] = {}
        self._event: dict[str, str] = {}
        self._doubled = ""
        self._traces = self._in_trace = 0
        self.number = 0
        self.places: list[Place] = []
        self.rows: list[list[str]] = []
        self.rejections: list[Rejection] = []

    def startElement(self, name: str, attrs: xml.sax.xmlreader.AttributesImpl) -> None:  # noqa: N802 - SAX's name
        """Begin a trace, an event or an attribute of one of them."""
        if name == "trace" and not self._at:
            self._traces, self._in_trace, self._trace = self._traces + 1, 0, {}
            self._at, self._depth = name, 0
        elif name == "event" and self._depth == 0:
            self._event, self._doubled = {}, ""
            self._at, self._depth = "event in trace" if self._at else "event", 0
        elif self._at:
            self._depth += 1
            if self._depth == 1 and name in _ATTRIBUTES:
                self._keep(attrs.get("key", ""), attrs.get("value", ""))

    def endElement(self, name: str) -> None:  # noqa: N802 - SAX's name
        """End what began; attributes inside attributes are no columns."""
        if self._depth:
            self._depth -= 1
        elif name == "event":
            self._end_event()
            self._at = "trace" if self._at == "event in trace" else ""
        elif name == "trace":
            self._at = ""

    def taken(self) -> Block:
        """Return what has come together, and begin anew."""
        block = Block(self.places, self.rows, self.rejections, {"next_line": self.number + 1})
        self.places, self.rows, self.rejections = [], [], []
        return block

    def _keep(self, key: str, value: str) -> None:
        if self._at == "trace":
            self._trace[OF_TRACE + key] = value
        elif key in self._event:
            self._doubled = key
        else:
            self._event[key] = value

    def _end_event(self) -> None:
        self.number += 1
        self._in_trace += 1
        if self.number < self._start:
            return
        place = EventPlace(self._traces, self._in_trace) if self._at == "event in trace" else EventPlace(0, self.number)
        if self._doubled in self._columns:
            self.rejections.append(Rejection(place, "importer.doubled", self._doubled))
            return
        self.places.append(place)
        self.rows.append([self._event.get(c, self._trace.get(c, "")) for c in self._columns])
