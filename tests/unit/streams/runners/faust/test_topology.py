"""What topics there are, as a worker found them: partitions that do not fit its states keep it from starting."""

from __future__ import annotations

import pytest

from streams.bus.kafka_errors import KafkaTopicMissingError
from streams.runners.faust.topology import PartitionCountError, Topology

RAW, CHANGELOG = "casebus.raw.police", "casebus.changelog.release.raw.police"


def test_a_topic_with_as_many_partitions_as_its_changelog_is_worked_on() -> None:
    """Nothing is said, and the topic is found by its beginning."""
    topology = Topology({RAW: 4, CHANGELOG: 4})
    topology.require("release", [RAW])

    assert topology.beginning("casebus.raw.") == (RAW,)


def test_another_number_of_partitions_than_states_were_kept_for_is_refused() -> None:
    """Somebody added partitions: keys would move away from their states. The message names both topics."""
    with pytest.raises(PartitionCountError) as caught:
        Topology({RAW: 8, CHANGELOG: 4}).require("release", [RAW])

    assert caught.value.fields == {"topic": RAW, "changelog": CHANGELOG}
    assert caught.value.exit_code == 6


@pytest.mark.parametrize(("there", "missing"), [({RAW: 4}, CHANGELOG), ({CHANGELOG: 4}, RAW)])
def test_a_topic_that_is_not_there_is_named(there: dict[str, int], missing: str) -> None:
    """A worker does not make topics: it says which one the doctor has to make."""
    with pytest.raises(KafkaTopicMissingError) as caught:
        Topology(there).require("release", [RAW])

    assert caught.value.fields["topic"] == missing


def test_every_raw_partition_is_a_writer_of_release() -> None:
    """Marks count once every one of them has told them."""
    topology = Topology({RAW: 2, CHANGELOG: 2})

    assert topology.writers("release", topology.beginning("casebus.raw.")) == {
        RAW: ("release/casebus.raw.police/0", "release/casebus.raw.police/1")
    }
