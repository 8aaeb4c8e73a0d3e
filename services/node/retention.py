"""Retention of a node's audit log: policy, holds, and the retirement of segments, each by two persons (ADR 0020).

What was decided stands in signed control records; each step is also a record of act `retain` in the log.

    policy/retention             years by act
    policy/retention.hold/<ref>  a legal hold
    policy/retention.proposed    what one person proposed: another policy, or the segments that may go
    policy/retention.approved    segments that two persons let go, until they are gone
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from schemas.errors import IntegrityError
from security.approval import Approvals, digest_of
from security.audit.directory_replica import DirectoryReplica
from security.audit.evidence import cosigned_path
from security.audit.layout import Layout
from security.audit.policy import NONE, judge
from security.audit.record import Data, Entry
from security.audit.retention import FOREVER, RecordHold, Retention
from security.audit.retiring import Standing, Surveyed, Warrant, due, retire, survey
from security.policy.roles import ERASERS
from services.auditor.index import remove
from services.desk.people import Person
from services.node.audit_settings import AuditSettings, policy_of_log
from services.node.layout import DataDirectory
from services.node.node import Node
from services.node.retention_errors import (
    ChangedProposalError,
    MustStayError,
    NoRecordHoldError,
    NoRetentionError,
    NotApprovedError,
    NothingDueError,
    NothingProposedError,
    NotKeeperError,
    ProposedError,
    SameKeeperError,
)
from streams.control import Wanted, body_digest

KIND = "policy"
POLICY, PROPOSED, APPROVED = "retention", "retention.proposed", "retention.approved"
HOLD = "retention.hold/"
OTHERS = 1
"""How many approve beside the person who proposes, who is the first of the two."""


class Line(NamedTuple):
    """One full segment as a person sees it: its first record, how many, when its retention ends (µs), why it stays."""

    first: int
    records: int
    ends: int
    stays: str


@dataclass(frozen=True)
class Retaining:
    """The steps of retention over an open node, for the person who acts.

    Each raises `NotKeeperError` where the person's role takes no part in it; the attempt is recorded.
    """

    node: Node
    person: Person

    @property
    def policy(self) -> Retention:
        """The policy in force; raises `NoRetentionError`."""
        body = self._body(POLICY)
        if body is None:
            raise NoRetentionError
        return Retention.of(body)

    def holds(self) -> list[RecordHold]:
        """Return the holds that stand."""
        held = self.node.control.snapshot.of(KIND)
        return [msgspec.convert(body, RecordHold) for key, body in sorted(held.items()) if key.startswith(HOLD)]

    def lines(self) -> list[Line]:
        """Return the full segments from the start of the log, up to the first that must stay."""
        now, standing, found = self.node.clock.now_us(), self._standing(), list[Line]()
        for each in self._surveys():
            stays = each.blocked(now, standing)
            found.append(Line(each.first, each.kept.header.records, each.ends, stays))
            if stays:
                break
        return found

    def state(self) -> dict[str, Any]:
        """Return what stands: policy and who approved it, holds, what is proposed, what was approved."""
        records = self.node.control.snapshot.records
        approvers = {key: list(record.approvers) for (kind, key), record in records.items() if kind == KIND}
        proposed = self._body(PROPOSED)
        return {
            "policy": self._body(POLICY),
            "approvers": approvers.get(POLICY, []),
            "holds": [msgspec.to_builtins(hold) for hold in self.holds()],
            "proposed": proposed,
            "seen": digest_of(proposed) if proposed else "",
            "approved": self._body(APPROVED),
        }

    def propose_policy(self, body: dict[str, Any]) -> None:
        """Propose a policy; raises `RetentionFormError`, `ProposedError`."""
        wanted = Retention.of(body).body()
        self._propose({"what": "policy", "policy": wanted})

    def propose(self) -> int:
        """Propose that the segments go that may; return the first number that stays. Raises `NothingDueError`."""
        going = due(self._surveys(), self.node.clock.now_us(), self._standing())
        if not going:
            raise NothingDueError
        until = going[-1].kept.end
        self._propose({"what": "segments", "first": going[0].first, "until": until})
        return until

    def approve(self, seen: str = "") -> dict[str, Any]:
        """Approve what another person proposed; return it.

        `seen` is the digest by which `state` showed it: whoever proposed may have proposed something else since.

        Raises:
            NothingProposedError, SameKeeperError, ChangedProposalError: nothing was approved.
        """
        body = self._body(PROPOSED)
        if body is None:
            raise NothingProposedError
        if not Approvals(OTHERS, body["by"]).takes(self.person.account):
            raise SameKeeperError(account=self.person.account)
        if seen and seen != digest_of(body):
            raise ChangedProposalError
        self._record("approved", body)
        done = Wanted(KIND, PROPOSED, None)
        if body["what"] == "policy":
            taken = Wanted(KIND, POLICY, body["policy"])
        else:
            taken = Wanted(KIND, APPROVED, {"first": body["first"], "until": body["until"]})
        self._change([taken, done], (body["by"], self.person.account))
        return body

    def hold(self, ref: str, case: str = "", since: int = 0, until: int = FOREVER) -> None:
        """Set a hold; it counts at once."""
        hold = RecordHold(ref, self.person.account, self.node.clock.now_us(), case, since, until)
        body: dict[str, Any] = msgspec.to_builtins(hold)
        self._record("hold", {"ref": ref})
        self._change([Wanted(KIND, HOLD + ref, body)], (self.person.account,))

    def lift(self, ref: str) -> None:
        """Lift a hold, never one of one's own setting; raises `NoRecordHoldError`, `SameKeeperError`."""
        body = self._body(HOLD + ref)
        if body is None:
            raise NoRecordHoldError(ref=ref)
        if body["by"] == self.person.account:
            raise SameKeeperError(account=self.person.account)
        self._record("lift", {"ref": ref})
        self._change([Wanted(KIND, HOLD + ref, None)], (self.person.account,))

    def run(self) -> tuple[int | None, list[Surveyed]]:
        """Let go what was approved; return the record that says so, and the segments. Close the node, then `tidy`.

        A run that was cut off is ended by the next one.

        Raises:
            NotApprovedError: nobody approved any. MustStayError: one must stay by now, such as by a hold; recorded.
            ArchiveError, RetirementError: the archive or the system failed; run it again.
        """
        approved = self._body(APPROVED)
        if approved is None:
            raise NotApprovedError
        self._require()
        approvers = self.node.control.snapshot.records[KIND, APPROVED].approvers
        going = self._going(approved)
        seq = None
        if going:
            policy = self.policy
            warrant = Warrant(
                approvers,
                body_digest(Wanted(KIND, POLICY, policy.body())),
                self.person.account,
                self.person.organisation,
                self.person.role,
            )
            archive = Path(policy.archive) if policy.archive else None
            seq = retire(self.node.audit, Layout(self.node.data.audit), going, warrant, archive)
        self._change([Wanted(KIND, APPROVED, None)], approvers)
        return seq, going

    def _going(self, approved: dict[str, Any]) -> list[Surveyed]:
        """Return the approved segments that are still there; refuse them all where one must stay."""
        now, standing, going = self.node.clock.now_us(), self._standing(), list[Surveyed]()
        for each in self._surveys():
            if each.first >= approved["until"]:
                break
            if stays := each.blocked(now, standing):
                self._record(MustStayError.code, {"first": each.first, "stays": stays})
                raise MustStayError(first=each.first, stays=stays)
            going.append(each)
        return going

    def _surveys(self) -> Iterable[Surveyed]:
        persons = self.node.vault.held()
        return survey(self.node.data.audit, self.policy, self.holds(), persons)

    def _standing(self) -> Standing:
        """What is signed is on the replica, where there is one; with witnesses, only what a quorum cosigned counts."""
        signed = self.node.audit.head.size
        policy = policy_of_log(self.node.data.audit)
        if policy is None or policy.quorum == NONE:
            return Standing(signed, signed)
        try:
            note = cosigned_path(Layout(self.node.data.audit)).read_text(encoding="utf-8")
            return Standing(signed, judge(note, policy).checkpoint.size)
        except (OSError, UnicodeDecodeError, IntegrityError):
            return Standing(signed, 0)

    def _propose(self, what: dict[str, Any]) -> None:
        standing = self._body(PROPOSED)
        if standing is not None and standing["by"] != self.person.account:
            raise ProposedError(account=standing["by"])
        self._record("proposed", what)
        body = {**what, "by": self.person.account}
        self._change([Wanted(KIND, PROPOSED, body)], (self.person.account,))

    def _body(self, key: str) -> dict[str, Any] | None:
        return self.node.control.snapshot.of(KIND).get(key)

    def _change(self, wanted: list[Wanted], approvers: tuple[str, ...]) -> None:
        if self.node.control.change(wanted, approvers):
            self.node.data.keep_epoch(self.node.control.epoch)

    def _record(self, out: str, data: Data) -> None:
        self._require()
        self.node.audit.append([self._entry(out, data)])

    def _require(self) -> None:
        """Refuse a role that takes no part in it, and record that."""
        if self.person.role not in ERASERS:
            self.node.audit.append([self._entry(NotKeeperError.code, {})])
            raise NotKeeperError(role=self.person.role)

    def _entry(self, out: str, data: Data) -> Entry:
        person = self.person
        return Entry(
            act="retain",
            out=out,
            actor=person.account,
            org=person.organisation,
            role=person.role,
            ctl=self.node.control.epoch,
            data=dict(data),
        )


def tidy(data: DataDirectory) -> None:
    """After a run, the node closed: the replica lets go of what the log did, and the search index is made anew.

    Raises:
        AuditReplicaError: the replica is not there; call it again.
    """
    remove(data.index)
    folder = AuditSettings.of(data).replica
    if folder is not None and not data.on_kafka:
        with closing(DirectoryReplica(folder, data.name().origin, new=False)) as replica:
            replica.retire(Layout(data.audit))
