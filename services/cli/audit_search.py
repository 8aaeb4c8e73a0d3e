"""`casebus audit search`: by case, event, receiver, actor, purpose, time; every hit proved. Part of `casebus audit`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.output import Json, emit, fail, say
from services.cli.trust import DEFAULT_DATA, Data, Key, LogName, PolicyFile, data_of, policy_of

if TYPE_CHECKING:
    from security.audit.terms import Question
    from services.auditor.search import Answer

app = typer.Typer()

Many = list[str] | None


def _any(help_text: str) -> Any:
    return typer.Option(help=help_text + " Several: any of them.")


@app.command()
def search(
    act: Annotated[Many, _any("What was done, such as release.")] = None,
    actor: Annotated[Many, _any("Alias of who did it.")] = None,
    role: Annotated[Many, _any("Role in which it was done.")] = None,
    org: Annotated[Many, _any("Organisation.")] = None,
    purpose: Annotated[Many, _any("Purpose of use.")] = None,
    out: Annotated[Many, _any("Outcome: ok, or a reason code.")] = None,
    obj: Annotated[Many, _any("What was acted on.")] = None,
    case: Annotated[Many, _any("Keyed digest of the case reference, 64 hex.")] = None,
    event: Annotated[Many, _any("Id of an event, 32 hex.")] = None,
    person: Annotated[Many, _any("Keyed digest of a person, 64 hex, where the act carries one.")] = None,
    sub: Annotated[Many, _any("Subscription that received.")] = None,
    why: Annotated[Many, _any("Reason code of a decision.")] = None,
    field: Annotated[Many, _any("Field that was shown, such as police.case.filed.charge.")] = None,
    since: Annotated[str | None, typer.Option(help="From this time on: a date, or date and time with zone.")] = None,
    until: Annotated[str | None, typer.Option(help="Up to this time.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many hits are listed; all are counted.")] = 100,
    exhaustive: Annotated[
        bool, typer.Option("--exhaustive", help="Read every record: proves that none is left out.")
    ] = False,
    no_index: Annotated[
        bool, typer.Option("--no-index", help="Neither use nor write the index; reads everything.")
    ] = False,
    releases: Annotated[bool, typer.Option("--releases", help="Tell what was released to whom.")] = False,
    data: Data = DEFAULT_DATA,
    public_key: Key = None,
    policy: PolicyFile = None,
    log: LogName = "",
    as_json: Json = False,
) -> None:
    """Search the log; each hit is read again and checked against the signed head. Exit 6 where that fails."""
    from schemas.errors import CasebusError
    from security.audit.terms import Question

    wanted = {
        "act": act, "actor": actor, "role": role, "org": org, "purpose": purpose, "out": out, "obj": obj,
        "case": case, "event": event, "person": person, "sub": sub, "why": why, "field": field,
    }  # fmt: skip
    try:
        question = Question(
            **{name: tuple(values) for name, values in wanted.items() if values},
            since=instant("--since", since),
            until=instant("--until", until, end=True),
        )
        trust, data = (policy, public_key), data_of(data, log)
        answer, told = _answer(data, question, limit, exhaustive=exhaustive, no_index=no_index, trust=trust)
    except CasebusError as error:
        fail(error, as_json=as_json)
    document: dict[str, Any] = {
        "scanned": answer.scanned,
        "retired": answer.retired,
        "found": answer.found,
        "size": answer.size,
        "complete": answer.complete,
        "hits": [hit.as_dict() for hit in answer.hits],
    }
    if releases:
        document["releases"] = told
    emit(document, as_json=as_json, show=_show)


def _answer(
    data: Path,
    question: Question,
    limit: int,
    *,
    exhaustive: bool,
    no_index: bool,
    trust: tuple[Path | None, Path | None],
) -> tuple[Answer, list[dict[str, Any]]]:
    """Ask with the index beside the log, or with one that is thrown away afterwards."""
    import tempfile

    from security.audit.released import released
    from services.auditor.progress import with_progress
    from services.auditor.search import Searcher

    directory = data / "audit"
    trusted = policy_of(*trust, directory)
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index.db" if no_index else data / "audit-index.db"
        with Searcher.open(directory, trusted, index) as searcher:
            answer = searcher.search(question, limit, exhaustive=exhaustive or no_index)
            told = released((hit.record for hit in answer.hits), question.event)
            return answer, with_progress(searcher, told)


def instant(option: str, text: str | None, *, end: bool = False) -> int | None:
    """Read a time as microseconds; a date alone is its first moment in UTC, or with `end` its last."""
    from datetime import UTC, date, datetime

    from schemas.clock import DAY
    from services.auditor.errors import InstantError

    if text is None:
        return None
    try:
        if "T" not in text:
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return int(day.timestamp()) * 1_000_000 + (DAY - 1 if end else 0)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InstantError(option=option) from None
    if moment.tzinfo is None:
        raise InstantError(option=option)
    return round(moment.timestamp() * 1_000_000)


def _show(found: Mapping[str, Any]) -> str:
    import json

    how = "every record was read" if found["complete"] else "by the index; --exhaustive proves that none is left out"
    say(f"{found['found']} hits under the head of size {found['size']}; {found['scanned']} records read, {how}")
    if found["retired"]:
        say(f"the first {found['retired']} records are past their retention and can be searched no more")
    if "releases" in found:
        return "\n".join(
            f"{told['event']}  →  {told['sub']} ({told['org']}, {told['purpose']})  record {told['seqs'][0]}"
            + _progress(told)
            for told in found["releases"]
        )
    return "\n".join(json.dumps(hit["record"], ensure_ascii=False) for hit in found["hits"])


def _progress(told: Mapping[str, Any]) -> str:
    """Say what became of a release: fetched by which record, acknowledged by which."""
    if "fetched" not in told:
        return ""
    got, said = told["fetched"], told["acknowledged"]
    fetched = f"fetched in record {got['seq']} at offset {got['offset']}" if got else "not fetched here"
    return f"  {fetched}, " + (f"acknowledged in record {said['seq']}" if said else "not acknowledged")
