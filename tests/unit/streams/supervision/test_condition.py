"""Conditions: what they accept, and what does not compile."""

from __future__ import annotations

from typing import Any

import pytest

from streams.supervision.condition import compile_condition
from streams.supervision.errors import FieldTypeError, ModelError, UnknownFieldError, UnknownParamError
from streams.supervision.scope import FieldType, read_scope
from tests.unit.streams.supervision.making import ZONE, document

FIELDS: dict[str, FieldType] = {
    "kind": ("x", "y"),
    "days": "int",
    "held": "bool",
    "name": "text",
    "when": "instant",
    "who": "person",
}
SCOPE = read_scope(document(), ZONE, "plain.yaml", {})


def holds(spec: dict[str, Any], data: dict[str, Any]) -> bool:
    """Compile a condition and ask it."""
    return compile_condition(spec, FIELDS, SCOPE, "$.where")(data)


@pytest.mark.parametrize(
    ("spec", "data", "expected"),
    [
        ({"field": "kind", "equals": "x"}, {"kind": "x"}, True),
        ({"field": "kind", "equals": "x"}, {"kind": "y"}, False),
        ({"field": "kind", "equals": "x"}, {}, False),
        ({"field": "kind", "in": ["x", "y"]}, {"kind": "y"}, True),
        ({"field": "held", "equals": False}, {"held": False}, True),
        ({"field": "held", "equals": False}, {}, False),
        ({"field": "held", "equals": True}, {"held": 1}, False),
        ({"field": "days", "at_least": 3}, {"days": 3}, True),
        ({"field": "days", "at_least": 3}, {"days": 2}, False),
        ({"field": "days", "at_most": "$limit"}, {"days": 10}, True),
        ({"field": "days", "at_most": "$limit"}, {"days": 11}, False),
        ({"field": "days", "at_most": 3}, {"days": None}, False),
        ({"field": "name", "present": True}, {"name": ""}, True),
        ({"field": "name", "present": True}, {"name": None}, False),
        ({"field": "who", "present": False}, {}, True),
        ({"not": {"field": "kind", "equals": "x"}}, {}, True),
        ({"all": [{"field": "kind", "equals": "x"}, {"field": "days", "at_least": 1}]}, {"kind": "x", "days": 1}, True),
        ({"all": [{"field": "kind", "equals": "x"}, {"field": "days", "at_least": 1}]}, {"kind": "x"}, False),
        ({"any": [{"field": "kind", "equals": "x"}, {"field": "days", "at_least": 1}]}, {"days": 1}, True),
        ({"any": [{"field": "kind", "equals": "x"}, {"field": "days", "at_least": 1}]}, {"days": 0}, False),
    ],
)
def test_conditions(spec: dict[str, Any], data: dict[str, Any], expected: bool) -> None:  # noqa: FBT001
    """A comparison with an absent field is false, and `not` turns it round."""
    assert holds(spec, data) is expected


@pytest.mark.parametrize(
    ("spec", "error", "path"),
    [
        ({"field": "nothing", "equals": "x"}, UnknownFieldError, "$.where"),
        ({"field": "kind", "equals": "z"}, FieldTypeError, "$.where"),
        ({"field": "kind", "at_least": 1}, FieldTypeError, "$.where"),
        ({"field": "days", "equals": "3"}, FieldTypeError, "$.where"),
        ({"field": "days", "equals": True}, FieldTypeError, "$.where"),
        ({"field": "held", "equals": 1}, FieldTypeError, "$.where"),
        ({"field": "who", "equals": "aa"}, FieldTypeError, "$.where"),
        ({"field": "days", "at_most": "$nothing"}, UnknownParamError, "$.where"),
        ({"not": {"any": [{"field": "nothing", "equals": "x"}]}}, UnknownFieldError, "$.where.not.any[0]"),
        ({"all": [{"field": "kind", "equals": "z"}]}, FieldTypeError, "$.where.all[0]"),
    ],
)
def test_what_does_not_compile(spec: dict[str, Any], error: type[ModelError], path: str) -> None:
    """Every mistake is a coded error that names file and place."""
    with pytest.raises(error) as caught:
        holds(spec, {})
    assert caught.value.fields["file"] == "plain.yaml"
    assert caught.value.fields["path"] == path
