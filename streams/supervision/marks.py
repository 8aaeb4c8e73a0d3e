"""Marks: how far each source has spoken.

A mark is what a source declared complete (`complete_to`, or a heartbeat), capped by the gateway's clock: every event of
that source that happened before its mark has been read. It is never the highest time seen, so a source that falls
silent keeps its deadlines open instead of closing them, and one whose clock runs ahead gains nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Registration:
    """What one source may publish, and for which districts.

    Attributes:
        types: event types.
        districts: prefixes of district codes; `9901` covers a whole city. Empty: everywhere.
    """

    source: str
    types: frozenset[str]
    districts: tuple[str, ...] = ()


class SourceDirectory:
    """Which sources are able to publish which event types for which district."""

    def __init__(self, registrations: Iterable[Registration] = ()) -> None:
        self._registrations = tuple(registrations)
        self._able: dict[tuple[tuple[str, ...], str], tuple[str, ...]] = {}

    @property
    def sources(self) -> tuple[str, ...]:
        """Every registered source, sorted."""
        return tuple(sorted({r.source for r in self._registrations}))

    def able(self, types: tuple[str, ...], district: str) -> tuple[str, ...]:
        """Name the sources that can publish one of `types` for `district`, sorted."""
        asked = (types, district)
        known = self._able.get(asked)
        if known is None:
            known = self._able[asked] = tuple(
                sorted(
                    {
                        r.source
                        for r in self._registrations
                        if not r.types.isdisjoint(types) and (not r.districts or district.startswith(r.districts))
                    }
                )
            )
        return known


NOBODY = SourceDirectory()
"""The directory of history: nobody can still speak, so only the clock counts."""


@dataclass(frozen=True)
class Marks:
    """The time as supervision knows it.

    Attributes:
        clock: the gateway's clock, microseconds.
        sources: source → its declared mark, microseconds; a source that is missing has declared nothing.
        directory: who could still speak.
    """

    clock: int
    sources: Mapping[str, int] = field(default_factory=dict)
    directory: SourceDirectory = NOBODY

    def of(self, source: str) -> int:
        """Return the mark of a source, capped by the clock; 0 where it never declared one."""
        return min(self.sources.get(source, 0), self.clock)

    def closing(self, types: tuple[str, ...], district: str) -> int:
        """Return up to when every source that could publish one of `types` for `district` is complete.

        Where no source is registered for them nobody can be waited for, and the clock counts.
        """
        able = self.directory.able(types, district)
        return min([self.of(source) for source in able], default=self.clock)

    def behind(self, types: tuple[str, ...], district: str, until: int) -> tuple[str, ...]:
        """Name the sources that could publish one of `types` for `district` and are not complete up to `until`."""
        return tuple(source for source in self.directory.able(types, district) if self.of(source) < until)
