"""A view never widens without a new approval: the rule over masks, as a pure function.

A mask says of each field how often a receiver gets it: 0 never, 1 event by event, 2 always, as the static mask of a
view does for its classes. A new version, a new policy or a new subscription changes the mask; whatever it gives that
the approved one did not give needs an approval, which is a signed control record.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.evolution.refusal import Refusal

Mask = Mapping[str, int]
"""Field name → 0 never, 1 event by event, 2 always; a field that is absent is never given."""

GIVEN = ("never", "case by case", "always")


def widened(before: Mask, after: Mask) -> tuple[str, ...]:
    """Return the fields that `after` gives more often than `before`, sorted."""
    return tuple(sorted(name for name, given in after.items() if given > before.get(name, 0)))


def refuse_widening(
    contract: str, against: str, receiver: str, before: Mask, after: Mask, approved: Iterable[str] = ()
) -> tuple[Refusal, ...]:
    """Return one refusal per field that a view would give beyond `before` and that is not among `approved`.

    `contract` and `against` are `type/version`; `receiver` is the subscription whose view it is.
    """
    allowed = frozenset(approved)
    return tuple(
        Refusal.of(
            "evolution.view_widens",
            contract,
            against,
            name,
            old=GIVEN[before.get(name, 0)],
            new=GIVEN[after[name]],
            consumers=(receiver,),
        )
        for name in widened(before, after)
        if name not in allowed
    )
