"""Topics as data: what is wanted, and everything in which a Kafka can differ from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from streams.bus.kafka_topics import BUNDLED, Found, TopicsFileError, Wanted, differences, load

NAMES: Mapping[str, Sequence[str]] = {
    "agency": ["police", "court"],
    "subscription": ["s1"],
    "node": ["n1"],
    "log": ["n1", "release-1"],
}


def as_wanted(topic: Wanted) -> Found:
    """Return a topic just as it is wanted."""
    return Found(topic.partitions, topic.copies, topic.settings)


def test_placeholders_are_filled_for_each_name() -> None:
    """Each agency has its raw topic and its changelog, each subscription its view, each log its replica."""
    names = load(NAMES, 3).names

    assert {
        "casebus.raw.police",
        "casebus.raw.court",
        "casebus.view.s1",
        "casebus.audit.n1",
        "casebus.audit.release-1",
    } <= set(names)
    assert "casebus.changelog.release.raw.court" in names
    assert len(names) == len(set(names))


def test_without_names_only_common_topics_are_wanted() -> None:
    """What depends on a site is left out where no site is known."""
    names = load({}, 1).names

    assert "casebus.work" in names
    assert not [name for name in names if name.startswith("casebus.raw")]


@pytest.mark.parametrize(("brokers", "copies", "in_step"), [(1, 1, "1"), (2, 2, "1"), (3, 3, "2"), (9, 3, "2")])
def test_copies_follow_the_brokers(brokers: int, copies: int, in_step: str) -> None:
    """No topic wants more copies than there are brokers, and one copy may always be missing where there are several."""
    topic = load(NAMES, brokers).topics[0]

    assert (topic.copies, topic.settings["min.insync.replicas"]) == (copies, in_step)


def test_a_stage_changelog_has_the_partitions_of_its_input() -> None:
    """A partition's state lies in the changelog partition of the same number."""
    partitions = {topic.name: topic.partitions for topic in load(NAMES, 1).topics}

    assert partitions["casebus.changelog.release.raw.police"] == partitions["casebus.raw.police"]
    assert partitions["casebus.changelog.supervise.work"] == partitions["casebus.work"]


def test_changelogs_are_compacted_and_control_is_not() -> None:
    """A changelog keeps the newest value of each key; control keeps every epoch, for they are verified densely."""
    policies = {topic.name: topic.settings["cleanup.policy"] for topic in load(NAMES, 1).topics}

    assert {name for name, policy in policies.items() if policy == "compact"} == {
        "casebus.marks",
        *(name for name in policies if name.startswith("casebus.changelog.")),
    }
    assert policies["casebus.control"] == "delete"


def test_no_topic_loses_records_by_time_or_size() -> None:
    """Every topic that is not compacted keeps everything."""
    kept = {(t.settings["retention.ms"], t.settings["retention.bytes"]) for t in load(NAMES, 1).topics}

    assert kept == {("-1", "-1")}


def test_processes_have_the_rights_of_their_roles_only() -> None:
    """A second gateway writes raw, reads neither it nor views; a view is read by its own certificate and the node."""
    topics = {topic.name: topic for topic in load(NAMES, 1).topics}

    raw, control = topics["casebus.raw.police"], topics["casebus.control"]
    assert (raw.write, raw.read) == (("gateway", "node"), ("node", "release"))
    assert control.write == ("node",)
    assert "gateway" in control.read
    assert topics["casebus.raw.police"].see == ("supervise",)
    assert topics["casebus.view.s1"].read == ("node", "subscription.s1")
    assert topics["casebus.view.s1"].write == ("release",)
    assert topics["casebus.view.panorama"].read == ("node",)


def test_a_kafka_as_wanted_has_no_difference() -> None:
    """What was made from the file is as the file wants it; numbers may be written otherwise."""
    wanted = load(NAMES, 3).topics
    found = {topic.name: as_wanted(topic) for topic in wanted}
    marks = found["casebus.marks"]
    found["casebus.marks"] = dataclasses.replace(
        marks, settings={**marks.settings, "min.cleanable.dirty.ratio": "0.10"}
    )

    assert differences(wanted, found) == []


def test_each_way_to_differ_is_named() -> None:
    """Missing, too few partitions, too few copies, another setting, an old message format."""
    wanted = load(NAMES, 3).topics
    found = {topic.name: as_wanted(topic) for topic in wanted}
    del found["casebus.dlq"]
    found["casebus.work"] = dataclasses.replace(found["casebus.work"], partitions=3)
    found["casebus.alerts"] = dataclasses.replace(found["casebus.alerts"], copies=1)
    raw = found["casebus.raw.police"].settings
    found["casebus.raw.police"] = Found(8, 3, {**raw, "retention.ms": "604800000"})
    found["casebus.clues"] = dataclasses.replace(
        found["casebus.clues"], settings={**found["casebus.clues"].settings, "message.format.version": "0.10.2-IV0"}
    )

    named = {(each.kind, each.topic, each.setting) for each in differences(wanted, found)}

    assert named == {
        ("missing", "casebus.dlq", ""),
        ("partitions", "casebus.work", ""),
        ("copies", "casebus.alerts", ""),
        ("setting", "casebus.raw.police", "retention.ms"),
        ("format", "casebus.clues", "message.format.version"),
    }


@pytest.mark.parametrize(
    "text", ["version: 2\n", "[", BUNDLED.read_text(encoding="utf-8").replace("casebus.audit.{log}", "x.{planet}")]
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    """Another version, no YAML, a placeholder that nobody knows."""
    path = tmp_path / "topics.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(TopicsFileError) as caught:
        load(NAMES, 1, path)
    assert caught.value.exit_code == 2
