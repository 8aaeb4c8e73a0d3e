"""Fail-stop: where exactness is in doubt the process ends at once, and whoever restarts it begins from the changelog.

`os._exit` on purpose: an exception that leaves an agent lets Faust acknowledge what was never processed.
"""

from __future__ import annotations

import os
import sys
from enum import IntEnum
from typing import Any, NoReturn

from security.logging import get_logger


class Exit(IntEnum):
    """Why a worker ended itself."""

    BUG = 70
    DRAIN = 71
    FENCED = 72
    BROKEN = 73
    KAFKA = 75


def fail_stop(code: Exit, event: str, error: BaseException | None = None, **fields: Any) -> NoReturn:
    """Say why and end the process now; nothing that is open is flushed or committed."""
    get_logger("worker").critical(event, exc_info=error, exit=int(code), **fields)
    sys.stderr.flush()
    os._exit(code)
