"""Going on after a loss: two persons, a record at every lost number, the lost head kept; nothing else is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.clock import ManualClock
from security.audit.accepting_loss import ApprovalsError, Loss, NothingLostError, accept_loss
from security.audit.errors import AuditRolledBackError, AuditTamperedError
from security.audit.reading import read
from security.audit.verify import verify
from tests.unit.security.audit.workshop import KEY, NOW, ORIGIN, SIGNER, filled, open_log, release, segments

TWO = ("li", "wang")


def accepted(directory: Path, floor: int = 0, approvers: tuple[str, ...] = TWO) -> Loss:
    """Accept the loss of a test's log."""
    return accept_loss(directory, ORIGIN, "n1", SIGNER, ManualClock(NOW), floor, approvers)


def set_back(directory: Path, *, with_head: bool = True) -> None:
    """Make a log of nine records, go on to sixty, and put the older directory back; the signer keeps its head."""
    filled(directory, (9,))
    kept = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    log = open_log(directory)
    log.append([release(n) for n in range(9, 60)])
    log.close()
    head = (directory / "checkpoint").read_bytes()
    for path in segments(directory):
        path.unlink()
    for path, content in kept.items():
        path.write_bytes(content)
    if not with_head:
        (directory / "checkpoint").write_bytes(head)
        (directory / "clean").unlink()


@pytest.mark.parametrize("with_head", [True, False])
def test_every_lost_number_says_so(tmp_path: Path, *, with_head: bool) -> None:
    """The log goes on behind the last number that was ever given, verifies, and keeps the head over what was lost."""
    directory = tmp_path / "audit"
    set_back(directory, with_head=with_head)
    with pytest.raises(AuditRolledBackError):
        open_log(directory)

    assert accepted(directory, floor=64) == Loss(9, 64)
    records = [each.record for each in read(directory)]
    assert [each.act for each in records[9:]] == ["loss"] * 55
    assert records[9].data["approvers"] == ["li", "wang"]
    assert [path.name[:20] for path in (directory / "quarantine").glob("*.head")] == ["00000000000000000060"]
    log = open_log(directory, floor=64)
    assert log.append([release(0)]).first == 64
    log.close()
    assert verify(directory, 3, KEY, floor=64).ok


@pytest.mark.parametrize("approvers", [(), ("li",), ("li", "li"), ("li", " ")])
def test_it_takes_two_persons(tmp_path: Path, approvers: tuple[str, ...]) -> None:
    """One person, or one twice, changes nothing."""
    directory = tmp_path / "audit"
    set_back(directory)
    with pytest.raises(ApprovalsError):
        accepted(directory, approvers=approvers)
    with pytest.raises(AuditRolledBackError):
        open_log(directory)


def test_a_whole_log_and_a_broken_one_are_left_alone(tmp_path: Path) -> None:
    """Nothing is missing, or something was changed: neither is a loss."""
    directory = filled(tmp_path / "audit", (10, 40))
    with pytest.raises(NothingLostError):
        accepted(directory)
    path = segments(directory)[0]
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(bytes(data))

    with pytest.raises(AuditTamperedError):
        accepted(directory, floor=99)
