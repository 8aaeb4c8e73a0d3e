"""Lint a policy: it parses and fits its schema, and every rule does something.

An inert rule is worse than none: people believe in it. So the rules are tried over the strata where they could matter,
and one that never decides anything is a finding.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from security.labels import FLAGS, HIDING, LEVELS
from security.policy.authored import BUNDLED, Policy, PolicyError
from security.policy.guards import COMBINATIONS
from security.policy.shape import Shape

_CLEARANCES: Final = ((1, 1, 1), (2, 2, 2), (2, 3, 3), (2, 3, 4), (1, 3, 4), (4, 4, 4))
_FLAG_SETS: Final = (
    frozenset[str](),
    *(frozenset({flag}) for flag in FLAGS),
    frozenset({"minor", "sealed"}),
    frozenset(FLAGS),
)
_HELD: Final = (frozenset[str](), frozenset({"minor"}), HIDING, frozenset(FLAGS))


def strata() -> Iterator[Shape]:
    """Yield shapes that reach every side of every rule: each is a case that random draws would rarely meet."""
    for (clearance, bound, grant), held, payload, purpose in itertools.product(
        _CLEARANCES, _HELD, (True, False), (True, False)
    ):
        for flags in _FLAG_SETS:
            yield Shape("see", clearance, bound, grant, held, payload, purpose, 1, flags)
            for level in LEVELS:
                yield Shape("read", clearance, bound, grant, held, payload, purpose, level, flags)


def lint(folder: Path = BUNDLED) -> list[str]:
    """Return the findings of the policy in `folder`; none = it may be used."""
    try:
        policy = Policy.load(folder)
    except PolicyError as error:
        return [str(error.fields["reason"])]
    permits = [rule.id for rule in policy.rules.values() if rule.permits]
    findings = [] if len(permits) == 1 else [f"one broad permit, not {len(permits)}: a denial must name its rule"]
    try:
        idle = set(policy.rules) - deciding(policy)
    except PolicyError as error:
        return [*findings, str(error.fields["reason"])]
    return findings + [f"{rule} never decides" for rule in sorted(idle)]


def deciding(policy: Policy) -> set[str]:
    """Return the rules that decide alone somewhere in a thinned set of strata: without them the answer would change."""
    found: set[str] = set()
    for shape in _thinned():
        for guards in range(COMBINATIONS):
            rules = policy.answer(shape).rules[guards]
            if len(rules) == 1:
                found |= rules
        if len(found) == len(policy.rules):
            break
    return found


def _thinned() -> Iterator[Shape]:
    # The order brings the most telling cases first; the loop above ends as soon as every rule was seen at work.
    everything = frozenset(FLAGS)
    for flags, held, purpose, payload in (
        (frozenset[str](), everything, True, True),
        (everything, frozenset[str](), True, True),
        (frozenset[str](), everything, False, True),
        (frozenset[str](), everything, True, False),
    ):
        for level in LEVELS:
            yield Shape("read", 2, 3, 4, held, payload, purpose, level, flags)
            yield Shape("read", 1, 1, 1, held, payload, purpose, level, flags)
        yield Shape("see", 2, 3, 4, held, payload, purpose, 1, flags)
    yield from strata()
