"""Clues: what people do with an alert, as a pure state machine.

    NEW ──accept──▶ ACCEPTED ──verify──▶ VERIFYING
     │                 │ ⟲ assign           │ ⟲ assign
     └─────refuse──────┴───────refuse───────┴──────▶ ARCHIVED (with a reason code; nothing follows)

An alert is a clue to verify, never an accusation: nothing here happens by itself, every step names the person who took
it. Each step raises the clue's version by one; a step says which version its person was looking at, so that of two who
press at once the second is told who was first. States and roles: the procuratorates' clue workflow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from schemas.errors import DeniedError, RefusedError

TOPIC = "casebus.clues"
STORE = "clues"


class ClueState(StrEnum):
    """Where a clue stands."""

    NEW = "new"
    ACCEPTED = "accepted"
    VERIFYING = "verifying"
    ARCHIVED = "archived"


class ClueAct(StrEnum):
    """What a person may do with a clue."""

    ACCEPT = "accept"
    ASSIGN = "assign"
    VERIFY = "verify"
    REFUSE = "refuse"


REASONS = ("not_a_breach", "outside_competence", "duplicate", "data_error", "already_handled")
"""Why a clue may be refused; a code, so that false alarms can be counted per model."""

SEQUENCE: dict[tuple[ClueState, ClueAct], ClueState] = {
    (ClueState.NEW, ClueAct.ACCEPT): ClueState.ACCEPTED,
    (ClueState.NEW, ClueAct.REFUSE): ClueState.ARCHIVED,
    (ClueState.ACCEPTED, ClueAct.ASSIGN): ClueState.ACCEPTED,
    (ClueState.ACCEPTED, ClueAct.VERIFY): ClueState.VERIFYING,
    (ClueState.ACCEPTED, ClueAct.REFUSE): ClueState.ARCHIVED,
    (ClueState.VERIFYING, ClueAct.ASSIGN): ClueState.VERIFYING,
    (ClueState.VERIFYING, ClueAct.REFUSE): ClueState.ARCHIVED,
}
"""Every legal transition; what is not here is refused."""

HANDLERS = frozenset({"P_CASE", "P_DEPT", "P_CHIEF"})
"""Roles that work clues."""

ASSIGNERS = frozenset({"P_DEPT", "P_CHIEF"})
"""Roles that may assign a clue to somebody else; a handling prosecutor assigns to himself only."""


class IllegalStepError(RefusedError):
    """The clue's state does not allow this step."""

    code = "clue.illegal_step"
    http_status = 409


class ClueArchivedError(IllegalStepError):
    """The clue is archived: nothing follows."""

    code = "clue.archived"


class ClueConflictError(RefusedError):
    """Somebody else was first."""

    code = "clue.conflict"
    http_status = 409


class ReasonMissingError(RefusedError):
    """Refusing a clue needs one of the known reason codes."""

    code = "clue.reason_missing"


class ClueRoleError(DeniedError):
    """The role does not work clues, or may not assign to others."""

    code = "clue.role"


class AssigneeMissingError(RefusedError):
    """Assigning needs a person; verifying is done by the one it is assigned to."""

    code = "clue.assignee"


@dataclass(frozen=True, slots=True)
class Clue:
    """A clue's state.

    Attributes:
        alert_id: the alert it grew from, 32 hex digits.
        state: where it stands.
        version: number of steps taken so far.
        assignee: account of the person who works it.
        accepted_by: account of the person who accepted it.
        reason: why it was refused.
        last_act: the newest step, for telling a second person who was first.
        last_actor: who took it.
    """

    alert_id: str
    state: ClueState = ClueState.NEW
    version: int = 0
    assignee: str | None = None
    accepted_by: str | None = None
    reason: str | None = None
    last_act: str = ""
    last_actor: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One wish of one person: `expected_version` is the version that person was looking at."""

    act: ClueAct
    actor: str
    role: str
    expected_version: int
    assignee: str | None = None
    reason: str | None = None


class ClueRecord(msgspec.Struct, array_like=True, frozen=True):
    """A step as it stands on the bus; `note` is sealed, everything else is level 2 or lower."""

    v: int
    alert_id: str
    version: int
    act: str
    state: str
    actor: str
    role: str
    organisation: str
    assignee: str | None
    accepted_by: str | None
    reason: str | None
    note: bytes | None
    at: int
    leaf: int


def take(clue: Clue, step: Step) -> Clue:
    """Return the clue after `step`.

    Raises:
        ClueConflictError: another step came first.
        ClueArchivedError, IllegalStepError: the state does not allow it.
        ClueRoleError, AssigneeMissingError, ReasonMissingError: the step itself is not complete or not allowed.
    """
    if step.expected_version != clue.version:
        raise ClueConflictError(by=clue.last_actor, act=clue.last_act, version=clue.version)
    state = _after(clue, step)
    _check_person(clue, step)
    moved = replace(clue, state=state, version=clue.version + 1, last_act=step.act.value, last_actor=step.actor)
    match step.act:
        case ClueAct.ACCEPT:
            return replace(moved, accepted_by=step.actor)
        case ClueAct.ASSIGN:
            return replace(moved, assignee=step.assignee)
        case ClueAct.REFUSE:
            return replace(moved, reason=step.reason)
        case ClueAct.VERIFY:
            return moved


def allowed(clue: Clue, actor: str, role: str) -> tuple[ClueAct, ...]:
    """List the acts this person could take now, for offering only what would succeed."""
    if role not in HANDLERS:
        return ()
    acts = [act for state, act in SEQUENCE if state == clue.state]
    if role not in ASSIGNERS and clue.assignee == actor:
        acts = [act for act in acts if act != ClueAct.ASSIGN]
    if clue.assignee != actor:
        acts = [act for act in acts if act != ClueAct.VERIFY]
    return tuple(acts)


def bound(clue: Clue, actor: str) -> bool:
    """Tell whether this person's duty is this clue: it was accepted by or is assigned to this person."""
    if clue.state is ClueState.ARCHIVED:
        return False
    return actor == (clue.assignee or clue.accepted_by)


def record(clue: Clue, step: Step, *, organisation: str, note: bytes | None, at: int, leaf: int) -> ClueRecord:
    """Render the step that led to `clue` for the bus; `leaf` is the audit leaf that allowed it."""
    return ClueRecord(
        v=1,
        alert_id=clue.alert_id,
        version=clue.version,
        act=step.act.value,
        state=clue.state.value,
        actor=step.actor,
        role=step.role,
        organisation=organisation,
        assignee=clue.assignee,
        accepted_by=clue.accepted_by,
        reason=clue.reason,
        note=note,
        at=at,
        leaf=leaf,
    )


_encoder = msgspec.msgpack.Encoder()
_records = msgspec.msgpack.Decoder(ClueRecord)
_clues = msgspec.msgpack.Decoder(Clue)


def encode_record(value: ClueRecord) -> bytes:
    """Encode a step for the bus."""
    return _encoder.encode(value)


def decode_record(raw: bytes) -> ClueRecord:
    """Decode a step from the bus."""
    return _records.decode(raw)


def encode_clue(clue: Clue) -> bytes:
    """Encode a clue's state for the store `clues`."""
    return _encoder.encode(clue)


def decode_clue(raw: bytes) -> Clue:
    """Decode a clue's state from the store `clues`."""
    return _clues.decode(raw)


def _after(clue: Clue, step: Step) -> ClueState:
    if clue.state is ClueState.ARCHIVED:
        raise ClueArchivedError(act=step.act.value)
    state = SEQUENCE.get((clue.state, step.act))
    if state is None:
        raise IllegalStepError(state=clue.state.value, act=step.act.value)
    return state


def _check_person(clue: Clue, step: Step) -> None:
    if step.role not in HANDLERS:
        raise ClueRoleError(role=step.role, act=step.act.value)
    if step.act is ClueAct.ASSIGN:
        if not step.assignee:
            raise AssigneeMissingError(act=step.act.value)
        if step.assignee != step.actor and step.role not in ASSIGNERS:
            raise ClueRoleError(role=step.role, act="assign_other")
    if step.act is ClueAct.VERIFY and clue.assignee != step.actor:
        raise AssigneeMissingError(act=step.act.value)
    if step.act is ClueAct.REFUSE and step.reason not in REASONS:
        raise ReasonMissingError(reasons=", ".join(REASONS))
