"""The policy as it is authored: Cedar text with its schema, parsed, checked, and evaluated shape by shape.

Cedar skips a policy that errs; with a broad permit that would be an allow. So any diagnostics error, and any decision
that is neither allow nor deny, raises `PolicyError`: the caller refuses to compile, or denies.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import cedarpy

from schemas.errors import RefusedError
from security.policy.reasons import PRIORITY, first
from security.policy.shape import Shape, entities, requests

BUNDLED: Final = Path(__file__).parent
POLICY_FILE: Final = "casebus.cedar"
SCHEMA_FILE: Final = "casebus.cedarschema"


class PolicyError(RefusedError):
    """The policy does not parse, does not fit its schema, or could not be evaluated."""

    code = "policy.broken"


class Rule(NamedTuple):
    """One authored rule: its `@id`, `@reason` ("" for a permit), and whether it permits."""

    id: str
    reason: str
    permits: bool


class Answer(NamedTuple):
    """The answers of one shape: bit g of `mask` allows under guards g; `rules[g]` names what decided."""

    mask: int
    rules: tuple[frozenset[str], ...]
    reasons: tuple[str, ...]


@dataclass
class Policy:
    """A parsed policy with a memory of the shapes it answered; `digest` (hex SHA-256) stands in manifests."""

    text: str
    schema_text: str
    rules: dict[str, Rule]
    digest: str
    _parsed: Any
    _schema: Any
    _answers: dict[Shape, Answer] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path = BUNDLED) -> Self:
        """Load `casebus.cedar` and its schema from `folder`; raises `PolicyError`."""
        try:
            text = (folder / POLICY_FILE).read_text(encoding="utf-8")
            schema = (folder / SCHEMA_FILE).read_text(encoding="utf-8")
        except OSError:
            raise PolicyError(reason=f"{POLICY_FILE}, {SCHEMA_FILE}") from None
        return cls.parse(text, schema)

    @classmethod
    def parse(cls, text: str, schema_text: str) -> Self:
        """Parse and validate; raises `PolicyError` for anything that is not whole."""
        try:
            parsed, schema = cedarpy.PolicySet.from_str(text), cedarpy.Schema.from_str(schema_text)
        except ValueError as error:
            raise PolicyError(reason=_short(error)) from None
        checked = cedarpy.validate_policies(text, schema_text)
        if not checked.validation_passed:
            raise PolicyError(reason=_short(checked.errors[0].error))
        digest = hashlib.sha256(json.dumps(["casebus-policy-v1", text, schema_text]).encode()).hexdigest()
        return cls(text, schema_text, _rules(text), digest, parsed, schema)

    def answer(self, shape: Shape) -> Answer:
        """Evaluate a shape under every combination of guards; raises `PolicyError`."""
        known = self._answers.get(shape)
        if known is None:
            known = self._answers[shape] = self._evaluate(shape)
        return known

    def _evaluate(self, shape: Shape) -> Answer:
        results = cedarpy.is_authorized_batch(requests(shape), self._parsed, entities(shape), self._schema)
        mask, rules, reasons = 0, [], []
        for guards, result in enumerate(results):
            if result.diagnostics.errors or result.decision not in (cedarpy.Decision.Allow, cedarpy.Decision.Deny):
                raise PolicyError(reason=_short((result.diagnostics.errors or ["no decision"])[0]))
            ids = frozenset(result.diagnostics.id_annotations_by_reason.values())
            mask |= result.allowed << guards
            rules.append(ids)
            reasons.append("" if result.allowed else first(frozenset(self.rules[i].reason for i in ids)))
        return Answer(mask, tuple(rules), tuple(reasons))


def _rules(text: str) -> dict[str, Rule]:
    """Collect the rules by `@id`; one without an id, a second of one id, or a forbid without a known reason raises."""
    rules: dict[str, Rule] = {}
    for authored in json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values():
        notes = authored.get("annotations", {})
        rule = Rule(notes.get("id") or "", notes.get("reason") or "", authored["effect"] == "permit")
        if not rule.id or rule.id in rules:
            raise PolicyError(reason=f"@id {rule.id!r}")
        if not rule.permits and rule.reason not in PRIORITY:
            raise PolicyError(reason=f"@reason {rule.reason!r}")
        _refuse_names(rule.id, authored)
        rules[rule.id] = rule
    return rules


def _refuse_names(rule: str, node: Any) -> None:
    """Refuse a rule that names an entity: it would answer differently for questions of one shape."""
    if isinstance(node, dict):
        named = node.get("__entity") or (node.get("entity") if "op" in node else None)
        if isinstance(named, dict) and named.get("type") != "Action":
            raise PolicyError(reason=f"{rule}: {named.get('type')}::…")
        for child in node.values():
            _refuse_names(rule, child)
    elif isinstance(node, list):
        for child in node:
            _refuse_names(rule, child)


def _short(error: object) -> str:
    return str(error).strip().splitlines()[0][:200]
