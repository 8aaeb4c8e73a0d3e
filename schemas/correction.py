"""What a correction says of the event it corrects: one reference, of 16 or 17 bytes.

Sixteen bytes are the id of an event that is *superseded*: this one stands in its place. One byte more, of value 1, says
that it is *withdrawn*: nothing stands in its place. A reader that knows nothing of withdrawals finds no event under
such a reference, and so changes nothing.
"""

from __future__ import annotations

ID_LENGTH = 16
_WITHDRAWN = b"\x01"


def withdrawing(event_id: bytes) -> bytes:
    """Return the reference of an event that takes another back."""
    return event_id + _WITHDRAWN


def corrected(reference: bytes) -> bytes:
    """Return the id of the event that a reference is about."""
    return reference[:ID_LENGTH]


def withdraws(reference: bytes | None) -> bool:
    """Tell whether a reference takes its event back."""
    return reference is not None and len(reference) > ID_LENGTH
