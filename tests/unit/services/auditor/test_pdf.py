"""The report as PDF: whole pages, its language, and a coded refusal where the typesetter's libraries are missing."""

from __future__ import annotations

import builtins
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
import weasyprint
from typer.testing import CliRunner

from services.auditor.errors import PdfUnavailableError
from services.auditor.pdf import pdf_of
from services.cli.app import app
from tests.unit.security.audit.evidence_shop import POLICY, witnessed


def objects(pdf: bytes) -> bytes:
    """Return the file with its compressed streams opened: objects may stand inside them."""
    opened = [pdf]
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            opened.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"\n".join(opened)


@pytest.mark.parametrize(("language", "spoken"), [("zh", b"zh-CN"), ("en", b"en")])
def test_the_command_sets_a_pdf_of_several_pages(tmp_path: Path, language: str, spoken: bytes) -> None:
    """A bundle of forty records fills more than one page; the file says its language, its title, and is complete."""
    evidence, _ = witnessed(tmp_path / "audit")
    bundle, policy, out = tmp_path / "bundle.json", tmp_path / "policy", tmp_path / "report.pdf"
    bundle.write_bytes(evidence.bundle(range(40)))
    policy.write_text(POLICY.text, encoding="utf-8")

    words = ["audit", "report", str(bundle), "--out", str(out), "--pdf", "--lang", language, "--policy", str(policy)]
    done = CliRunner().invoke(app, words)

    assert done.exit_code == 0, done.output
    pdf = out.read_bytes()
    inside = objects(pdf)
    assert pdf.startswith(b"%PDF-1.")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type\s*/Page\b", inside)) >= 3
    assert b"/Lang" in inside
    assert spoken in inside


def test_without_the_libraries_the_next_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pango that cannot be loaded is a coded refusal that says what to install."""
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "weasyprint":
            raise OSError
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)

    with pytest.raises(PdfUnavailableError) as refused:
        pdf_of("<p>")

    assert (refused.value.exit_code, "libpango" in refused.value.hint("en")) == (5, True)


def test_nothing_is_fetched(tmp_path: Path) -> None:
    """A picture beside the page is left out; the typesetter left to itself would have taken it in."""
    picture = tmp_path / "a.svg"
    picture.write_text("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><text>canary</text></svg>")
    page = f"<html lang='en'><p>text</p><img alt='' src='file://{picture}'></html>"

    ours, theirs = pdf_of(page), weasyprint.HTML(string=page).write_pdf(pdf_tags=True)

    assert b"/XObject" not in objects(ours).replace(b"/XObject <<>>", b"")
    assert len(objects(ours)) < len(objects(theirs))
