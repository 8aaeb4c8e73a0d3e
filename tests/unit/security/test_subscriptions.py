"""The reviewed file of subscriptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from security.subscriptions import (
    SubscriptionsFileError,
    UnknownSubscriptionError,
    load_subscriptions,
    subscription,
)

GOOD = """
subscriptions:
  - id: procuratorate-990103-filing
    organisation: procuratorate-990103
    purpose: "duty:filing-supervision"
    clearance: 3
    districts: ["990103"]
    event_types: [police.case.filed]
    fields: {police.case.filed: [jjdbh, unit]}
  - id: traffic
    event_types: [traffic.fine.created]
"""


def written(folder: Path, text: str) -> Path:
    """Write the file."""
    path = folder / "subscriptions.yaml"
    path.write_text(text)
    return path


def test_a_reviewed_file_is_read(tmp_path: Path) -> None:
    """Entries become principals of kind subscription, by id."""
    found = load_subscriptions(written(tmp_path, GOOD))

    assert list(found) == ["procuratorate-990103-filing", "traffic"]
    assert subscription(found, "traffic").kind == "subscription"
    assert found["procuratorate-990103-filing"].fields == {"police.case.filed": frozenset({"jjdbh", "unit"})}
    assert found["procuratorate-990103-filing"].districts == ("990103",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: [", "YAML"),
        ("[]", "subscriptions"),
        ("subscriptions: {}", "subscriptions"),
        ("subscriptions: []\nmore: 1", "subscriptions"),
        ("subscriptions: [x]", "1"),
        ("subscriptions: [{id: a, kind: engine}]", "1"),
        ("subscriptions: [{id: a}, {id: a}]", "2: id"),
        ("subscriptions: [{id: a, clearence: 2}]", "1: clearence"),
        ("subscriptions: [{id: a, clearance: 7}]", "1: sealing.label"),
        ("subscriptions: [{id: a, event_types: 3}]", "1: event_types"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    """Whatever does not hold together is refused with entry and reason."""
    with pytest.raises(SubscriptionsFileError) as caught:
        load_subscriptions(written(tmp_path, text))

    assert caught.value.fields["reason"] == reason


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that is not there is a coded error."""
    with pytest.raises(SubscriptionsFileError):
        load_subscriptions(tmp_path / "none.yaml")


def test_an_unknown_subscription_is_named() -> None:
    """Asking for one that is not there is not found."""
    with pytest.raises(UnknownSubscriptionError):
        subscription({}, "nobody")
