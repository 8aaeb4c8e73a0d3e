"""The port of the importer: something that yields rows of texts, each with its place, from a kept position on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from services.importer.block import Block
from services.importer.position import Position


class Rows(Protocol):
    """Rows of one file, table or topic.

    A row is a list of texts in the order of `columns`; an empty text is no value.
    """

    @property
    def grows(self) -> bool:
        """Whether more may come after the end: then a finished import is read again from where it ended."""
        ...

    def identity(self) -> bytes:
        """Return what tells this import from others: the digest of a file, the name of a table or a topic."""
        ...

    def columns(self) -> list[str]:
        """Return the names of the columns.

        Raises:
            CasebusError: it cannot be read at all.
        """
        ...

    def blocks(self, position: Position) -> Iterator[Block]:
        """Yield what comes after `position`; an empty block only gives the caller its turn.

        Raises:
            CasebusError: it cannot be read to its end; everything before has been yielded.
        """
        ...
