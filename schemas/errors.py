"""The one error root of casebus.

Every error a person or a program can meet derives from `CasebusError` and carries a stable code. The
texts live in the catalogue (`schemas/texts/*.toml`), in Chinese and English, each with the next step to take:

    CasebusError
    ├── UsageError          2   the call is wrong
    ├── NotFoundError       3   the thing named does not exist
    ├── DeniedError         4   the policy, the password or a missing right says no
    ├── UnavailableError    5   a part that is needed cannot be had now
    ├── IntegrityError      6   something that must not change has changed
    └── RefusedError        1   the data cannot be accepted

A subclass sets `code` and, where it differs from its parent, `http_status`. Fields of an error never hold a value of
an event: paths, codes, counts and identifiers of events only.
"""

from __future__ import annotations

from typing import Any, ClassVar

from schemas.texts import Language, text


class CasebusError(Exception):
    """The root: a code, its fields, an HTTP status and an exit code."""

    code: ClassVar[str] = "casebus.internal"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        super().__init__(self.code, fields)

    def message(self, language: Language = "en") -> str:
        """Say what is wrong, in `language`."""
        return text(f"{self.code}.message", language, **self.fields)

    def hint(self, language: Language = "en") -> str:
        """Say what to do next, in `language`."""
        return text(f"{self.code}.hint", language, **self.fields)

    def as_dict(self, language: Language = "en") -> dict[str, Any]:
        """Render the error for a JSON answer; both languages of the message are given."""
        return {
            "code": self.code,
            "message": self.message(language),
            "hint": self.hint(language),
            "fields": self.fields,
        }

    def __str__(self) -> str:
        return f"{self.code}: {self.message()}"


class UsageError(CasebusError):
    """The call is wrong."""

    code = "casebus.usage"
    http_status = 400
    exit_code = 2


class NotFoundError(CasebusError):
    """The thing named does not exist."""

    code = "casebus.not_found"
    http_status = 404
    exit_code = 3


class DeniedError(CasebusError):
    """The policy, the password or a missing right says no."""

    code = "casebus.denied"
    http_status = 403
    exit_code = 4


class UnavailableError(CasebusError):
    """A part that is needed cannot be had now."""

    code = "casebus.unavailable"
    http_status = 503
    exit_code = 5


class IntegrityError(CasebusError):
    """Something that must not change has changed."""

    code = "casebus.integrity"
    http_status = 500
    exit_code = 6


class RefusedError(CasebusError):
    """The data cannot be accepted."""

    code = "casebus.refused"
    http_status = 422
    exit_code = 1
