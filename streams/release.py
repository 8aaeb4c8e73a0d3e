"""Release: what of a raw batch goes to whom.

A pure function of a batch, the receivers of the current control epoch and the ids already seen. For each event, in the
order of the batch:

1. an id seen before with the same payload is a *repeat* and goes nowhere; with another payload, or where a part of it
   cannot be opened or read, it is *set aside*: quarantined under a code, never dropped, and no harm to its neighbours;
2. each receiver decides and builds what it may have. What it gets is named in one manifest per raw record and receiver;
3. what corrects or withdraws an earlier event reaches everyone who was given that one: those who may have the
   correction get it, the others are *told* that the original no longer stands, by its id and nothing else.

Nothing is delivered here. The runner makes the manifests durable first and then delivers in one transaction: delivered
is a subset of audited, whatever is killed when.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.catalogue import Contracts
from schemas.errors import CasebusError
from security.audit.record import Data
from security.batch import OpenedBatch
from security.payload import KeyedDigest, payload_digest
from streams.correcting import Correcting
from streams.corrections import Find, Told, given_key, pack_given, payload_of, seen
from streams.released import (
    OpenedClasses,
    Place,
    Receiver,
    Released,
    SetAside,
    Share,
    id_key,
    manifest_id,
)

CONFLICT = "release.conflict"
"""The reason code of an event whose id was taken before with another payload."""


def release(
    batch: OpenedBatch,
    place: Place,
    receivers: Sequence[Receiver],
    contracts: Contracts,
    digest: KeyedDigest,
    find: Find,
    epoch: int = 0,
) -> Released:
    """Decide about every event of one raw record; `find` answers what release remembers (`streams.corrections`)."""
    outcome = Released([Share(receiver, place) for receiver in receivers])
    correcting = Correcting(outcome, place, digest, find, epoch)
    for event in batch.events:
        header = event.header
        try:
            opened = OpenedClasses(event, contracts.by_id(header.schema_id))
            key, payload = identity(opened, digest)
        except CasebusError as error:
            outcome.aside.append(SetAside(place, event.position, header.id, header.source, error.code))
            continue
        stored = outcome.seen.get(key) or find(key)
        known = payload_of(stored)
        if known == payload:
            outcome.repeats += 1
            continue
        code = CONFLICT if known is not None else correcting.refusal(opened)
        if code:
            outcome.aside.append(SetAside(place, event.position, header.id, header.source, code))
            continue
        outcome.seen[key] = seen(payload, place.offset, event.position, header.type, header.recorded_at).pack()
        outcome.fresh += 1
        give_all(outcome, opened, event.position)
        correcting.follow(opened, event.position, stored)
    given = [(s.receiver.subscription, manifest_id(s, epoch), s.places) for s in outcome.shares if s.items]
    if given:
        outcome.seen[given_key(place.topic, place.partition, place.offset)] = pack_given(given)
    return outcome


def give_all(outcome: Released, opened: OpenedClasses, index: int) -> None:
    """Let every receiver take its part; one that cannot build it gets nothing and leaves a trace, the others theirs."""
    header = opened.header
    for share in outcome.shares:
        try:
            taken = share.receiver.take(opened)
        except CasebusError as error:
            share.denied += 1
            outcome.aside.append(SetAside(share.place, index, header.id, header.source, error.code))
            continue
        if taken is None:
            share.denied += 1
            continue
        share.items.append((header, taken.payload))
        share.places.append(index)
        share.masks.append((header.type, taken.fields))
        share.withheld += taken.withheld


def identity(opened: OpenedClasses, digest: KeyedDigest) -> tuple[bytes, bytes]:
    """Return (key of source and id, digest of what the event says), 16 bytes each."""
    header = opened.header
    return id_key(header, digest), payload_digest(digest, "release-payload", header, opened.flags, opened.blobs())


MANIFEST_LISTS = ("events", "by", "corrects", "originals", "because", "kinds")
"""The lists of a manifest that have one item an event: they are split together, those of them that are there."""


def manifest_data(share: Share) -> Data:
    """Return the `data` of the manifest that authorises a share.

    `events` are ids; `by` gives for each event the index of its mask in `masks`: event type and the fields released.
    Where any of them corrects an event that this receiver holds, `corrects` names that event, and `originals` the
    manifest that gave it; both are empty for the others.
    """
    masks = list(dict.fromkeys(share.masks))
    index = {mask: n for n, mask in enumerate(masks)}
    data: Data = {
        "by": [index[mask] for mask in share.masks],
        "denied": share.denied,
        "events": [header.id.hex() for header, _ in share.items],
        "masks": [[event_type, list(names)] for event_type, names in masks],
        "withheld": share.withheld,
    }
    if share.corrects:
        links = [share.corrects.get(n) for n in range(len(share.items))]
        data["corrects"] = [told.original.hex() if told else "" for told in links]
        data["originals"] = [told.release if told else "" for told in links]
    return data


def notice_data(told: Sequence[Told]) -> Data:
    """Return the `data` of the record that authorises notices, or says that nobody can be given them.

    `events` are the ids that no longer stand, `kinds` says in which way, `because` names what says so, `originals` the
    manifests that gave them.
    """
    return {
        "because": [each.because.hex() for each in told],
        "events": [each.original.hex() for each in told],
        "kinds": [each.kind for each in told],
        "originals": [each.release for each in told],
    }
