"""Loading contracts: what is refused, with which code, naming file and field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas import catalogue
from schemas.catalogue import BUNDLED, Contracts
from schemas.contract_errors import ContractError, UnknownSchemaError, UnknownTypeError

Change = Callable[[dict[str, Any]], None]


def field(name: str, kind: Any = "string", **more: Any) -> dict[str, Any]:
    """A well-labelled field."""
    row = {
        "name": name,
        "type": kind,
        "casebus.level": 2,
        "casebus.flags": [],
        "casebus.about": "",
        "casebus.zh": "字段",
        "casebus.en": "field",
        "casebus.source": "a system",
    }
    return {**row, **more}


def sample() -> dict[str, Any]:
    """A contract without a fault."""
    return {
        "type": "record",
        "name": "ThingDone",
        "namespace": "casebus.test",
        "casebus": {
            "type": "test.thing.done",
            "version": 1,
            "zh": "办理",
            "en": "thing done",
            "subject": "no",
            "retention_days": 30,
            "share": "none",
            "themes": ["tests"],
            "case_refs": {"no": "TEST"},
        },
        "fields": [field("no"), field("who", ["null", "string"], default=None)],
    }


def write(root: Path, raw: Any, file: str = "test/thing.done.v1.avsc") -> Path:
    """Put a contract into a folder."""
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(raw if isinstance(raw, str) else json.dumps(raw), encoding="utf-8")
    return path


def load(root: Path) -> Contracts:
    """Record what is new and load."""
    catalogue.record(root)
    return Contracts.load(root)


def test_the_bundled_contracts_load_without_a_fault() -> None:
    """Every contract in the tree is whole and recorded."""
    found = catalogue.survey()

    assert [str(fault) for fault in found.faults] == []
    assert len({c.type for c in found.contracts}) > 230


def test_ids_of_the_bundled_contracts_are_what_they_were() -> None:
    """Recorded ids stand in the wire framing of every stored event: they never move."""
    ids = {c.key: c.id for c in Contracts.load().all()}

    assert ids["court.execution_notice.sent/1"] == 1
    assert ids["police.report.accepted/1"] == 9
    assert ids["traffic.fine.sent/1"] == 24
    assert ids["admin.case.filed/1"] == 25
    assert ids["waste.manifest/1"] == 242
    assert sorted(ids.values()) == list(range(1, len(ids) + 1))


def test_look_up_by_type_and_by_id() -> None:
    """A contract is found by its type and by its id; unknown ones raise coded errors."""
    contracts = Contracts.load()

    contract = contracts.by_type("police.case.filed")

    assert contracts.by_id(contract.id) is contract
    assert "police.case.filed" in contracts.types()
    with pytest.raises(UnknownTypeError):
        contracts.by_type("police.case.forgotten")
    with pytest.raises(UnknownSchemaError):
        contracts.by_id(2**30)


def test_the_latest_version_answers_for_its_type(tmp_path: Path) -> None:
    """Two versions live side by side: the type gives the newer one, each id its own."""
    second = sample()
    second["casebus"]["version"] = 2
    second["fields"].append(field("more", ["null", "int"], default=None))
    write(tmp_path, sample())
    write(tmp_path, second, "test/thing.done.v2.avsc")

    contracts = load(tmp_path)

    assert contracts.by_type("test.thing.done").version == 2
    assert [contracts.by_id(n).version for n in (1, 2)] == [1, 2]


def dropping(key: str) -> Change:
    """Take an attribute from the first field."""
    return lambda raw: raw["fields"][0].pop(key)


def setting(key: str, value: Any, index: int = 0) -> Change:
    """Set an attribute of a field."""
    return lambda raw: raw["fields"][index].__setitem__(key, value)


def heading(key: str, value: Any) -> Change:
    """Set an attribute of the record's casebus object."""
    return lambda raw: raw["casebus"].__setitem__(key, value)


FAULTS: list[tuple[str, str | None, Change]] = [
    ("contract.unlabelled", "no", dropping("casebus.level")),
    ("contract.unlabelled", "no", dropping("casebus.flags")),
    ("contract.unlabelled", "no", dropping("casebus.about")),
    ("contract.level", "no", setting("casebus.level", 0)),
    ("contract.level", "no", setting("casebus.level", 5)),
    ("contract.level", "no", setting("casebus.level", "2")),
    ("contract.level", "no", setting("casebus.level", 2.0)),
    ("contract.flag", "no", setting("casebus.flags", ["secret"])),
    ("contract.flag", "no", setting("casebus.flags", "minor ")),
    ("contract.about", "no", setting("casebus.about", "somebody")),
    ("contract.about", "no", setting("casebus.about", None)),
    ("contract.untitled", "no", dropping("casebus.zh")),
    ("contract.untitled", "no", setting("casebus.en", " ")),
    ("contract.untitled", "no", dropping("casebus.source")),
    ("contract.attribute", "no", setting("casebus.colour", "red")),
    ("contract.attribute", "no", setting("casebus.format", "no_such_format")),
    ("contract.attribute", "no", setting("casebus.codes", "no_such_list")),
    ("contract.attribute", "no", setting("casebus.min", "1")),
    ("contract.field_name", "'No'", setting("name", "No")),
    ("contract.field_name", "'案号'", setting("name", "案号")),
    ("contract.field_name", "None", dropping("name")),
    ("contract.duplicate_field", "no", setting("name", "no", 1)),
    ("contract.null_first", "who", setting("type", ["string", "null"], 1)),
    ("contract.null_first", "who", setting("type", ["null", "string", "int"], 1)),
    ("contract.default", "who", lambda raw: raw["fields"][1].pop("default")),
    ("contract.default", "no", setting("default", "nobody said this")),
    ("contract.type", "who", setting("type", ["null", {"type": "map", "values": "string"}], 1)),
    ("contract.type", "who", setting("type", ["null", {"type": "bytes", "logicalType": "decimal"}], 1)),
    ("contract.type", "who", setting("type", ["null", "casebus.types.Unknown"], 1)),
    ("contract.subject", "who", heading("subject", "who")),
    ("contract.subject", "nothing", heading("subject", "nothing")),
    ("contract.subject", "no", setting("casebus.level", 3)),
    ("contract.subject", "nothing", heading("case_refs", {"nothing": "X"})),
    ("contract.head", None, lambda raw: raw.pop("casebus")),
    ("contract.head", None, heading("version", 0)),
    ("contract.head", None, heading("retention_days", "30")),
    ("contract.head", None, heading("share", "perhaps")),
    ("contract.head", None, heading("zh", "")),
    ("contract.head", None, heading("mood", "good")),
    ("contract.name", None, lambda raw: raw.__setitem__("name", "Other")),
    ("contract.name", None, lambda raw: raw.__setitem__("namespace", "casebus.other")),
    ("contract.name", None, heading("version", 3)),
    ("contract.not_record", None, lambda raw: raw.__setitem__("type", "enum")),
    ("contract.not_record", None, lambda raw: raw.__setitem__("fields", [])),
]


@pytest.mark.parametrize(("code", "name", "change"), FAULTS)
def test_each_fault_refuses_to_load(code: str, name: str | None, change: Change, tmp_path: Path) -> None:
    """A faulty contract refuses to load with its code, its file and its field."""
    raw = sample()
    change(raw)
    write(tmp_path, raw)

    faults = catalogue.survey(tmp_path).faults

    assert code in [fault.code for fault in faults]
    fault = next(f for f in faults if f.code == code)
    assert fault.fields["file"] == "test/thing.done.v1.avsc"
    assert fault.fields.get("field") == name
    assert "{" not in fault.message("zh") + fault.message("en")
    with pytest.raises(ContractError):
        Contracts.load(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"type": "record", "type": "record"}', "\x00"])
def test_a_file_that_is_no_json_object_is_named(text: str, tmp_path: Path) -> None:
    """Broken JSON, another JSON value and a key that stands twice are refused, not guessed."""
    write(tmp_path, text)

    faults = catalogue.survey(tmp_path).faults

    assert [(f.code, f.fields["file"]) for f in faults] == [("contract.unreadable", "test/thing.done.v1.avsc")]


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    """Lint sees every fault of every file in one go."""
    raw = sample()
    del raw["fields"][0]["casebus.level"]
    raw["fields"][1]["casebus.about"] = "x"
    raw["name"] = "Other"
    write(tmp_path, raw)
    write(tmp_path, "{", "test/other.done.v1.avsc")

    codes = [fault.code for fault in catalogue.survey(tmp_path).faults]

    assert sorted(codes) == ["contract.about", "contract.name", "contract.unlabelled", "contract.unreadable"]


def test_an_unrecorded_contract_refuses_to_load(tmp_path: Path) -> None:
    """Without an id nothing can be framed; the error says what to run."""
    write(tmp_path, sample())

    with pytest.raises(ContractError) as caught:
        Contracts.load(tmp_path)

    assert caught.value.code == "contract.id"
    assert "casebus contract record" in caught.value.hint()


def test_a_recorded_contract_that_changes_refuses_to_load(tmp_path: Path) -> None:
    """Another level, order or type under a recorded version is refused: a change is a new version."""
    write(tmp_path, sample())
    load(tmp_path)
    changed = sample()
    changed["fields"][1]["casebus.level"] = 3
    write(tmp_path, changed)

    with pytest.raises(ContractError) as caught:
        Contracts.load(tmp_path)

    assert caught.value.code == "contract.changed"


def test_better_words_are_no_change(tmp_path: Path) -> None:
    """Names and descriptions may be mended: they are not part of the digest."""
    write(tmp_path, sample())
    before = load(tmp_path).by_type("test.thing.done")
    better = sample()
    better["fields"][1]["casebus.en"] = "who did it"
    write(tmp_path, better)

    assert Contracts.load(tmp_path).by_type("test.thing.done").digest == before.digest


def test_a_recorded_contract_that_is_gone_refuses_to_load(tmp_path: Path) -> None:
    """What was published must stay readable: its file may not vanish."""
    path = write(tmp_path, sample())
    write(tmp_path, {**sample(), **_second()}, "test/other.done.v1.avsc")
    load(tmp_path)
    path.unlink()

    with pytest.raises(ContractError) as caught:
        Contracts.load(tmp_path)

    assert (caught.value.code, caught.value.fields["contract"]) == ("contract.missing", "test.thing.done/1")


def test_two_contracts_with_one_id_refuse_to_load(tmp_path: Path) -> None:
    """An id names one contract."""
    write(tmp_path, sample())
    write(tmp_path, {**sample(), **_second()}, "test/other.done.v1.avsc")
    load(tmp_path)
    ids = json.loads((tmp_path / "ids.json").read_text())
    ids["test.thing.done/1"]["id"] = ids["test.other.done/1"]["id"]
    (tmp_path / "ids.json").write_text(json.dumps(ids))

    with pytest.raises(ContractError) as caught:
        Contracts.load(tmp_path)

    assert caught.value.code == "contract.duplicate_id"


def test_recording_twice_changes_nothing(tmp_path: Path) -> None:
    """Recording gives an id once; the second time nothing is new."""
    write(tmp_path, sample())

    assert [c.key for c in catalogue.record(tmp_path)] == ["test.thing.done/1"]
    first = (tmp_path / "ids.json").read_bytes()
    assert catalogue.record(tmp_path) == ()
    assert (tmp_path / "ids.json").read_bytes() == first


def test_recording_refuses_a_faulty_contract(tmp_path: Path) -> None:
    """A contract with a fault gets no id."""
    raw = sample()
    del raw["fields"][0]["casebus.level"]
    write(tmp_path, raw)

    with pytest.raises(ContractError):
        catalogue.record(tmp_path)

    assert not (tmp_path / "ids.json").exists()


def test_shared_types_are_used_by_name(tmp_path: Path) -> None:
    """A type of the types folder is known to every contract, and defined once in the schema that is served."""
    write(tmp_path, {"type": "fixed", "name": "Key", "namespace": "casebus.types", "size": 4}, "types/Key.avsc")
    raw = sample()
    raw["fields"] += [field("a", "casebus.types.Key"), field("b", ["null", "casebus.types.Key"], default=None)]
    write(tmp_path, raw)

    contract = load(tmp_path).by_type("test.thing.done")

    types = {f["name"]: f["type"] for f in contract.schema["fields"]}
    assert types["a"] == {"type": "fixed", "name": "casebus.types.Key", "size": 4}
    assert types["b"] == ["null", "casebus.types.Key"]


def test_a_faulty_shared_type_is_named(tmp_path: Path) -> None:
    """A shared type outside the conventions is a fault of its own file."""
    write(tmp_path, {"type": "map", "values": "int"}, "types/Wrong.avsc")

    assert [(f.code, f.fields["file"]) for f in catalogue.survey(tmp_path).faults] == [
        ("contract.type", "types/Wrong.avsc")
    ]


def test_one_file_can_be_read_alone(tmp_path: Path) -> None:
    """A single file is checked with the bundled shared types and without ids."""
    raw = sample()
    raw["fields"].append(field("key", "casebus.types.PersonKey", **{"casebus.level": 3}))
    path = write(tmp_path, raw)

    found = catalogue.survey_file(path)

    assert found.faults == ()
    assert [c.key for c in found.contracts] == ["test.thing.done/1"]
    assert catalogue.survey_file(BUNDLED / "police" / "case.filed.v1.avsc").faults == ()


def _second() -> dict[str, Any]:
    head = {**sample()["casebus"], "type": "test.other.done"}
    return {"name": "OtherDone", "casebus": head}


def test_a_folder_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    """In one process the contracts of an unchanged folder are the same objects; a changed file is seen."""
    path = write(tmp_path, sample())
    first = load(tmp_path).by_type("test.thing.done")

    assert Contracts.load(tmp_path).by_type("test.thing.done") is first
    better = sample()
    better["casebus"]["en"] = "thing finished"
    path.write_text(json.dumps(better), encoding="utf-8")
    assert Contracts.load(tmp_path).by_type("test.thing.done").en == "thing finished"


def test_loading_compiles_no_codec() -> None:
    """Codecs are made when they are first used: start-up pays for reading alone."""
    found = catalogue.survey().contracts

    assert not [c.key for c in found if "codec" in vars(c)]
