"""What the files of a node say of its audit log, whether the node runs or not."""

from __future__ import annotations

from typing import Any

from schemas.clock import SECOND, Clock
from security.audit.checkpoint import unverified
from security.audit.evidence import cosigned_path
from security.audit.layout import Layout
from services.node.audit_settings import AuditSettings
from services.node.layout import DataDirectory
from services.node.witness_rounds import gate_of


def audit_status(data: DataDirectory, clock: Clock) -> dict[str, Any]:
    """Return signed and cosigned size, the replica's folder, and for how long no quorum has seen the signed head.

    `release` is `waiting` where that is longer than the node may go on; records above the signed head are not counted.
    """
    layout, settings = Layout(data.audit), AuditSettings.of(data)
    layout.require()
    head = unverified(layout.checkpoint.read_text(encoding="utf-8")).size
    cosigned = cosigned_path(layout)
    seen = unverified(cosigned.read_text(encoding="utf-8")).size if cosigned.exists() else 0
    gate = gate_of(data.audit, settings, clock, lambda: head)
    age = gate.unwitnessed() if gate else 0
    return {
        "signed": head,
        "cosigned": seen,
        "replica": str(settings.replica or ""),
        "unwitnessed_seconds": age // SECOND,
        "max_unwitnessed": settings.max_unwitnessed // SECOND,
        "release": "waiting" if age > settings.max_unwitnessed else "open",
    }
