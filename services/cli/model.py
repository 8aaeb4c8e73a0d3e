"""`casebus model`: list, show, lint, test, backtest, explain, why-not, new."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.output import Json, emit, fail, language, say

if TYPE_CHECKING:
    from streams.supervision.model import Model

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Supervision models: one file each.")

Names = Annotated[
    list[str] | None, typer.Argument(metavar="[ID|FILE.yaml]...", help="Ids or codes of bundled models, or files.")
]
Name = Annotated[str, typer.Argument(metavar="ID|FILE.yaml", help="Id of a bundled model, or a file.")]
Events = Annotated[str, typer.Option("--events", help="A log file (with --mapping), or a node's data directory.")]
MappingFile = Annotated[Path | None, typer.Option("--mapping", help="How the rows of the log file become events.")]
AsOf = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Judge at the end of this local day.")]
Subject = Annotated[str, typer.Option("--subject", help="The case reference, as published.")]


@app.command("list")
def list_models(names: Names = None, as_json: Json = False) -> None:
    """List models: id, code, version, status, tests."""
    from services.cli.model_view import list_text, row

    models = _load(names)
    document = {"models": [row(model) for model in models], "count": len(models)}
    emit(document, as_json=as_json, show=list_text)


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show one model: meaning, law, parameters, events and fields, limits."""
    from services.cli.model_view import detail, detail_text

    emit(detail(_one(name)), as_json=as_json, show=detail_text)


@app.command()
def lint(
    names: Names = None,
    contracts: Annotated[bool, typer.Option(help="Compare types and fields with the contracts.")] = True,
    as_json: Json = False,
) -> None:
    """Check model files and name every fault; exit 1 where there are any."""
    from schemas.catalogue import Contracts
    from services.cli.model_view import lint_text
    from streams.supervision.library import files_of
    from streams.supervision.lint import faults_of

    files = files_of(names or [])
    known = Contracts.load() if contracts else None
    faults = [fault.as_dict(language()) for path in files for fault in faults_of(path, known)]
    emit({"ok": not faults, "models": len(files), "faults": faults}, as_json=as_json, show=lint_text)
    if faults:
        raise typer.Exit(1)


@app.command("test")
def run_tests(names: Names = None, as_json: Json = False) -> None:
    """Run the inline tests, each also shuffled, doubled and cut; exit 1 where one fails."""
    from services.cli.model_view import test_text
    from streams.supervision.trial import try_model

    tried = [(model.id, trial) for model in _load(names) for trial in try_model(model)]
    rows = [{"model": i, "name": t.name, "passed": t.passed, "problems": list(t.problems)} for i, t in tried]
    failed = sum(not row["passed"] for row in rows)
    emit({"passed": len(rows) - failed, "failed": failed, "tests": rows}, as_json=as_json, show=test_text)
    if failed:
        raise typer.Exit(1)


@app.command()
def backtest(
    events: Events, names: Names = None, mapping: MappingFile = None, as_of: AsOf = None, as_json: Json = False
) -> None:
    """Run models over history and count what they find."""
    from services.cli.history import History
    from services.cli.model_view import backtest_text
    from streams.runners.backtest import backtest as run

    models = _load(names)
    day = None if as_of is None else _day(as_of)
    history, began = History(events, mapping), time.monotonic()
    report = run(models, history.facts(models), day)
    for line in history.complaints():
        say(line)
    document = {
        "events": report.events,
        "seconds": round(time.monotonic() - began, 3),
        "rejected": history.rejected,
        "models": {name: tally.as_dict() for name, tally in report.models.items()},
    }
    emit(document, as_json=as_json, show=backtest_text)


@app.command()
def explain(
    name: Name,
    subject: Subject,
    events: Events,
    mapping: MappingFile = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Show the arithmetic of one subject's deadlines, step by step."""
    from services.cli.model_view import explain_text

    emit(_traced(name, subject, events, mapping, as_of), as_json=as_json, show=explain_text)


@app.command("why-not")
def why_not(
    name: Name,
    subject: Subject,
    events: Events,
    mapping: MappingFile = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Say which step kept a subject from an alert."""
    from services.cli.model_view import why_not_text

    emit(_traced(name, subject, events, mapping, as_of), as_json=as_json, show=why_not_text)


@app.command()
def new(
    model_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the new model.")],
    code: Annotated[str, typer.Option("--code", help="Its number in the catalogue of models.")] = "X1",
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; ID.yaml without it.")] = None,
    as_json: Json = False,
) -> None:
    """Write a model to start from; it passes lint and its tests."""
    from schemas.errors import UsageError
    from streams.supervision.model import Model
    from streams.supervision.template import new_model

    path = out or Path(f"{model_id}.yaml")
    text = new_model(model_id, code)
    Model.parse(text, path.name)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        fail(UsageError(reason=f"{path.name}: {error.strerror}"), as_json=as_json)
    emit({"id": model_id, "code": code, "file": str(path)}, as_json=as_json)


def _load(names: list[str] | None) -> tuple[Model, ...]:
    from streams.supervision.library import files_of, load_all

    return load_all(files_of(names or []))


def _one(name: str) -> Model:
    from schemas.errors import UsageError

    models = _load([name])
    if len(models) != 1:
        raise UsageError(reason=f"{name}: {', '.join(model.id for model in models)}")
    return models[0]


def _day(text: str) -> int:
    from datetime import date

    from schemas.errors import UsageError
    from streams.legal_clock.zone import to_day

    try:
        return to_day(date.fromisoformat(text))
    except ValueError as error:
        raise UsageError(reason=f"--as-of {text}: YYYY-MM-DD") from error


def _traced(name: str, subject: str, events: str, mapping: Path | None, as_of: str | None) -> dict[str, Any]:
    from services.cli.history import History
    from services.cli.model_view import trace_document
    from streams.supervision.marks import Marks
    from streams.supervision.trace import trace

    model = _one(name)
    facts = list(History(events, mapping).facts([model]))
    latest = max((fact.occurred_at for fact in facts), default=0)
    day = model.zone.day(latest) if as_of is None else _day(as_of)
    return trace_document(model, trace(model, subject, facts, Marks(model.zone.end(day))), day)
