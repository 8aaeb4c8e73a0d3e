"""Approving and ending subscriptions of a node: signed control records, in force when the act returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from schemas.catalogue import Contracts
from schemas.errors import RefusedError
from security.audit.record import Entry
from security.subjects import from_body
from services.node.acting import By
from services.node.approval import check_approvers, widenings
from services.node.masks import masked
from services.node.node import Node
from services.node.people import people_of
from services.node.site_errors import UnknownNameError
from services.node.subscriptions import DELIVERS, KIND, VIEW, UnknownSubscriptionError
from services.node.tokens import BY_OPERATOR
from streams.bus.kafka_errors import KafkaTopicMissingError
from streams.control import Wanted

FILE: Final = "subscription"
MEMBERS: Final = frozenset({"delivers", "basis", "of_models", "principal"})
Between = Callable[[Callable[[], None]], None]
"""Runs what must not meet the worker half-way."""


class NodesOwnError(RefusedError):
    """A subscription of the node itself (engine, read model) ends with the site file only."""

    code: ClassVar[str] = "subscription.nodes_own"
    http_status: ClassVar[int] = 409


def at_once(work: Callable[[], None]) -> None:
    """Do something where nothing else runs."""
    work()


def approve(
    node: Node,
    name: str,
    body: Mapping[str, Any],
    named: Sequence[tuple[str, str]],
    between: Between = at_once,
) -> tuple[str, ...]:
    """Make a subscription a control record that names its approvers; return what it widened.

    `body` is its record's as `subscription_body` renders it; `named` are accounts and their passwords.

    Raises:
        UnknownNameError, PrincipalError: the body. ApproversError, DeniedError: nobody approved it.
        KafkaTopicMissingError: the node is on Kafka, and nobody made the topic of its views.
    """
    check_body(name, body, node.contracts)
    wanted, receiver = Wanted(KIND, name, masked(body, node.contracts)), from_body(body["principal"]).organisation
    approvers = check_approvers(people_of(node.control.snapshot), node.accounts, receiver, named)
    what: list[str] = []

    def change() -> None:
        what.extend(widenings(node.control.snapshot, [wanted]).get(name, ()))
        put_in_force(node, wanted, approvers)

    require_topic(node, name, body)
    between(change)
    return tuple(what)


def put_in_force(node: Node, wanted: Wanted, approvers: Sequence[str]) -> bool:
    """Sign a change of a subscription and work by it; tell whether anything changed.

    The key that its views are sealed to is made first: a worker that follows the record finds it.
    """
    if wanted.body is not None and wanted.body["delivers"] == VIEW:
        node.keystore.provision_secret(f"receiver/{wanted.key}")
    return node.change([wanted], approvers)


def end(node: Node, name: str, by: By = BY_OPERATOR, between: Between = at_once) -> int:
    """End a subscription from the next epoch on, and return that epoch; its tokens read nothing more.

    Raises:
        UnknownSubscriptionError: there is none. NodesOwnError: the node needs it itself.
    """
    record = node.control.snapshot.records.get((KIND, name))
    if record is None:
        raise UnknownSubscriptionError(subscription=name)
    if record.value["delivers"] != VIEW:
        raise NodesOwnError(subscription=name)
    organisation = record.value["principal"]["organisation"]
    entry = Entry(act="subscription", org=organisation, obj=name, ctl=node.control.epoch, data={"what": "ended"})
    node.audit.append([by.did(entry)])
    between(lambda: _end(node, name, by))
    return node.control.epoch


def _end(node: Node, name: str, by: By) -> None:
    put_in_force(node, Wanted(KIND, name, None), (by.actor,))


def check_body(name: str, body: Mapping[str, Any], contracts: Contracts) -> None:
    """Refuse a body that is no subscription's, or names what no contract has."""
    if set(body) != MEMBERS or body["delivers"] not in DELIVERS or not isinstance(body["principal"], Mapping):
        raise UnknownNameError(file=FILE, path="/")
    principal = from_body(body["principal"])
    if principal.id != name or principal.kind == "person":
        raise UnknownNameError(file=FILE, path="/principal/id")
    known = {contract.type: {field.name for field in contract.fields} for contract in contracts.all()}
    if not principal.event_types <= set(known):
        raise UnknownNameError(file=FILE, path="/principal/event_types")
    for event_type, fields in principal.fields.items():
        if not fields <= known.get(event_type, set()):
            raise UnknownNameError(file=FILE, path=f"/principal/fields/{event_type}")


def require_topic(node: Node, name: str, body: Mapping[str, Any]) -> None:
    """Refuse a subscription that a worker could not deliver: on Kafka its topic is made by whoever runs Kafka."""
    topic = f"casebus.view.{name}"
    if node.ground.carrier.kafka is not None and body["delivers"] == VIEW and topic not in node.bus.topics(topic):
        raise KafkaTopicMissingError(topic=topic)
