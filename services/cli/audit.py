"""`casebus audit …`: verify, show, search and prove the audit log of a node, without the node.

The log stands in `DIR/audit/`. Nothing here writes to it; every command works beside a running node.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import audit_erasure, audit_evidence, audit_loss, audit_retention, audit_search, audit_watch
from services.cli.output import Json, emit, fail, language, say
from services.cli.trust import LogName, data_of

if TYPE_CHECKING:
    from security.audit.checkpoint import VerifierKey
    from security.audit.report import VerifyReport

INDEX = "audit-index.db"
app = typer.Typer(no_args_is_help=True, help="The audit log: verify, show, search, prove, export.")
app.add_typer(audit_search.app)
app.add_typer(audit_evidence.app)
app.add_typer(audit_watch.app)
app.add_typer(audit_loss.app)
app.add_typer(audit_erasure.hold, name="hold")
app.add_typer(audit_erasure.erase, name="erase")
app.add_typer(audit_retention.app, name="retention")

Data = Annotated[
    Path, typer.Option("--data", envvar="CASEBUS_DATA", help="The node's data directory; the log is in its audit/.")
]
Key = Annotated[
    Path | None, typer.Option("--public-key", help="File with the verifier key of the node, got from elsewhere.")
]
DEFAULT_DATA = Path(".casebus/data")
EVERY = 1.0
"""Seconds between two words about progress."""


@app.command()
def verify(
    level: Annotated[int, typer.Option(min=1, max=4, help="1 heads, 2 tree, 3 records, 4 blobs.")] = 3,
    since: Annotated[
        str | None, typer.Option(help="Read from here on: number of a record, a date, or date and time with zone.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0: as many as there are processors.")] = 0,
    data: Data = DEFAULT_DATA,
    public_key: Key = None,
    log: LogName = "",
    as_json: Json = False,
) -> None:
    """Verify the log; exit 6 where anything is not what was written and signed. How far it is stands on stderr."""
    from schemas.errors import CasebusError, IntegrityError
    from security.audit.report import BLOBS
    from security.audit.verify_parts import verify_in_parts

    many = jobs or len(os.sched_getaffinity(0))
    try:
        data = data_of(data, log)
        directory = data / "audit"
        report = verify_in_parts(
            directory, level, _key(public_key), jobs=many, progress=Told(), since=_number(directory, since)
        )
        index = _index(data, report) if level == BLOBS and report.ok else None
    except CasebusError as error:
        fail(error, as_json=as_json)
    document = report.as_dict(language()) | ({} if index is None else {"index": index})
    emit(document, as_json=as_json, show=_show_report)
    if not report.ok:
        raise typer.Exit(IntegrityError.exit_code)


@app.command()
def show(
    seq: Annotated[int, typer.Argument(help="Number of the record, from 0.")],
    data: Data = DEFAULT_DATA,
    log: LogName = "",
    as_json: Json = False,
) -> None:
    """Show one record; the chain up to it is checked on the way."""
    from schemas.errors import CasebusError
    from security.audit.reading import find

    try:
        stored = find(data_of(data, log) / "audit", seq)
        document = {"seq": stored.seq, "leaf": stored.leaf.hex(), "record": _plain(stored.record)}
    except CasebusError as error:
        fail(error, as_json=as_json)
    emit(document, as_json=as_json)


@app.command()
def prove(
    seq: Annotated[int, typer.Argument(help="Number of the record, from 0.")],
    out: Annotated[Path | None, typer.Option(help="Write it as a bundle for `casebus verify` too.")] = None,
    proof_file: Annotated[Path | None, typer.Option(help="Write a C2SP .tlog-proof file too.")] = None,
    data: Data = DEFAULT_DATA,
    public_key: Key = None,
    log: LogName = "",
    as_json: Json = False,
) -> None:
    """Print a record with the proof that the signed head covers it."""
    from schemas.errors import CasebusError
    from security.audit.layout import Layout
    from security.audit.reading import prove as prove_record

    try:
        directory = data_of(data, log) / "audit"
        Layout(directory).require()
        key = _key(public_key) or _key(Layout(directory).verifier_key)
        assert key is not None
        document = prove_record(directory, seq, key)
        if out or proof_file:
            audit_evidence.write(directory, seq, key, out, proof_file)
    except CasebusError as error:
        fail(error, as_json=as_json)
    emit(document, as_json=as_json)


class Told:
    """Tells on stderr how far a verification is, at most once in `EVERY` seconds."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady, self._last = steady, steady()

    def __call__(self, done: int, of: int) -> None:
        """Tell it, if it is time."""
        if self._steady() - self._last >= EVERY:
            self._last = self._steady()
            say(f"{done} of {of} records")


def _number(directory: Path, since: str | None) -> int:
    """Return the number of the first record that is to be read."""
    from security.audit.layout import Layout
    from security.audit.passage import number_at

    if since is not None and since.isascii() and since.isdigit():
        return int(since)
    at = audit_search.instant("--since", since)
    return 0 if at is None else number_at(Layout(directory), at)


def _index(data: Path, report: VerifyReport) -> dict[str, Any] | None:
    """Compare the index with the log, where there is one; what it hides becomes a fault of the report."""
    from security.audit.faults import Fault
    from security.audit.tree import TILE
    from services.auditor.index_check import check_index

    found = check_index(data / "audit", data / INDEX)
    if found is None:
        return None
    report.faults += [Fault("index_lies", run << TILE, INDEX, 0) for run in found.lies]
    return found.as_dict()


def _key(path: Path | None) -> VerifierKey | None:
    """Read a verifier key from a file."""
    from security.audit.checkpoint import VerifierKey
    from security.audit.errors import NoteError

    if path is None:
        return None
    try:
        return VerifierKey.parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise NoteError(what=path.name) from None


def _plain(record: Any) -> dict[str, Any]:
    """Return a record as its keys stand in the log."""
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(record)
    return plain


def _show_report(report: Mapping[str, Any]) -> str:
    lines = [f"{'ok' if report['ok'] else 'NOT OK'}: {report['records']} records, signed size {report['size']}"]
    lines.append(f"levels: {', '.join(report['levels'])}; key: {report['key']}; root {report['root']}")
    lines += [f"fault   {f['kind']:<18} {f['text']}" for f in report["faults"]]
    lines += [f"notice  {n['kind']:<18} {n['text']}" for n in report["notices"]]
    return "\n".join(lines)
