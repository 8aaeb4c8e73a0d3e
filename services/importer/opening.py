"""What stands where FILE stands: a file of one of the three forms, a database's URL, a Kafka topic's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from services.importer.csv_file import CsvFile
from services.importer.json_lines import JsonLines
from services.importer.mapping import Mapping
from services.importer.rows import Rows
from services.importer.xes import XesLog

KAFKA = "kafka://"
_FORMS: dict[str, Callable[[Mapping, Path], Rows]] = {"csv": CsvFile, "jsonl": JsonLines, "xes": XesLog}
_ENDINGS = {".xes": "xes", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_PACKED = ".gz"


def open_rows(mapping: Mapping, where: str, *, follow: bool = False) -> Rows:
    """Return the rows of a file's path, a SQLAlchemy URL or a topic's `kafka://host:port/topic`.

    Raises:
        CasebusError: it cannot be opened.
    """
    if where.startswith(KAFKA):
        from services.importer.topic import Topic, topic_of  # noqa: PLC0415 - loads Kafka's client

        return Topic(mapping, *topic_of(where), follow=follow)
    if "://" in where:
        from services.importer.table import Table  # noqa: PLC0415 - loads SQLAlchemy

        return Table(mapping, where)
    return open_file(mapping, Path(where))


def open_file(mapping: Mapping, path: Path) -> Rows:
    """Return the rows of a file, read as the mapping says or else as its name ends; CSV where neither does."""
    name = path.name.lower().removesuffix(_PACKED)
    form = mapping.form.form or _ENDINGS.get(Path(name).suffix, "csv")
    return _FORMS[form](mapping, path)
