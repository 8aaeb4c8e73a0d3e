"""Facts and models for tests of supervision: everything unsaid is plain."""

from __future__ import annotations

import copy
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from streams.legal_clock import local_zone
from streams.supervision.document import parse_document
from streams.supervision.fact import Fact
from streams.supervision.model import Model

ZONE = local_zone("Asia/Shanghai")
M01 = Path("streams/supervision/models/M01.yaml")

PLAIN: dict[str, Any] = {
    "apiVersion": "casebus.supervision/v1",
    "kind": "SupervisionModel",
    "metadata": {
        "id": "plain",
        "code": "T1",
        "version": "1.0.0",
        "status": "draft",
        "title": {"zh": "甲", "en": "a"},
        "meaning": {"zh": "甲", "en": "a"},
    },
    "law": {"ours": {"kind": "parameter", "article": "参数", "title": {"zh": "乙", "en": "b"}}},
    "params": {
        "limit": {"default": 10, "min": 1, "max": 20, "unit": "days", "title": {"zh": "期限", "en": "limit"}},
    },
    "zone": "Asia/Shanghai",
    "calendar": "cn",
    "inputs": {
        "opened": {"type": "a.opened", "fields": {"kind": ["x", "y"], "days": "int", "held": "bool", "on": "day"}},
        "closed": {"type": "a.closed", "fields": {"mailed_at": "instant"}},
        "more": {"type": "a.more", "fields": {"days": "int"}},
        "stop": {"type": "a.stop"},
        "go": {"type": "a.go"},
        "anew": {"type": "a.anew"},
        "refused": {"type": "a.refused"},
    },
    "key": "subject",
    "pattern": {"absence": {"open": "opened", "close": ["closed"], "limit": {"days": "$limit", "basis": "ours"}}},
    "severity": {"approaching": [{"level": "yellow", "from": [{"before": {"days": 2}}]}], "breach": "red"},
    "late": {"hold_max": {"hours": 24}},
    "explanation": {"zh": "{subject} {due}", "en": "{subject} {due}"},
    "runbook": {"zh": "丙", "en": "c"},
    "tests": [],
}
"""A whole model: ten days, every part of a course declared and none used."""


def document(**changes: Any) -> dict[str, Any]:
    """Return the plain model's document; `pattern__absence__roll="none"` changes a deep place, None removes it."""
    made = copy.deepcopy(PLAIN)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = made
        for name in parents:
            place = place.setdefault(name, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value
    return made


def model(**changes: Any) -> Model:
    """Compile the plain model with changes, through the text of a file."""
    text = yaml.safe_dump(document(**changes), allow_unicode=True, sort_keys=False)
    return Model.of(parse_document(text, "plain.yaml"), "plain.yaml")


def at(text: str) -> int:
    """Return the instant of a time in Shanghai."""
    return ZONE.instant(datetime.fromisoformat(text))


def fact(kind: str, when: str | int, **given: Any) -> Fact:
    """Return a fact of type `a.<kind>`; the id follows from what it says unless it is given."""
    occurred = at(when) if isinstance(when, str) else when
    name = given.get("id", f"{kind}{occurred}{given.get('subject', '')}")
    return Fact(
        id=name if isinstance(name, bytes) else hashlib.sha256(name.encode()).digest()[:16],
        type=given.get("type", f"a.{kind}"),
        source=given.get("source", "a"),
        sequence=given.get("sequence", "1"),
        occurred_at=occurred,
        recorded_at=given.get("recorded_at", occurred),
        district=given.get("district", "990101"),
        subject=given.get("subject", "S"),
        data=given.get("data", {}),
        supersedes=given.get("supersedes"),
    )
