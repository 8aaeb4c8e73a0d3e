"""How contracts change: what differs between two versions, what is refused and why, whom it touches."""

from schemas.evolution.change import Change, differences
from schemas.evolution.refusal import Refusal
from schemas.evolution.rules import check, check_catalogue
from schemas.evolution.widening import Mask, refuse_widening, widened

__all__ = ["Change", "Mask", "Refusal", "check", "check_catalogue", "differences", "refuse_widening", "widened"]
