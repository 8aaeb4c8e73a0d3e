"""The invented city: sixteen districts, their units, names and roll-up."""

from __future__ import annotations

import pytest

from schemas import districts
from schemas.districts import UnknownDistrictError


def test_the_city_has_sixteen_districts() -> None:
    """Codes 990101 to 990116, each with its own two names."""
    found = districts.districts()

    assert [d.code for d in found] == [f"9901{n:02d}" for n in range(1, 17)]
    assert len({d.zh for d in found}) == len({d.en for d in found}) == 16
    assert (districts.city().code, districts.city().name("zh"), districts.city().name()) == (
        "990100",
        "演示市",
        "Demo City",
    )


def test_codes_roll_up_by_prefix() -> None:
    """A district belongs to its city and province; a city to its province."""
    assert districts.rollup("990103") == ("990103", "990100", "990000")
    assert districts.rollup("990100") == ("990100", "990000")
    assert districts.rollup("990000") == ("990000",)


def test_every_district_has_its_offices() -> None:
    """Stations, squads, a court and a procuratorate in each district; the prison is the city's."""
    for district in districts.districts():
        units = districts.units(district.code)
        kinds = [unit.kind for unit in units]
        assert kinds.count("station") == 3
        assert {"legal", "economic", "court", "procuratorate", "detention", "justice"} <= set(kinds)
        assert "prison" not in kinds
        assert all(
            len(u.code) == 12 and u.code.startswith(district.code) == (u.district == district.code) for u in units
        )
    assert [u.organisation for u in districts.units("990100")] == ["prison-990100"]


def test_units_know_their_organisation() -> None:
    """A station belongs to the police of its district; its name begins with the district's."""
    station = districts.unit("990103010000")

    assert (station.kind, station.organisation, station.district) == ("station", "police-990103", "990103")
    assert station.name("zh") == "白榆区第一派出所"
    assert station.name() == "Baiyu District, First Police Station"


def test_names_of_codes() -> None:
    """Districts and units are named in both languages; an unknown code stands for itself."""
    assert districts.name("990103", "zh") == "白榆区"
    assert districts.name("990103700000") == "Baiyu District, People's Court"
    assert districts.name("110102") == "110102"
    assert districts.name("990103999999") == "990103999999"


@pytest.mark.parametrize("code", ["110102", "99", ""])
def test_unknown_codes_raise(code: str) -> None:
    """Looking up a code that does not exist is a coded error."""
    with pytest.raises(UnknownDistrictError):
        districts.district(code)
    with pytest.raises(UnknownDistrictError):
        districts.unit(code)
