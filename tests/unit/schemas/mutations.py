"""Damaged bytes: records of every contract, cut, lengthened, changed and spliced by a seeded generator."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from schemas.codec import DecodeError
from schemas.contract import Contract
from tests.unit.schemas.random_records import random_records

LENGTHS = (
    b"\xfe\xff\xff\xff\x0f",
    b"\xff" * 9 + b"\x01",
    b"\xfe" + b"\xff" * 8 + b"\x01",
    b"\x80" * 11,
    b"\x00",
    b"\x02",
)
"""Numbers that lie about what follows: huge, negative, too long, none, one."""


def mutated(bodies: Sequence[bytes], count: int, seed: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield `count` damaged bodies, each with the place of the body it was made from; some are pure noise."""
    source = random.Random(seed)  # noqa: S311 - test data
    for _ in range(count):
        place = source.randrange(len(bodies))
        body = bytearray(bodies[place])
        for _ in range(source.choice((1, 1, 2, 5))):
            body = _damaged(source, body, bodies)
        yield place, bytes(body)


def _damaged(source: random.Random, body: bytearray, bodies: Sequence[bytes]) -> bytearray:
    at = source.randrange(len(body) + 1)
    match source.randrange(6):
        case 0:
            return body[:at]
        case 1:
            return body + source.randbytes(source.randrange(1, 9))
        case 2 if at < len(body):
            body[at] ^= 1 << source.randrange(8)
            return body
        case 3:
            return body[:at] + source.choice(LENGTHS) + body[at + 1 :]
        case 4:
            return body[:at] + source.choice(bodies)[at:]
        case _:
            return bytearray(source.randbytes(source.randrange(64)))


def bodies_of(contracts: Sequence[Contract]) -> list[bytes]:
    """One record of each contract, encoded, in their order."""
    return [c.codec.encode(data) for c in contracts for data in random_records(c, 1)]


def outcomes(
    readers: Sequence[Callable[[bytes], Any]], bodies: Sequence[bytes], count: int, seed: int = 0
) -> Counter[str]:
    """Count what comes of damaged bodies; every fourth meets another contract's reader than its own."""
    return Counter(
        outcome(readers[(place + (i if i % 4 == 0 else 0)) % len(readers)], body)
        for i, (place, body) in enumerate(mutated(bodies, count, seed))
    )


def outcome(read: Callable[[bytes], Any], body: bytes) -> str:
    """Read hostile bytes: `record`, or the code of the refusal; any other exception goes on."""
    try:
        found = read(body)
    except DecodeError as error:
        return error.code if 0 <= error.fields["offset"] <= len(body) else f"{error.code} outside"
    return "record" if isinstance(found, dict) else "nonsense"
