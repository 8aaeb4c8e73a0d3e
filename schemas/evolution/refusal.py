"""A refusal: why a version may not follow another, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

from schemas.texts import text


@dataclass(frozen=True)
class Refusal:
    """One reason.

    Attributes:
        code: `evolution.<what>`.
        contract: the version that is refused, `type/version`; `against`: the one it would follow.
        path: field, or `contract.attribute`; `old` and `new`: both sides as text.
        consumers: who asks for what is changed.
        zh, en, hint_zh, hint_en: what is wrong and how to mend it.
    """

    code: str
    contract: str
    against: str
    path: str
    old: str
    new: str
    consumers: tuple[str, ...]
    zh: str
    en: str
    hint_zh: str
    hint_en: str

    @classmethod
    def of(
        cls, code: str, contract: str, against: str, path: str, *, old: str, new: str, consumers: tuple[str, ...] = ()
    ) -> Self:
        """Make a refusal; its texts come from the catalogue."""
        fields = {"contract": contract, "against": against, "path": path, "old": old or "-", "new": new or "-"}
        said = [
            text(f"{code}.{part}", language, **fields, consumers=", ".join(consumers) or "-")
            for part in ("message", "hint")
            for language in ("zh", "en")
        ]
        return cls(code, contract, against, path, old, new, consumers, *said)

    def as_dict(self) -> dict[str, Any]:
        """Render for a JSON answer."""
        return asdict(self)
