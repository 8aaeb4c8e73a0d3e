"""Where a back-test gets its history: a log file with a mapping, or a node's data directory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from schemas.errors import UsageError
from services.importer.facts import facts
from services.importer.lines import FileMissingError
from services.importer.mapping import load_mapping
from services.importer.rejection import Rejection
from streams.supervision.fact import Fact
from streams.supervision.model import Model
from streams.supervision.space import fields_of


class MappingNeededError(UsageError):
    """A log file was named without the mapping that reads it."""

    code: ClassVar[str] = "model.mapping_needed"


class History:
    """A source of facts; counts what it could not read."""

    def __init__(self, source: str, mapping: Path | None) -> None:
        self._source = Path(source)
        self._mapping = mapping
        self._reasons: Counter[str] = Counter()

    @property
    def rejected(self) -> int:
        """How many rows could not be read."""
        return self._reasons.total()

    def complaints(self) -> list[str]:
        """Return one line per reason for which rows could not be read."""
        return [f"casebus: {count} rows not read  [{code}]" for code, count in sorted(self._reasons.items())]

    def facts(self, models: Sequence[Model]) -> Iterator[Fact]:
        """Yield the facts the models ask for, and no others.

        Raises:
            FileMissingError: neither a file nor a directory. MappingNeededError: a file without a mapping.
            CasebusError: what the importer or the node says of its data.
        """
        if self._source.is_dir():
            from services.node.history import facts_from_node

            yield from facts_from_node(self._source, models)
            return
        if not self._source.is_file():
            raise FileMissingError(file=self._source.name)
        if self._mapping is None:
            raise MappingNeededError(file=self._source.name)
        wanted = fields_of(models)
        yield from facts(load_mapping(self._mapping), self._source, wanted.keys(), wanted, self._reject)

    def _reject(self, rejection: Rejection) -> None:
        self._reasons[rejection.code] += 1
