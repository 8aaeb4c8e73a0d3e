"""The catalogue of texts against the code that speaks through it."""

from __future__ import annotations

import importlib
import pkgutil
import string
from collections.abc import Iterable, Mapping

from schemas.errors import CasebusError
from tests.house.tree import ROOMS

Texts = Mapping[str, Mapping[str, str]]


def everything() -> list[str]:
    """Import every module of the four packages and return their names."""
    found = []
    for room in ROOMS:
        package = importlib.import_module(room)
        for info in pkgutil.walk_packages(package.__path__, f"{room}."):
            # An Alembic environment runs inside a migration only; `__main__` runs.
            if info.name.endswith(("__main__", ".env")):
                continue
            importlib.import_module(info.name)
            found.append(info.name)
    return found


def error_codes(root: type[CasebusError] = CasebusError) -> dict[str, str]:
    """Map the code of every error class to the class that has it."""
    codes = {root.code: root.__qualname__}
    for child in root.__subclasses__():
        codes.update(error_codes(child))
    return codes


def incomplete(texts: Texts) -> list[str]:
    """Name each text that is empty in one language, or has other placeholders in the other."""
    found = []
    for key, entry in texts.items():
        if set(entry) != {"zh", "en"} or not all(str(t).strip() for t in entry.values()):
            found.append(f"{key}: needs zh and en")
        elif placeholders(entry["zh"]) != placeholders(entry["en"]):
            found.append(f"{key}: placeholders differ")
    return found


def unspoken(codes: Iterable[str], texts: Texts) -> list[str]:
    """Name each text that an error code lacks."""
    wanted = [f"{code}.{part}" for code in codes for part in ("message", "hint")]
    return [key for key in wanted if key not in texts]


def unused(texts: Texts, codes: Iterable[str], sources: str) -> list[str]:
    """Name each text that no error has and no source names: nobody can meet it.

    A source names a text whole, as the head of an f-string, or as a family (`"clue.state"`) that a code is added to.
    """
    known = set(codes)
    heads = {key: key.removesuffix(".message").removesuffix(".hint") for key in texts}
    return [key for key, head in heads.items() if head not in known and not _named(head, sources)]


def _named(key: str, sources: str) -> bool:
    parts = key.split(".")
    stems = [".".join(parts[:n]) + "." for n in range(1, len(parts))]
    families = [stem[:-1] for stem in stems[1:]]
    return any(f'"{name}"' in sources for name in (key, *families)) or any(f'f"{stem}{{' in sources for stem in stems)


def placeholders(text: str) -> set[str]:
    """Return the names of the placeholders of a text."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
