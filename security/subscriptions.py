"""Subscriptions from a reviewed YAML file: a list `subscriptions`, each the JSON form of a `Principal`.

    subscriptions:
      - id: procuratorate-990103-filing
        organisation: procuratorate-990103
        purpose: "duty:filing-supervision"
        clearance: 3
        districts: ["990103"]
        event_types: [police.report.accepted, police.case.filed]
        fields: {police.case.filed: [jjdbh, unit, filed_at]}

The key `kind` is not written: every entry is a subscription. An id stands once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import NotFoundError, RefusedError
from security.subjects import Principal, PrincipalError, from_body


class SubscriptionsFileError(RefusedError):
    """The file cannot be read, is not YAML, or an entry does not hold together."""

    code = "policy.subscriptions_file"


class UnknownSubscriptionError(NotFoundError):
    """No subscription has this id."""

    code = "policy.subscription"


def load_subscriptions(path: Path) -> dict[str, Principal]:
    """Load a file: id → principal, in the file's order; raises `SubscriptionsFileError`."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        raise SubscriptionsFileError(file=path.name, reason="YAML") from None
    entries = document.get("subscriptions") if isinstance(document, dict) else None
    if not isinstance(entries, list) or set(document) != {"subscriptions"}:
        raise SubscriptionsFileError(file=path.name, reason="subscriptions")
    found: dict[str, Principal] = {}
    for number, entry in enumerate(entries, 1):
        principal = _principal(path, number, entry)
        if principal.id in found:
            raise SubscriptionsFileError(file=path.name, reason=f"{number}: id")
        found[principal.id] = principal
    return found


def subscription(found: Mapping[str, Principal], name: str) -> Principal:
    """Return the subscription `name`; raises `UnknownSubscriptionError`."""
    if name not in found:
        raise UnknownSubscriptionError(subscription=name)
    return found[name]


def _principal(path: Path, number: int, entry: Any) -> Principal:
    if not isinstance(entry, dict) or "kind" in entry:
        raise SubscriptionsFileError(file=path.name, reason=str(number))
    try:
        return from_body({**entry, "kind": "subscription"})
    except PrincipalError as error:
        raise SubscriptionsFileError(file=path.name, reason=f"{number}: {error.fields['reason']}") from None
    except RefusedError as error:
        raise SubscriptionsFileError(file=path.name, reason=f"{number}: {error.code}") from None
