"""Pages without any script, for what must be trusted most: plain HTML, a style sheet, a policy that allows no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from fastapi.responses import HTMLResponse

from services.console.sessions import Session
from services.console.static_files import MARK, style_url
from services.console.words import HTML_LANGUAGES, Words

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

PAGE = """<!doctype html>
<html lang="{html_lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">{again}
<title>{title}</title><link rel="stylesheet" href="{style}"></head>
<body><a class="skip" href="#main">{skip}</a>
<header class="top">{mark}<div class="name"><span>{product}</span><small>{sub}</small></div><div class="grow"></div>
<div class="who"><span>{name}</span><small>{role}</small></div>
<a href="{board}">{back}</a><a href="{other_url}" lang="{other}">{other_name}</a>
<form method="post" action="/{lang}/logout"><button type="submit">{sign_out}</button></form></header>
<main class="page" id="main" tabindex="-1">{content}</main></body></html>"""


def page(
    words: Words, session: Session, title: str, content: str, *, elsewhere: str, again: int = 0, status: int = 200
) -> HTMLResponse:
    """Return a page; `elsewhere` is its address in the other language, `again` seconds until it loads itself anew."""
    other = "en" if words.language == "zh" else "zh"
    said = {
        "html_lang": HTML_LANGUAGES[words.language],
        "title": title,
        "style": style_url(),
        "skip": words("skip"),
        "product": words("product"),
        "sub": words("product.sub"),
        "name": words.pair(session.me["name"]),
        "role": words.pair(session.me["role_name"]),
        "board": f"/{words.language}/board",
        "back": words("back"),
        "other": other,
        "other_url": elsewhere,
        "other_name": words("language.other"),
        "lang": words.language,
        "sign_out": words("sign_out"),
    }
    refresh = f'\n<meta http-equiv="refresh" content="{again}">' if again else ""
    html = PAGE.format(
        mark=MARK, content=content, again=refresh, **{name: escape(value) for name, value in said.items()}
    )
    return HTMLResponse(html, status_code=status, headers={"Content-Security-Policy": POLICY})


def element(tag: str, text: Any = "", **attributes: Any) -> str:
    """Return an element whose text and attributes are escaped; an attribute that is None or False is left out."""
    return f"<{tag}{_attributes(attributes)}>{escape(str(text))}</{tag}>"


def box(tag: str, *parts: str, **attributes: Any) -> str:
    """Return an element around parts that are HTML already."""
    return f"<{tag}{_attributes(attributes)}>{''.join(parts)}</{tag}>"


def void(tag: str, **attributes: Any) -> str:
    """Return an element that has no content."""
    return f"<{tag}{_attributes(attributes)}>"


def field(label: str, name: str, **attributes: Any) -> str:
    """Return a labelled input."""
    return box("label", element("span", label), void("input", **{"name": name, "maxlength": 200} | attributes))


def facts(rows: Iterable[tuple[str, Any]]) -> str:
    """Return a list of names and values; empty values are left out."""
    return box(
        "dl", *(element("dt", name) + element("dd", value) for name, value in rows if value != ""), class_="facts"
    )


def table(caption: str, columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; cells are HTML already."""
    head = "".join(element("th", column, scope="col") for column in columns)
    body = "".join(box("tr", *(box("td", cell) for cell in row)) for row in rows)
    return (
        f'<table class="matrix"><caption class="sr">{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )


def _attributes(attributes: Mapping[str, Any]) -> str:
    """Write attributes; a trailing underscore of a Python name stands for nothing."""
    said = ""
    for name, value in attributes.items():
        if value is True:
            said += f" {name.rstrip('_')}"
        elif value is not None and value is not False:
            said += f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
    return said
