"""People of a node: who they are stands in signed control records, their passwords stand nowhere but in a hash."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from schemas.errors import DeniedError, NotFoundError
from security.audit.record import Entry
from security.control import Snapshot
from security.identity.accounts import MIN_PASSWORD, Accounts, PasswordError
from security.identity.sessions import Sessions
from security.subjects import as_body, from_body
from services.desk.alert_contract import ALERT_TYPE
from services.desk.people import Person
from services.node.site import Account

ACCOUNTS = "accounts"


class NoPersonError(NotFoundError):
    """Nobody is registered under that account's name."""

    code: ClassVar[str] = "node.no_person"


class Log(Protocol):
    """The audit log, as far as sessions need it."""

    def append(self, entries: Sequence[Entry]) -> Any:
        """Make entries durable."""
        ...


def account_body(account: Account) -> dict[str, Any]:
    """Render an account for the site's control record."""
    return {
        "id": account.id,
        "zh": account.zh,
        "en": account.en,
        "publishes": account.publishes,
        "principal": as_body(account.principal),
    }


def people_of(snapshot: Snapshot) -> dict[str, Person]:
    """Return account → person; everybody's rights are those of the signed record."""
    found: dict[str, Person] = {}
    for body in snapshot.of("site").values():
        for entry in body.get(ACCOUNTS, ()):
            principal = from_body(entry["principal"])
            # An alert is decided like an event, as a contract of its own.
            with_alerts = dataclasses.replace(principal, event_types=principal.event_types | {ALERT_TYPE})
            found[entry["id"]] = Person(entry["id"], entry["zh"], entry["en"], with_alerts, entry["publishes"])
    return found


def set_password(snapshot: Snapshot, accounts: Accounts, audit: Log, account: str, password: str) -> None:
    """Set the password of a person who stands in a signed record; it is audited first.

    Raises:
        NoPersonError: nobody is registered under that name. PasswordError: it is too short.
    """
    if account not in people_of(snapshot):
        raise NoPersonError(account=account)
    if len(password) < MIN_PASSWORD:
        raise PasswordError(least=MIN_PASSWORD)  # before the record: it must not tell of what did not happen
    audit.append([Entry(act="account", obj=account, ctl=snapshot.epoch, data={"what": "password"})])
    accounts.set_password(account, password)


class SignedIn:
    """Sign-in and sessions of the desk: every attempt is audited before its answer."""

    def __init__(self, people: Mapping[str, Person], accounts: Accounts, sessions: Sessions, audit: Log) -> None:
        self._people = people
        self._accounts = accounts
        self._sessions = sessions
        self._audit = audit

    def sign_in(self, account: str, password: str) -> str:
        """Open a session and return its token; a wrong password or a brake raises its coded error."""
        person = self._people.get(account)
        try:
            self._accounts.check(account, password)
        except DeniedError as error:
            # The name that was tried is recorded only if it is one of ours: people type passwords into name fields.
            self._note("login", person, error.code)
            raise
        token = self._sessions.open(account)
        self._note("login", person, "ok")
        return token

    def person(self, token: str) -> Person | None:
        """Return who a token belongs to; an account without a signed record is nobody."""
        account = self._sessions.who(token)
        return None if account is None else self._people.get(account)

    def sign_out(self, token: str) -> None:
        """End a session."""
        person = self.person(token)
        self._sessions.close(token)
        if person is not None:
            self._note("logout", person, "ok")

    def _note(self, act: Any, person: Person | None, out: str) -> None:
        if person is None:
            self._audit.append([Entry(act=act, out=out)])
        else:
            self._audit.append(
                [Entry(act=act, out=out, actor=person.account, org=person.organisation, role=person.role)]
            )
