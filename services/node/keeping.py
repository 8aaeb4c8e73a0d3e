"""Who of a node's people keeps dead letters: case management for its districts, the security officer for all."""

from __future__ import annotations

from security.policy.roles import LETTER_OFFICERS, LETTER_STEWARDS
from services.gateway.letters_api import FindKeeper
from services.gateway.redriving import Keeper
from services.gateway.source import UnknownSourceError
from services.node.node import Node


def keepers_of(node: Node) -> FindKeeper:
    """Return what answers the keeper of a session's token."""

    def find(token: str) -> Keeper | None:
        person = node.signed_in.person(token)
        if person is None or person.role not in LETTER_OFFICERS | LETTER_STEWARDS:
            return None
        officer = person.role in LETTER_OFFICERS

        def serves(source: str) -> bool:
            if officer:
                return True
            try:
                districts = node.sources.get(source).districts
            except UnknownSourceError:
                return False
            return all(person.principal.in_scope(district) for district in districts)

        return Keeper(
            person.account, person.organisation, person.role, person.principal.purpose, serves, security=officer
        )

    return find
