"""Corrections: why an alert changed its state, and which events only take another back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the database to this revision."""
    op.add_column("alert_history", sa.Column("reason", sa.String(length=16), nullable=False, server_default=""))
    op.add_column("case_events", sa.Column("withdraws", sa.Boolean(), nullable=False, server_default=sa.false()))
