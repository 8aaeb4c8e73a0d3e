"""Dependencies: each has its reason, each is locked, each locked file has its hash."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_REQUIREMENT = re.compile(r'^\s*"[A-Za-z0-9]')
_REASON = re.compile(r'^\s*"[^"]+",\s*# \S.{5,}')


def normal(name: str) -> str:
    """Write a distribution's name the one way (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(pyproject: str) -> list[str]:
    """Name what the project asks for: its dependencies and every group."""
    table = tomllib.loads(pyproject)
    groups = [table["project"]["dependencies"], *table.get("dependency-groups", {}).values()]
    return [normal(match.group()) for group in groups for entry in group if (match := _NAME.match(entry))]


def unreasoned(pyproject: str) -> list[str]:
    """Name each dependency line that gives no reason in a comment."""
    blocks = re.findall(r"^(?:dependencies|test|lint|build|docs) = \[\n(.*?)^\]", pyproject, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if _REQUIREMENT.match(line)]
    return [line.strip() for line in lines if not _REASON.match(line)] if lines else ["no dependency found"]


def locked(lock: str) -> dict[str, int]:
    """Map each pinned distribution to its number of hashes."""
    entries = re.split(r"\n(?=\S)", lock.strip())
    return {normal(re.split(r"[=\[]", entry)[0]): entry.count("--hash=sha256:") for entry in entries if "==" in entry}


def unpinned(lock: str) -> list[str]:
    """Name each entry of the lock that names no exact version."""
    entries = [line for line in lock.splitlines() if line and not line.startswith((" ", "#"))]
    return [line for line in entries if not re.match(r"^[A-Za-z0-9][\w.\-]*(\[[\w.\-, ]+\])?==[^\s*]+", line)]


def stripped_extras(pyproject: str, lock: str) -> list[str]:
    """Name each extra the project asks for that the lock pins without its brackets.

    pip takes `name[extra]` asked for by another distribution as unpinned where the lock says only `name==1`, and then
    refuses the whole lock as soon as a newer version is published.
    """
    asked = re.findall(r'^\s*"([A-Za-z0-9._-]+)\[', pyproject, re.MULTILINE)
    return [name for name in [*asked, "coverage"] if not re.search(rf"^{re.escape(name)}\[", lock, re.MULTILINE)]


def unhashed(lock: str) -> list[str]:
    """Name each locked distribution without a hash."""
    return [name for name, hashes in locked(lock).items() if not hashes]


def unlocked(names: Iterable[str], lock: str) -> list[str]:
    """Name what the project asks for and the lock does not have."""
    return sorted(set(names) - set(locked(lock)))
