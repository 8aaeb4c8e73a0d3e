"""The rule that persons stand in contracts as keys: no field holds a name, an identity number, a phone or an address.

It is read from what the catalogue says of a field: the words of its name and its Chinese name. Only a contract that
declares itself a vault (`"vault": true`) may hold such a field, and then at level 4 with flag `spi`. What a publisher
writes into free text is `schemas.checks`' matter: it refuses a text that holds a valid identity number.
"""

from __future__ import annotations

import re

from schemas.contract import PERSONS

CLEAR = frozenset(
    {"name", "names", "surname", "xm", "sfzh", "idcard", "passport", "phone", "mobile", "telephone", "birthday"}
    | {"id_number", "id_no", "id_card", "home_address", "date_of_birth"}
)
"""Words of a field name, and runs of them."""

CHINESE = re.compile("姓名|曾用名|身份证|身份号码|护照号|手机号|电话号码|住址|出生日期")
VAULT_LEVEL = 4
VAULT_FLAG = "spi"


def in_clear(name: str, zh: str, about: str) -> bool:
    """Whether a field would hold a person in clear; an enterprise's own name or phone is none."""
    if about not in PERSONS | {""}:
        return False
    words = name.split("_")
    runs = {"_".join(words[i : i + length]) for i in range(len(words)) for length in (1, 2, 3)}
    return bool(CLEAR & runs or CHINESE.search(zh))


def sealed_as_vault(level: int, flags: object) -> bool:
    """Whether a label is the one that a field of a vault must carry."""
    return level == VAULT_LEVEL and isinstance(flags, list) and VAULT_FLAG in flags
