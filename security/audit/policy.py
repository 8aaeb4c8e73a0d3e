"""Policies of trust: C2SP tlog-policy. Which logs are known, which witnesses, and how many of them must have cosigned.

    log casebus.demo/990100/audit/n1+…+… http://127.0.0.1:8470/audit
    witness court casebus.demo/990102/witness+…+…
    witness procuratorate casebus.demo/990103/witness+…+…
    group agencies 2 court procuratorate
    quorum agencies

The file is octets: names are compared byte by byte, whatever they mean in Unicode. Sans-IO.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from security.audit.checkpoint import KEY_ID_BYTES, Checkpoint, VerifierKey, note_parts
from security.audit.cosignature import CosignerKey, cosignature_time
from security.audit.errors import NoteError
from security.audit.trust_errors import HeadFormError, HeadSignatureError, PolicyFormError, QuorumError, UnknownLogError
from security.keys.signing import signature_fits

NONE = "none"
MAX_LINES = 4_096
_BLANKS = re.compile(r"[ \t]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,5}")
_LOG_WORDS, _WITNESS_WORDS, _GROUP_WORDS, _QUORUM_WORDS = {2, 3}, {3, 4}, range(4, MAX_LINES), {2}


@dataclass(frozen=True, slots=True)
class Group:
    """`threshold` of the `members` (names of witnesses or groups) must have witnessed a head."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """A policy: logs by origin, witnesses and groups by name, the name of the quorum.

    `log_urls`, `witness_urls` say where to reach them; they are no part of what the policy means.
    """

    logs: Mapping[str, tuple[VerifierKey, ...]] = field(default_factory=dict)
    witnesses: Mapping[str, CosignerKey] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE
    log_urls: Mapping[str, str] = field(default_factory=dict, compare=False)
    witness_urls: Mapping[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def of_key(cls, key: VerifierKey) -> Policy:
        """Return the policy that trusts one log and asks for no witness."""
        return cls(logs={key.name: (key,)})

    @classmethod
    def parse(cls, content: bytes) -> Policy:
        """Read a policy file; PolicyFormError names the line that does not fit."""
        return _Parser().parse(content)

    @property
    def text(self) -> str:
        """The policy in one form: no comments, no places; what means the same is written the same."""
        lines = [f"log {key.text}" for origin in sorted(self.logs) for key in self.logs[origin]]
        lines += [f"witness {name} {key.text}" for name, key in sorted(self.witnesses.items())]
        lines += [f"group {name} {g.threshold} {' '.join(g.members)}" for name, g in self.groups.items()]
        return "\n".join([*lines, f"quorum {self.quorum}"]) + "\n"

    def met_by(self, cosigners: Collection[str]) -> bool:
        """Tell whether the quorum is reached when these witnesses have cosigned."""
        return self.quorum == NONE or self._witnessed(self.quorum, cosigners)

    def missing(self, cosigners: Collection[str]) -> tuple[str, ...]:
        """Name the witnesses that have not cosigned."""
        return tuple(sorted(set(self.witnesses) - set(cosigners)))

    def _witnessed(self, name: str, cosigners: Collection[str]) -> bool:
        if name in self.witnesses:
            return name in cosigners
        group = self.groups[name]
        return sum(self._witnessed(member, cosigners) for member in group.members) >= group.threshold


@dataclass(frozen=True, slots=True)
class Judged:
    """A head that a policy accepts: the checkpoint, its note's text, and when each witness cosigned (POSIX seconds)."""

    checkpoint: Checkpoint
    text: str
    cosigned: Mapping[str, int]


def judge(note: str, policy: Policy, *, quorum: bool = True) -> Judged:
    """Return the head that `note` holds, if the policy accepts it; keys come from the policy alone.

    With `quorum` False too few cosignatures are accepted; false ones never are.

    Raises:
        HeadFormError, UnknownLogError, HeadSignatureError, CosignatureError, QuorumError: each says what it is.
    """
    try:
        text, signatures = note_parts(note)
        checkpoint = Checkpoint.parse(text)
    except NoteError as error:
        raise HeadFormError(what=error.fields.get("what", "note")) from None
    keys = policy.logs.get(checkpoint.origin)
    if not keys:
        raise UnknownLogError
    if not _signed_by_one(text, signatures, keys):
        raise HeadSignatureError
    cosigned = {
        name: at
        for name, key in policy.witnesses.items()
        if (at := cosignature_time(text, signatures, key)) is not None
    }
    if quorum and not policy.met_by(cosigned):
        raise QuorumError(have=len(cosigned), quorum=policy.quorum)
    return Judged(checkpoint, text, cosigned)


def _signed_by_one(text: str, signatures: Sequence[tuple[str, bytes]], keys: Collection[VerifierKey]) -> bool:
    """Tell whether a key of the log signed the note; a false line of any of them refuses it (signed-note)."""
    fits = [
        signature_fits(key.public_key, raw[KEY_ID_BYTES:], text.encode())
        for key in keys
        for name, raw in signatures
        if name == key.name and raw[:KEY_ID_BYTES] == key.key_id
    ]
    return bool(fits) and all(fits)


class _Parser:
    """One reading of a policy file, line by line."""

    def __init__(self) -> None:
        self._logs: dict[str, tuple[VerifierKey, ...]] = {}
        self._witnesses: dict[str, CosignerKey] = {}
        self._groups: dict[str, Group] = {}
        self._urls: dict[str, str] = {}
        self._log_urls: dict[str, str] = {}
        self._used: set[str] = set()
        self._quorum: str | None = None
        self._line = 0

    def parse(self, content: bytes) -> Policy:
        lines = content.split(b"\n")
        if lines.pop() or len(lines) > MAX_LINES:
            self._line = len(lines) + 1
            raise self._fault("end")
        for self._line, raw in enumerate(lines, 1):
            if _CONTROL.search(raw):
                raise self._fault("character")
            words = [word for word in _BLANKS.split(raw.decode(errors="surrogateescape")) if word]
            if words and not words[0].startswith("#"):
                self._take(words)
        if self._quorum is None:
            raise self._fault("quorum")
        return Policy(self._logs, self._witnesses, self._groups, self._quorum, self._log_urls, self._urls)

    def _take(self, words: list[str]) -> None:
        match words[0], len(words):
            case "log", n if n in _LOG_WORDS:
                self._log(words)
            case "witness", n if n in _WITNESS_WORDS:
                self._witness(words)
            case "group", n if n in _GROUP_WORDS:
                self._group(words)
            case "quorum", n if n in _QUORUM_WORDS:
                self._set_quorum(words[1])
            case _:
                raise self._fault("line")

    def _log(self, words: list[str]) -> None:
        try:
            key = VerifierKey.parse(words[1])
        except (NoteError, UnicodeError):
            raise self._fault("key") from None
        if not key.name or any(key.public_key == k.public_key for keys in self._logs.values() for k in keys):
            raise self._fault("duplicate")
        self._logs[key.name] = tuple(sorted((*self._logs.get(key.name, ()), key), key=lambda known: known.text))
        if words[2:]:
            self._log_urls[key.name] = words[2]

    def _witness(self, words: list[str]) -> None:
        try:
            key = CosignerKey.parse(words[2])
        except (NoteError, UnicodeError):
            raise self._fault("key") from None
        if any(key.public_key == known.public_key for known in self._witnesses.values()):
            raise self._fault("duplicate")
        self._witnesses[self._new(words[1])] = key
        if words[3:]:
            self._urls[words[1]] = words[3]

    def _group(self, words: list[str]) -> None:
        _, name, threshold, *members = words
        if len(set(members)) != len(members) or any(m not in self._known for m in members):
            raise self._fault("member")
        if self._used & set(members):
            raise self._fault("member")
        self._used |= set(members)
        if threshold not in {"all", "any"} and not _THRESHOLD.fullmatch(threshold):
            raise self._fault("threshold")
        needed = {"all": len(members), "any": 1}.get(threshold) or int(threshold)
        if needed > len(members):
            raise self._fault("threshold")
        self._groups[self._new(name)] = Group(needed, tuple(members))

    def _set_quorum(self, name: str) -> None:
        if self._quorum is not None or (name != NONE and name not in self._known):
            raise self._fault("quorum")
        self._quorum = name

    @property
    def _known(self) -> Collection[str]:
        return self._witnesses.keys() | self._groups.keys()

    def _new(self, name: str) -> str:
        if name == NONE or name in self._known:
            raise self._fault("name")
        return name

    def _fault(self, what: str) -> PolicyFormError:
        return PolicyFormError(line=self._line, what=what)
