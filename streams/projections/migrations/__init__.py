"""Migrations of the read model, run by Alembic."""
