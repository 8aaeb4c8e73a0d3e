"""Lint a policy: it parses and fits its schema, and every rule does something.

An inert rule is worse than none: people believe in it. So the rules are tried over the strata where they could matter,
and one that never decides anything is a finding.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from security.labels import FLAGS, LEVELS, PUBLIC, RESTRICTED
from security.policy.authored import BUNDLED, Policy, PolicyError
from security.policy.shape import Shape

_CLEARANCES: Final = ((1, 1, 1), (2, 3, 4))


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
    """Return the rules that decide alone somewhere in the probes: without them an answer would change."""
    found: set[str] = set()
    for shape in probes():
        for rules in policy.answer(shape).rules:
            if len(rules) == 1:
                found |= rules
    return found


def probes() -> Iterator[Shape]:
    """Yield the shapes in which a rule of use shows: each level, flag and right, alone and against its absence."""
    everything, nothing = frozenset(FLAGS), frozenset[str]()
    for flags, held, purpose, payload in (
        (nothing, everything, True, True),
        (everything, nothing, True, True),
        (nothing, everything, False, True),
        (nothing, everything, True, False),
    ):
        for level, (clearance, bound, grant) in itertools.product(LEVELS, _CLEARANCES):
            yield Shape("read", clearance, bound, grant, held, payload, purpose, level, flags)
        yield Shape("see", 2, 3, 4, held, payload, purpose, 1, flags)
    cleared = Shape("read", 4, 4, 4, nothing, payload=True, in_purpose=True, level=RESTRICTED, flags=nothing)
    for flag, held in itertools.product(FLAGS, (nothing, everything)):
        flagged = cleared._replace(compartments=held, flags=frozenset({flag}))
        yield flagged
        yield flagged._replace(action="see", level=PUBLIC)
