"""The sign-in page: plain HTML, so that it works before anything else does."""

from __future__ import annotations

from html import escape

from services.console.static_files import MARK, style_url
from services.console.words import HTML_LANGUAGES, Words

PAGE = """<!doctype html>
<html lang="{html_lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="{style}"></head>
<body><main class="signin card">
<div class="brand">{mark}<div><h1>{product}</h1><small>{sub}</small></div></div>
<form method="post" action="/{lang}/login">
<input type="hidden" name="next" value="{next}">
<label>{account}<input name="account" autocomplete="username" required autofocus maxlength="120"></label>
<label>{password}<input name="password" type="password" autocomplete="current-password" required></label>
<button class="act main" type="submit">{sign_in}</button>
<p class="said bad" role="alert">{fault}</p>
</form>
<p><a href="/{other}/login" lang="{other}">{other_name}</a></p>
</main></body></html>"""


def render(words: Words, fault: str = "", after: str = "") -> str:
    """Render the sign-in page; `after` is where the person wanted to go, a path of this console."""
    other = "en" if words.language == "zh" else "zh"
    values = {
        "html_lang": HTML_LANGUAGES[words.language],
        "title": words("sign_in.title"),
        "style": style_url(),
        "product": words("product"),
        "sub": words("product.sub"),
        "lang": words.language,
        "next": after,
        "account": words("account"),
        "password": words("password"),
        "sign_in": words("sign_in"),
        "fault": fault,
        "other": other,
        "other_name": words("language.other"),
    }
    return PAGE.format(mark=MARK, **{name: escape(value) for name, value in values.items()})


def own_path(after: str) -> str:
    """Return a path of this console, or the empty word: a sign-in never leads to another site."""
    return after if after.startswith(("/zh/", "/en/", "/verify/")) and "//" not in after and "\\" not in after else ""


FAULT_PAGE = """<!doctype html>
<html lang="{html_lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{product}</title><link rel="stylesheet" href="{style}"></head>
<body><main class="signin card"><h1>{product}</h1><p class="said bad" role="alert">{fault}</p>
<p><a href="/{lang}/board">{back}</a></p></main></body></html>"""


def fault_page(words: Words, fault: str) -> str:
    """Render why a page cannot be shown."""
    values = {
        "html_lang": HTML_LANGUAGES[words.language],
        "product": words("product"),
        "style": style_url(),
        "fault": fault,
        "lang": words.language,
        "back": words("back"),
    }
    return FAULT_PAGE.format(**{name: escape(value) for name, value in values.items()})
