"""Fail-stop: where exactness is in doubt the process ends at once, and whoever restarts it begins from the changelog.

`os._exit` on purpose: an exception that leaves an agent lets Faust acknowledge what was never processed.
"""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from typing import Any, NoReturn

from schemas.errors import IntegrityError, UnavailableError
from security.logging import get_logger
from streams.runners.faust.room import SpillFailedError


class Exit(IntEnum):
    """Why a worker ended itself."""

    BUG = 70
    DRAIN = 71
    FENCED = 72
    BROKEN = 73
    DISK = 74
    KAFKA = 75


def failed(error: BaseException, otherwise: Exit, event: str, **fields: Any) -> NoReturn:
    """End the process by what an error is: something broken, a full disk, something not to be had, or `otherwise`."""
    if isinstance(error, SpillFailedError):
        fail_stop(Exit.DISK, error.code, error, reason=error.fields.get("reason"), **fields)
    if isinstance(error, IntegrityError):
        fail_stop(Exit.BROKEN, "worker.integrity_broken", error, **fields)
    if isinstance(error, UnavailableError):
        fail_stop(Exit.KAFKA, "worker.unavailable", error, **fields)
    fail_stop(otherwise, event, error, **fields)


def fail_stop(code: Exit, event: str, error: BaseException | None = None, **fields: Any) -> NoReturn:
    """Say why and end the process now; nothing that is open is flushed or committed."""
    get_logger("worker").critical(event, exc_info=error, exit=int(code), **fields)
    sys.stderr.flush()
    os._exit(code)
