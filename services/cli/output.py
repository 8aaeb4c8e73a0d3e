"""How every command speaks: one JSON document on stdout with `--json`, else text; messages and progress on stderr.

Exit codes: 0 ok, 1 a check failed, 2 usage, 3 not found, 4 denied, 5 unavailable, 6 integrity broken, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NoReturn

import typer

from schemas.errors import CasebusError
from schemas.texts import Language

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
"""The `--json` option of every command."""


def language() -> Language:
    """Return the language of the caller's environment: Chinese where `LANG` or `CASEBUS_LANG` says so."""
    wanted = os.environ.get("CASEBUS_LANG") or os.environ.get("LANG", "")
    return "zh" if wanted.lower().startswith("zh") else "en"


def say(message: str) -> None:
    """Tell the person something: on stderr, so that stdout stays data."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def emit(document: Mapping[str, Any], *, as_json: bool, show: Callable[[Any], str] | None = None) -> None:
    """Print the result: the document as JSON, or what `show` makes of it."""
    if as_json:
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
    else:
        rendered = show(document) if show else "\n".join(f"{k}: {v}" for k, v in document.items())
        sys.stdout.write(rendered + "\n")
    sys.stdout.flush()


def fail(error: CasebusError, *, as_json: bool = False) -> NoReturn:
    """Print the error with its hint and leave with its exit code."""
    raise typer.Exit(fail_with(error, as_json=as_json))


def fail_with(error: CasebusError, *, as_json: bool = False) -> int:
    """Print the error with its hint and return its exit code."""
    lang = language()
    if as_json:
        sys.stdout.write(json.dumps({"error": error.as_dict(lang)}, ensure_ascii=False, default=str) + "\n")
    say(f"casebus: {error.message(lang)}  [{error.code}]")
    say(f"  → {error.hint(lang)}")
    return error.exit_code
