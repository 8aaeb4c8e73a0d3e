"""`casebus import`: history into a node's log, by a mapping file."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from schemas.errors import UsageError
from services.cli.output import Json, emit, language, say

if TYPE_CHECKING:
    from services.importer.importer import Importer, Result
    from services.importer.mapping import Mapping
    from services.importer.position import Position
    from services.importer.rows import Rows

app = typer.Typer(rich_markup_mode=None)

INTERRUPTED = 130


class ImportUsageError(UsageError):
    """Neither what to import by which mapping, nor a mapping to check."""

    code: ClassVar[str] = "importer.usage"


class FollowError(UsageError):
    """`--follow` where there is no topic to follow."""

    code: ClassVar[str] = "importer.follow"


PROGRESS_SECONDS = 2.0


@app.command()
def import_file(
    file: Annotated[
        str | None,
        typer.Argument(help="File (CSV, XES, JSON lines; plain or gzip), database URL, or kafka://host:port/topic."),
    ] = None,
    mapping: Annotated[Path | None, typer.Option("--mapping", "-m", help="Mapping file (YAML).")] = None,
    data: Annotated[Path, typer.Option("--data", envvar="CASEBUS_DATA", help="The node's data directory.")] = Path(
        ".casebus/data"
    ),
    site: Annotated[Path | None, typer.Option(help="Reviewed site file; needed for a new node.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be rejected and why; keep nothing.")
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what arrives in a topic, until Ctrl-C.")] = False,
    lint: Annotated[
        Path | None, typer.Option("--lint", help="Check this mapping against the contracts; import nothing.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Import a file, a table or a topic, going on where an earlier run stopped. Repeated rows take effect once.

    casebus import log.csv.gz --mapping examples/road-fines/mapping.yaml --dry-run
    """
    from services.importer.mapping import load_mapping
    from services.importer.opening import KAFKA, open_rows

    if lint is not None:
        raise typer.Exit(check(lint, as_json=as_json))
    if file is None or mapping is None:
        raise ImportUsageError
    if follow and not file.startswith(KAFKA):
        raise FollowError
    rules = load_mapping(mapping)
    rows = open_rows(rules, file, follow=follow)
    with stopping() as stopped:
        if dry_run:
            document = rehearse(rules, rows, stopped)
        else:
            document = bring_in(rules, rows, data, site, stopped, follow=follow)
    emit(document, as_json=as_json, show=shown)
    if stopped():
        say("casebus: interrupted; what was acknowledged is kept, run the same command again to go on")
        raise typer.Exit(INTERRUPTED)


def check(path: Path, *, as_json: bool) -> int:
    """Check a mapping and say everything that is wrong with it; return the exit code."""
    from schemas.catalogue import Contracts
    from services.importer.linting import lint_mapping

    findings = lint_mapping(path, Contracts.load())
    errors = sum(finding.error for finding in findings)
    document = {"mapping": path.name, "errors": errors, "findings": [finding.as_dict() for finding in findings]}
    emit(document, as_json=as_json, show=lambda d: "\n".join(f[language()] for f in d["findings"]) or "ok")
    return 1 if errors else 0


def rehearse(rules: Mapping, rows: Rows, stopped: Callable[[], bool]) -> dict[str, Any]:
    """Read and check every row as the door would, without a node: registration and ceiling are not asked."""
    from schemas.catalogue import Contracts
    from schemas.clock import SystemClock
    from services.importer.importer import Importer
    from services.importer.rehearsal import Rehearsal

    rehearsal = Rehearsal(Contracts.load(), rules, SystemClock())
    run = Importer(rules, rows, rehearsal.check, None, stopped=stopped, moved=progress())
    run.run()
    return {**summary(run, rules), "dry_run": True}


def bring_in(
    rules: Mapping, rows: Rows, data: Path, site: Path | None, stopped: Callable[[], bool], *, follow: bool = False
) -> dict[str, Any]:
    """Send every row through the node's door, declare the file complete, and let everything take effect."""
    from schemas.catalogue import Contracts
    from security.audit.record import Entry
    from services.importer.importer import Importer
    from services.importer.position import PositionFile
    from services.node.node import open_node
    from services.node.site import Site

    node = open_node(data, Site.load(site, Contracts.load()) if site else None)
    try:
        source = node.door.source(rules.source)
        position = PositionFile(data / "import", rules, rows.identity())

        def accept(events: Sequence[dict[str, Any]]) -> Sequence[Result]:
            return node.door.accept(source, events, purpose="import")

        told = progress()

        def moved(reached: Position) -> None:
            told(reached)
            if follow:
                node.pump(stopped)

        run = Importer(rules, rows, accept, position, stopped=stopped, moved=moved)
        resumed = run.position.read
        reached = run.run()
        document = {**summary(run, rules), "resumed_after": resumed, "rejects": str(position.rejects.name)}
        counts = {name: document[name] for name in ("read", "accepted", "repeated", "rejected", "done")}
        organisation = source.organisation
        node.audit.append(
            [Entry(act="import", org=organisation, purpose="import", obj=source.id, msg=rules.digest, data=counts)]
        )
        if reached.done and rules.complete_to is not None:
            from schemas.instants import format_instant

            document["complete_to"] = format_instant(node.door.complete_to(source, rules.complete_to))
        if not stopped():
            say("casebus: releasing and supervising what came in")
            node.pump(stopped)
        return document
    finally:
        node.close()


def summary(run: Importer, rules: Mapping) -> dict[str, Any]:
    """Say what the lines came to, over all runs of this import, and why rows of this run were rejected."""
    reached = run.position
    return {
        "mapping": rules.name,
        "source": rules.source,
        "read": reached.read,
        "accepted": reached.accepted,
        "repeated": reached.repeated,
        "rejected": reached.rejected,
        "done": reached.done,
        "codes": dict(run.tally.codes),
        "first": [rejection.as_dict() for rejection in run.tally.first],
    }


def shown(document: dict[str, Any]) -> str:
    """Render for a person."""
    lines = [f"{key}: {document[key]}" for key in ("read", "accepted", "repeated", "rejected")]
    lines += [f"  {count} × {code}" for code, count in sorted(document["codes"].items())]
    lines += [f"  {reject[language()]}" for reject in document["first"]]
    if document["rejected"] and "rejects" in document:
        lines.append(f"rejects: import/{document['rejects']}")
    return "\n".join(lines)


def progress() -> Callable[[Position], None]:
    """Tell the pace on a terminal, at most every two seconds."""
    began = last = time.monotonic()
    first: int | None = None

    def moved(position: Position) -> None:
        nonlocal last, first
        first = position.read if first is None else first
        now = time.monotonic()
        if now - last >= PROGRESS_SECONDS and sys.stderr.isatty():
            last = now
            pace = (position.read - first) / (now - began)
            say(f"casebus: {position.read:,} rows, {position.rejected:,} rejected, {pace:,.0f} rows/s")

    return moved


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a question that is asked between slices; a second one stops at once."""
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        del number, frame
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
