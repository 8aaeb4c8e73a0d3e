"""The tables of the read model.

Times are microseconds UTC. Every row that can change keeps valid time (when it is so in the world) and recorded time
(when the bus said so); `revision` is the number of the projection step that wrote the row last, for change polling.
Columns other than `detail` and `note` are level 1 or 2; those two are sealed and opened per request, after a decision.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, false

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("model", String(80), nullable=False),
    Column("code", String(16), nullable=False),
    Column("version", String(32), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("state", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("district", String(6), nullable=False),
    Column("unit", String(12), nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Column("closed_at", BigInteger),
    Column("reported_at", BigInteger),
    Column("epoch", BigInteger, nullable=False),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("detail", LargeBinary, nullable=False),
    Index(None, "district", "state"),
    Index(None, "recorded_at"),
    Index(None, "revision"),
)
"""The newest record of each alert."""

alert_history = Table(
    "alert_history",
    metadata,
    Column("topic", String(80), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("alert_id", String(32), nullable=False),
    Column("state", String(32), nullable=False),
    Column("severity", String(16), nullable=False),
    Column("valid_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("reason", String(16), nullable=False, server_default=""),
    Index(None, "alert_id", "recorded_at"),
)
"""Every state an alert was in; `reason` says where a source's correction made it so."""

case_events = Table(
    "case_events",
    metadata,
    Column("event_id", String(32), primary_key=True),
    Column("type", String(80), nullable=False),
    Column("contract_id", Integer, nullable=False),
    Column("source", String(120), nullable=False),
    Column("district", String(6), nullable=False),
    Column("unit", String(12), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("occurred_at", BigInteger, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("level", Integer, nullable=False),
    Column("supersedes", String(32)),
    Column("withdraws", Boolean, nullable=False, server_default=false()),
    Column("detail", LargeBinary, nullable=False),
    Index(None, "subject", "occurred_at"),
    Index(None, "supersedes"),
)
"""The events of all agencies, one row an event: the panorama of a case reads them by subject."""

clues = Table(
    "clues",
    metadata,
    Column("alert_id", String(32), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("assignee", String(120)),
    Column("accepted_by", String(120)),
    Column("reason", String(40)),
    Column("recorded_at", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index(None, "revision"),
)
"""Where each clue stands; an alert nobody has touched has no row and is new."""

clue_history = Table(
    "clue_history",
    metadata,
    Column("alert_id", String(32), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("act", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("role", String(16), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("assignee", String(120)),
    Column("reason", String(40)),
    Column("note", LargeBinary),
    Column("recorded_at", BigInteger, nullable=False),
    Column("leaf", BigInteger, nullable=False),
)
"""Every step of a clue, with the leaf of the audit log that allowed it."""

accesses = Table(
    "accesses",
    metadata,
    Column("topic", String(80), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("alert_id", String(32), nullable=False),
    Column("act", String(32), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("role", String(16), nullable=False),
    Column("organisation", String(80), nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("leaf", BigInteger, nullable=False),
    Index(None, "alert_id", "recorded_at"),
)
"""Who opened or changed what, as the security officer reads it: facts of the log, no payload."""

marks = Table(
    "marks",
    metadata,
    Column("source", String(120), primary_key=True),
    Column("complete_to", BigInteger, nullable=False),
    Column("silent", Boolean, nullable=False),
)
"""The newest mark of each source; the row with the empty source is the gateway's clock."""

positions = Table(
    "positions",
    metadata,
    Column("topic", String(80), primary_key=True),
    Column("part", Integer, primary_key=True),
    Column("next_position", BigInteger, nullable=False),
)
"""The next bus position to read, per topic partition: written with the rows it stands for."""

counters = Table(
    "counters",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("number", BigInteger, nullable=False),
)
"""Single numbers of the projection: `revision`."""
