"""The printable report: both languages, nothing unescaped, no script, the digest of the bundle it goes with."""

from __future__ import annotations

from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest

from schemas.texts import Language
from security.audit.bundle import verify_bundle
from security.audit.evidence import Evidence
from security.audit.policy import Policy
from security.audit.record import Entry
from services.auditor.report import report_page
from tests.unit.security.audit.evidence_shop import POLICY, witnessed
from tests.unit.security.audit.workshop import KEY, open_log, release


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Note a tag."""
        self.seen.add(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Expect the tag that was opened last."""
        assert self.open.pop() == tag


@pytest.mark.parametrize(("language", "title"), [("zh", "审计日志证据报告"), ("en", "Report on audit log evidence")])
def test_a_page(tmp_path: Path, language: Language, title: str) -> None:
    """Head, witnesses, releases and records stand on a well-formed page in the language asked for."""
    evidence, earlier = witnessed(tmp_path / "audit")
    bundle = evidence.bundle([0, 7, 299], earlier)
    page = report_page(verify_bundle(bundle, POLICY), bundle, language)
    tags = Tags()
    tags.feed(page)

    for part in (title, sha256(bundle).hexdigest(), evidence.head.root.hex(), "court", "280", f"{7:032x}", "警员"):
        assert part in page
    assert tags.open == []
    assert "script" not in tags.seen


def test_what_a_record_says_is_text(tmp_path: Path) -> None:
    """Markup in a record stays text."""
    log = open_log(tmp_path / "audit")
    log.append([Entry(act="open", actor="<script>alert(1)</script>", obj="<b>"), release(1, events=["<i>&"])])
    log.close()
    evidence = Evidence.open(tmp_path / "audit", Policy.of_key(KEY))
    bundle = evidence.bundle([0, 1])
    page = report_page(verify_bundle(bundle, Policy.of_key(KEY)), bundle, "en")

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<i>" not in page
    assert "&lt;i&gt;&amp;" in page
