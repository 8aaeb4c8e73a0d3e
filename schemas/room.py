"""No room: what counts as a full disk, for whoever meets one.

A disk that is full and a quota that is used up are one thing: nothing is broken, and everything goes on once there is
room. SQLite tells a full disk only (`SQLITE_FULL`); a quota is an I/O error to it, so a bus that meets one is not full
but unavailable.
"""

from __future__ import annotations

import errno
from typing import Final

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
NAMES: Final = frozenset(errno.errorcode[number] for number in NO_ROOM)


def lacks_room(error: OSError) -> bool:
    """Tell whether a call of the system failed for want of room."""
    return error.errno in NO_ROOM


def names_no_room(name: object) -> bool:
    """Tell whether the name of a failure, such as `ENOSPC`, means want of room."""
    return name in NAMES
