"""The operator's routes about subscriptions of a running node; on loopback, with the operator's token.

POST /v1/operator/subscriptions/{name}/token          a token that reads its views, shown this once
POST /v1/operator/subscriptions/{name}/token/revoke   its tokens open nothing any more
POST /v1/operator/subscriptions/{name}/key            the key that opens its sealed part
POST /v1/operator/subscriptions/{name}/approve        what two people approve, each by a password
POST /v1/operator/subscriptions/{name}/end            it ends at the next epoch
POST /v1/operator/subscriptions/{name}/invite         a token by which the organisation `name` asks for one
"""

# Annotations are evaluated here, not kept as text: the dependencies they name are local to the function.
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from security.identity.accounts import SignInError, TooManyAttemptsError
from security.subjects import PrincipalError
from services.gateway.described import described
from services.gateway.exchange import QueryError, TokenError, bearer_of
from services.node.acting import OPERATION, OPERATOR, ActorError, By
from services.node.approval import ApproversError
from services.node.approving import NodesOwnError
from services.node.site_errors import UnknownNameError
from services.node.subscription_operations import SubscriptionOperations
from services.node.subscriptions import UnknownSubscriptionError
from streams.bus.kafka_errors import KafkaTopicMissingError

Name = Annotated[str, Path(max_length=120, description="id of the subscription; to invite, of the organisation")]
Code = Annotated[str, Field(max_length=80)]


class ActBody(BaseModel):
    """Who acts, and what for."""

    actor: Code = OPERATOR
    purpose: Code = OPERATION

    @property
    def by(self) -> By:
        """As the node takes it."""
        return By(self.actor, self.purpose)


class ApproverBody(BaseModel):
    """One who approves, proved by the password."""

    account: str = Field(max_length=120)
    password: str = Field(max_length=1024)


class ApprovalBody(BaseModel):
    """A subscription as its control record will hold it, and who approves it."""

    body: dict[str, Any]
    approvers: list[ApproverBody] = Field(max_length=10)


def subscription_operator_router(acts: SubscriptionOperations, is_operator: Callable[[str], bool]) -> APIRouter:
    """Make the routes; every one asks for the operator's token."""

    def operator(request: Request) -> None:
        if not is_operator(bearer_of(request)):
            raise TokenError

    prefix = "/v1/operator/subscriptions/{name}"
    router = APIRouter(prefix=prefix, tags=["operator"], dependencies=[Depends(operator)])
    _acts_of(router, acts)

    errors = (TokenError, QueryError, UnknownNameError, PrincipalError, ApproversError, SignInError)
    more = (TooManyAttemptsError, KafkaTopicMissingError)

    @router.post("/approve", **_plain({"subscription": "court-1", "widens": ["districts"], "epoch": 7}, *errors, *more))
    def approve(name: Name, body: ApprovalBody) -> dict[str, Any]:
        """Put a subscription in force that two people approve."""
        named = [(each.account, each.password) for each in body.approvers]
        return {"subscription": name, **acts.approve(name, body.body, named)}

    return router


def _acts_of(router: APIRouter, acts: SubscriptionOperations) -> None:
    errors = (TokenError, QueryError, ActorError, UnknownSubscriptionError)

    @router.post("/token", **_plain({"subscription": "court-1", "token": "cb_…"}, *errors))
    def issue(name: Name, body: ActBody) -> dict[str, Any]:
        """Make a token for a receiver."""
        return {"subscription": name, "token": acts.issue(name, body.by)}

    @router.post("/token/revoke", **_plain({"subscription": "court-1", "revoked": 1}, *errors[:3]))
    def revoke(name: Name, body: ActBody) -> dict[str, Any]:
        """Revoke a receiver's tokens."""
        return {"subscription": name, "revoked": acts.withdraw(name, body.by)}

    @router.post("/key", **_plain({"subscription": "court-1", "key": "00…"}, *errors))
    def key(name: Name, body: ActBody) -> dict[str, Any]:
        """Hand out the key of a subscription."""
        return {"subscription": name, "key": acts.key(name, body.by)}

    @router.post("/end", **_plain({"subscription": "court-1", "epoch": 8}, *errors, NodesOwnError))
    def end(name: Name, body: ActBody) -> dict[str, Any]:
        """End a subscription."""
        return {"subscription": name, "epoch": acts.end(name, body.by)}

    @router.post("/invite", **_plain({"organisation": "tax-990103", "token": "cb_…"}, *errors[:3]))
    def invite(name: Name, body: ActBody) -> dict[str, Any]:
        """Make a token by which an organisation asks."""
        return {"organisation": name, "token": acts.invite(name, body.by)}


def _plain(example: Any, *errors: Any) -> dict[str, Any]:
    """Describe a route whose answer FastAPI writes."""
    told = described(example, *errors)
    return {name: value for name, value in told.items() if name != "response_class"}
