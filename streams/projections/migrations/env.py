"""Alembic's environment: runs the revisions on the connection that `database.migrate` hands over."""

from __future__ import annotations

from alembic import context

from streams.projections.tables import metadata


def run() -> None:
    """Run the revisions that are missing."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        # SQLite cannot alter most things in place; Alembic copies the table instead.
        render_as_batch=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
