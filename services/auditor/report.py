"""A printable report of a verified bundle, in Chinese or English: one HTML page with print styles, no script.

It is a convenience for people: it proves nothing by itself, and says so. The bundle beside it is the proof.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from typing import Any

import msgspec

from schemas.texts import Language, text
from security.audit.bundle import Verified
from security.audit.released import released

_STYLE = """
@page { size: A4; margin: 18mm 16mm; @bottom-right { content: counter(page) " / " counter(pages); } }
body { font: 10.5pt/1.5 "Noto Sans CJK SC", "WenQuanYi Micro Hei", "Source Han Sans SC", sans-serif; color: #111;
       max-width: 190mm; margin: 0 auto; padding: 8mm; }
h1 { font-size: 17pt; margin: 0 0 2mm; } h2 { font-size: 12.5pt; margin: 8mm 0 2mm; break-after: avoid; }
table { border-collapse: collapse; width: 100%; } thead { display: table-header-group; }
th, td { border: 0.3mm solid #999; padding: 1mm 2mm; text-align: left; vertical-align: top; overflow-wrap: anywhere; }
th { background: #f0f0f0; } tr, section.record { break-inside: avoid; }
pre, code { font: 8.5pt/1.4 "Noto Sans Mono CJK SC", "DejaVu Sans Mono", monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f7f7f7; padding: 2mm; margin: 1mm 0; }
p.note { border-left: 1mm solid #999; padding-left: 3mm; }
@media print { body { padding: 0; max-width: none; } th, pre { background: none; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def report_page(verified: Verified, bundle: bytes, language: Language) -> str:
    """Return the page for a bundle that was verified; `bundle` is its bytes, of which the page names the digest."""

    def say(name: str, **fields: Any) -> str:
        return escape(text(f"auditor.report.{name}", language, **fields))

    head = verified.head
    facts = [
        (say("origin"), head.origin),
        (say("size"), str(head.size)),
        (say("root"), head.root.hex()),
        (say("bundle"), sha256(bundle).hexdigest()),
        *((say("cosigned", witness=name), _second(at)) for name, at in sorted(verified.cosigned.items())),
    ]
    if verified.since is not None:
        facts.append((say("since"), str(verified.since)))
    told = released(verified.records)
    parts = [
        f"<h1>{say('title')}</h1>",
        f'<p class="note">{say("proves_nothing")}</p>',
        f"<h2>{say('head')}</h2>",
        _table((), facts),
    ]
    if told:
        columns = [say(name) for name in ("event", "receiver", "purpose", "time", "record")]
        rows = [(t.event, f"{t.sub} ({t.org})", t.purpose, _micros(t.ts), ", ".join(map(str, t.seqs))) for t in told]
        parts += [f"<h2>{say('released')}</h2>", _table(columns, rows), f"<p>{say('not_read')}</p>"]
    parts.append(f"<h2>{say('records')}</h2>")
    for record, leaf in zip(verified.records, verified.leaves, strict=True):
        said = json.dumps(msgspec.to_builtins(record), ensure_ascii=False, indent=1)
        title = f"{record.seq} · {escape(record.act)} · {_micros(record.ts)}"
        parts.append(
            f'<section class="record"><h3>{title}</h3><pre>{escape(said)}</pre>'
            f"<code>{say('leaf')} {leaf.hex()}</code></section>"
        )
    command = "python casebus_verify.py BUNDLE --policy POLICY"
    parts += [f"<h2>{say('verify')}</h2>", f"<p>{say('how')}</p>", f"<pre>{command}</pre>"]
    return _page(language, say("title"), parts)


def _page(language: Language, title: str, parts: Iterable[str]) -> str:
    spoken = "zh-CN" if language == "zh" else "en"
    return (
        f'<!doctype html>\n<html lang="{spoken}">\n<head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; without columns the first cell of each row names it."""
    names = "".join(f'<th scope="col">{column}</th>' for column in columns)
    top = f"<thead><tr>{names}</tr></thead>" if columns else ""
    body = ""
    for first, *others in rows:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in others)
        # Names of rows are texts of ours, already escaped; values are not.
        lead = f"<td>{escape(first)}</td>" if columns else f'<th scope="row">{first}</th>'
        body += f"<tr>{lead}{cells}</tr>"
    return f"<table>{top}<tbody>{body}</tbody></table>"


def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _micros(at: int) -> str:
    return _second(at // 1_000_000)
