"""`casebus policy …`: lint, test and explain the access policy, without a node."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.output import Json, emit, fail, language, say

if TYPE_CHECKING:
    from schemas.catalogue import Contracts
    from security.subjects import Principal

app = typer.Typer(no_args_is_help=True, help="Policies: lint, test, explain.")

Folder = Annotated[Path | None, typer.Option("--policy", help="Folder of a policy; the bundled one without it.")]
SITE = Path(__file__).resolve().parents[2] / "deploy" / "site" / "demo.yaml"


@app.command()
def lint(policy: Folder = None, as_json: Json = False) -> None:
    """Check that the policy parses, fits its schema, and that each rule does something; exit 1 on a finding."""
    from security.policy.authored import BUNDLED
    from security.policy.lint import lint as lint_policy

    findings = lint_policy(policy or BUNDLED)
    emit({"ok": not findings, "findings": findings}, as_json=as_json, show=_show_findings)
    if findings:
        raise typer.Exit(1)


@app.command("test")
def run_scenarios(
    scenarios: Annotated[Path | None, typer.Argument(help="File of scenarios; the bundled ones without it.")] = None,
    policy: Folder = None,
    as_json: Json = False,
) -> None:
    """Run the scenarios: what the policy must decide, case by case; exit 1 when one fails."""
    from schemas.catalogue import Contracts
    from schemas.errors import CasebusError
    from security.policy import authored
    from security.policy import scenarios as corpus

    try:
        contracts, chosen = Contracts.load(), authored.Policy.load(policy or authored.BUNDLED)
        cases = corpus.load_scenarios(scenarios or corpus.BUNDLED)
        results = [{"name": case.name, "differences": corpus.run_scenario(case, contracts, chosen)} for case in cases]
    except CasebusError as error:
        fail(error, as_json=as_json)
    failed = sum(bool(result["differences"]) for result in results)
    document = {"ok": not failed, "passed": len(results) - failed, "failed": failed, "scenarios": results}
    emit(document, as_json=as_json, show=_show_results)
    if failed:
        raise typer.Exit(1)


@app.command()
def explain(
    subscription: Annotated[str, typer.Option("--subscription", help="A subscription or an account of the site.")],
    event: Annotated[Path, typer.Option("--event", help="File with one event (CloudEvents JSON).")],
    site: Annotated[Path, typer.Option("--site", help="The reviewed site file.")] = SITE,
    case_bound: Annotated[bool, typer.Option("--case-bound", help="As if the case were assigned.")] = False,
    grant: Annotated[bool, typer.Option("--grant", help="As if two people had granted it.")] = False,
    hold: Annotated[bool, typer.Option("--hold", help="As if a breaker or a legal hold stood.")] = False,
    at: Annotated[
        datetime | None, typer.Option("--at", formats=["%Y-%m-%d"], help="On which day (UTC); today without it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain what a subscription or a person gets of an event, field by field, and why. No value is printed."""
    from schemas.catalogue import Contracts
    from schemas.errors import CasebusError

    try:
        contracts = Contracts.load()
        principal = _asker(site, subscription, contracts)
        told = {"case_bound": case_bound, "grant": grant, "hold": hold}
        document = _explained(principal, event, contracts, told, at)
    except CasebusError as error:
        fail(error, as_json=as_json)
    emit(document, as_json=as_json, show=_show_explained)


def _asker(path: Path, name: str, contracts: Contracts) -> Principal:
    from dataclasses import replace

    from services.cli.policy_errors import UnknownAskerError
    from services.node.establishment import model_files
    from services.node.site import Site
    from streams.supervision.model import Model

    site = Site.load(path, contracts)
    for each in site.subscriptions:
        if each.id == name and each.of_models:
            models = [Model.load(file) for file in model_files(site)]
            types = frozenset(kind for model in models for kind in model.types)
            wanted = {kind: frozenset(f for m in models for f in m.fields.get(kind, ())) for kind in types}
            return replace(each.principal, event_types=types, fields=wanted)
    askers = {each.id: each.principal for each in site.subscriptions}
    askers |= {each.id: each.principal for each in site.accounts}
    if name not in askers:
        raise UnknownAskerError(name=name, known=", ".join(askers))
    return askers[name]


def _explained(
    principal: Principal, path: Path, contracts: Contracts, told: dict[str, bool], at: datetime | None
) -> dict[str, Any]:
    from datetime import UTC

    from schemas.clock import SECOND, SystemClock
    from security.policy.compile import compile_table
    from security.policy.explain import explain as explain_decision
    from security.policy.guards import guards_of
    from security.policy.mask import static_mask
    from security.view_schema import view_schema

    read = _event(path, contracts)
    contract, table = contracts.by_type(read.type), compile_table(principal, contracts)
    unit = str(read.data.get("unit") or "") or None
    now = int(at.replace(tzinfo=UTC).timestamp()) * SECOND if at else SystemClock().now_us()
    guards = guards_of(principal, district=read.district, unit=unit, now_us=now, **told)
    schema = view_schema(contract, static_mask(table, contract))
    shown = explain_decision(table, contract, read.flags, guards)
    return {**shown, "principal": principal.id, "type": read.type, "view": {"id": schema.id, "schema": schema.schema}}


def _event(path: Path, contracts: Contracts) -> Any:
    import json

    from schemas.clock import ManualClock
    from schemas.cloudevents import read
    from schemas.errors import NotFoundError, RefusedError
    from security.keys.memory import MemoryKeystore
    from security.sealing import Sealer

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise NotFoundError(what=path.name) from None
    except ValueError:
        raise RefusedError(reason=f"{path.name}: JSON") from None
    # Only names and reasons are printed, so a person key of a throw-away linkage key does.
    throw_away = Sealer(MemoryKeystore(), ManualClock(), provisions=True)
    return read(document, contracts, person_key=throw_away.person_key)


def _show_findings(document: dict[str, Any]) -> str:
    return "\n".join(document["findings"]) or "ok"


def _show_results(document: dict[str, Any]) -> str:
    lines = []
    for result in document["scenarios"]:
        lines.append(f"{'FAIL' if result['differences'] else 'ok':<5}{result['name'][language()]}")
        lines += [f"       {difference}" for difference in result["differences"]]
    say(f"{document['passed']} passed, {document['failed']} failed")
    return "\n".join(lines)


def _show_explained(document: dict[str, Any]) -> str:
    lang = language()
    told = {reason["code"]: reason[lang] for reason in document["reasons"]}
    lines = [f"{document['principal']} ← {document['type']}: {document['decision']}"]
    lines += [f"  + {name}" for name in document["fields"]]
    lines += [f"  - {entry['field']}: {told[entry['reason']]} [{entry['reason']}]" for entry in document["withheld"]]
    if not document["visible"]:
        lines += [f"  {text} [{code}]" for code, text in told.items()]
    guards = ", ".join(name for name, true in document["guards"].items() if true) or "-"
    return "\n".join([*lines, f"  guards: {guards}", f"  view schema: {document['view']['id']}"])
