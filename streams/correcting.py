"""Corrections on their way to those who hold the originals.

What corrects or withdraws an earlier event reaches everyone who was given that one: those who may have the correction
get it, the others are *told* that the original no longer stands, by its id and nothing else.
"""

from __future__ import annotations

from schemas.correction import corrected
from security.batch import Header
from security.payload import KeyedDigest
from streams.corrections import (
    WITHDRAWN,
    Find,
    Seen,
    Told,
    await_original,
    awaited,
    holders,
    kind_of,
    payload_of,
    read_seen,
    type_sum,
)
from streams.released import Notices, OpenedClasses, Place, Released, Share, key_of, manifest_id

OTHER_TYPE = "release.corrects_other_type"
"""The reason code of a correction of an event of another type."""


class Correcting:
    """Carries the corrections of one raw record to those who hold the originals.

    Ids are known by their source, so that nobody corrects what another said: such a reference finds nothing.
    """

    def __init__(self, outcome: Released, place: Place, digest: KeyedDigest, find: Find, epoch: int) -> None:
        self._outcome, self._place, self._digest, self._find, self._epoch = outcome, place, digest, find, epoch

    def _value(self, source: str, event_id: bytes) -> bytes | None:
        key = key_of(source, event_id, self._digest)
        return self._outcome.seen.get(key) or self._find(key)

    def refusal(self, opened: OpenedClasses) -> str:
        """Return the code that refuses a correction of an event of another type; empty where nothing is wrong."""
        header = opened.header
        if header.supersedes is None:
            return ""
        known = read_seen(self._value(header.source, corrected(header.supersedes)))
        return OTHER_TYPE if known is not None and known.type_sum != type_sum(header.type) else ""

    def follow(self, opened: OpenedClasses, index: int, stored: bytes | None) -> None:
        """Tell of what this event corrects; and, where corrections of it came first, tell of itself."""
        header = opened.header
        if header.supersedes is not None:
            self._corrects(opened, header.supersedes)
        for because, kind in awaited(stored):
            said = read_seen(self._value(header.source, because))
            aware = self._holders(said) if said is not None else {}
            for subscription, manifest in self._taken(index).items():
                if subscription not in aware or kind == WITHDRAWN:
                    self._tell(subscription, Told(header.id, because, kind, manifest), opened)

    def _corrects(self, opened: OpenedClasses, reference: bytes) -> None:
        header, original = opened.header, corrected(reference)
        value = self._value(header.source, original)
        known = read_seen(value)
        if known is None:
            if payload_of(value) is None:
                key = key_of(header.source, original, self._digest)
                self._outcome.seen[key] = await_original(value, header.id, reference)
            return
        got = {share.receiver.subscription: share for share in self._outcome.shares if header in last_of(share)}
        for subscription, manifest in self._holders(known).items():
            told = Told(original, header.id, kind_of(reference), manifest)
            if subscription in got:
                share = got[subscription]
                share.corrects[len(share.items) - 1] = told
            else:
                self._tell(subscription, told, opened)

    def _holders(self, known: Seen) -> dict[str, str]:
        place = self._place
        if known.offset == place.offset:
            return self._taken(known.position)
        return holders(self._find, place.topic, place.partition, known)

    def _taken(self, index: int) -> dict[str, str]:
        """Return who took an event of this very record."""
        shares = (share for share in self._outcome.shares if index in share.places)
        return {share.receiver.subscription: manifest_id(share, self._epoch) for share in shares}

    def _tell(self, subscription: str, told: Told, opened: OpenedClasses) -> None:
        receiver = next((s.receiver for s in self._outcome.shares if s.receiver.subscription == subscription), None)
        if receiver is None:
            self._outcome.gone.append((subscription, told))
            return
        notices = self._outcome.notices.setdefault(subscription, Notices(receiver, self._place))
        notices.told.append(told)
        notices.payloads.append(receiver.tell(told, opened))


def last_of(share: Share) -> tuple[Header, ...]:
    """Return the header of what a share took last."""
    return (share.items[-1][0],) if share.items else ()
