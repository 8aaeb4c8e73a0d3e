"""The label lattice: how sensitive something is, and which compartments it stands in.

A label is a level (1 public, 2 internal, 3 sensitive, 4 restricted; domain dossier: classification levels) and a set of
flags that act as compartments. Labels belong to fields of a contract, grouped into label classes; flags of an event
raise the classes that are about the person (or the enterprise, or the inquiry) the flag speaks of. What several values
were computed from is joined: highest level, union of flags ("就高从严").
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from schemas.contract import FLAG_ORDER, HIDING_FLAGS, LabelClass
from schemas.errors import RefusedError

PUBLIC: Final = 1
INTERNAL: Final = 2
SENSITIVE: Final = 3
RESTRICTED: Final = 4
LEVELS: Final = (PUBLIC, INTERNAL, SENSITIVE, RESTRICTED)
OPEN_LEVEL: Final = INTERNAL
"""The highest level that may stand unsealed on a broker, in a read model, in a view."""

FLAGS: Final = FLAG_ORDER
"""Every flag, in the order of its bit on the wire: append only."""
HIDING: Final = HIDING_FLAGS
"""Flags that hide from those outside the compartment that the event exists at all."""

_PERSON: Final = "person"
_ENTERPRISE: Final = "enterprise"
_INQUIRY: Final = "inquiry"
_REACH: Final = {
    "minor": (_PERSON, SENSITIVE),
    "minor14": (_PERSON, RESTRICTED),
    "sealed": (_PERSON, RESTRICTED),
    "spi": (_PERSON, RESTRICTED),
    "informant": (_PERSON, RESTRICTED),
    "officer_crime": (_PERSON, RESTRICTED),
    "business_secret": (_ENTERPRISE, SENSITIVE),
    "investigation_open": (_INQUIRY, RESTRICTED),
    "state_work_secret": (_INQUIRY, RESTRICTED),
}
_THINGS: Final = frozenset({"", "enterprise"})
"""What a field may be about without being about a person; any other word is taken for a person."""


class UnknownLabelError(RefusedError):
    """A level or a flag that this version does not know: never guessed, refused."""

    code = "sealing.label"


@dataclass(frozen=True, slots=True)
class Label:
    """A level and its compartments; an unknown level or flag raises `UnknownLabelError`."""

    level: int = PUBLIC
    flags: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise UnknownLabelError(label=f"level {self.level}")
        unknown = self.flags.difference(FLAGS)
        if unknown:
            raise UnknownLabelError(label=min(unknown))

    @property
    def hides(self) -> bool:
        """Whether those outside its compartments may not even learn that the thing exists."""
        return not self.flags.isdisjoint(HIDING)


BOTTOM: Final = Label()
"""The label of nothing: public, no compartment; the unit of `join`."""


def join(labels: Iterable[Label]) -> Label:
    """Return the least label that dominates all `labels`: what is derived from them carries it."""
    level, flags = PUBLIC, frozenset[str]()
    for label in labels:
        level, flags = max(level, label.level), flags | label.flags
    return Label(level, flags)


def dominates(upper: Label, lower: Label) -> bool:
    """Tell whether whoever may read `upper` may read `lower` too."""
    return upper.level >= lower.level and upper.flags >= lower.flags


def about_person(about: str) -> bool:
    """Tell whether a field about `about` is about a person; a word nobody registered counts as a person."""
    return about not in _THINGS


def effective(label_class: LabelClass, event_flags: frozenset[str]) -> Label:
    """Return the label that a class has in an event that carries `event_flags`.

    A flag about a person raises the classes about a person, one about an enterprise those about an enterprise or a
    person, and one about the inquiry every class above the open level.
    """
    return _effective(label_class.level, label_class.flags, label_class.about, event_flags)


@lru_cache(maxsize=4096)
def _effective(level: int, flags: frozenset[str], about: str, event_flags: frozenset[str]) -> Label:
    raised, held = level, set(flags)
    for flag in event_flags:
        if flag not in _REACH:
            raise UnknownLabelError(label=flag)
        reach, floor = _REACH[flag]
        if _reaches(reach, level, about):
            raised = max(raised, floor)
            held.add(flag)
    return Label(raised, frozenset(held))


def _reaches(reach: str, level: int, about: str) -> bool:
    if reach == _INQUIRY:
        return level > OPEN_LEVEL
    if reach == _ENTERPRISE:
        return about == "enterprise" or about_person(about)
    return about_person(about)


def flags_to_bits(flags: Iterable[str]) -> int:
    """Pack flags into the bit set of the wire (bit n = `FLAGS[n]`)."""
    bits = 0
    for flag in flags:
        if flag not in FLAGS:
            raise UnknownLabelError(label=flag)
        bits |= 1 << FLAGS.index(flag)
    return bits


@lru_cache(maxsize=1024)
def flags_from_bits(bits: int) -> frozenset[str]:
    """Unpack the bit set of the wire; a bit without a flag is refused."""
    if bits >> len(FLAGS):
        raise UnknownLabelError(label=f"bits {bits:#x}")
    return frozenset(flag for n, flag in enumerate(FLAGS) if bits >> n & 1)
