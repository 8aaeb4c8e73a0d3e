"""What the desk needs to know of a supervision model: its title, its article, and what closes its clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ModelCard:
    """One supervision model, as a page names it.

    Attributes:
        id: the model's id; `code` its number, such as `M01`.
        title: its name, keys `zh` and `en`.
        basis: the articles and parameters it rests on; law, public.
        closers: event types that close its clock: the decisions that may be missing.
    """

    id: str
    code: str
    title: Mapping[str, str]
    basis: tuple[Mapping[str, Any], ...] = ()
    closers: tuple[str, ...] = ()


class ModelCards:
    """The models a desk names; an alert of a model that is no longer here keeps its code."""

    def __init__(self, cards: Iterable[ModelCard] = ()) -> None:
        self._by_id = {card.id: card for card in cards}

    def names(self) -> dict[str, tuple[str, Mapping[str, str] | None]]:
        """Return model id → (code, title)."""
        return {card.id: (card.code, card.title) for card in self._by_id.values()}

    def about(self, model: str) -> dict[str, Any]:
        """Render a model for an alert's page: public facts only."""
        card = self._by_id.get(model)
        return {"title": card.title, "basis": list(card.basis)} if card else {"title": None, "basis": []}

    def closers(self, model: str) -> tuple[str, ...]:
        """Return the event types that close this model's clock."""
        card = self._by_id.get(model)
        return card.closers if card else ()
