"""The catalogue of texts that people read, in Chinese and English.

Each `*.toml` file beside this module holds tables named by a message id, with the keys `zh` and `en`:

    ["contract.unlabelled.message"]
    zh = "{file}：字段 {field} 没有密级标签"
    en = "{file}: field {field} carries no level"

Ids are unique over all files; a text names its placeholders; sentences are never joined from pieces. An error with the
code `x.y` has the ids `x.y.message` and `x.y.hint`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """Load every text file once; an id that stands twice is a mistake of ours and raises."""
    texts: dict[str, dict[str, str]] = {}
    for path in sorted(Path(__file__).parent.glob("*.toml")):
        for key, entry in tomllib.loads(path.read_text(encoding="utf-8")).items():
            if key in texts:
                raise ValueError(f"{path.name}: text {key} stands twice")
            texts[key] = entry
    return texts


def text(key: str, language: Language = "en", /, **fields: Any) -> str:
    """Return the text of `key` in `language`, its placeholders filled from `fields`."""
    entry = catalogue().get(key)
    if entry is None:
        return key
    return entry[language].format_map(_Fields(fields))


class _Fields(dict[str, Any]):
    """Placeholders without a value show their name: a text must never fail while it explains a failure."""

    def __missing__(self, key: str) -> str:
        return "{" + key + "}"
