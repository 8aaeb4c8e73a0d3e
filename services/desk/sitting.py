"""Who sits at the desk: local accounts, their sessions, and the person of each; signing in and out is audited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from schemas.errors import CasebusError
from security.audit.record import Entry
from security.identity.accounts import Accounts
from security.identity.sessions import Sessions
from services.desk.people import Person
from services.desk.trail import Log


@dataclass(frozen=True)
class Sitting:
    """Signs people in and out.

    Give accounts and sessions the machine's clock: a demonstration's clock runs a session out in seconds.
    """

    accounts: Accounts
    sessions: Sessions
    people: dict[str, Person]
    audit: Log

    @classmethod
    def of(cls, accounts: Accounts, sessions: Sessions, people: Iterable[Person], audit: Log) -> Sitting:
        """Make it for these people."""
        return cls(accounts, sessions, {person.account: person for person in people}, audit)

    def sign_in(self, account: str, password: str) -> str:
        """Return a new session's token; a failure is audited and raises the coded denial of `Accounts.check`."""
        try:
            self.accounts.check(account, password)
        except CasebusError as error:
            # The name as typed may be anything, also a password: an account that does not exist is not written down.
            known = account if account in self.people else ""
            self.audit.append([Entry(act="login", out=error.code, actor=known, why=error.code)])
            raise
        person = self.people[account]
        self.audit.append([_entry("login", person)])
        return self.sessions.open(account)

    def person(self, token: str) -> Person | None:
        """Return the person of a session, or None where there is none."""
        account = self.sessions.who(token)
        return self.people.get(account) if account else None

    def sign_out(self, token: str) -> None:
        """End a session."""
        person = self.person(token)
        self.sessions.close(token)
        if person:
            self.audit.append([_entry("logout", person)])


def _entry(act: Literal["login", "logout"], person: Person) -> Entry:
    return Entry(act=act, actor=person.account, org=person.organisation, role=person.role)
