"""`casebus audit export`: evidence that stands by itself. Part of `casebus audit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.output import Json, emit, fail
from services.cli.trust import DEFAULT_DATA, Data, Key, PolicyFile, content_of, policy_of, text_of

if TYPE_CHECKING:
    from schemas.texts import Language
    from security.audit.checkpoint import VerifierKey

app = typer.Typer()

Out = Annotated[Path, typer.Option("--out", help="Where to write it.")]
Since = Annotated[
    Path | None, typer.Option("--since", help="An earlier signed head; the bundle proves that the log continues it.")
]


@app.command()
def export(
    out: Out,
    seqs: Annotated[list[int] | None, typer.Argument(help="Numbers of records.")] = None,
    first: Annotated[int | None, typer.Option("--from", min=0, help="First of a range of records.")] = None,
    last: Annotated[int | None, typer.Option("--to", min=0, help="Last of that range.")] = None,
    since: Since = None,
    data: Data = DEFAULT_DATA,
    public_key: Key = None,
    policy: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Write a bundle of records for `casebus verify` and for the one-file verifier."""
    from schemas.errors import CasebusError
    from security.audit.bundle_errors import NothingToExportError
    from security.audit.evidence import Evidence
    from security.audit.files import write_durably

    wanted = list(seqs or ())
    try:
        if (first is None) != (last is None):
            raise NothingToExportError
        if first is not None and last is not None:
            wanted += range(first, last + 1)
        evidence = Evidence.open(data / "audit", policy_of(policy, public_key, data / "audit"))
        content = evidence.bundle(wanted, text_of(since) if since else None)
        write_durably(out, content)
    except CasebusError as error:
        fail(error, as_json=as_json)
    document = {"file": str(out), "records": len(set(wanted)), "bytes": len(content), "size": evidence.head.size}
    emit(document, as_json=as_json)


@app.command("export-tiles")
def export_tiles(
    folder: Annotated[Path, typer.Argument(help="Where to write; an earlier export of this log is added to.")],
    data: Data = DEFAULT_DATA,
    public_key: Key = None,
    policy: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Write the log as static files that any C2SP tlog-tiles client reads; it holds every record."""
    from schemas.errors import CasebusError
    from security.audit import tiles
    from security.audit.evidence import Evidence
    from services.auditor.errors import TargetTakenError

    try:
        evidence = Evidence.open(data / "audit", policy_of(policy, public_key, data / "audit"))
        done = tiles.export_tiles(evidence, folder)
        if done is None:
            raise TargetTakenError(directory=folder.name)
    except CasebusError as error:
        fail(error, as_json=as_json)
    emit({"files": done.files, "size": done.size, "before": done.before}, as_json=as_json)


@app.command()
def report(
    bundle: Annotated[Path, typer.Argument(help="File that `export` or `prove --out` wrote.")],
    out: Out,
    lang: Annotated[str, typer.Option(help="zh or en; by default the environment's.")] = "",
    pdf: Annotated[bool, typer.Option("--pdf", help="Write PDF instead of a web page.")] = False,
    public_key: Key = None,
    policy: PolicyFile = None,
    as_json: Json = False,
) -> None:
    """Verify a bundle and write a printable page of what it proves: HTML, or PDF with `--pdf`."""
    from schemas.errors import CasebusError
    from security.audit.bundle import verify_bundle
    from security.audit.files import write_durably
    from services.auditor.pdf import pdf_of
    from services.auditor.report import report_page
    from services.cli.output import language

    spoken: Language = "zh" if lang == "zh" else "en" if lang == "en" else language()
    try:
        content = content_of(bundle)
        verified = verify_bundle(content, policy_of(policy, public_key))
        page = report_page(verified, content, spoken)
        write_durably(out, pdf_of(page) if pdf else page.encode())
    except CasebusError as error:
        fail(error, as_json=as_json)
    emit({"file": str(out), "records": len(verified.records), "language": spoken, "pdf": pdf}, as_json=as_json)


def write(directory: Path, seq: int, key: VerifierKey, bundle: Path | None, proof_file: Path | None) -> None:
    """Write one record as a bundle, as a C2SP proof file, or both."""
    from security.audit.evidence import Evidence
    from security.audit.files import write_durably
    from security.audit.policy import Policy

    evidence = Evidence.open(directory, Policy.of_key(key))
    if bundle:
        write_durably(bundle, evidence.bundle([seq]))
    if proof_file:
        write_durably(proof_file, evidence.proof_file(seq).encode())
