"""A read model on a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from streams.projections.database import open_database


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Open an empty, migrated database."""
    opened = open_database(tmp_path / "read.db")
    yield opened
    opened.dispose()
