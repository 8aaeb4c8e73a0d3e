"""The officer's desk: search, record, proof, bundle, head and verification of the site's logs, each act recorded.

The node's own log is searched with the copies of the others (ADR 0023); every act stands in the node's own.

Only the roles that the access matrix gives the log may ask, each time under the purpose they are registered for. The
act is durable in the log before its answer is given; so is a refusal. A person types references and person keys, the
node digests them: neither stands in the record of the search.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from schemas.errors import CasebusError
from security.audit.acts import Act
from security.audit.checkpoint import Checkpoint, VerifierKey
from security.audit.evidence import Evidence
from security.audit.layout import Layout
from security.audit.policy import Policy
from security.audit.record import Entry
from security.audit.terms import Question
from security.policy.roles import AUDITORS
from services.auditor.checking import Checking
from services.auditor.errors import NotAnAuditorError, PurposeError, UnknownLogError
from services.auditor.logs import OtherLog, OtherLogs
from services.auditor.proving import proved
from services.auditor.search import Searcher
from services.auditor.searching import Searched, merged, search_other, search_own
from services.desk.people import Person

CASE_LABEL = "case"
PERSON_LABEL = "audit-person"
MAX_HITS = 200


class Writer(Protocol):
    """The node's audit log: its writer signs a new head where a proof needs one."""

    @property
    def size(self) -> int:
        """Number of durable records."""
        ...

    @property
    def head(self) -> Checkpoint:
        """The newest signed head."""
        ...

    def append(self, entries: Sequence[Entry]) -> Any:
        """Make entries durable."""
        ...

    def checkpoint(self) -> str:
        """Sign a head over everything durable."""
        ...


Answered = TypeVar("Answered")

Digest = Callable[[str, bytes], bytes]
"""Keyed digest: label, value."""


@dataclass(frozen=True)
class Asked:
    """What an auditor states with each question: the purpose, and the case it is asked for where there is one."""

    purpose: str
    case: str = ""


class AuditDesk:
    """Answers auditors over a node's log, called `name`, and the `others` of its site; safe between threads."""

    def __init__(
        self,
        directory: Path,
        index: Path,
        log: Writer,
        digest: Digest,
        name: str = "",
        others: OtherLogs | None = None,
    ) -> None:
        self._layout, self._index, self._log, self._digest = Layout(directory), index, log, digest
        self.name, self._others = name, others
        self._searching, self._opening = threading.Lock(), threading.Lock()
        self._checkings: dict[str, Checking] = {}

    @property
    def logs(self) -> list[str]:
        """The names of the logs: the node's own first."""
        return [self.name, *(self._others.names() if self._others else ())]

    @property
    def checking(self) -> Checking:
        """The verification of the node's own log."""
        return self._checking_of("")

    def search(
        self,
        person: Person,
        asked: Asked,
        question: Question,
        *,
        exhaustive: bool = False,
        limit: int = 100,
        log: str = "",
    ) -> dict[str, Any]:
        """Search the logs, or the one that is named; hits are proved, manifests among them told as released to whom.

        What is wrong with another log than the node's own is said in `logs` of the answer, and hides nothing else.

        Raises:
            NotAnAuditorError, PurposeError: refused, and recorded. UnknownLogError: the site has no such log.
            IntegrityError: the node's own log or its index lies.
        """
        about = _about(question) | {"exhaustive": exhaustive} | self._named(log)

        def answer() -> tuple[dict[str, Any], dict[str, Any]]:
            most = min(limit, MAX_HITS)
            found = merged(self.name, self._search(question, most, log, exhaustive=exhaustive), most)
            wrong = {each["log"]: each["why"]["code"] for each in found["logs"] if each["why"]}
            beside = {"logs": [each["log"] for each in found["logs"]]} if self._others else {}
            return found, {"found": found["found"]} | beside | ({"wrong": wrong} if wrong else {})

        return self._act(person, asked, "search", "", about, answer)

    def record(self, person: Person, asked: Asked, seq: int, log: str = "") -> dict[str, Any]:
        """Return one record, with its leaf and the proof that the signed head covers it, checked here step by step."""

        def answer() -> tuple[dict[str, Any], dict[str, Any]]:
            evidence = self._evidence(seq, log)
            return proved(evidence, seq) | {"log": log or self.name}, {}

        return self._act(person, asked, "record", str(seq), self._named(log), answer)

    def bundle(self, person: Person, asked: Asked, seqs: Sequence[int], log: str = "") -> bytes:
        """Return a bundle of records of one log for `casebus verify` and the one-file verifier."""

        def answer() -> tuple[bytes, dict[str, Any]]:
            content = self._evidence(max(seqs, default=0), log).bundle(seqs)
            return content, {"bytes": len(content)}

        return self._act(person, asked, "export", "", {"seqs": sorted(set(seqs))} | self._named(log), answer)

    def head(self, person: Person) -> dict[str, Any]:
        """Return the newest signed head as it stands in the log's folder, how far behind it is, and the other logs."""
        require_auditor(person)
        head = self._log.head
        note = self._layout.checkpoint.read_text(encoding="utf-8")
        size = self._log.size
        return {
            "log": self.name,
            "origin": head.origin,
            "size": head.size,
            "root": head.root.hex(),
            "records": size,
            "unsigned": size - head.size,
            "note": note,
            "key": self._key().text,
            "others": [each.as_dict() for each in self._others.all()] if self._others else [],
        }

    def verify(self, person: Person, asked: Asked, level: int, log: str = "") -> dict[str, Any]:
        """Begin to verify a whole log, or join the verification that is running; the answer is its status."""

        def answer() -> tuple[dict[str, Any], dict[str, Any]]:
            checking = self._checking_of(log)
            if self._other(log) is None:
                # What stands above the newest head could pass for a torn tail: it is signed before it is checked.
                self._sign(self._log.size - 1)
            begun = checking.begin(level)
            return checking.status(), {"begun": begun}

        return self._act(person, asked, "verify", "", {"level": level} | self._named(log), answer)

    def verification(self, person: Person, log: str = "") -> dict[str, Any]:
        """Return how far the running verification of a log is, or what the last one found."""
        require_auditor(person)
        return self._checking_of(log).status()

    def case_digest(self, reference: str) -> str:
        """Return the digest under which the log knows a case, hex; empty for an empty reference."""
        return self._digest(CASE_LABEL, reference.encode()).hex() if reference else ""

    def person_digest(self, key: str) -> str:
        """Return the digest under which the log knows a person; `key` is a person key, hex."""
        return self._digest(PERSON_LABEL, bytes.fromhex(key)).hex()

    def _act(
        self,
        person: Person,
        asked: Asked,
        act: Act,
        obj: str,
        data: Mapping[str, Any],
        answer: Callable[[], tuple[Answered, dict[str, Any]]],
    ) -> Answered:
        """Decide, answer, record, and only then hand the answer out; what is refused or fails is recorded as such."""
        entry = Entry(
            act=act,
            actor=person.account,
            org=person.organisation,
            role=person.role,
            purpose=asked.purpose,
            case=self.case_digest(asked.case),
            obj=obj,
            data=dict(data),
        )
        try:
            require_auditor(person)
            if asked.purpose != person.principal.purpose:
                raise PurposeError(purpose=person.principal.purpose)
            answered, more = answer()
        except CasebusError as error:
            # A purpose that was refused is whatever somebody typed: only its refusal is kept.
            refused = msgspec.structs.replace(entry, out="deny", why=error.code, purpose=person.principal.purpose)
            self._log.append([refused])
            raise
        self._log.append([msgspec.structs.replace(entry, data=dict(data) | more)])
        return answered

    def _search(self, question: Question, limit: int, log: str, *, exhaustive: bool) -> list[Searched]:
        """Search the logs that are asked for, the node's own first."""
        only = self._other(log)
        self._sign(self._log.size - 1)
        with self._searching, Searcher.open(self._layout.directory, Policy.of_key(self._key()), self._index) as own:
            if only is not None:
                return [search_other(only, own, question, limit, exhaustive=exhaustive)]
            found = [search_own(self.name, own, question, limit, exhaustive=exhaustive)]
            if self._others is not None and not log:
                others = self._others.all()
                found += [search_other(each, own, question, limit, exhaustive=exhaustive) for each in others]
            return found

    def _evidence(self, seq: int, log: str) -> Evidence:
        other = self._other(log)
        if other is not None:
            return other.evidence()
        self._sign(seq)
        return Evidence.open(self._layout.directory, Policy.of_key(self._key()))

    def _other(self, log: str) -> OtherLog | None:
        """Return another log by its name, None for the node's own; UnknownLogError where the site has none."""
        if log in {"", self.name}:
            return None
        if self._others is None:
            raise UnknownLogError(log=log)
        return self._others.of(log)

    def _named(self, log: str) -> dict[str, Any]:
        """Say which log an act is about, where it is not the node's own; what nobody knows is not kept."""
        return {"log": log} if log in self.logs[1:] else {}

    def _checking_of(self, log: str) -> Checking:
        other = self._other(log)
        name, directory = (other.name, other.directory) if other else ("", self._layout.directory)
        with self._opening:
            return self._checkings.setdefault(name, Checking(directory, other.key if other else None))

    def _sign(self, seq: int) -> None:
        """Have a head signed where record `seq` stands above the newest."""
        if self._log.head.size <= seq < self._log.size:
            self._log.checkpoint()

    def _key(self) -> VerifierKey:
        return VerifierKey.parse(self._layout.verifier_key.read_text(encoding="utf-8"))


def require_auditor(person: Person) -> None:
    """Raise NotAnAuditorError unless the access matrix gives this person's role the log."""
    if person.role not in AUDITORS:
        raise NotAnAuditorError(role=person.role)


def _about(question: Question) -> dict[str, Any]:
    """Say what was asked for, as a record may hold it: digests, ids and codes.

    Digests of persons stand under `person` and `persons`, so that a search about somebody is found as one.
    """
    said: dict[str, Any] = msgspec.to_builtins(question)
    wanted = {name: value if isinstance(value, int) else list(value) for name, value in said.items() if value}
    persons = wanted.pop("person", [])
    # The ids of events asked for would make the search a hit of itself.
    return {"asked": wanted} | ({"persons": persons} if persons else {})
