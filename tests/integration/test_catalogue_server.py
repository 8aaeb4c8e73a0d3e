"""The catalogue as readers meet it over HTTP: directory, CSV, a type's page, AsyncAPI; closed without a token."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import httpx
import pytest

from schemas.catalogue import Contracts
from services.node.node import open_node
from services.node.site import Site
from tests.interop.reading_node import EXECUTION, FILING, SITE, ReadingNode, served

PAGES = ("/v1/catalogue", "/v1/catalogue.csv", "/v1/catalogue/police.case.filed", "/v1/asyncapi.json")


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingNode]:
    """A new node on loopback."""
    node = open_node(tmp_path_factory.mktemp("node") / "data", Site.load(SITE, Contracts.load()))
    with served(node) as running:
        yield running
    node.close()


def test_the_directory_is_the_same_in_json_and_csv(reading: ReadingNode) -> None:
    """Every event type stands in it, under each of its themes; a theme or an owner narrows it."""
    with reading.client(FILING) as client:
        told = client.get("/v1/catalogue").json()
        table = client.get("/v1/catalogue.csv")
        one = client.get("/v1/catalogue", params={"owner": "prison"}).json()["entries"]

    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert {entry["type"] for entry in told["entries"]} == set(reading.node.contracts.types())
    assert [row["type"] for row in rows] == [entry["type"] for entry in told["entries"]]
    assert {entry["owner"] for entry in one} == {"prison"}


def test_a_types_page_names_consumers_to_those_who_publish_it(reading: ReadingNode) -> None:
    """The police see who receives what they publish; the court sees how many, and not itself where it is none."""
    path = "/v1/catalogue/police.case.filed"
    with httpx.Client(base_url=reading.url, trust_env=False) as client:
        police = client.get(path, headers={"authorization": f"Bearer {reading.publisher}"}).json()
        court = client.get(path, headers={"authorization": f"Bearer {reading.tokens[EXECUTION]}"}).json()
        filing = client.get(path, headers={"authorization": f"Bearer {reading.tokens[FILING]}"}).json()

    asking = Site.load(SITE).subscriptions
    everyone = {"supervision"} | {each.id for each in asking if "police.case.filed" in each.principal.event_types}
    assert FILING in everyone
    assert {each["subscription"] for each in police["consumers"]} == everyone
    assert (court["consumers"], court["consumers_in_all"]) == ([], len(everyone))
    own = {each["subscription"]: sorted(each["fields"]) for each in filing["consumers"]}
    assert own[FILING] == ["ajbh", "charge_code", "filed_at", "jjdbh", "suspect", "unit"]
    assert {each["organisation"] for each in filing["consumers"]} == {"procuratorate-990103"}
    assert {row["name"] for row in police["field_table"]} >= {"jjdbh", "filed_at"}
    assert "police-990103/cases" in {each["source"] for each in police["producers"]}
    assert police["example"]["type"] == "police.case.filed"


def test_the_bus_is_described_as_asyncapi(reading: ReadingNode) -> None:
    """The served document is that of the contracts."""
    with reading.client(FILING) as client:
        document = client.get("/v1/asyncapi.json").json()

    assert document["asyncapi"].startswith("3.")
    assert "police.case.filed" in document["components"]["messages"]


@pytest.mark.parametrize("path", PAGES)
def test_nothing_is_shown_without_a_token(reading: ReadingNode, path: str) -> None:
    """Contracts are no public paper: each page is closed."""
    assert httpx.get(reading.url + path, trust_env=False).status_code == 401


def test_an_unknown_type_is_a_coded_404(reading: ReadingNode) -> None:
    """The answer says that there is no such contract."""
    with reading.client(FILING) as client:
        answer = client.get("/v1/catalogue/police.nothing")

    assert answer.status_code == 404
    assert answer.json()["code"]
