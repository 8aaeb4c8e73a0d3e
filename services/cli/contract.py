"""`casebus contract`: list, show, lint, example, record, check, diff, directory, asyncapi."""

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


Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="CASEBUS_DATA", help="A node whose subscriptions count as consumers too."),
]
Consumers = Annotated[
    Path | None, typer.Option("--consumers", help="JSON file: consumer, event type, list of fields asked for.")
]


@app.command()
def check(
    path: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A candidate; all types without it.")] = None,
    consumers: Consumers = None,
    data: Data = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Check that each version may follow its earlier ones; exit 1 with refusals in words when one may not."""
    from schemas.catalogue import BUNDLED
    from services.cli import contract_versions as versions

    document = versions.checked(path, root or BUNDLED, versions.consumers(consumers, data))
    emit(document, as_json=as_json, show=versions.show_checked)
    if not document["ok"]:
        raise typer.Exit(1)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="TYPE/VERSION, TYPE or a file.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="TYPE/VERSION, TYPE or a file.")],
    consumers: Consumers = None,
    data: Data = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Show what differs between two versions and whom it touches; exit 1 when NEW may not follow OLD."""
    from schemas.catalogue import BUNDLED, Contracts
    from services.cli import contract_versions as versions

    contracts = Contracts.load(root or BUNDLED)
    before, after = versions.named(old, contracts), versions.named(new, contracts)
    document = versions.compared(before, after, versions.consumers(consumers, data))
    emit(document, as_json=as_json, show=versions.show_compared)
    if not document["ok"]:
        raise typer.Exit(1)


@app.command()
def directory(
    csv: Annotated[Path | None, typer.Option("--csv", help="Write the directory to this CSV file.")] = None,
    root: Root = None,
    as_json: Json = False,
) -> None:
    """List what is shared, by theme: the resource directory."""
    from dataclasses import asdict

    from schemas.catalogue import BUNDLED, Contracts
    from schemas.directory import directory as entries_of
    from schemas.directory import directory_csv
    from services.cli.contract_versions import show_directory

    entries = entries_of(Contracts.load(root or BUNDLED))
    if csv is not None:
        csv.write_text(directory_csv(entries), encoding="utf-8", newline="")
        say(f"wrote {csv.name}")
    emit({"entries": [asdict(e) for e in entries], "count": len(entries)}, as_json=as_json, show=show_directory)


@app.command()
def asyncapi(
    version: Annotated[str, typer.Option("--catalogue-version", help="Version of the catalogue.")] = "1",
    root: Root = None,
    as_json: Json = False,
) -> None:
    """Print the catalogue as an AsyncAPI 3 document."""
    import json

    from schemas.asyncapi import asyncapi as document_of
    from schemas.catalogue import BUNDLED, Contracts

    document = document_of(Contracts.load(root or BUNDLED), version)
    emit(document, as_json=as_json, show=lambda d: json.dumps(d, ensure_ascii=False, indent=1))


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
        "doc": contract.schema.get("doc", ""),
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
    if kind["type"] == "array":
        return f"{_type_name(kind['items'])}[]"
    return str(kind.get("logicalType") or kind.get("name", kind["type"]).rpartition(".")[2])


def _show_lint(document: Any) -> str:
    lines = [f"{fault['message']}  [{fault['code']}]\n  → {fault['hint']}" for fault in document["faults"]]
    return "\n".join([*lines, f"contracts: {document['contracts']}  faults: {len(document['faults'])}"])
