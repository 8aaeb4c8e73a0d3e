"""The catalogue: all contracts under a folder, by event type and by id.

    root/ids.json                       {"police.case.filed/1": {"id": 3, "digest": "…"}}
    root/types/PersonKey.avsc           shared named types, usable by full name
    root/police/case.filed.v1.avsc      one contract: agency folder, rest of the type, version

The files in git are the truth. A recorded contract whose names, types, order or labels changed refuses to load
(`contract.changed`): what was published stays readable, a change is a new version.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from schemas import contract_errors as errors
from schemas.contract import MAX_CONTRACT_ID, Contract
from schemas.contract_reader import ContractReader
from schemas.json_file import read_json
from schemas.shared_types import TYPES, load_types

BUNDLED = Path(__file__).parent / "contracts"
IDS = "ids.json"


@dataclass(frozen=True)
class Survey:
    """What a folder holds: the contracts that can be read, and every fault of the others."""

    contracts: tuple[Contract, ...]
    faults: tuple[errors.ContractError, ...]


Mark = tuple[tuple[str, int, int], ...]
_LOADED: dict[Path, tuple[Mark, tuple[Contract, ...]]] = {}


def _mark(root: Path) -> Mark:
    """Return name, size and time of change of every file that counts: a few milliseconds for the whole catalogue."""
    files = []
    for folder in (root, *(Path(entry) for entry in os.scandir(root) if entry.is_dir())):
        for entry in os.scandir(folder):
            if entry.is_file():
                said = entry.stat()
                files.append((entry.path, said.st_size, said.st_mtime_ns))
    return tuple(sorted(files))


class Contracts:
    """The contracts of one catalogue; immutable."""

    def __init__(self, contracts: tuple[Contract, ...]) -> None:
        self._all = tuple(sorted(contracts, key=lambda c: (c.type, c.version)))
        self._by_id = {c.id: c for c in self._all}
        self._by_type = {c.type: c for c in self._all}  # the highest version comes last and stays

    @classmethod
    def load(cls, root: Path = BUNDLED) -> Self:
        """Load all contracts under `root`; raises the first `ContractError` where anything is wrong.

        Contracts are values: a process reads a folder once, and again when a file below it has changed.
        """
        mark = _mark(root)
        found = _LOADED.get(root)
        if found is None or found[0] != mark:
            seen = survey(root)
            if seen.faults:
                raise seen.faults[0]
            found = _LOADED[root] = (mark, seen.contracts)
        return cls(found[1])

    def by_type(self, event_type: str) -> Contract:
        """Return the latest version of an event type; raises `UnknownTypeError`."""
        contract = self._by_type.get(event_type)
        if contract is None:
            raise errors.UnknownTypeError(type=event_type)
        return contract

    def by_id(self, number: int) -> Contract:
        """Return the contract with this schema id; raises `UnknownSchemaError`."""
        contract = self._by_id.get(number)
        if contract is None:
            raise errors.UnknownSchemaError(id=number)
        return contract

    def versions(self, event_type: str) -> tuple[Contract, ...]:
        """Return every version of an event type, oldest first; raises `UnknownTypeError`."""
        found = tuple(c for c in self._all if c.type == event_type)
        if not found:
            raise errors.UnknownTypeError(type=event_type)
        return found

    def all(self) -> tuple[Contract, ...]:
        """Return every version of every contract, sorted by type and version."""
        return self._all

    def types(self) -> tuple[str, ...]:
        """Return the event types, sorted."""
        return tuple(sorted(self._by_type))


def survey(root: Path = BUNDLED) -> Survey:
    """Read everything under `root` and collect all faults, ids included."""
    faults: list[errors.ContractError] = []
    ids = _read_ids(root, faults)
    contracts = _read_all(root, ids, faults)
    for contract in contracts:
        _check_id(contract, ids, faults)
    _check_unique(contracts, faults)
    if not faults:
        present = {c.key for c in contracts}
        faults += [errors.MissingContractError(file=IDS, contract=key) for key in ids if key not in present]
    return Survey(tuple(contracts), tuple(faults))


def record(root: Path = BUNDLED) -> tuple[Contract, ...]:
    """Give an id to every contract that has none and write ids.json; recorded ones are never touched.

    Returns the contracts that were recorded. Raises the first fault that is not a missing id.
    """
    faults: list[errors.ContractError] = []
    ids = _read_ids(root, faults)
    contracts = _read_all(root, ids, faults)
    if faults:
        raise faults[0]
    new = [c for c in contracts if c.key not in ids]
    number = max((entry["id"] for entry in ids.values()), default=0)
    for contract in new:
        number += 1
        ids[contract.key] = {"id": number, "digest": contract.digest.hex()}
    (root / IDS).write_text(json.dumps(ids, indent=1) + "\n", encoding="utf-8")
    return tuple(new)


def survey_file(path: Path) -> Survey:
    """Read one file, with the shared types of the folder it stands in or the bundled ones; it need not be recorded."""
    faults: list[errors.ContractError] = []
    root = path.resolve().parent.parent
    shared = load_types(root, faults).over(load_types(BUNDLED, faults))
    reader = ContractReader(path.resolve(), shared)
    contract = reader.read(_read_ids(root, faults))
    return Survey((contract,) if contract else (), (*faults, *reader.faults))


def _read_ids(root: Path, faults: list[errors.ContractError]) -> dict[str, Any]:
    """Return the content of ids.json; a folder that has none yet has recorded nothing."""
    path = root / IDS
    return (read_json(path, IDS, faults) or {}) if path.exists() else {}


def _read_all(root: Path, ids: Mapping[str, Any], faults: list[errors.ContractError]) -> list[Contract]:
    shared = load_types(root, faults)
    contracts = []
    for path in sorted(root.glob("*/*.avsc")):
        if path.parent.name == TYPES:
            continue
        reader = ContractReader(path, shared)
        contract = reader.read(ids)
        faults += reader.faults
        if contract is not None:
            contracts.append(contract)
    return contracts


def _check_id(contract: Contract, ids: Mapping[str, Any], faults: list[errors.ContractError]) -> None:
    entry = ids.get(contract.key)
    entry = entry if isinstance(entry, dict) else {}
    number = entry.get("id")
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MAX_CONTRACT_ID:
        faults.append(errors.ContractIdError(file=IDS, contract=contract.key))
    elif entry.get("digest") != contract.digest.hex():
        faults.append(errors.ChangedContractError(file=IDS, contract=contract.key))


def _check_unique(contracts: list[Contract], faults: list[errors.ContractError]) -> None:
    seen: dict[Any, Contract] = {}
    for contract in contracts:
        for mark in (contract.id, contract.key):
            other = seen.setdefault(mark, contract)
            if other is not contract and mark:
                faults.append(errors.DuplicateIdError(file=IDS, contract=contract.key, other=other.key))
