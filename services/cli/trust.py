"""Options that several commands about evidence share: where the log lies, and whom the caller trusts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import UsageError

if TYPE_CHECKING:
    from security.audit.checkpoint import VerifierKey
    from security.audit.policy import Policy

Data = Annotated[
    Path, typer.Option("--data", envvar="CASEBUS_DATA", help="The node's data directory; the log is in its audit/.")
]
Key = Annotated[
    Path | None, typer.Option("--public-key", help="File with the verifier key of the node, got from elsewhere.")
]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="Your policy file (C2SP tlog-policy): logs, witnesses, quorum.")
]
LogName = Annotated[
    str, typer.Option("--log", help="Another log of the site, by its name: the copy that a node on Kafka keeps of it.")
]
DEFAULT_DATA = Path(".casebus/data")


class UnreadableError(UsageError):
    """A file that was named cannot be read."""

    code = "trust.unreadable"


def data_of(data: Path, log: str) -> Path:
    """Return the directory that holds the log: the node's own, or where it keeps its copy of another of the site.

    Raises:
        UnknownLogError: there is no copy of that name.
    """
    if not log:
        return data
    from services.auditor.errors import UnknownLogError
    from services.node.layout import DataDirectory
    from streams.audit_copy import kept_in

    logs = DataDirectory(data).logs
    if log not in kept_in(logs):
        raise UnknownLogError(log=log)
    return logs / log


def content_of(path: Path) -> bytes:
    """Return a file's bytes; UnreadableError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        raise UnreadableError(file=path.name) from None


def text_of(path: Path) -> str:
    """Return a file's text; UnreadableError where it cannot be read or is no UTF-8."""
    try:
        return content_of(path).decode()
    except UnicodeDecodeError:
        raise UnreadableError(file=path.name) from None


def key_of(path: Path) -> VerifierKey:
    """Read a verifier key from a file."""
    from security.audit.checkpoint import VerifierKey

    return VerifierKey.parse(text_of(path))


def policy_of(policy: Path | None, public_key: Path | None, audit: Path | None = None) -> Policy:
    """Return the caller's policy: a policy file, else one that trusts a key; for a node's own log, its own key.

    Raises:
        KeyNeededError: neither was named, and there is no log to take one from.
    """
    from security.audit.bundle_errors import KeyNeededError
    from security.audit.layout import Layout
    from security.audit.policy import Policy

    if policy is not None:
        return Policy.parse(content_of(policy))
    if public_key is not None:
        return Policy.of_key(key_of(public_key))
    if audit is None:
        raise KeyNeededError
    layout = Layout(audit)
    layout.require()
    own = layout.directory / "policy"
    if own.exists():
        return Policy.parse(content_of(own))
    return Policy.of_key(key_of(layout.verifier_key))
