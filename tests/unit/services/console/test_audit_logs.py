"""The officer's pages over several logs: a choice, how far each is, links that name the log; one log shows none."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.texts import Language
from services.console import audit_page, verification_page
from services.console.words import Words

WHY = {"code": "auditor.copy_behind", "zh": "副本落后", "en": "the copy is <behind>"}
WORKER = {"log": "release-1", "size": 3, "records": 5, "at": 1_700_000_000_000_000, "why": None}
LATE = {"log": "annex", "size": 0, "records": 0, "at": 0, "why": WHY}
HEAD = {"log": "n1", "origin": "o", "size": 9, "root": "00", "unsigned": 0, "key": "k", "others": [WORKER, LATE]}
STATUS = {"state": "never", "done": 0, "of": 0, "error": "", "report": None}


def hit(log: str, seq: int) -> dict[str, Any]:
    """Return a hit."""
    return {"log": log, "seq": seq, "record": {"act": "release", "ts": 1_700_000_000_000_000, "seq": seq}}


def answer(*logs: str) -> dict[str, Any]:
    """Return what the node answers over these logs, the last of which is behind."""
    said = [
        {"log": log, "searched": log != "annex", "size": 3, "found": 1, "complete": log != "annex"}
        | {"why": WHY if log == "annex" else None}
        for log in logs
    ]
    hits = [hit(log, 4) for log in logs if log != "annex"]
    return {"own": "n1", "size": 6, "complete": False, "found": len(hits), "hits": hits, "releases": [], "logs": said}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_each_log_says_how_far_it_is(language: Language) -> None:
    """On the form's page and beside the hits; a sentence of the node is text, never markup."""
    words = Words(language)

    page = audit_page.content(words, HEAD, {"log": "release-1"}, "audit", "")
    found = audit_page.result(words, answer("n1", "release-1", "annex"))

    assert '<option value="release-1" selected>release-1</option>' in page
    assert words("audit.log.good") in page
    assert words("audit.log.whole") in found
    for html in (page, found):
        assert (WHY[language].replace("<", "&lt;").replace(">", "&gt;") in html, "<behind>" in html) == (True, False)


def test_a_hit_of_another_log_links_to_its_own_page() -> None:
    """The node's own records are linked as before."""
    html = audit_page.result(Words("en"), answer("n1", "release-1"))

    assert 'href="/verify/4?lang=en"' in html
    assert 'href="/verify/4?lang=en&amp;log=release-1"' in html


def test_a_site_of_one_log_shows_no_choice() -> None:
    """On an embedded bus the pages are as they were."""
    alone = HEAD | {"others": []}

    page = audit_page.content(Words("en"), alone, {}, "audit", audit_page.result(Words("en"), answer("n1")))

    assert 'name="log"' not in page
    assert Words("en")("audit.log") not in page


def test_a_verification_is_of_one_log() -> None:
    """The form carries the log that is shown; the others are links."""
    html = verification_page.content(Words("en"), STATUS, "audit", HEAD, "release-1")

    assert 'type="hidden" name="log" value="release-1"' in html
    assert 'href="/en/audit/verification?log=n1"' in html
    assert 'href="/en/audit/verification?log=release-1"' not in html


def test_the_form_names_the_log_it_asks() -> None:
    """No choice asks every log."""
    assert audit_page.wanted({"log": " release-1 "}, "audit")["log"] == "release-1"
    assert "log" not in audit_page.wanted({"log": ""}, "audit")
