"""Records of a contract from a seeded generator: quick, so that every contract can have many, and always the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from schemas.contract import Contract

LIMITS = {"int": 2**31, "long": 2**63}
EDGES = (0, 1, -1, 63, 64, -64, -65, 8191, 8192)
LETTERS = "a0 -…é法案𠀀\x00\n"


def random_records(contract: Contract, count: int, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yield `count` records; the same contract and seed give the same records."""
    source = random.Random(f"{contract.key}:{seed}")  # noqa: S311 - test data
    for _ in range(count):
        yield {f.name: random_value(source, f.avro_type) for f in contract.fields}


def random_value(source: random.Random, kind: Any) -> Any:  # noqa: PLR0911 - one return per kind of type
    """Return any value of a type in normal form, edges of its range among them."""
    match kind:
        case ["null", branch]:
            return None if source.random() < 0.4 else random_value(source, branch)
        case "string":
            return "".join(source.choices(LETTERS, k=source.choice((0, 1, 5, 63, 64, 200))))
        case "bytes":
            return source.randbytes(source.choice((0, 1, 20, 70)))
        case "boolean":
            return source.random() < 0.5
        case "int" | "long" | {"logicalType": _}:
            limit = LIMITS[kind if isinstance(kind, str) else kind["type"]]
            return source.choice((source.choice(EDGES), source.randrange(-limit, limit), limit - 1, -limit))
        case "double" | "float":
            return source.choice((0.0, -0.5, 1.5, 2.0**100))
        case {"type": "fixed"}:
            return source.randbytes(kind["size"])
        case {"type": "enum"}:
            return source.choice(kind["symbols"])
        case {"type": "array"}:
            return [random_value(source, kind["items"]) for _ in range(source.choice((0, 1, 3)))]
    return {f["name"]: random_value(source, f["type"]) for f in kind["fields"]}
