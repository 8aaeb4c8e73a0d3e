"""Views: other bytes for each receiver, valid Avro of a derived schema, nothing that was not given."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.contract import Contract
from schemas.framing import frame, unframe
from security.labels import FLAGS, RESTRICTED
from security.policy.compile import compile_table
from security.policy.guards import CASE_BOUND, COMBINATIONS, GRANT, IN_SCOPE
from security.policy.mask import Given, StaticMask, static_mask
from security.policy.table import DecisionTable
from security.receiver_key import ReceiverKey, binding
from security.sealing import SealBrokenError, SuiteError
from security.subjects import Principal
from security.view_schema import (
    FIRST_ID,
    INNER,
    UnknownViewError,
    ViewCollisionError,
    ViewRegistry,
    ViewSchema,
    view_schema,
)
from security.views import ViewBuilder, ViewMismatchError, read_view
from tests.unit.security.sealed import FILED, FILED_DATA, FINE, FINE_DATA, class_blobs, filed, fixed_random

EVENT = bytes(range(16))
KEY = ReceiverKey(bytes(32))
GOLDEN_ID = 1532374239
GOLDEN_VIEW = (
    "005b562cdf002e41393930313031303130303030323032353130303030311839393031303130313030303002ca010100"
    "5ae975dcdb964a9aa8d5d2381a8fbe65c41c2effa4c0517f79a3dc551fd71e25f904f4ff583d312fae20b244bdb0a3d5"
    "082c0164c71e21be7944efd6651c0ac842971c9f39be14b4333ced86dc539fb353571328221d905c88154fbce74d9b28"
    "6828e7020c726561736f6e186772616e745f6e656564656400"
)


def table(**rights: Any) -> DecisionTable:
    """The table of a subscription to both small contracts."""
    base: dict[str, Any] = {
        "id": "sub",
        "kind": "subscription",
        "clearance": 2,
        "bound_clearance": 3,
        "grant_clearance": 4,
        "compartments": frozenset(FLAGS),
        "event_types": frozenset({FILED.type, FINE.type}),
        "districts": ("990101",),
    }
    return compile_table(Principal(**(base | rights)), [FILED, FINE])


def builder(decisions: DecisionTable, contract: Contract, registry: ViewRegistry) -> ViewBuilder:
    """A builder with a fixed key and fixed nonces."""
    return ViewBuilder(contract, static_mask(decisions, contract), registry, KEY, fixed_random("nonce"))


def view(decisions: DecisionTable, guards: int, flags: frozenset[str] = frozenset()) -> tuple[bytes, ViewRegistry]:
    """The view of the standard filing under `guards`."""
    registry = ViewRegistry()
    made = builder(decisions, FILED, registry)
    return made.build(EVENT, class_blobs(FILED, FILED_DATA), decisions.masks(FILED, flags, guards)), registry


def avro(schema: Any, record: Any) -> bytes:
    """Encode by fastavro."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()


def from_avro(schema: Any, body: bytes) -> Any:
    """Decode by fastavro."""
    return fastavro.schemaless_reader(io.BytesIO(body), schema)


def test_the_view_never_changes() -> None:
    """With a fixed key and nonce the framed view of a filing is these bytes, under this id."""
    framed, _ = view(table(), IN_SCOPE | CASE_BOUND)

    assert unframe(framed)[0] == GOLDEN_ID
    assert framed.hex() == GOLDEN_VIEW


def test_an_open_view_equals_fastavro_byte_for_byte() -> None:
    """A view without sealed parts is what fastavro writes with the view's schema."""
    decisions = table(fields={FINE.type: frozenset({"fine_no", "article"})})
    made = builder(decisions, FINE, ViewRegistry())

    framed = made.build(EVENT, class_blobs(FINE, FINE_DATA), decisions.masks(FINE, frozenset(), IN_SCOPE))

    expected = avro(made.schema.schema, {"fine_no": "F-1", "article": 157, "_withheld": []})
    assert framed == frame(made.schema.id, expected)


@given(st.integers(0, COMBINATIONS - 1), st.frozensets(st.sampled_from(FLAGS)), st.sampled_from([2, 3, 4]))
def test_every_view_equals_fastavro_byte_for_byte(guards: int, flags: frozenset[str], clearance: int) -> None:
    """Whatever is decided, the view's bytes are fastavro's of what it reads as, in both layers."""
    decisions = table(clearance=clearance, bound_clearance=max(3, clearance), compartments=frozenset({"minor", "spi"}))
    decision = decisions.masks(FILED, flags, guards)
    if not decision.released:
        return
    framed, registry = view(decisions, guards, flags)
    schema_id, body = unframe(framed)
    schema = registry.by_id(schema_id)

    outer = from_avro(schema.schema, body)

    assert avro(schema.schema, outer) == body
    if outer["_sealed"] is not None:
        rest = body.replace(b"\x02" + avro("bytes", outer["_sealed"]), b"", 1)
        inner = KEY.open(outer["_sealed"], binding(schema_id, EVENT, rest))
        assert avro(schema.schema[INNER], from_avro(schema.schema[INNER], inner)) == inner


@given(st.integers(0, COMBINATIONS - 1), st.frozensets(st.sampled_from(FLAGS)))
def test_a_view_holds_exactly_what_was_decided(guards: int, flags: frozenset[str]) -> None:
    """Read back, a view has the decided fields with their values, and a reason for each field left out."""
    decisions = table(compartments=frozenset({"minor", "investigation_open"}))
    decision = decisions.masks(FILED, flags, guards)
    if not decision.released:
        return
    framed, registry = view(decisions, guards, flags)

    data = read_view(framed, registry, KEY, EVENT)

    withheld = data.pop("_withheld")
    assert data.pop("_sealed") is False
    assert data == {name: FILED_DATA[name] for name in decision.fields}
    assert dict(withheld).keys() | data.keys() == FILED_DATA.keys()


def test_nothing_sensitive_stands_in_the_clear() -> None:
    """What is above level 2 or about a person is not found in the bytes; what is level 2 is."""
    framed, _ = view(table(), IN_SCOPE | CASE_BOUND | GRANT)

    assert b"CANARY" not in framed
    assert FILED_DATA["suspect"] not in framed
    assert FILED_DATA["ajbh"].encode() in framed


def test_any_avro_client_reads_the_rest() -> None:
    """Without the key the open fields and the reasons are there, and the sealed part says so."""
    framed, registry = view(table(), IN_SCOPE | CASE_BOUND)

    data = read_view(framed, registry, None, EVENT)

    assert data["_sealed"] is True
    assert data["ajbh"] == FILED_DATA["ajbh"]
    assert data["_withheld"] == [("reason", "grant_needed")]
    assert "suspect" not in data


def test_a_field_that_is_never_given_is_absent_from_the_schema() -> None:
    """What no assignment opens has no place in the schema, not even as a null."""
    schema = view_schema(FILED, static_mask(table(bound_clearance=2, grant_clearance=2), FILED))

    text = schema.canonical.decode()

    assert "suspect" not in text
    assert "reason" in text  # the key of the reasons
    assert '"name":"_part_' not in text
    assert INNER not in schema.schema


def test_a_field_given_case_by_case_is_in_a_nullable_part() -> None:
    """A class that an assignment opens is one nullable sub-record inside the sealed part."""
    framed, registry = view(table(), IN_SCOPE)

    data = read_view(framed, registry, KEY, EVENT)
    parts = registry.by_id(unframe(framed)[0]).schema[INNER]["fields"]

    assert [f["type"][0] for f in parts] == ["null"] * len(parts)
    assert dict(data["_withheld"]) == {
        "charge_code": "case_not_bound",
        "suspect": "case_not_bound",
        "alias": "case_not_bound",
        "reason": "grant_needed",
    }


def test_a_dropped_field_is_another_schema() -> None:
    """A narrower field list has another id; the same list in another subscription has the same one."""
    whole = static_mask(table(), FILED)
    narrow = static_mask(table(fields={FILED.type: frozenset({"ajbh"})}), FILED)
    same = static_mask(table(id="other", fields={FILED.type: frozenset(FILED_DATA)}), FILED)

    ids = [view_schema(FILED, mask).id for mask in (whole, narrow, same)]

    assert ids[0] != ids[1]
    assert ids[0] == ids[2]
    assert all(FIRST_ID <= number < 2 * FIRST_ID for number in ids)


def test_a_narrow_view_cuts_fields_out_of_a_class() -> None:
    """Of a class that is given, only the wanted fields are in the bytes."""
    decisions = table(fields={FILED.type: frozenset({"unit", "alias"})})
    framed, registry = view(decisions, IN_SCOPE | CASE_BOUND)

    data = read_view(framed, registry, KEY, EVENT)

    assert {k: v for k, v in data.items() if not k.startswith("_")} == {"unit": "990101010000", "alias": "CANARY-alias"}
    assert FILED_DATA["ajbh"].encode() not in framed


def test_the_mask_knows_what_flags_may_withhold() -> None:
    """Level 3 classes are given case by case although the clearance is 3: an open inquiry would raise them."""
    mask = static_mask(table(clearance=3, bound_clearance=3, grant_clearance=3), FILED)

    assert mask.given == (Given.ALWAYS, Given.ALWAYS, Given.SOMETIMES, Given.SOMETIMES, Given.NEVER)
    assert mask.fields[-1] == ()


def test_a_collision_of_ids_is_refused() -> None:
    """Two schemas with one id cannot both be registered."""
    registry = ViewRegistry()
    first = registry.register(view_schema(FINE, static_mask(table(), FINE)))
    other = ViewSchema({"type": "record", "name": "x", "fields": []})
    other.__dict__["id"] = first.id

    with pytest.raises(ViewCollisionError):
        registry.register(other)
    assert registry.register(ViewSchema(first.schema)) is first


def test_an_unknown_view_is_refused() -> None:
    """A frame with an id nobody registered is not read."""
    with pytest.raises(UnknownViewError):
        read_view(frame(FIRST_ID, b""), ViewRegistry(), KEY, EVENT)


def test_every_flipped_byte_of_a_view_is_refused_or_is_the_id() -> None:
    """A receiver with the key takes no altered view: every byte behind the frame is bound to the sealed part."""
    framed, registry = view(table(), IN_SCOPE | CASE_BOUND)

    for position in range(5, len(framed)):
        altered = bytearray(framed)
        altered[position] ^= 1
        with pytest.raises((SealBrokenError, SuiteError)):
            read_view(bytes(altered), registry, KEY, EVENT)


def test_a_sealed_part_belongs_to_its_event() -> None:
    """A view under another event's id is refused, as is another receiver's key and a view that is cut."""
    framed, registry = view(table(), IN_SCOPE | CASE_BOUND)

    for key, event, view_bytes in (
        (KEY, bytes(16), framed),
        (ReceiverKey(b"k" * 32), EVENT, framed),
        (KEY, EVENT, framed[:-1]),
        (KEY, EVENT, framed + b"\x00"),
    ):
        with pytest.raises(SealBrokenError):
            read_view(view_bytes, registry, key, event)


def test_never_join_around_an_absent_slice() -> None:
    """Where the bytes of a class that was decided on are missing, nothing leaves."""
    decisions = table()
    made = builder(decisions, FILED, ViewRegistry())
    decision = decisions.masks(FILED, frozenset(), IN_SCOPE)

    with pytest.raises(ViewMismatchError):
        made.build(EVENT, [None] * len(FILED.classes), decision)


def test_what_is_not_visible_is_not_built() -> None:
    """No view is built of an event that may not be known of."""
    decisions = table()
    made = builder(decisions, FILED, ViewRegistry())

    with pytest.raises(ViewMismatchError):
        made.build(EVENT, filed().blobs, decisions.masks(FILED, frozenset(), 0))


def test_a_mask_that_seals_needs_a_key() -> None:
    """Without a receiver's key no builder is made for a mask that gives sensitive fields."""
    with pytest.raises(ViewMismatchError):
        ViewBuilder(FILED, static_mask(table(), FILED), ViewRegistry(), None)


def test_less_than_the_schema_promises_is_refused() -> None:
    """A class that the mask says is always given cannot be left out."""
    always = StaticMask(
        tuple(Given.ALWAYS for _ in FILED.classes), tuple(tuple(f.name for f in c.fields) for c in FILED.classes)
    )
    made = ViewBuilder(FILED, always, ViewRegistry(), KEY)

    with pytest.raises(ViewMismatchError):
        made.build(EVENT, filed().blobs, table().masks(FILED, frozenset(), IN_SCOPE))
    whole = table(clearance=RESTRICTED, bound_clearance=RESTRICTED).masks(FILED, frozenset(), IN_SCOPE)
    assert made.build(EVENT, filed().blobs, whole)[:1] == b"\x00"
