"""Where another agency's log is read from: its tiles by HTTP or in a folder, or its own directory of segments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import httpx

from security.audit.evidence import head_note
from security.audit.layout import Layout
from security.audit.policy import Policy
from security.audit.runs import RunTable
from security.audit.tiles import tile_path
from services.auditor.errors import SourceUnavailableError, WatchedLogError

MAX_BUNDLE = 256 * (2 + (1 << 14) + 64)
"""Bytes of a bundle of 256 entries at most."""
MAX_NOTE = 1 << 16
LENGTH = 2
SECONDS = 10.0


class Source(Protocol):
    """A log that shows its head and its entries."""

    def checkpoint(self) -> str:
        """Return the newest note."""
        ...

    def entries(self, number: int, width: int) -> Sequence[bytes]:
        """Return the first `width` entries of run `number`."""
        ...


class TileSource:
    """A log as C2SP tlog-tiles under an address or in a folder."""

    def __init__(self, base: str, client: httpx.Client | None = None) -> None:
        self._base, self._client = base.rstrip("/"), client

    def checkpoint(self) -> str:
        """Return the newest note."""
        try:
            return self._get("checkpoint", MAX_NOTE).decode()
        except UnicodeDecodeError:
            raise WatchedLogError(kind="head_signature", seq=0) from None

    def entries(self, number: int, width: int) -> Sequence[bytes]:
        """Return the first `width` entries of run `number`; a whole bundle serves where the partial one is gone."""
        try:
            content = self._get(tile_path("entries", number, width), MAX_BUNDLE)
        except SourceUnavailableError:
            content = self._get(tile_path("entries", number), MAX_BUNDLE)
        found = list(split_bundle(content))[:width]
        if len(found) != width:
            raise WatchedLogError(kind="truncated", seq=(number << 8) + len(found))
        return found

    def _get(self, path: str, limit: int) -> bytes:
        if self._client is None:
            try:
                content = (Path(self._base) / path).read_bytes()
            except OSError as error:
                raise SourceUnavailableError(reason=type(error).__name__) from None
        else:
            content = self._fetch(self._client, f"{self._base}/{path}", limit)
        if len(content) > limit:
            raise WatchedLogError(kind="frame_length", seq=0)
        return content

    def _fetch(self, client: httpx.Client, url: str, limit: int) -> bytes:
        content = b""
        try:
            with client.stream("GET", url) as answer:
                answer.raise_for_status()
                for part in answer.iter_bytes():
                    content += part
                    if len(content) > limit:
                        break
        except httpx.HTTPError as error:
            raise SourceUnavailableError(reason=type(error).__name__) from None
        return content


class SegmentSource:
    """A log's own directory, such as a mounted copy; works beside a running writer."""

    def __init__(self, directory: Path, policy: Policy) -> None:
        self._layout, self._policy = Layout(directory), policy
        self._runs = RunTable(directory)
        self._size = 0

    def checkpoint(self) -> str:
        """Return the newest note that the policy can accept."""
        self._layout.require()
        self._runs = RunTable(self._layout.directory)
        return head_note(self._layout, self._policy)

    def entries(self, number: int, width: int) -> Sequence[bytes]:
        """Return the first `width` entries of run `number`."""
        self._runs.follow(number << 8)
        return self._runs.read(number, (number << 8) + width).entries


def split_bundle(content: bytes) -> Sequence[bytes]:
    """Return the entries of a bundle (C2SP tlog-tiles, u16 lengths); WatchedLogError where it ends within one."""
    found: list[bytes] = []
    at = 0
    while at < len(content):
        length = int.from_bytes(content[at : at + LENGTH])
        at += LENGTH + length
        if at > len(content):
            raise WatchedLogError(kind="frame_length", seq=0)
        found.append(content[at - length : at])
    return found


def source_of(place: str, policy: Policy) -> Source:
    """Return the source that `place` names: an http(s) address, a folder of tiles, or a log's directory."""
    if place.startswith(("http://", "https://")):
        return TileSource(place, httpx.Client(timeout=SECONDS, follow_redirects=False))
    if (Path(place) / "segments").is_dir():
        return SegmentSource(Path(place), policy)
    return TileSource(place)
