"""From a reviewed site file to the control records that make it so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from schemas.catalogue import Contracts
from schemas.clock import SECOND
from security.control import Snapshot
from security.subjects import as_body
from services.node.masks import masked
from services.node.people import ACCOUNTS, account_body
from services.node.site import RELEASE, SUPERVISE, Site, Source, Subscription
from services.node.subscriptions import KIND
from streams.control import Wanted
from streams.supervision.model import Model

BUNDLED_MODELS = Path(__file__).resolve().parents[2] / "streams" / "supervision" / "models"
ACTIVE = "active"
WITNESSES, MAX_UNWITNESSED = "witnesses", "max_unwitnessed"
"""What the site's record says of witnesses: the policy, and seconds. So workers anywhere go by the same."""
WORKERS = {"release": RELEASE, "supervise": SUPERVISE}
"""The workers that the site's record names, by their kinds, and who they are where it names none."""


def wanted_of(site: Site) -> list[Wanted]:
    """Return the control records that a site asks for."""
    about: dict[str, Any] = {
        "zh": site.zh,
        "en": site.en,
        "city": site.city,
        "zone": site.zone,
        "ceiling": site.ceiling,
        ACCOUNTS: [account_body(account) for account in site.accounts],
    }
    if site.audit.witnesses is not None:
        about[WITNESSES] = policy_text(site.audit.witnesses)
        about[MAX_UNWITNESSED] = site.audit.max_unwitnessed // SECOND
    named = {"release": site.release, "supervise": site.supervise}
    about |= {kind: list(names) for kind, names in named.items() if names != WORKERS[kind]}
    return [
        Wanted("site", site.id, about),
        *(Wanted("source", source.id, source_body(source)) for source in site.sources),
        *(Wanted("subscription", each.id, subscription_body(each)) for each in site.subscriptions),
        *(model_record(path) for path in model_files(site)),
    ]


def policy_text(file: Path) -> str:
    """Return a policy of witnesses without the logs it names: each log of the site puts its own key before it."""
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("log "))


def with_masks(wanted: Iterable[Wanted], snapshot: Snapshot, contracts: Contracts) -> list[Wanted]:
    """Return the records with the masks of their views; what is in force is given no more often by a file."""
    held = snapshot.of(KIND)
    return [
        Wanted(KIND, each.key, masked(each.body, contracts, held.get(each.key)))
        if each.kind == KIND and each.body is not None
        else each
        for each in wanted
    ]


def model_files(site: Site) -> list[Path]:
    """Return the files of the models that a site runs: those it names, else the bundled ones."""
    return list(site.models) or sorted(BUNDLED_MODELS.glob("*.yaml"))


def source_body(source: Source) -> dict[str, Any]:
    """Render a source."""
    body = {
        "organisation": source.organisation,
        "agency": source.agency,
        "districts": list(source.districts),
        "types": sorted(source.types),
        "ceiling": source.ceiling,
    }
    told = {"limits": dict(source.limits), "gateway": source.gateway}
    return {**body, **{name: value for name, value in told.items() if value}}


def subscription_body(subscription: Subscription) -> dict[str, Any]:
    """Render a subscription."""
    return {
        "delivers": subscription.delivers,
        "basis": subscription.basis,
        "of_models": subscription.of_models,
        "principal": as_body(subscription.principal),
    }


def model_record(path: Path) -> Wanted:
    """Return the record that activates a model: the file itself stands in it, so that every worker runs the same.

    Raises:
        ModelError: the file is no model.
    """
    model = Model.load(path)
    body = {
        "code": model.code,
        "version": model.version,
        "digest": model.digest,
        "state": ACTIVE,
        "file": path.name,
        "text": path.read_text(encoding="utf-8"),
    }
    return Wanted("model", model.id, body)


def activation(paths: Iterable[Path]) -> list[Wanted]:
    """Return the records that activate these model files."""
    return [model_record(path) for path in paths]
