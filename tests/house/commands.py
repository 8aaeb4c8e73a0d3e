"""Commands as documents quote them, against the command line as it is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from services.cli.app import PARTS, app
from tests.house.tree import ROOT

_FENCE = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_ADVICE = re.compile(r"(run |运行 )?casebus ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?(?![\w:])")
_INLINE = re.compile(r"(?<!`)`((?:\./run|casebus) [^`\n]+)`")


def quoted(document: str) -> list[str]:
    """Return every command of ours that a document quotes, in blocks and in the running text."""
    joined = (block.replace("\\\n", " ") for block in _FENCE.findall(document))
    lines = [line for block in joined for line in block.splitlines()]
    blocks = [re.sub(r"\s+# .*", "", line.removeprefix("$ ")).strip() for line in lines]
    return [c for c in [*blocks, *_INLINE.findall(document)] if c.startswith(("./run", "casebus "))]


def advised(text: str) -> list[str]:
    """Return every command that a text for people advises, as far as its words can be commands: `casebus node up`.

    What follows "run" is a command even where it does not exist; elsewhere only a known part is one.
    """
    found = [match.groups() for match in _ADVICE.finditer(text)]
    calls = [(part, word) for run, part, word in found if run or part in PARTS]
    return [" ".join(["casebus", part, *([word] if word and _is_group(part) else [])]) for part, word in calls]


def verbs() -> set[str]:
    """Return the verbs of `./run`."""
    return set(re.findall(r"^    ([a-z]+)(?: \| [^)]*)?\)", (ROOT / "run").read_text(encoding="utf-8"), re.MULTILINE))


def wrong(command: str) -> str | None:
    """Say what is wrong with a quoted command; None where it exists with its options."""
    words = shlex.split(command.split("…", maxsplit=1)[0].translate({ord("["): " ", ord("]"): " "}))
    if words[0] == "./run":
        verb = words[1] if len(words) > 1 else "help"
        if verb not in verbs():
            return f"{command}: ./run has no verb {verb}"
        if verb not in {"casebus", "demo"}:
            return None
        words = words[1:] if verb == "casebus" else ["casebus", *words[1:]]
    return _wrong_call(command, words[1:])


def _wrong_call(command: str, words: list[str]) -> str | None:
    node: Any = get_command(app)
    context = node.make_context("casebus", [], resilient_parsing=True)
    while words and hasattr(node, "get_command") and not words[0].startswith("-"):
        try:
            children = [node.get_command(context, word) for word in words[0].split("|")]
        except ModuleNotFoundError as error:
            return f"{command}: {error}"
        if not all(children):
            return f"{command}: no command {words[0]}"
        node, words = children[0], words[1:]
    known = set(_options(node)) | {"--help", "-h"}
    unknown = [w for w in words if w.startswith("-") and w.split("=")[0] not in known]
    return f"{command}: no option {', '.join(unknown)}" if unknown else None


def _is_group(part: str) -> bool:
    root: Any = get_command(app)
    try:
        return hasattr(root.get_command(root.make_context("casebus", [], resilient_parsing=True), part), "get_command")
    except ModuleNotFoundError:
        return False


def _options(node: Any) -> Iterator[str]:
    for parameter in node.params:
        yield from parameter.opts
        yield from parameter.secondary_opts
