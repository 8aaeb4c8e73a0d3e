"""Beside what was released: was it fetched, when, and how far does the receiver say it is. Every answer is proved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from security.audit.received import Acknowledged, Fetched, acknowledged, fetched
from security.audit.released import ReleasedTo
from security.audit.terms import Question
from services.auditor.search import Searcher

MOST_EVENTS = 50
"""Events whose progress is looked up at once; of more, each is asked for by itself."""


def with_progress(searcher: Searcher, releases: Sequence[ReleasedTo]) -> list[dict[str, Any]]:
    """Render releases, each with `fetched`, `acknowledged` and `reached`; of too many events without them.

    fetched: the first reading that handed the event over, or None. acknowledged: the first acknowledgement after it
    that covers the event, else the newest where that does (a receiver may say it before it reads), or None. reached:
    the newest acknowledgement of the receiver, whatever it covers, or None.
    """
    rendered = [each.as_dict() for each in releases]
    events = {each.event for each in releases}
    if len(events) > MOST_EVENTS:
        return rendered
    pulls = Question(act=("pull",), event=tuple(sorted(events)))
    hits = (hit.record for hit in searcher.each(pulls)) if events else ()
    first: dict[tuple[str, str], Fetched] = {}
    for one in fetched(hits, events):
        first.setdefault((one.event, one.sub), one)
    newest = {sub: _newest(searcher, sub) for sub in {each.sub for each in releases}}
    for each, told in zip(releases, rendered, strict=True):
        got, reached = first.get((each.event, each.sub)), newest[each.sub]
        told["fetched"] = got.as_dict() if got else None
        told["acknowledged"] = _rendered(_covering(searcher, got, reached) if got else None)
        told["reached"] = _rendered(reached)
    return rendered


def _newest(searcher: Searcher, sub: str) -> Acknowledged | None:
    """Return the newest acknowledgement of a receiver."""
    question = Question(act=("ack",), sub=(sub,))
    return next((said for hit in searcher.each(question, newest=True) if (said := acknowledged(hit.record))), None)


def _covering(searcher: Searcher, got: Fetched, newest: Acknowledged | None) -> Acknowledged | None:
    """Return the first acknowledgement that covers what was fetched; the newest one tells whether there is any."""
    if newest is None or not newest.covers(got):
        return None
    for hit in searcher.each(Question(act=("ack",), sub=(got.sub,), since=got.ts)):
        said = acknowledged(hit.record)
        if said is not None and said.seq > got.seq and said.covers(got):
            return said
    return newest


def _rendered(said: Acknowledged | None) -> dict[str, Any] | None:
    return said.as_dict() if said else None
