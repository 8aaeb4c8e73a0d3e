"""The interface description is whole: every route of the gateway says what it does, what it takes, how it fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.catalogue import Contracts
from schemas.texts import catalogue
from services.gateway.interface import operations
from services.node.node import open_node
from services.node.server import application
from services.node.site import Site
from tests.interop.reading_node import SITE

ROUTES = {
    "/v1/events",
    "/v1/receipts/{event_id}",
    "/v1/dead-letters",
    "/v1/marks",
    "/v1/registry/schemas/ids/{number}",
    "/v1/registry/subjects/{subject}/versions/{version}",
    "/v1/subscriptions/{subscription}/events",
    "/v1/subscriptions/{subscription}/stream",
    "/v1/catalogue",
    "/v1/catalogue/{event_type}",
    "/v1/asyncapi.json",
}
OPEN = {"/v1/health", "/v1/receipt-key", "/metrics"}


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The description that a node serves."""
    node = open_node(tmp_path_factory.mktemp("node") / "data", Site.load(SITE, Contracts.load()))
    yield application(node).openapi()
    node.close()


def gateways(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the operations that agencies use; the desk's and the auditor's are the console's own, on loopback."""
    return [(path, each) for path, each in operations(document) if path.startswith("/v1/") or path in OPEN]


def test_routers_that_came_later_are_described_too(document: dict[str, Any]) -> None:
    """The description is made when it is asked for, so no route is missing."""
    assert {path for path, _ in gateways(document)} >= ROUTES | OPEN


def test_every_route_says_what_it_does_and_gives(document: dict[str, Any]) -> None:
    """A summary that is a sentence, a description, and a body for its success."""
    for path, operation in gateways(document):
        assert len(operation["summary"].split()) > 1, path
        assert operation["description"], path
        assert any(status[0] == "2" for status in operation["responses"]), path


def test_every_error_answer_shows_its_codes_in_their_words(document: dict[str, Any]) -> None:
    """Each error status has examples, keyed by codes that exist, filled with their texts."""
    for path, operation in gateways(document):
        errors = {status: held for status, held in operation["responses"].items() if status[0] in "45"}
        assert errors or path in OPEN, path
        for status, held in errors.items():
            for content in held["content"].values():
                assert content["schema"], (path, status)
                assert content["examples"], (path, status)
                for code, example in content["examples"].items():
                    assert f"{code}.message" in catalogue(), code
                    assert catalogue()[f"{code}.message"]["en"].split("{")[0] in example["value"]["message"]


def test_every_route_that_takes_a_body_says_its_shape(document: dict[str, Any]) -> None:
    """Whatever takes a body says its schema; a POST without one acts on what its path names."""
    methods = [(path, method, each) for path, held in document["paths"].items() for method, each in held.items()]
    for path, method, operation in methods:
        if path.startswith("/v1/"):
            body = "requestBody" in operation
            assert body == (method == "post") or (method == "post" and "{" in path), path
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert content["schema"], path


def test_every_route_but_the_open_ones_asks_for_a_token(document: dict[str, Any]) -> None:
    """What is closed says so, and names a scheme that the document defines."""
    schemes = set(document["components"]["securitySchemes"])
    for path, operation in gateways(document):
        named = {name for each in operation.get("security", []) for name in each}
        assert bool(named) == (path not in OPEN), path
        assert named <= schemes
