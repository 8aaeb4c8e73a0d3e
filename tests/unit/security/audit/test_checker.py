"""The checker reads the disk again before a head is signed: what memory says and the disk does not is never signed."""

from __future__ import annotations

from pathlib import Path

import pytest

from security.audit.errors import AuditPoisonedError, AuditRolledBackError, AuditTamperedError
from security.audit.verify import verify
from tests.unit.security.audit.workshop import KEY, abandon, open_log, release, segments


def test_it_agrees_over_segments_and_restarts(tmp_path: Path) -> None:
    """Heads at every size over several segments, with stops and kills between, are all signed."""
    directory = tmp_path / "audit"
    for round_number in range(6):
        log = open_log(directory, checked=True)
        for number in range(11):
            log.append([release(number)])
            if number % (round_number + 1) == 0:
                log.checkpoint()
                assert log.head.size == log.size
        abandon(log) if round_number % 2 else log.close()
    log = open_log(directory, checked=True)
    log.close()

    assert (log.size, verify(directory, 3, KEY).ok) == (66, True)


@pytest.mark.parametrize("behind", [0, 5])
def test_a_disk_that_differs_from_memory_is_not_signed(tmp_path: Path, behind: int) -> None:
    """A flipped bit under the writer: no head, the writer ends, the next opening or verification names it."""
    directory = tmp_path / "audit"
    log = open_log(directory, checked=True)
    log.append([release(n) for n in range(3)])
    path = segments(directory)[0]
    data = bytearray(path.read_bytes())
    data[400] ^= 1
    path.write_bytes(bytes(data))
    for number in range(behind):
        log.append([release(number)])

    with pytest.raises(AuditTamperedError):
        log.checkpoint()
    with pytest.raises(AuditPoisonedError):
        log.append([release(9)])
    assert log.head.size == 0
    log.close()


def test_it_keeps_its_own_last_head(tmp_path: Path) -> None:
    """A log, its head and its signer's head set back together are still told by the checker's."""
    directory = tmp_path / "audit"
    log = open_log(directory, checked=True)
    log.append([release(0)])
    log.close()
    kept = {
        path: path.read_bytes() for path in (*directory.rglob("*"), tmp_path / "audit-signer/head") if path.is_file()
    }
    log = open_log(directory, checked=True)
    log.append([release(1)])
    log.close()
    for path, content in kept.items():
        path.write_bytes(content)

    with pytest.raises(AuditRolledBackError):
        open_log(directory, checked=True)
