"""A new model to start from: a whole one that passes lint, with every kind of test it needs."""

from __future__ import annotations

from pathlib import Path

TEMPLATE = Path(__file__).with_name("template.yaml")


def new_model(model_id: str, code: str) -> str:
    """Return the text of a new model file; `Model.parse` says whether id and code are good names."""
    text = TEMPLATE.read_text(encoding="utf-8")
    return text.replace("MODEL-ID", model_id).replace("MODEL-CODE", code)
