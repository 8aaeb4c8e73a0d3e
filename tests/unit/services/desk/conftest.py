"""An open office."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.services.desk.office import Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """Open an office and close it after the test."""
    opened = open_office(tmp_path)
    yield opened
    opened.close()
