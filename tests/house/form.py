"""What a module of this house looks like: every function here takes source text and returns what is wrong with it.

The functions are plain so that each guard can be shown to fail on a bad sample.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

MODULE_LINES = 400
FUNCTION_LINES = 60

_OPEN_ENDS = re.compile(
    r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "NotImplemented" + "Error")) + r")\b"
)
_MACHINE_PATH = re.compile(r"(?<![\w.~$}/-])/(?:work|farm|home|root|Users|mnt)/[\w.]")
_WALL_CLOCK = {
    "time": {"time", "time_ns", "localtime", "gmtime", "ctime", "strftime"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
}


def long_parts(source: str) -> list[str]:
    """Name a module over 400 lines and each function over 60."""
    lines = source.count("\n")
    found = [f"{lines} lines (at most {MODULE_LINES})"] if lines > MODULE_LINES else []
    for node in _functions(ast.parse(source)):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES:
            found.append(f"line {node.lineno}: {node.name} has {length} lines (at most {FUNCTION_LINES})")
    return found


def silent_tests(source: str) -> list[str]:
    """Name each test without a docstring: the suite reads as a specification."""
    functions = _functions(ast.parse(source))
    return [f"line {n.lineno}: {n.name}" for n in functions if n.name.startswith("test") and not ast.get_docstring(n)]


def idle_tests(source: str) -> list[str]:
    """Name each test that cannot fail by itself: no assert, no `raises`, no call of a checking function."""
    tests = [n for n in _functions(ast.parse(source)) if n.name.startswith("test")]
    return [f"line {n.lineno}: {n.name}" for n in tests if not any(_checks(part) for part in ast.walk(n))]


def open_ends(source: str) -> list[str]:
    """Name each line that leaves something open: open ends live in the issues."""
    return [
        f"line {i}: {line.strip()[:80]}" for i, line in enumerate(source.splitlines(), 1) if _OPEN_ENDS.search(line)
    ]


def machine_paths(source: str) -> list[str]:
    """Name each line with an absolute path of somebody's machine."""
    return [
        f"line {i}: {line.strip()[:80]}" for i, line in enumerate(source.splitlines(), 1) if _MACHINE_PATH.search(line)
    ]


def wall_clock(source: str) -> list[str]:
    """Name each reading of the wall clock: `time.time()`, `datetime.now()`, also under another name.

    `time.monotonic` and `time.sleep` measure and wait; they tell no date and are left alone.
    """
    tree = ast.parse(source)
    known = dict(_imported(tree))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if node.attr in _WALL_CLOCK.get(known.get(owner, owner), ()):
                found.append(f"line {node.lineno}: {owner}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            found += [
                f"line {node.lineno}: from time import {a.name}" for a in node.names if a.name in _WALL_CLOCK["time"]
            ]
    return found


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname, alias.name) for alias in node.names if alias.asname)


def _functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def _checks(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    called = node.func if isinstance(node, ast.Call) else None
    spoken = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return bool(re.match(r"raises|fail|_?(assert|check|expect|verify|walk|compare|same|agree|refuse|must)", spoken))
