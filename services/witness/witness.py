"""The witness itself: check, persist, sign, in that order.

witness = Witness(store, Policy.parse(…), signer, "casebus.demo/990102/witness", SystemClock())
witness.catch_up(notes_of_peers)      # after a start: believes nothing but its own signature
witness.add_checkpoint(body)
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from schemas.clock import SECOND, Clock
from security.audit.checkpoint import Checkpoint, Signer, note_parts
from security.audit.cosignature import CosignerKey, cosigned
from security.audit.errors import NoteError
from security.audit.policy import Policy
from security.audit.witnessing import Status, Submission, Verdict, decide, origin_of, set_back
from services.witness.errors import WitnessSetBackError
from services.witness.store import WitnessStore


class Witness:
    """Cosigns heads of the logs that `logs` names, as the cosigner `name`."""

    def __init__(self, store: WitnessStore, logs: Policy, signer: Signer, name: str, clock: Clock) -> None:
        self.key = CosignerKey(name, signer.public_key)
        self._store, self._logs, self._signer, self._clock = store, logs, signer, clock

    def add_checkpoint(self, body: bytes) -> tuple[Verdict, str]:
        """Decide on a submission; return the verdict, and our signature line where it is cosigned.

        Raises:
            WitnessSetBackError: the note carries our own signature over more than we know.
            WitnessStoreError: nothing could be kept, so nothing was signed.
        """
        try:
            submission = Submission.parse(body)
        except ValueError:
            return Verdict(Status.MALFORMED), ""
        now = self._clock.now_us()
        with self._store.step() as step:
            known = step.newest(origin_of(submission.note))
            if set_back(submission.note, self.key, known):
                raise WitnessSetBackError(steps=self._store.steps)
            verdict = decide(submission, self._logs, known)
            if verdict.status is Status.COSIGNED and verdict.head is not None:
                step.keep(verdict.head, submission.note, now)
            elif verdict.status is Status.INCONSISTENT or verdict.evidence:
                evidence = verdict.evidence.content if verdict.evidence else None
                step.refuse(origin_of(submission.note), verdict.status, submission.note, evidence, now)
        if verdict.status is not Status.COSIGNED or verdict.head is None:
            return verdict, ""
        line = cosigned(verdict.text, self.key.name, self._signer, now // SECOND)
        self._store.publish(verdict.head.origin, verdict.head.size, submission.note + line)
        return verdict, line

    def checkpoint(self, digest: str) -> str | None:
        """Return the newest note of the log whose origin has this SHA-256 (hex), with our cosignature; for monitors."""
        for origin, note in self._store.published():
            if sha256(origin.encode()).hexdigest() == digest:
                return note
        return None

    def catch_up(self, notes: Iterable[str]) -> list[str]:
        """Take up heads that we have cosigned and forgotten; return the origins concerned.

        Our own signature over a head is all that is believed: we looked at it before we signed it. Two of our
        signatures that disagree at one size would be our own misbehaviour and raise WitnessSetBackError.
        """
        found = []
        for note in notes:
            try:
                head = Checkpoint.parse(note_parts(note)[0])
            except NoteError:
                continue
            with self._store.step() as step:
                known = step.newest(head.origin)
                if not set_back(note, self.key, known):
                    continue
                if known is not None and known.head.size == head.size:
                    raise WitnessSetBackError(steps=self._store.steps)
                step.keep(head, note, self._clock.now_us())
                found.append(head.origin)
        return found
