"""Durable small files: temp, fsync, rename, fsync of the directory."""

from __future__ import annotations

import os
from pathlib import Path


def write_durably(path: Path, content: bytes) -> None:
    """Replace `path` by `content` in one step: after a crash it holds the old or the new bytes, whole."""
    temporary = path.with_name(path.name + ".tmp")
    write_new(temporary, content)
    temporary.rename(path)
    sync_directory(path.parent)


def write_new(path: Path, content: bytes) -> None:
    """Write `content` and fsync it; the name itself is durable only after `sync_directory`."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make the content of a file durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_durably(path: Path) -> None:
    """Remove a file if it is there, and make that durable."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)
