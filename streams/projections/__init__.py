"""Projections: what people look at, derived from the bus and rebuildable from it.

One database (SQLite in WAL mode, or PostgreSQL) holds clear columns of level 1 and 2 and one sealed detail a row. The
`Projector` writes rows and its own bus positions in one transaction; `ReadModel` answers queries; nothing here opens a
sealed part.
"""
