"""What can be wrong with a site file. Each error names the file and the place in it."""

from __future__ import annotations

from typing import ClassVar

from schemas.errors import NotFoundError, UsageError


class SiteAbsentError(NotFoundError):
    """There is no such file."""

    code: ClassVar[str] = "site.absent"


class SiteUnreadableError(UsageError):
    """The file is no YAML."""

    code: ClassVar[str] = "site.unreadable"


class SiteInvalidError(UsageError):
    """The file does not follow its JSON Schema."""

    code: ClassVar[str] = "site.invalid"


class UnknownNameError(UsageError):
    """An entry names an organisation, source, event type or field that nobody registered."""

    code: ClassVar[str] = "site.unknown_name"


class RepeatedIdError(UsageError):
    """Two entries carry the same id."""

    code: ClassVar[str] = "site.repeated"


class AboveCeilingError(UsageError):
    """A source is registered for a level above the node's own ceiling."""

    code: ClassVar[str] = "site.above_ceiling"
