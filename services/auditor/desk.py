"""The officer's desk: search, record, proof, bundle, head and verification of the node's own log, each act recorded.

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
from security.audit.bundle import verify_bundle
from security.audit.checkpoint import Checkpoint, VerifierKey
from security.audit.evidence import Evidence
from security.audit.layout import Layout
from security.audit.policy import Policy
from security.audit.record import Entry, decode
from security.audit.released import released
from security.audit.terms import Question
from security.policy.roles import AUDITORS
from services.auditor.checking import Checking
from services.auditor.errors import NotAnAuditorError, PurposeError
from services.auditor.progress import with_progress
from services.auditor.search import Answer, Searcher
from services.desk.people import Person

CASE_LABEL = "case"
PERSON_LABEL = "audit-person"
MAX_HITS = 200
ENTRY_BODY = 34
"""Where the body of an entry begins: record version, suite, leaf before."""


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
    """Answers auditors over one log; safe to share between threads."""

    def __init__(self, directory: Path, index: Path, log: Writer, digest: Digest) -> None:
        self._layout, self._index, self._log, self._digest = Layout(directory), index, log, digest
        self._searching = threading.Lock()
        self.checking = Checking(directory)

    def search(
        self, person: Person, asked: Asked, question: Question, *, exhaustive: bool = False, limit: int = 100
    ) -> dict[str, Any]:
        """Search the log; hits are proved, manifests among them told as what was released to whom.

        Raises:
            NotAnAuditorError, PurposeError: refused, and recorded. IntegrityError: the log or its index lies.
        """
        about = _about(question) | {"exhaustive": exhaustive}

        def answer() -> tuple[dict[str, Any], dict[str, Any]]:
            found, told = self._search(question, min(limit, MAX_HITS), exhaustive=exhaustive)
            document = {
                "size": found.size,
                "complete": found.complete,
                "found": found.found,
                "scanned": found.scanned,
                "retired": found.retired,
                "hits": [hit.as_dict() for hit in found.hits],
                "releases": told,
            }
            return document, {"found": found.found}

        return self._act(person, asked, "search", "", about, answer)

    def record(self, person: Person, asked: Asked, seq: int) -> dict[str, Any]:
        """Return one record, with its leaf and the proof that the signed head covers it, checked here step by step."""
        return self._act(person, asked, "record", str(seq), {}, lambda: (self._proved(seq), {}))

    def bundle(self, person: Person, asked: Asked, seqs: Sequence[int]) -> bytes:
        """Return a bundle of records for `casebus verify` and the one-file verifier."""

        def answer() -> tuple[bytes, dict[str, Any]]:
            content = self._evidence(max(seqs, default=0)).bundle(seqs)
            return content, {"bytes": len(content)}

        return self._act(person, asked, "export", "", {"seqs": sorted(set(seqs))}, answer)

    def head(self, person: Person) -> dict[str, Any]:
        """Return the newest signed head as it stands in the log's folder, and how far behind it is."""
        require_auditor(person)
        head = self._log.head
        note = self._layout.checkpoint.read_text(encoding="utf-8")
        size = self._log.size
        return {
            "origin": head.origin,
            "size": head.size,
            "root": head.root.hex(),
            "records": size,
            "unsigned": size - head.size,
            "note": note,
            "key": self._key().text,
        }

    def verify(self, person: Person, asked: Asked, level: int) -> dict[str, Any]:
        """Begin to verify the whole log, or join the verification that is running; the answer is its status."""

        def answer() -> tuple[dict[str, Any], dict[str, Any]]:
            # What stands above the newest head could pass for a torn tail: it is signed before it is checked.
            self._sign(self._log.size - 1)
            begun = self.checking.begin(level)
            return self.checking.status(), {"begun": begun}

        return self._act(person, asked, "verify", "", {"level": level}, answer)

    def verification(self, person: Person) -> dict[str, Any]:
        """Return how far the running verification is, or what the last one found."""
        require_auditor(person)
        return self.checking.status()

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

    def _search(self, question: Question, limit: int, *, exhaustive: bool) -> tuple[Answer, list[dict[str, Any]]]:
        """Return the hits, and what manifests among them released, with what became of it."""
        self._sign(self._log.size - 1)
        with self._searching, Searcher.open(self._layout.directory, Policy.of_key(self._key()), self._index) as open_:
            found = open_.search(question, limit, exhaustive=exhaustive)
            told = released((hit.record for hit in found.hits), question.event)
            return found, with_progress(open_, told)

    def _proved(self, seq: int) -> dict[str, Any]:
        evidence = self._evidence(seq)
        entry = evidence.entry(seq)
        verified = verify_bundle(evidence.bundle([seq]), evidence.policy)
        return {
            "seq": seq,
            "record": msgspec.to_builtins(decode(entry[ENTRY_BODY:])),
            "body": entry[ENTRY_BODY:].decode(),
            "prev": entry[2:ENTRY_BODY].hex(),
            "leaf": verified.leaves[0].hex(),
            "path": [node.hex() for node in evidence.path(seq)],
            "size": verified.head.size,
            "root": verified.head.root.hex(),
            "origin": verified.head.origin,
            "note": evidence.note,
            "key": self._key().text,
        }

    def _evidence(self, seq: int) -> Evidence:
        self._sign(seq)
        return Evidence.open(self._layout.directory, Policy.of_key(self._key()))

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
