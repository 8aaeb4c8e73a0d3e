"""A client that nobody here wrote: Confluent's own deserialiser and registry client read our views over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas.framing import unframe
from security.view_schema import FIRST_ID, SEALED, WITHHELD
from security.views import read_view
from tests.interop.reading_node import EXECUTION, FILING, ReadingNode, released_city, served


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReadingNode]:
    """A node with a released city, on loopback."""
    node = released_city(tmp_path_factory.mktemp("node") / "data")
    with served(node) as running:
        yield running
    node.close()


@contextmanager
def foreign(reading: ReadingNode, subscription: str = "") -> Iterator[SchemaRegistryClient]:
    """Give Confluent's client, configured as its documentation says: name and secret by Basic."""
    settings: dict[str, Any] = {"url": f"{reading.url}/v1/registry", "max.retries": 0}
    if subscription:
        settings["basic.auth.user.info"] = f"{subscription}:{reading.tokens[subscription]}"
    with SchemaRegistryClient(settings) as client:
        yield client


def views(reading: ReadingNode, subscription: str) -> list[Any]:
    """Return the records of a view topic."""
    found = reading.node.bus.read(f"casebus.view.{subscription}", 0, 0, 10_000)
    assert found
    return found


def flat(record: dict[str, Any]) -> dict[str, Any]:
    """Return a view's open fields, parts unfolded, as our own reader gives them."""
    said: dict[str, Any] = {}
    for name, value in record.items():
        if name.startswith("_part_"):
            said |= value or {}
        elif name not in {SEALED, WITHHELD}:
            said[name] = value
    return said


@pytest.mark.parametrize("subscription", [FILING, EXECUTION])
def test_the_foreign_deserialiser_decodes_every_view(reading: ReadingNode, subscription: str) -> None:
    """Every record of the topic, by ids it fetches itself; field for field what our own reader says."""
    context = SerializationContext(f"casebus.view.{subscription}", MessageField.VALUE)
    with foreign(reading, subscription) as client:
        decode = AvroDeserializer(client)
        decoded = [(stored, decode(stored.value, context)) for stored in views(reading, subscription)]

    for stored, said in decoded:
        event_id = next(value for name, value in stored.headers if name == "ce_id").decode()
        ours = read_view(stored.value, reading.node.views, None, bytes.fromhex(event_id.replace("-", "")))
        assert unframe(stored.value)[0] >= FIRST_ID
        assert flat(said) == {k: v for k, v in ours.items() if k not in {SEALED, WITHHELD}}
        assert [(w["field"], w["reason"]) for w in said[WITHHELD]] == ours[WITHHELD]


def test_the_foreign_client_walks_subjects_versions_and_ids(reading: ReadingNode) -> None:
    """Subjects, versions, ids, look-up and config agree with each other, for contracts and for views."""
    with foreign(reading, FILING) as client:
        subjects = client.get_subjects()
        assert "casebus.police.CaseFiled" in subjects
        view = next(s for s in subjects if s.startswith(f"casebus.view.{FILING}-"))
        for subject in ("casebus.police.CaseFiled", view):
            latest = client.get_latest_version(subject)
            assert latest.schema_id is not None
            assert latest.version in client.get_versions(subject)
            assert client.get_version(subject, latest.version).schema_id == latest.schema_id
            assert client.lookup_schema(subject, Schema(latest.schema.schema_str, "AVRO")).schema_id == latest.schema_id
            assert client.get_schema(latest.schema_id).schema_str == latest.schema.schema_str
            assert client.get_config(subject).compatibility_level == "BACKWARD_TRANSITIVE"
        assert client.get_config().compatibility_level == "BACKWARD_TRANSITIVE"


def test_the_foreign_client_reads_our_refusals(reading: ReadingNode) -> None:
    """Error codes are those its authors chose; another's views do not exist for it; nothing can be written."""

    def refused(act: Any, *given: Any) -> tuple[int, int]:
        with pytest.raises(SchemaRegistryError) as caught:
            act(*given)
        return caught.value.http_status_code, caught.value.error_code

    with foreign(reading, FILING) as client, foreign(reading, EXECUTION) as other, foreign(reading) as stranger:
        theirs = next(s for s in other.get_subjects() if s.startswith(f"casebus.view.{EXECUTION}-"))
        number = other.get_latest_version(theirs).schema_id

        assert refused(client.get_latest_version, theirs) == (404, 40401)
        assert refused(client.get_schema, number) == (404, 40403)
        assert refused(client.get_version, "casebus.police.CaseFiled", 99) == (404, 40402)
        assert refused(client.register_schema, "x", Schema('"string"', "AVRO"))[0] == 405
        assert refused(stranger.get_subjects)[0] == 401
