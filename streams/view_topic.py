"""Receivers of agencies: one view a record on `casebus.view.<subscription>`, in CloudEvents' Kafka binary mode.

The value is the framed view, the key a keyed digest of the subject, the headers `ce_*` attributes of level 1 and 2.
A subject stands in a header only where the receiver was given the contract's subject field.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from schemas.contract import Contract
from schemas.correction import corrected, withdraws
from security.batch import Header
from security.policy.mask import static_mask
from security.receiver_key import ReceiverKey
from security.view_schema import ViewRegistry
from security.views import ViewBuilder
from streams.bus.port import Record
from streams.corrections import Told
from streams.receivers import Deciding, Headers, payloads
from streams.released import Notices, OpenedClasses, Share, Taken

CONTENT_TYPE = "application/vnd.confluent.avro"
NOTICE_SOURCE = "casebus/release"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class View:
    """One view on its way: its key, its value and its CloudEvents headers."""

    key: bytes
    value: bytes
    headers: Headers


@dataclass
class ViewReceiver(Deciding):
    """An agency's subscription; view schemas are registered as they are first used."""

    registry: ViewRegistry = field(default_factory=ViewRegistry)
    receiver_key: ReceiverKey | None = None
    _builders: dict[int, ViewBuilder] = field(default_factory=dict)

    def take(self, event: OpenedClasses) -> Taken | None:
        """Build the view, where anything of the event may be given."""
        header = event.header
        if withdraws(header.supersedes):
            # What takes an event back has nothing to show: it is told to those who hold that event.
            return None
        decision = self.decide(event)
        if not decision.released:
            return None
        value = self.builder(event.contract).build(header.id, event.blobs(), decision)
        with_subject = event.contract.subject_field in decision.fields
        key = self.sealer.keyed_digest(f"key/{self.subscription}", header.subject.encode())[:16]
        view = View(key, value, cloudevent_headers(header, with_subject=with_subject))
        return Taken(view, decision.fields, len(decision.withheld))

    def builder(self, contract: Contract) -> ViewBuilder:
        """Return the builder of a contract's view for this subscription."""
        found = self._builders.get(contract.id)
        if found is None:
            mask = static_mask(self.table, contract)
            found = ViewBuilder(contract, mask, self.registry, self.receiver_key)
            self._builders[contract.id] = found
        return found

    def tell(self, told: Told, event: OpenedClasses) -> View:
        """Make a CloudEvent without data: the id of an event this subscription holds, and that it no longer stands."""
        del event
        key = self.sealer.keyed_digest(f"key/{self.subscription}", told.original)[:16]
        return View(key, b"", notice_headers(self.notice_id(told), told))

    def records(self, share: Share | Notices, headers: Headers) -> list[Record]:
        """Make one record a view."""
        return [Record(view.key, view.value, view.headers + headers) for view in payloads(share)]


def notice_headers(notice_id: bytes, told: Told) -> Headers:
    """Return the attributes of a notice: neither who said it, nor when, nor what stands in the event's place."""
    attributes = (
        ("ce_specversion", "1.0"),
        ("ce_id", str(uuid.UUID(bytes=notice_id))),
        ("ce_type", f"bus.event.{told.kind}"),
        ("ce_source", NOTICE_SOURCE),
        ("ce_supersedes", str(uuid.UUID(bytes=told.original))),
    )
    return tuple((name, value.encode()) for name, value in attributes)


def cloudevent_headers(header: Header, *, with_subject: bool) -> Headers:
    """Return the CloudEvents attributes of an event as Kafka headers (CloudEvents Kafka binding §3.2)."""
    attributes: Headers = (
        _SPECVERSION,
        ("ce_id", uuid_text(header.id)),
        _often("ce_type", header.type),
        _often("ce_source", header.source),
        ("ce_time", timestamp(header.occurred_at).encode()),
        _often("ce_district", header.district),
        _often("ce_level", str(header.level)),
        ("ce_recordedat", _recorded(header.recorded_at)),
        ("ce_sequence", header.sequence.encode()),
        _CONTENT,
    )
    if with_subject:
        attributes += (("ce_subject", header.subject.encode()),)
    if header.supersedes is not None:
        attributes += (("ce_supersedes", uuid_text(corrected(header.supersedes))),)
    return attributes


_SPECVERSION = ("ce_specversion", b"1.0")
_CONTENT = ("content-type", CONTENT_TYPE.encode())


@lru_cache(maxsize=4096)
def _often(name: str, value: str) -> tuple[str, bytes]:
    """Make an attribute of few values: none that tells of a case or a person."""
    return name, value.encode()


def uuid_text(raw: bytes) -> bytes:
    """Render 16 bytes as the text of a UUID."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode()


def timestamp(at: int) -> str:
    """Render microseconds as RFC 3339 in UTC."""
    return (EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")


@lru_cache(maxsize=64)
def _recorded(at: int) -> bytes:
    """Render a time of recording: all events of a commit share it."""
    return timestamp(at).encode()
