"""The selector of kafka-python's clients, which asks for sockets that are not registered before every wait.

The standard library answers that with a KeyError whose text shows the socket: two system calls and a rendering of both
addresses, thrown away each time. On a busy gateway that was a tenth of its processor time.
"""

from __future__ import annotations

import selectors
from typing import Any


class QuietSelector(selectors.DefaultSelector):
    """A selector that names a socket it does not know by its number only."""

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """Return the key of a registered file; raises KeyError where it is not registered."""
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        # A closed socket has no number any more: the standard library then looks for the object itself.
        return super().get_key(fileobj if number < 0 else number)
