"""Registering a source while a node runs: a reviewed fragment of a site file becomes a signed control record.

    organisation: {id: roadpolice-990100, agency: traffic, district: "990100", zh: …, en: …}
    source: {id: roadpolice-990100/fines, organisation: roadpolice-990100, districts: ["9901"], types: […], ceiling: 3}

The fragment follows the same JSON Schema as the site file, so it can be put there as it is. Two persons approve it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import jsonschema

from schemas.catalogue import Contracts
from schemas.errors import RefusedError, UsageError
from security.approval import persons
from security.control import Snapshot
from services.node.establishment import source_body
from services.node.site import Source
from services.node.site_errors import AboveCeilingError, SiteInvalidError, UnknownNameError
from services.node.site_file import validator_of
from streams.control import Wanted

FILE: Final = "source.yaml"
APPROVERS: Final = 2


class ApproversError(UsageError):
    """A registration needs two persons."""

    code: ClassVar[str] = "registration.approvers"


class TakenNameError(RefusedError):
    """The source is registered for another organisation."""

    code: ClassVar[str] = "registration.taken"
    http_status: ClassVar[int] = 409


def registration(
    fragment: Mapping[str, Any], snapshot: Snapshot, contracts: Contracts, approvers: Sequence[str]
) -> Wanted:
    """Return the control record a fragment asks for.

    Raises:
        ApproversError, TakenNameError: see there. SiteInvalidError, UnknownNameError, AboveCeilingError: the fragment.
    """
    if len(persons(approvers)) < APPROVERS:
        raise ApproversError(needed=APPROVERS)
    _check_form(fragment)
    organisation, entry = fragment["organisation"], fragment["source"]
    if entry["organisation"] != organisation["id"] or not entry["id"].startswith(f"{organisation['id']}/"):
        raise UnknownNameError(file=FILE, path="/source/organisation")
    ceiling = min(int(body["ceiling"]) for body in snapshot.of("site").values())
    if entry["ceiling"] > ceiling:
        raise AboveCeilingError(file=FILE, path="/source/ceiling")
    known = set(contracts.types())
    for index, event_type in enumerate(entry["types"]):
        if event_type not in known:
            raise UnknownNameError(file=FILE, path=f"/source/types/{index}")
    held = snapshot.of("source").get(entry["id"])
    if held is not None and (held["organisation"], held["agency"]) != (organisation["id"], organisation["agency"]):
        raise TakenNameError(source=entry["id"])
    source = Source(
        entry["id"],
        organisation["id"],
        organisation["agency"],
        tuple(entry["districts"]),
        frozenset(entry["types"]),
        entry["ceiling"],
        entry.get("limits", {}),
        entry.get("gateway", ""),
    )
    return Wanted("source", source.id, source_body(source))


def _check_form(fragment: Mapping[str, Any]) -> None:
    for part, section in (("organisation", "organisations"), ("source", "sources")):
        faults = list(validator_of(section).iter_errors(fragment.get(part)))
        if faults:
            rows = [{"path": f"/{part}" + _place(fault), "rule": str(fault.validator)} for fault in faults]
            raise SiteInvalidError(file=FILE, count=len(rows), faults=rows, **rows[0])


def _place(fault: jsonschema.ValidationError) -> str:
    return "".join(f"/{step}" for step in fault.absolute_path)
