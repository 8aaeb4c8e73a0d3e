"""The site: who takes part in a node. Organisations, the systems that publish, subscriptions, demonstration accounts.

A site is a reviewed YAML file (`deploy/site/*.yaml`, format `deploy/site/site.schema.json`). The node turns sources and
subscriptions into signed control records; nothing of the file takes effect by being read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from schemas.catalogue import Contracts
from schemas.clock import SECOND
from security.audit.witnessed import MAX_UNWITNESSED
from security.policy.roles import person
from security.subjects import Principal
from services.node.site_checks import check_contracts, check_ids, check_references
from services.node.site_file import read

RELEASE = ("release-1", "release-2")
SUPERVISE = ("supervise-1", "supervise-2")
Delivers = Literal["view", "work", "panorama"]


@dataclass(frozen=True, slots=True)
class Organisation:
    """One organisation: `agency` names the kind, which is also the topic its events stand in."""

    id: str
    agency: str
    district: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Source:
    """One organisation system that publishes.

    Attributes:
        agency: its organisation's.
        districts: codes or prefixes of the districts it speaks for.
        types: the event types it may publish; a deadline waits for the sources that can close it.
        ceiling: the highest level it may send.
        limits: how much it may send, by name, where the site says so.
        gateway: the gateway that takes its events; empty: the node's own.
    """

    id: str
    organisation: str
    agency: str
    districts: tuple[str, ...]
    types: frozenset[str]
    ceiling: int
    limits: Mapping[str, int] = field(default_factory=dict)
    gateway: str = ""

    def serves(self, event_type: str, district: str) -> bool:
        """Say whether it can publish `event_type` for `district`."""
        return event_type in self.types and any(district.startswith(prefix) for prefix in self.districts)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription.

    Attributes:
        delivers: `view` a topic of its own, `work` the supervision engine, `panorama` the node's read model.
        basis: the agreement or duty that the purpose rests on.
        of_models: types and fields are the union over the active models; those of `principal` are empty, so that it may
            read nothing before the node put them in.
        principal: who asks, as the decision function sees it.
    """

    id: str
    delivers: Delivers
    basis: str
    of_models: bool
    principal: Principal


@dataclass(frozen=True, slots=True)
class Account:
    """One person of a demonstration; `publishes` is the source the person may publish through, or empty."""

    id: str
    zh: str
    en: str
    publishes: str
    principal: Principal


@dataclass(frozen=True, slots=True)
class Audit:
    """How the node's audit log is kept.

    Attributes:
        replica: folder of the replica, on another disk. witnesses: policy file (C2SP tlog-policy) without a `log` line.
        max_unwitnessed: for how long release may go on without a quorum of witnesses, microseconds.
    """

    replica: Path | None = None
    witnesses: Path | None = None
    max_unwitnessed: int = MAX_UNWITNESSED


@dataclass(frozen=True, slots=True)
class Site:
    """One site.

    Attributes:
        origin: names the audit log in its checkpoints. ceiling: the node's own.
        models: files of the models it runs; none: the bundled ones.
        release: the release workers on Kafka, by their instances' names: each has an audit log, and a topic for it.
        supervise: the supervise workers, likewise.
    """

    id: str
    zh: str
    en: str
    node: str
    origin: str
    city: str
    zone: str
    ceiling: int
    organisations: tuple[Organisation, ...]
    sources: tuple[Source, ...]
    subscriptions: tuple[Subscription, ...]
    accounts: tuple[Account, ...]
    models: tuple[Path, ...] = ()
    audit: Audit = Audit()
    release: tuple[str, ...] = RELEASE
    supervise: tuple[str, ...] = SUPERVISE

    @classmethod
    def load(cls, path: Path, contracts: Contracts | None = None) -> Site:
        """Read a site file; `contracts`, where given, must know every type and field it names.

        Raises:
            SiteAbsentError, SiteUnreadableError, SiteInvalidError: the file itself.
            RepeatedIdError, UnknownNameError, AboveCeilingError: an entry, by its place.
        """
        document = read(path)
        check_ids(document, path.name)
        check_references(document, path.name)
        if contracts is not None:
            check_contracts(document, contracts, path.name)
        return _site(document, path.parent)

    @property
    def logs(self) -> tuple[str, ...]:
        """The names of all audit logs on Kafka: the gateways', the release and the supervise workers'."""
        return (*self.gateways, *self.release, *self.supervise)

    @property
    def gateways(self) -> tuple[str, ...]:
        """The names of all gateways: the node's own first."""
        return (self.node, *sorted({source.gateway for source in self.sources} - {"", self.node}))

    def organisation(self, organisation_id: str) -> Organisation:
        """Return an organisation; a site refers only to those it has."""
        return next(o for o in self.organisations if o.id == organisation_id)


def _site(document: Mapping[str, Any], folder: Path) -> Site:
    node = document["node"]
    organisations = tuple(Organisation(**entry) for entry in document["organisations"])
    agencies = {o.id: o.agency for o in organisations}
    return Site(
        id=document["site"],
        zh=document.get("zh", document["site"]),
        en=document.get("en", document["site"]),
        node=node["name"],
        origin=node["origin"],
        city=node["city"],
        zone=node["zone"],
        ceiling=node["ceiling"],
        organisations=organisations,
        sources=tuple(_source(entry, agencies[entry["organisation"]]) for entry in document["sources"]),
        subscriptions=tuple(_subscription(entry, ZoneInfo(node["zone"])) for entry in document["subscriptions"]),
        accounts=tuple(_account(entry) for entry in document["accounts"]),
        models=tuple(folder / name for name in document.get("models", ())),
        audit=_audit(node.get("audit", {}), folder),
        release=tuple(node.get("release", RELEASE)),
        supervise=tuple(node.get("supervise", SUPERVISE)),
    )


def _audit(entry: Mapping[str, Any], folder: Path) -> Audit:
    limit = entry.get("max_unwitnessed", MAX_UNWITNESSED // SECOND) * SECOND
    replica, witnesses = (folder / entry[name] if name in entry else None for name in ("replica", "witnesses"))
    return Audit(replica, witnesses, limit)


def _source(entry: Mapping[str, Any], agency: str) -> Source:
    return Source(
        entry["id"],
        entry["organisation"],
        agency,
        tuple(entry["districts"]),
        frozenset(entry["types"]),
        entry["ceiling"],
        entry.get("limits", {}),
        entry.get("gateway", ""),
    )


def _subscription(entry: Mapping[str, Any], zone: ZoneInfo) -> Subscription:
    expires = datetime.combine(date.fromisoformat(entry["expires"]), time(), zone)
    bound = entry.get("bound_clearance", entry["clearance"])
    principal = Principal(
        id=entry["id"],
        kind="engine" if entry["delivers"] == "work" else "subscription",
        organisation=entry["organisation"],
        purpose=entry["purpose"],
        clearance=entry["clearance"],
        bound_clearance=bound,
        grant_clearance=entry.get("grant_clearance", bound),
        compartments=frozenset(entry.get("compartments", ())),
        event_types=frozenset(entry.get("types", ())),
        fields={name: frozenset(fields) for name, fields in entry.get("fields", {}).items()},
        districts=tuple(entry["districts"]),
        expires_at=int(expires.timestamp()) * 1_000_000,
    )
    return Subscription(
        entry["id"], entry["delivers"], entry.get("basis", ""), entry.get("of_models", False), principal
    )


def _account(entry: Mapping[str, Any]) -> Account:
    principal = person(
        entry["id"],
        entry["role"],
        organisation=entry["organisation"],
        districts=entry["districts"],
        event_types=entry["types"],
        purpose=entry["purpose"],
    )
    return Account(entry["id"], entry["zh"], entry["en"], entry.get("publishes", ""), principal)
