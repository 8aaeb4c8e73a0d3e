"""The edition: one digest over contracts and code lists, read together."""

from __future__ import annotations

import re

import pytest

from schemas import codes
from schemas.catalogue import Contracts
from schemas.edition import edition


def test_every_list_is_read_with_the_contracts_and_stands_in_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code more, or a contract less, is another edition; a list that changes later in its file is not seen."""
    contracts = Contracts.load()
    whole = edition(contracts)
    read = codes.code_list.cache_info().currsize
    fewer = edition(Contracts(contracts.all()[1:]))
    longer = {**codes.code_list("theme"), "new": next(iter(codes.code_list("theme").values()))}
    monkeypatch.setattr("schemas.edition.code_list", lambda name: longer if name == "complaint_kind" else {})

    assert re.fullmatch("[0-9a-f]{64}", whole)
    assert read >= len({name for c in contracts.all() for name in c.coded.values()})
    assert len({whole, fewer, edition(contracts)}) == 3
