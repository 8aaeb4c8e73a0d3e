"""`casebus contract`: list, show, lint, example, record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.output import Json, emit, fail, language, say

if TYPE_CHECKING:
    from schemas.contract import Contract

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Contracts: what each event type carries.")

Root = Annotated[Path | None, typer.Option("--root", help="Folder of contracts; the bundled ones without it.")]
Type = Annotated[str, typer.Argument(metavar="TYPE", help="Event type, such as police.case.filed.")]


@app.command("list")
def list_contracts(root: Root = None, as_json: Json = False) -> None:
    """List the contracts: id, type, version, level, names."""
    from schemas.catalogue import BUNDLED, Contracts

    contracts = Contracts.load(root or BUNDLED).all()
    document = {"contracts": [_row(c) for c in contracts], "count": len(contracts)}
    emit(document, as_json=as_json, show=_show_list)


@app.command()
def show(event_type: Type, root: Root = None, as_json: Json = False) -> None:
    """Show one contract: its fields by label class, and with --json its Avro schema."""
    from schemas.catalogue import BUNDLED, Contracts

    contract = Contracts.load(root or BUNDLED).by_type(event_type)
    document = {**_row(contract), **_detail(contract), "schema": contract.schema}
    emit(document, as_json=as_json, show=_show_contract)


@app.command()
def lint(
    path: Annotated[Path | None, typer.Argument(metavar="[PATH]", help="Folder of contracts, or one file.")] = None,
    as_json: Json = False,
) -> None:
    """Check every contract and name every fault; exit 1 when there are any."""
    from schemas.catalogue import BUNDLED
    from schemas.contract_lint import lint as find
    from schemas.errors import NotFoundError

    place = path or BUNDLED
    found = find(place)
    if not found.contracts and not found.faults:
        fail(NotFoundError(what=str(place)), as_json=as_json)
    faults = [fault.as_dict(language()) for fault in found.faults]
    document = {"ok": not faults, "contracts": len(found.contracts), "faults": faults}
    emit(document, as_json=as_json, show=_show_lint)
    if faults:
        raise typer.Exit(1)


@app.command()
def example(event_type: Type, root: Root = None, as_json: Json = False) -> None:
    """Print a valid example event, ready to be published."""
    import json

    from schemas.catalogue import BUNDLED, Contracts
    from schemas.cloudevents import render
    from schemas.examples import example as make

    contract = Contracts.load(root or BUNDLED).by_type(event_type)
    document = render(make(contract), contract)
    emit(document, as_json=as_json, show=lambda d: json.dumps(d, ensure_ascii=False, indent=1))


@app.command()
def record(root: Root = None, as_json: Json = False) -> None:
    """Give an id to every new contract; what is recorded already never changes."""
    from schemas import catalogue

    new = catalogue.record(root or catalogue.BUNDLED)
    for contract in new:
        say(f"recorded {contract.key}")
    emit({"recorded": [c.key for c in new]}, as_json=as_json)


def _row(contract: Contract) -> dict[str, Any]:
    return {
        "id": contract.id,
        "type": contract.type,
        "version": contract.version,
        "level": contract.level,
        "fields": len(contract.fields),
        "zh": contract.zh,
        "en": contract.en,
    }


def _detail(contract: Contract) -> dict[str, Any]:
    return {
        "subject": contract.subject_field,
        "retention_days": contract.retention_days,
        "owner": contract.owner or contract.agency,
        "publishers": list(contract.publishers or (contract.owner or contract.agency,)),
        "share": contract.share,
        "agreement_no": contract.agreement_no,
        "themes": list(contract.themes),
        "case_refs": dict(contract.case_refs),
        "digest": contract.digest.hex(),
        "classes": [
            {
                "index": c.index,
                "level": c.level,
                "flags": sorted(c.flags),
                "about": c.about,
                "fields": [
                    {
                        "name": f.name,
                        "type": f.avro_type,
                        "zh": f.zh,
                        "en": f.en,
                        "doc": f.doc,
                        "source": f.source,
                        **f.extras,
                    }
                    for f in c.fields
                ],
            }
            for c in contract.classes
        ],
    }


def _show_list(document: Any) -> str:
    lang = language()
    rows = [f"{c['id']:>4}  L{c['level']}  {c['type']}/{c['version']:<3} {c[lang]}" for c in document["contracts"]]
    return "\n".join(rows)


def _show_contract(document: Any) -> str:
    lang = language()
    lines = [f"{document['type']}/{document['version']}  id {document['id']}  L{document['level']}  {document[lang]}"]
    for group in document["classes"]:
        flags = " ".join(group["flags"])
        about = group["about"] or "-"
        lines.append(f"  class {group['index']}: level {group['level']}, about {about}{', ' + flags if flags else ''}")
        lines += [f"    {f['name']:<28} {_type_name(f['type']):<26} {f[lang]}" for f in group["fields"]]
    return "\n".join(lines)


def _type_name(kind: Any) -> str:
    if isinstance(kind, list):
        return f"{_type_name(kind[1])}?"
    if isinstance(kind, str):
        return kind
    return str(kind.get("logicalType") or kind.get("name", kind["type"]).rpartition(".")[2])


def _show_lint(document: Any) -> str:
    lines = [f"{fault['message']}  [{fault['code']}]\n  → {fault['hint']}" for fault in document["faults"]]
    return "\n".join([*lines, f"contracts: {document['contracts']}  faults: {len(document['faults'])}"])
