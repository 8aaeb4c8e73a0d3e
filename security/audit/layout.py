"""Where the files of a log lie (ADR 0005)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from security.audit.errors import AuditMissingError

KEPT = ".kept"
"""What stays of a segment whose retention has ended (ADR 0020)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files under a log's directory, and the signer's own beside it."""

    directory: Path

    @property
    def checkpoint(self) -> Path:
        """The newest signed head."""
        return self.directory / "checkpoint"

    @property
    def clean(self) -> Path:
        """The mark of a clean stop: the bytes of `checkpoint`."""
        return self.directory / "clean"

    @property
    def verifier_key(self) -> Path:
        """The node's own verifier key."""
        return self.directory / "log.vkey"

    @property
    def segments(self) -> Path:
        """The folder of the segment files."""
        return self.directory / "segments"

    @property
    def quarantine(self) -> Path:
        """The folder of torn tails."""
        return self.directory / "quarantine"

    @property
    def signer_head(self) -> Path:
        """Where the signer keeps its own last head, unless told otherwise."""
        return self.directory.with_name(self.directory.name + "-signer") / "head"

    @property
    def checker_head(self) -> Path:
        """Where the checker keeps its own last head."""
        return self.directory.with_name(self.directory.name + "-checker") / "head"

    def segment_files(self) -> list[Path]:
        """Return the segment files in order."""
        return sorted(self.segments.glob("*.seg"))

    def pieces(self) -> list[Path]:
        """Return the segment files in order, and in the place of each that was retired the file that stays of it."""
        files = {path.stem: path for path in self.segments.glob("*" + KEPT)}
        files |= {path.stem: path for path in self.segments.glob("*.seg")}
        return [files[first] for first in sorted(files)]

    def require(self) -> None:
        """Refuse a directory that holds no log."""
        if not self.checkpoint.exists() and not self.pieces():
            raise AuditMissingError(directory=self.directory.name)

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.directory, self.segments, self.quarantine):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def relative(self, path: Path) -> str:
        """Return a file's name inside the log, for reports."""
        return os.path.relpath(path, self.directory)
