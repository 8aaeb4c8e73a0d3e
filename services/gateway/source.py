"""Sources: the registered systems of organisations, and what each may say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from schemas.errors import DeniedError, NotFoundError
from services.gateway.limits import DEFAULT, SourceLimits

HIGHEST_LEVEL = 4


class UnknownSourceError(NotFoundError):
    """No such source is registered."""

    code: ClassVar[str] = "gateway.source_unknown"


class ElsewhereError(DeniedError):
    """The source publishes at another gateway of the site: events of one source keep their order in one place."""

    code: ClassVar[str] = "gateway.elsewhere"
    http_status: ClassVar[int] = 421


class Source(Protocol):
    """One registered system of an organisation."""

    @property
    def id(self) -> str:
        """`<organisation>/<system>`: the `source` of its events."""
        ...

    @property
    def organisation(self) -> str:
        """The organisation it belongs to."""
        ...

    @property
    def agency(self) -> str:
        """The kind of its organisation, which names its raw topic and its keys."""
        ...

    @property
    def types(self) -> frozenset[str]:
        """The event types it may publish."""
        ...

    @property
    def districts(self) -> tuple[str, ...]:
        """Codes or prefixes of the districts it speaks for."""
        ...

    @property
    def ceiling(self) -> int:
        """The highest level it is registered for."""
        ...

    @property
    def limits(self) -> SourceLimits:
        """How much it may send."""
        ...

    @property
    def gateway(self) -> str:
        """The gateway that takes its events; empty: the node's own."""
        ...


@dataclass(frozen=True, slots=True)
class RegisteredSource:
    """A source as plain values."""

    id: str
    organisation: str
    agency: str
    types: frozenset[str]
    districts: tuple[str, ...]
    ceiling: int = HIGHEST_LEVEL
    limits: SourceLimits = DEFAULT
    gateway: str = ""


class Sources(Protocol):
    """The registered sources, as the control state has them now."""

    def get(self, source_id: str) -> Source:
        """Return a source; raises `UnknownSourceError`."""
        ...

    def all(self) -> tuple[Source, ...]:
        """Return every source, sorted by id."""
        ...


class SourceTable:
    """Sources in memory; `replace` swaps the whole table at once."""

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self.replace(sources)

    def replace(self, sources: Iterable[Source]) -> None:
        """Take another control epoch's sources."""
        self._by_id = {source.id: source for source in sources}

    def get(self, source_id: str) -> Source:
        """Return a source; raises `UnknownSourceError`."""
        found = self._by_id.get(source_id)
        if found is None:
            raise UnknownSourceError(source=source_id)
        return found

    def all(self) -> tuple[Source, ...]:
        """Return every source, sorted by id."""
        return tuple(sorted(self._by_id.values(), key=lambda source: source.id))
