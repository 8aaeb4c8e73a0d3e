"""The files of the checkout, as the house guards see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("schemas", "security", "streams", "services")
"""The four packages: what runs."""

_TEXT = {
    ".py",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".json",
    ".avsc",
    ".cedar",
    ".cedarschema",
    ".csv",
    ".sh",
    ".css",
    ".js",
}
_BARE = ("run", ".ci/run")


def modules(*folders: str) -> Iterator[Path]:
    """Yield every Python module below `folders` (default: the four rooms)."""
    for folder in folders or ROOMS:
        yield from sorted(p for p in (ROOT / folder).rglob("*.py") if "__pycache__" not in p.parts)


def texts() -> Iterator[Path]:
    """Yield every text file of the checkout: code, data, documents and scripts."""
    for top in sorted(ROOT.iterdir()):
        if top.is_dir() and not top.name.startswith("."):
            yield from sorted(p for p in top.rglob("*") if p.is_file() and p.suffix in _TEXT)
        elif top.is_file() and top.suffix in _TEXT:
            yield top
    yield from (ROOT / name for name in _BARE if (ROOT / name).exists())


def name(path: Path) -> str:
    """Name a file as a person would: relative to the checkout."""
    return path.relative_to(ROOT).as_posix()
