"""What a contract owes to its readers, beyond being loadable: owner, agreement, share, themes, descriptions.

`casebus contract lint` runs these after `survey`. A contract recorded before owners were named (ids up to
`LAST_WITHOUT_OWNER`) stays as it was published; its next version keeps the rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from schemas import contract_errors as errors
from schemas.catalogue import BUNDLED, Survey, survey, survey_file
from schemas.codes import code_list
from schemas.contract import Contract

LAST_WITHOUT_OWNER = 24
BY_AGREEMENT = frozenset({"court", "procuratorate"})
"""Not departments of government, so 政务数据共享条例 does not bind them: they share by a co-signed agreement."""

INTERNAL = 2


def lint(place: Path = BUNDLED) -> Survey:
    """Survey a folder or a file and add what the rules here find; a contract with faults is still returned."""
    found = survey_file(place) if place.is_file() else survey(place)
    return Survey(found.contracts, (*found.faults, *(fault for c in found.contracts for fault in faults_of(c))))


def faults_of(contract: Contract) -> Iterator[errors.ContractError]:
    """Yield every rule the contract breaks."""
    if 1 <= contract.id <= LAST_WITHOUT_OWNER and not contract.owner:
        return
    agency, _, rest = contract.type.partition(".")
    file = f"{agency}/{rest}.v{contract.version}.avsc"
    kinds = code_list("organisation_kind")
    if contract.owner not in kinds or not kinds.keys() >= set(contract.publishers):
        yield errors.OwnerError(file=file, contract=contract.key)
    if contract.owner in BY_AGREEMENT and contract.share == "conditional" and not contract.agreement_no:
        yield errors.AgreementError(file=file, contract=contract.key)
    if contract.share == "unconditional" and contract.level > INTERNAL:
        yield errors.ShareError(file=file, contract=contract.key)
    for theme in contract.themes or ("",):
        if theme not in code_list("theme"):
            yield errors.ThemeError(file=file, contract=contract.key, theme=theme)
    for each in contract.fields:
        if not each.doc.strip():
            yield errors.UndescribedFieldError(file=file, field=each.name)
