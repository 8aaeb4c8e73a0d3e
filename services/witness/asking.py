"""The log's side: show each witness of the policy the newest head, gather cosignatures, keep the note with them.

What is kept is the file `cosigned` beside the log's own `checkpoint`: the newest head that met the quorum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import httpx

from schemas.errors import CasebusError, IntegrityError
from security.audit.checkpoint import Checkpoint, note_parts
from security.audit.cosignature import cosignature_time
from security.audit.errors import AuditTamperedError, NoteError
from security.audit.evidence import cosigned_path
from security.audit.files import write_durably
from security.audit.layout import Layout
from security.audit.log_tree import LogTree
from security.audit.policy import Policy, judge
from security.audit.runs import RunTable
from security.audit.trust_errors import CosignatureError
from security.audit.witnessing import Status, Submission
from services.witness.errors import LogSetBackError, NoWitnessUrlError, WitnessRefusedError

UNREACHABLE = "unreachable"
COSIGNED = "cosigned"
MAX_ANSWER = 65_536
_TRIES = 3


@dataclass(frozen=True)
class Round:
    """One round of asking.

    `answers` gives for each witness `cosigned`, or the code of what hindered it. `met` tells whether the quorum was
    reached; then `note` was kept.
    """

    size: int
    met: bool
    answers: dict[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def alarming(self) -> bool:
        """Whether a witness has seen another history than ours."""
        return bool({LogSetBackError.code, WitnessRefusedError.code} & set(self.answers.values()))


class WitnessAsker:
    """Asks the witnesses of `policy` for the log in `directory`; `client` has the time limit (1 s is usual)."""

    def __init__(self, directory: Path, policy: Policy, client: httpx.Client) -> None:
        self._layout = Layout(directory)
        self._policy, self._client = policy, client
        self._runs = RunTable(directory)
        self._sizes: dict[str, int] = {}

    def ask(self) -> Round:
        """Show the newest head to every witness and keep the note once the quorum is met.

        Raises:
            IntegrityError: the log's own head is not one that the policy accepts, or the log has another root.
        """
        note = self._layout.checkpoint.read_text(encoding="utf-8")
        head = judge(note, self._policy, quorum=False).checkpoint
        tree = self._runs.tree(head.size)
        if tree.root() != head.root:
            raise AuditTamperedError(kind="head_root", seq=head.size, file=self._layout.checkpoint.name, offset=0)
        answers: dict[str, str] = {}
        lines = ""
        for name in self._policy.witnesses:
            try:
                lines += self._line(name, note, head, tree)
                answers[name] = COSIGNED
            except CasebusError as error:
                answers[name] = error.code
            except httpx.HTTPError:
                answers[name] = UNREACHABLE
        met = self._policy.met_by({name for name, answer in answers.items() if answer == COSIGNED})
        if met:
            self._keep(note + lines, head)
        return Round(head.size, met, answers, note + lines)

    def _line(self, name: str, note: str, head: Checkpoint, tree: LogTree) -> str:
        """Return the witness's signature line over `note`, verified with the policy's key."""
        url = self._policy.witness_urls.get(name)
        if url is None:
            raise NoWitnessUrlError(witness=name)
        for _ in range(_TRIES):
            old = min(self._sizes.get(name, 0), head.size)
            submission = Submission(old, tuple(tree.consistency_proof(old, head.size)), note)
            answer = self._client.post(f"{url.rstrip('/')}/add-checkpoint", content=submission.body)
            if answer.status_code == Status.COSIGNED:
                line = self._verified(name, note, answer)
                self._sizes[name] = head.size
                return line
            if answer.status_code != Status.CONFLICT:
                break
            self._sizes[name] = known = _size_of(answer)
            if known > head.size:
                raise LogSetBackError(witness=name, have=head.size, seen=known)
            if known == old:
                break  # the same size with another root
        if answer.status_code in {Status.CONFLICT, Status.INCONSISTENT}:
            raise WitnessRefusedError(witness=name, status=answer.status_code)
        raise httpx.HTTPStatusError("refused", request=answer.request, response=answer)

    def _verified(self, name: str, note: str, answer: httpx.Response) -> str:
        """Return the one line of the witness that the policy names; lines of other keys are left out."""
        key = self._policy.witnesses[name]
        for line in answer.text[:MAX_ANSWER].splitlines(keepends=True):
            try:
                text, signatures = note_parts(note + line)
                if cosignature_time(text, signatures, key) is not None:
                    return line
            except NoteError:
                continue
        raise CosignatureError(witness=name)

    def _keep(self, note: str, head: Checkpoint) -> None:
        """Keep the note unless a larger one was kept already."""
        path = cosigned_path(self._layout)
        try:
            kept = judge(path.read_text(encoding="utf-8"), self._policy).checkpoint
        except (FileNotFoundError, UnicodeDecodeError, IntegrityError):
            kept = None
        if kept is None or kept.size <= head.size:
            write_durably(path, note.encode())


def _size_of(answer: httpx.Response) -> int:
    text = answer.text.strip()
    if not text.isascii() or not text.isdigit():
        raise httpx.HTTPStatusError("no size", request=answer.request, response=answer)
    return int(text)
