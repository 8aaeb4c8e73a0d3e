"""Words of the pages in one language: catalogue texts, names of districts and units, times in the city's zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from schemas import districts
from schemas.texts import Language, catalogue, text
from security.policy.roles import ROLES

ZONE = ZoneInfo("Asia/Shanghai")
MICROSECONDS = 1_000_000
HTML_LANGUAGES: dict[Language, str] = {"zh": "zh-CN", "en": "en-US"}
NOTHING = "—"
MIDNIGHT = time()


@dataclass(frozen=True)
class Words:
    """What a page says, in `language`."""

    language: Language

    def __call__(self, key: str, /, **fields: Any) -> str:
        """Return the console's text of `key`."""
        return text(f"console.{key}", self.language, **fields)

    def coded(self, family: str, code: str) -> str:
        """Return the text of a code, such as a state or a role; a code without a text shows itself."""
        key = f"{family}.{code}"
        return text(key, self.language) if key in catalogue() else code

    def pair(self, value: Mapping[str, Any] | None) -> str:
        """Return one language of a value that stands in both."""
        return str((value or {}).get(self.language) or "")

    def place(self, code: str) -> str:
        """Name a district or a unit; an unknown code is its own name."""
        return districts.name(code, self.language) if code else NOTHING

    def unit(self, code: str) -> str:
        """Name a unit without its district where the district is clear from its place on the page."""
        district, whole = self.place(code[:6]), self.place(code)
        return whole.removeprefix(district).lstrip(", ") or whole

    def source(self, source: str) -> str:
        """Name an organisation system, such as `police-990103/cases`."""
        kind, _, place = source.partition("/")[0].partition("-")
        key = f"console.agency.{kind}"
        if key not in catalogue():
            return source
        return text(key, self.language, place=self.place(place))

    def role(self, code: str) -> str:
        """Name a role."""
        return ROLES[code].name(self.language) if code in ROLES else code

    def severity(self, code: str) -> str:
        """Return the word of a severity with its icon: never a colour alone."""
        return f"{self(f'icon.{code}')} {self(f'severity.{code}')}" if code else NOTHING

    def why(self, code: str) -> str:
        """Return why something is hidden."""
        for family in ("policy.reason", "policy", "console.why"):
            if f"{family}.{code}" in catalogue():
                return text(f"{family}.{code}", self.language)
        return self("why.other", code=code)


def moment(at: int | None) -> str:
    """Render microseconds as date and minute in the city's zone."""
    return local(at).strftime("%Y-%m-%d %H:%M") if at is not None else NOTHING


def deadline(at: int | None) -> str:
    """Render the end of a limit as people say it: the last day at 24:00, not the next at 00:00."""
    if at is None or local(at).time() != MIDNIGHT:
        return moment(at)
    return f"{local(at - 1).strftime('%Y-%m-%d')} 24:00"


def second(at: int | None) -> str:
    """Render microseconds as date and second in the city's zone."""
    return local(at).strftime("%Y-%m-%d %H:%M:%S") if at is not None else NOTHING


def utc(at: int) -> str:
    """Render microseconds as RFC 3339 in UTC, for `datetime` attributes and tooltips."""
    return datetime.fromtimestamp(at / MICROSECONDS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def local(at: int) -> datetime:
    """Return microseconds as a time in the city's zone."""
    return datetime.fromtimestamp(at / MICROSECONDS, ZONE)


def instant(typed: str) -> int | None:
    """Read what a `datetime-local` input holds as a time in the city's zone; None where it is not one."""
    try:
        return int(datetime.fromisoformat(typed).replace(tzinfo=ZONE).timestamp() * MICROSECONDS)
    except ValueError:
        return None
