"""A source publishes at one gateway of a site: every other one refuses it and says which it is."""

from __future__ import annotations

import dataclasses

import pytest

from services.gateway.outcome import Status
from services.gateway.source import ElsewhereError, SourceTable
from tests.unit.services.gateway.conftest import FINES, PRISON, House, fine


@pytest.fixture
def house(house: House) -> House:
    """The door of the node `n1`; one source is the annex's, one this node's by name, one nobody's."""
    annex, here = dataclasses.replace(FINES, gateway="annex"), dataclasses.replace(FINES, id="x/y", gateway="n1")
    house.door.sources = SourceTable([annex, here, PRISON])
    return house


def test_a_source_of_another_gateway_is_refused(house: House) -> None:
    """With its name, so that the publisher finds it; nothing is kept."""
    with pytest.raises(ElsewhereError) as caught:
        house.door.accept(FINES.id, [fine()])

    assert (caught.value.fields["gateway"], caught.value.http_status) == ("annex", 421)
    assert house.log.entries == []


def test_sources_of_this_gateway_and_of_none_publish_here(house: House) -> None:
    """A node takes what is given to nobody; one that is named takes its own."""
    (outcome,) = house.door.accept("x/y", [fine(source="x/y")])

    assert outcome.status is Status.ACCEPTED
    assert house.door.source(PRISON.id) is not None
    assert [house.door.is_here(source) for source in house.door.sources.all()] == [True, False, True]


def test_a_gateway_beside_the_node_takes_only_what_is_given_to_it(house: House) -> None:
    """A source that control gives to nobody is the node's."""
    house.door._takes_unbound = False

    with pytest.raises(ElsewhereError):
        house.door.source(PRISON.id)
    assert house.door.source("x/y") is not None
