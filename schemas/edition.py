"""The edition: which contracts and which code lists a process validates by, as one digest.

A process has one edition for its whole life: contracts are read when it starts, and every list they name with them.
What is changed in the files afterwards takes effect at the next start, all of it together.
"""

from __future__ import annotations

import hashlib
import json

from schemas.catalogue import Contracts
from schemas.codes import code_list


def edition(contracts: Contracts) -> str:
    """Read every code list that the contracts name, and return the SHA-256 over contracts and lists, hex.

    Raises:
        UnknownCodeListError: a contract names a list that is not there.
    """
    names = sorted({name for contract in contracts.all() for name in contract.coded.values()})
    lists = [[name, [[c.code, str(c.valid_from), str(c.valid_to)] for c in code_list(name).values()]] for name in names]
    digests = [contract.digest.hex() for contract in contracts.all()]
    said = json.dumps({"casebus-edition": 1, "contracts": digests, "lists": lists}, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()
