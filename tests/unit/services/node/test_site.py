"""The site file: the demonstration's own is whole, and each thing that can be wrong is named by its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.catalogue import Contracts
from schemas.errors import CasebusError
from services.node.establishment import source_body
from services.node.site import Site
from services.simulator.background.telling import background
from services.simulator.cast import SHOWN_DISTRICT, background_sources, sources, stations
from services.simulator.days import END, instant

DEMO = Path("deploy/site/demo.yaml")

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    """The bundled contracts."""
    return Contracts.load()


@pytest.fixture(scope="module")
def demo(contracts: Contracts) -> Site:
    """The demonstration's site."""
    return Site.load(DEMO, contracts)


def changed(folder: Path, change: Change) -> Path:
    """Write the demonstration's file with one change."""
    document = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    change(document)
    path = folder / "site.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return path


def test_every_speaker_of_the_city_is_registered(demo: Site) -> None:
    """The sources of the demonstration are exactly those that the simulated city lets speak."""
    assert {source.id for source in demo.sources} == set(sources())


def test_an_entry_for_each_district_is_written_out(demo: Site) -> None:
    """`each: district` gives sixteen entries with the district's code and names in place."""
    police = next(o for o in demo.organisations if o.id == "police-990103")

    assert (police.district, police.zh) == ("990103", "白榆区公安分局")
    assert sum(o.agency == "police" for o in demo.organisations) == 16


def test_a_source_serves_its_types_in_its_districts(demo: Site) -> None:
    """A district's source serves that district; the prison, registered by prefix, serves all of them."""
    by_id = {source.id: source for source in demo.sources}

    assert by_id["police-990103/cases"].serves("police.case.filed", "990103")
    assert not by_id["police-990103/cases"].serves("police.case.filed", "990104")
    assert not by_id["police-990103/cases"].serves("court.judgment.effective", "990103")
    assert by_id["prison-990100/custody"].serves("prison.admitted", "990116")


def test_agency_comes_from_the_organisation(demo: Site) -> None:
    """A source belongs to the agency of its organisation: that is the topic its events stand in."""
    everyday = set(background_sources())
    agencies = {source.agency for source in demo.sources if source.id not in everyday}

    assert agencies == {"police", "court", "detention", "prison"}
    assert all(source.agency == source.id.split("-")[0] for source in demo.sources)


def test_everyday_sources_may_say_what_they_say(demo: Site) -> None:
    """The systems of the everyday stories are registered for exactly what they publish, and for no closing event."""
    said: dict[str, set[str]] = {}
    for story in background(7, 200):
        for event in story.events:
            said.setdefault(event.source, set()).add(event.type)

    assert {s.id: set(s.types) for s in demo.sources if s.id in background_sources()} == said


def test_a_right_that_is_not_given_is_the_one_below_it(demo: Site) -> None:
    """Clearances never fall with a stronger right, and what the file leaves out adds nothing."""
    principals = [s.principal for s in demo.subscriptions] + [a.principal for a in demo.accounts]
    court = next(s.principal for s in demo.subscriptions if s.id == "court-990103-execution")

    assert all(p.clearance <= p.bound_clearance <= p.grant_clearance for p in principals)
    assert (court.clearance, court.bound_clearance, court.grant_clearance) == (3, 3, 3)


def test_subscriptions_outlive_the_city(demo: Site) -> None:
    """No subscription of the demonstration ends while the city runs."""
    ends = [subscription.principal.expires_at for subscription in demo.subscriptions]

    assert min(end or 0 for end in ends) > instant(END)


def test_the_engine_asks_for_what_models_ask(demo: Site) -> None:
    """The supervision engine's subscription names no type: it follows the active models."""
    engine = next(s for s in demo.subscriptions if s.delivers == "work")

    assert engine.of_models
    assert engine.principal.kind == "engine"
    assert engine.principal.event_types == frozenset()


def test_the_police_officer_works_where_the_stories_happen(demo: Site) -> None:
    """The shown unit is the station of the shown district, and the officer publishes as its system."""
    officer = next(a for a in demo.accounts if a.principal.role == "GA_LEGAL")

    assert officer.principal.districts == stations(SHOWN_DISTRICT)[:1]
    assert officer.publishes == f"police-{SHOWN_DISTRICT}/cases"
    assert demo.organisation(officer.principal.organisation).district == SHOWN_DISTRICT


def test_roles_give_what_accounts_may_read(demo: Site) -> None:
    """The matrix decides: the clerk has counts and no detail, the security officer no payload."""
    people = {a.id: a.principal for a in demo.accounts}

    assert (people["prosecutor"].clearance, people["prosecutor"].bound_clearance) == (2, 3)
    assert (people["clerk"].aggregates, people["clerk"].clearance) == (True, 1)
    assert not people["security"].payload
    assert not people["security"].aggregates


def _drop_node(document: dict[str, Any]) -> None:
    del document["node"]


def _level_five(document: dict[str, Any]) -> None:
    document["sources"][0]["ceiling"] = 5


def _repeat(document: dict[str, Any]) -> None:
    document["accounts"].append(document["accounts"][0])


def _foreign_organisation(document: dict[str, Any]) -> None:
    document["subscriptions"][2]["organisation"] = "procuratorate-980103"


def _foreign_source(document: dict[str, Any]) -> None:
    document["accounts"][1]["publishes"] = "police-990103/fines"


def _low_node(document: dict[str, Any]) -> None:
    document["node"]["ceiling"] = 3


def _unknown_type(document: dict[str, Any]) -> None:
    document["sources"][3]["types"].append("prison.escaped")


def _unknown_field(document: dict[str, Any]) -> None:
    document["subscriptions"][2]["fields"]["police.case.filed"].append("suspect_name")


def _field_of_another_type(document: dict[str, Any]) -> None:
    document["subscriptions"][2]["fields"]["prison.admitted"] = ["ah"]


def _unknown_zone(document: dict[str, Any]) -> None:
    document["node"]["zone"] = "Asia/Nowhere"


def _no_such_day(document: dict[str, Any]) -> None:
    document["subscriptions"][2]["expires"] = "2026-02-30"


def _unknown_placeholder(document: dict[str, Any]) -> None:
    document["organisations"][1]["zh"] = "{name}看守所"


def _unknown_role(document: dict[str, Any]) -> None:
    document["accounts"][0]["role"] = "P_KING"


def _fields_of_half_the_types(document: dict[str, Any]) -> None:
    del document["subscriptions"][2]["fields"]["police.case.filed"]


def _supervise_as_release(document: dict[str, Any]) -> None:
    document["node"] |= {"release": ["one", "two"], "supervise": ["three", "two"]}


def _release_as_the_node(document: dict[str, Any]) -> None:
    document["node"]["release"] = [document["node"]["name"]]


FAULTY: list[tuple[Change, str, str]] = [
    (_drop_node, "site.invalid", "/"),
    (_level_five, "site.invalid", "/sources/0/ceiling"),
    (_repeat, "site.repeated", "/accounts/4/id"),
    (_foreign_organisation, "site.unknown_name", "/subscriptions/2/organisation"),
    (_foreign_source, "site.unknown_name", "/accounts/1/publishes"),
    (_low_node, "site.above_ceiling", "/sources/0/ceiling"),
    (_unknown_type, "site.unknown_name", "/sources/48/types/2"),
    (_unknown_field, "site.unknown_name", "/subscriptions/2/fields/police.case.filed"),
    (_field_of_another_type, "site.unknown_name", "/subscriptions/2/fields"),
    (_unknown_zone, "site.unknown_name", "/node/zone"),
    (_no_such_day, "site.invalid", "/subscriptions/2/expires"),
    (_unknown_placeholder, "site.invalid", "/organisations/1"),
    (_unknown_role, "site.unknown_name", "/accounts/0/role"),
    (_fields_of_half_the_types, "site.unknown_name", "/subscriptions/2/fields"),
    (_supervise_as_release, "site.repeated", "/node/supervise/1"),
    (_release_as_the_node, "site.repeated", "/node/release/0"),
]


@pytest.mark.parametrize(("change", "code", "place"), FAULTY, ids=lambda value: getattr(value, "__name__", None))
def test_a_fault_is_named_by_its_place(
    change: Change, code: str, place: str, tmp_path: Path, contracts: Contracts
) -> None:
    """Each thing that can be wrong is refused under its code, naming the file and the place."""
    with pytest.raises(CasebusError) as caught:
        Site.load(changed(tmp_path, change), contracts)

    assert caught.value.code == code
    assert caught.value.fields["file"] == "site.yaml"
    assert caught.value.fields["path"] == place
    assert place in caught.value.message()


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    """A file that is not there is said to be absent."""
    with pytest.raises(CasebusError) as caught:
        Site.load(tmp_path / "nowhere.yaml")

    assert caught.value.code == "site.absent"


def test_broken_yaml_is_named_by_its_line(tmp_path: Path) -> None:
    """A file that is no YAML is refused with the line."""
    path = tmp_path / "site.yaml"
    path.write_text("site: demo\nnode: [\n", encoding="utf-8")

    with pytest.raises(CasebusError) as caught:
        Site.load(path)

    assert caught.value.code == "site.unreadable"
    assert caught.value.fields["line"] == 3


def test_a_source_of_another_gateway_says_so_in_control_and_others_as_before(tmp_path: Path) -> None:
    """The record of a source without a gateway has the bytes it always had; the site names its gateways once."""
    document = yaml.safe_load(DEMO.read_text(encoding="utf-8"))
    document["sources"][0]["gateway"] = "annex"
    path = tmp_path / "site.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")

    site = Site.load(path)

    assert source_body(site.sources[0])["gateway"] == "annex"
    assert "gateway" not in source_body(site.sources[-1])
    assert site.gateways == (site.node, "annex")
