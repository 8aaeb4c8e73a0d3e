"""Approving a subscription of a site file: two people sign for it, and it takes effect."""

from __future__ import annotations

from collections.abc import Sequence

from services.node.approval import check_approvers, widenings
from services.node.establishment import subscription_body
from services.node.node import Node
from services.node.people import people_of
from services.node.site import Site
from services.node.subscriptions import KIND, UnknownSubscriptionError
from streams.control import Wanted


def approve(node: Node, site: Site, name: str, named: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Make what `site` says of one subscription a control record that names its approvers; return what it widened.

    `named` are accounts and their passwords. The record is in force when this returns, and durable.

    Raises:
        UnknownSubscriptionError: the file has no such subscription. ApproversError, DeniedError: nobody approved it.
    """
    subscription = next((each for each in site.subscriptions if each.id == name), None)
    if subscription is None:
        raise UnknownSubscriptionError(subscription=name)
    wanted = Wanted(KIND, name, subscription_body(subscription))
    receiver = subscription.principal.organisation
    approvers = check_approvers(people_of(node.control.snapshot), node.accounts, receiver, named)
    what = widenings(node.control.snapshot, [wanted]).get(name, ())
    if node.control.change([wanted], approvers):
        node.data.keep_epoch(node.control.epoch)
        node.assemble()
    return what
