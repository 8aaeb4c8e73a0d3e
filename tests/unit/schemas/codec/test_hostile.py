"""Ten thousand damaged records over every contract: each decoded or refused with a code, never another exception."""

from __future__ import annotations

from schemas.catalogue import Contracts
from tests.unit.schemas.mutations import bodies_of, outcomes

CONTRACTS = Contracts.load().all()
CODES = {f"codec.{what}" for what in ("truncated", "length", "varint", "utf8", "symbol", "trailing")}


def test_damaged_records_are_decoded_or_refused_with_a_code() -> None:
    """Any contract's decoder meets any contract's damaged bytes; each refusal's offset lies inside them."""
    readers = [contract.codec.decode for contract in CONTRACTS]

    seen = outcomes(readers, bodies_of(CONTRACTS), 10_000)

    assert set(seen) == {"record", *CODES}
    assert sum(seen.values()) == 10_000
