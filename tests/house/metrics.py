"""Names of metrics: literal, ours, once, documented."""

from __future__ import annotations

import ast
import re

_KINDS = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}
_NAME = re.compile(r"casebus_[a-z][a-z0-9_]*[a-z0-9]")


def declared(source: str) -> list[str]:
    """Return the name of every metric a module makes; "" where a name is no literal of ours."""
    tree = ast.parse(source)
    makers = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "prometheus_client"
        for alias in node.names
        if alias.name in _KINDS
    }
    calls = [
        n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id in makers
    ]
    return [_name(call) for call in calls]


def _name(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    value = first.value if isinstance(first, ast.Constant) else None
    return value if isinstance(value, str) and _NAME.fullmatch(value) else ""
