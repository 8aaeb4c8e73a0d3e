"""A disk of its own for a folder, small enough to be filled: tmpfs, so a full one answers ENOSPC as any disk does."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

PIECE = 4_096


@dataclass
class SmallDisk:
    """A mounted folder; `fill` takes all that is left of it, `free` gives it back."""

    folder: Path

    @classmethod
    def mount(cls, folder: Path, megabytes: int) -> SmallDisk:
        """Mount one; the test is skipped where this machine does not let it."""
        folder.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "none", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        return cls(folder)

    @property
    def ballast(self) -> Path:
        """The file that fills it."""
        return self.folder / "ballast"

    def fill(self) -> None:
        """Leave no room."""
        with self.ballast.open("ab", buffering=0) as file:
            while (left := os.statvfs(self.folder).f_bavail * PIECE) > 0:
                file.write(bytes(min(left, 1 << 20)))

    def free(self) -> None:
        """Make room again."""
        self.ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Let go of it, also where a process that is about to end still has a file open."""
        subprocess.run(["umount", "-l", str(self.folder)], check=True)
