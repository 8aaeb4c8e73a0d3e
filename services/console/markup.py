"""Plain HTML elements with text: pages are made of headings, lists and tables that a screen reader knows.

Text is always set as text, never as HTML, so that no value can become markup.
"""

from __future__ import annotations

from typing import Any

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement


class Text(TextElement):
    """An element of any tag with a text that can change."""

    def __init__(self, tag: str, text: str = "", classes: str = "", **attributes: Any) -> None:
        super().__init__(tag=tag, text=text)
        dress(self, classes, attributes)

    def say(self, text: str) -> None:
        """Change the text; the same text sends nothing."""
        if self.text != text:
            self.set_text(text)


class Box(Element):
    """An element of any tag that holds others."""

    def __init__(self, tag: str = "div", classes: str = "", **attributes: Any) -> None:
        super().__init__(tag)
        dress(self, classes, attributes)


def dress(element: Element, classes: str, attributes: dict[str, Any]) -> None:
    """Set classes and attributes; a trailing or inner underscore of a Python name stands for nothing or a hyphen."""
    if classes:
        element.classes(classes)
    for name, value in attributes.items():
        if value is not None and value is not False:
            element.props[name.rstrip("_").replace("_", "-")] = value


def redress(element: Element, classes: str) -> None:
    """Replace the classes where they differ."""
    if element.classes != classes.split():
        element.classes(replace=classes)


def pill(text: str, tone: str) -> Text:
    """Show a word in a coloured pill; the word alone carries the meaning."""
    return Text("span", text, f"pill {tone}")
