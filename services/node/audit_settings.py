"""How a node keeps its audit log: where the replica lies, and for how long release may go on without witnesses.

The site says it once; DIR/audit.json keeps it for starts without a site file. The policy of witnesses is the log's own
file `audit/policy` (ADR 0013): what the site names, with the node's own key before it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from schemas.clock import SECOND
from security.audit.checkpoint import VerifierKey
from security.audit.files import write_durably
from security.audit.policy import Policy
from security.audit.witnessed import MAX_UNWITNESSED
from services.node.layout import DataDirectory, write_private
from services.node.site import Site


@dataclass(frozen=True, slots=True)
class AuditSettings:
    """Settings of one node.

    Attributes:
        replica: the folder of the replica; None: there is none. new: it was named just now, so it may be empty.
        max_unwitnessed: microseconds. since: when witnesses were first asked for, microseconds.
    """

    replica: Path | None = None
    new: bool = False
    max_unwitnessed: int = MAX_UNWITNESSED
    since: int = 0

    @classmethod
    def of(cls, data: DataDirectory) -> AuditSettings:
        """Read what was kept; without a file, nothing was asked for."""
        if not data.audit_settings.is_file():
            return cls()
        body = json.loads(data.audit_settings.read_text(encoding="utf-8"))
        replica = Path(body["replica"]) if body["replica"] else None
        return cls(replica, max_unwitnessed=body["max_unwitnessed"] * SECOND, since=body["since"])

    @classmethod
    def by_site(cls, data: DataDirectory, site: Site, now: int) -> AuditSettings:
        """Take what the site says and keep it."""
        wanted = site.audit
        replica = wanted.replica.absolute() if wanted.replica else None
        return cls._kept(data, replica, wanted.max_unwitnessed, now if wanted.witnesses else 0)

    @classmethod
    def of_worker(cls, data: DataDirectory, max_unwitnessed: int, now: int) -> AuditSettings:
        """Keep what the control records say of witnesses for the log of a worker, whose replica is on the bus."""
        return cls._kept(data, None, max_unwitnessed, now)

    @classmethod
    def _kept(cls, data: DataDirectory, replica: Path | None, max_unwitnessed: int, now: int) -> AuditSettings:
        """Write settings down; `now`, where witnesses are asked for, counts the first time."""
        before = cls.of(data)
        since = before.since or now
        body = {"replica": str(replica or ""), "max_unwitnessed": max_unwitnessed // SECOND, "since": since}
        if data.audit_settings.is_file() or replica or now:
            write_private(data.audit_settings, body)
        return cls(replica, replica != before.replica, max_unwitnessed, since)


def write_policy(audit: Path, key: VerifierKey, content: bytes | None) -> None:
    """Put the site's policy of witnesses beside the log; without one, a policy that was put there by hand stays.

    Raises:
        PolicyFormError: the content is no policy.
    """
    if content is None:
        return
    if not any(line.startswith(b"log ") for line in content.splitlines()):
        content = f"log {key.text}\n".encode() + content
    Policy.parse(content)
    path = audit / "policy"
    if not path.exists() or path.read_bytes() != content:
        write_durably(path, content)


def policy_of_log(audit: Path) -> Policy | None:
    """Return the log's own policy; None where it has none."""
    try:
        return Policy.parse((audit / "policy").read_bytes())
    except FileNotFoundError:
        return None
