"""One search over every log of a site: each by itself, proved under its own head, then put together by time.

What is wrong with one log hides nothing of the others and is said beside them. What became of a release is asked of the
node's own log, whichever log the release stands in: only the node hands events over, and takes acknowledgements.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import CasebusError
from security.audit.released import released
from security.audit.terms import Question
from services.auditor.logs import OtherLog, Why
from services.auditor.progress import with_progress
from services.auditor.search import Answer, Searcher


@dataclass
class Searched:
    """What the search of one log came to; `why` is what is wrong with it, None where it was searched as asked."""

    log: str
    answer: Answer | None
    why: Why | None = None
    releases: list[dict[str, Any]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every record up to the signed head was read, and nothing says that there are more."""
        return self.answer is not None and self.answer.complete and self.why is None

    def as_dict(self) -> dict[str, Any]:
        """Render it for JSON, without its hits."""
        answer = self.answer or Answer(0, complete=False)
        return {
            "log": self.log,
            "searched": self.answer is not None,
            "size": answer.size,
            "complete": self.complete,
            "found": answer.found,
            "scanned": answer.scanned,
            "retired": answer.retired,
            "why": self.why.as_dict() if self.why else None,
        }


def search_own(name: str, open_: Searcher, question: Question, limit: int, *, exhaustive: bool) -> Searched:
    """Search the node's own log; raises what `Searcher.search` raises."""
    found = open_.search(question, limit, exhaustive=exhaustive)
    told = with_progress(open_, released((hit.record for hit in found.hits), question.event))
    return Searched(name, found, releases=told)


def search_other(log: OtherLog, own: Searcher, question: Question, limit: int, *, exhaustive: bool) -> Searched:
    """Search another log of the site; `own` knows what became of its releases. Nothing is raised for that log."""
    why = log.why()
    if not log.signed:
        # An empty log that its topic was read for is searched, with nothing in it.
        return Searched(log.name, None if why else Answer(0, complete=exhaustive), why)
    try:
        with Searcher.open(log.directory, log.policy, log.index) as open_:
            found = open_.search(question, limit, exhaustive=exhaustive)
    except CasebusError as error:
        return Searched(log.name, None, Why(error.code, error.fields))
    except OSError as error:
        return Searched(log.name, None, Why("audit.unreadable", {"file": log.name, "reason": type(error).__name__}))
    told = with_progress(own, released((hit.record for hit in found.hits), question.event))
    return Searched(log.name, found, why, told)


def merged(own: str, searched: Iterable[Searched], limit: int) -> dict[str, Any]:
    """Put the answers together: hits and releases by time, each with its log; counts are sums. `own`: the node's log.

    `complete` is true where every log was read whole; `logs` says of each to which size, and what is wrong with it.
    """
    each = list(searched)
    answers = [one.answer for one in each if one.answer is not None]
    hits = [(hit.record.ts, one.log, hit) for one in each if one.answer for hit in one.answer.hits]
    hits.sort(key=lambda found: (found[0], found[1], found[2].seq))
    releases = [{**told, "log": one.log} for one in each for told in one.releases]
    return {
        "own": own,
        "size": sum(answer.size for answer in answers),
        "complete": all(one.complete for one in each),
        "found": sum(answer.found for answer in answers),
        "scanned": sum(answer.scanned for answer in answers),
        "retired": sum(answer.retired for answer in answers),
        "hits": [{**hit.as_dict(), "log": log} for _, log, hit in hits[:limit]],
        "releases": sorted(releases, key=lambda told: (told["ts"], told["log"])),
        "logs": [one.as_dict() for one in each],
    }
