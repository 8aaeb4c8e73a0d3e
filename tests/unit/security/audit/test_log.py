"""The writer: durable groups, group commit, one writer, poisoning, clean stop."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from schemas.clock import ManualClock
from security.audit.checkpoint import opened
from security.audit.errors import (
    AuditClosedError,
    AuditLockedError,
    AuditPoisonedError,
    EntryRefusedError,
    SignerRefusedError,
)
from security.audit.log import AuditLog
from security.audit.reading import read
from security.audit.record import Entry
from security.audit.tree import Tree
from security.audit.verify import verify
from security.keys.signing import Ed25519Signer
from tests.unit.security.audit.workshop import KEY, NOW, abandon, filled, open_log, release, segments


def written(directory: Path) -> list[str]:
    """Return what the records of a log are about, in order."""
    return [stored.record.obj for stored in read(directory)]


def test_append_numbers_and_leaves(tmp_path: Path) -> None:
    """Appends number on from each other, and the leaves they return give the signed root."""
    log = open_log(tmp_path / "audit")
    first = log.append([release(n) for n in range(5)])
    second = log.append([release(n) for n in range(5, 40)])
    tree = Tree()
    tree.extend([*first.leaves, *second.leaves])
    log.close()

    assert (first.first, first.last, second.first, second.last) == (0, 4, 5, 39)
    assert log.head.root == tree.root()
    assert written(tmp_path / "audit") == [f"m{n}" for n in range(40)]


def test_append_of_nothing(tmp_path: Path) -> None:
    """An empty append writes nothing and names an empty range."""
    log = open_log(tmp_path / "audit")

    assert tuple(log.append([])) == (0, -1, [])
    assert log.append([release(0)]).first == 0
    log.close()


def test_append_larger_than_a_group(tmp_path: Path) -> None:
    """An append of more records than one write takes is written whole, over several groups and segments."""
    log = open_log(tmp_path / "audit", span=14, step=1 << 20)

    done = log.append([Entry(act="tick")] * 20_000)
    log.close()

    assert (done.last, len(done.leaves)) == (19_999, 20_000)
    assert verify(tmp_path / "audit", 3, KEY).records == 20_000


def test_time_never_goes_back(tmp_path: Path) -> None:
    """A clock that is set back gives the time of the last record, over a restart too."""
    clock = ManualClock(NOW)
    log = open_log(tmp_path / "audit", clock=clock)
    log.append([release(0)])
    clock.now = NOW - 5_000_000
    log.append([release(1)])
    log.close()
    log = open_log(tmp_path / "audit", clock=ManualClock(5))
    log.append([release(2)])
    log.close()

    assert [stored.record.ts for stored in read(tmp_path / "audit")] == [NOW] * 3
    assert verify(tmp_path / "audit", 3, KEY).ok


def test_a_restart_goes_on(tmp_path: Path) -> None:
    """A log opened again goes on with the next number in a new lease, at every position in a segment."""
    directory = tmp_path / "audit"
    for run in range(20):
        log = open_log(directory)
        assert log.size == run * 3
        log.append([release(run * 3 + n) for n in range(3)])
        log.close()

    report = verify(directory, 3, KEY)
    assert (report.ok, report.records, report.size, report.clean) == (True, 60, 60, True)
    assert [stored.record.epoch for stored in read(directory)] == [1 + n // 3 for n in range(60)]


def test_second_writer_is_refused(tmp_path: Path) -> None:
    """A second node on the same directory gets a coded error with exit code 5; after a stop it may."""
    log = open_log(tmp_path / "audit")

    with pytest.raises(AuditLockedError) as caught:
        open_log(tmp_path / "audit")
    assert caught.value.exit_code == 5
    log.close()
    open_log(tmp_path / "audit").close()


def test_closed_log_refuses(tmp_path: Path) -> None:
    """After closing, nothing is taken; a second close does nothing."""
    log = open_log(tmp_path / "audit")
    log.close()
    log.close()

    calls: list[Callable[[], object]] = [
        lambda: log.append([release(0)]),
        lambda: log.submit(release(0)),
        log.checkpoint,
    ]
    for call in calls:
        with pytest.raises(AuditClosedError):
            call()


def test_refused_entry_refuses_the_whole_append(tmp_path: Path) -> None:
    """One wrong entry of an append leaves nothing behind, and the log goes on."""
    log = open_log(tmp_path / "audit")
    with pytest.raises(EntryRefusedError):
        log.append([release(0), Entry(act="tick", data={"a": None}), release(1)])
    log.append([release(2)])
    log.close()

    assert written(tmp_path / "audit") == ["m2"]


def test_heads_by_interval(tmp_path: Path) -> None:
    """A head is published when enough records have come since the last one."""
    log = open_log(tmp_path / "audit", checkpoint_every=10)
    sizes = []
    for n in range(6):
        log.append([release(n)] * 4)
        note = (tmp_path / "audit" / "checkpoint").read_text(encoding="utf-8")
        sizes.append(opened(note, KEY).size)
    log.close()

    assert sizes == [0, 0, 12, 12, 12, 24]


def test_checkpoint_on_demand(tmp_path: Path) -> None:
    """A head that is asked for covers everything durable; asked again without new records it is the same note."""
    log = open_log(tmp_path / "audit")
    log.append([release(n) for n in range(5)])
    note = log.checkpoint()

    assert opened(note, KEY).size == 5
    assert log.checkpoint() == note
    log.append([release(5)])
    assert opened(log.checkpoint(), KEY).size == 6
    log.close()


def test_submit_from_many_threads(tmp_path: Path) -> None:
    """Entries of many threads share groups; every future has the number under which its entry stands."""
    log = open_log(tmp_path / "audit", span=8)
    with ThreadPoolExecutor(8) as threads:
        numbers = list(threads.map(lambda n: log.submit(release(n)).result(timeout=30), range(400)))
    log.close()
    stored = written(tmp_path / "audit")

    assert sorted(numbers) == list(range(400))
    assert [stored[number] for number in numbers] == [f"m{n}" for n in range(400)]


def test_append_from_many_threads(tmp_path: Path) -> None:
    """Appends of many threads do not mix, and each is durable under the numbers it was told."""
    log = open_log(tmp_path / "audit", span=5, checkpoint_every=20)
    with ThreadPoolExecutor(6) as threads:
        done = list(threads.map(lambda n: log.append([release(n)] * (1 + n % 5)), range(120)))
    log.close()
    stored = written(tmp_path / "audit")

    for n, appended in enumerate(done):
        assert set(stored[appended.first : appended.last + 1]) == {f"m{n}"}
    assert verify(tmp_path / "audit", 3, KEY).ok


def test_submit_waits_for_company_only_while_it_comes(tmp_path: Path) -> None:
    """What is handed in at once becomes few groups; a refused entry among them is refused alone."""
    log = open_log(tmp_path / "audit", span=8)
    futures = [log.submit(release(n) if n != 7 else Entry(act="tick", data={"a": 1.5})) for n in range(20)]

    with pytest.raises(EntryRefusedError):
        futures[7].result(timeout=30)
    assert sorted(f.result(timeout=30) for n, f in enumerate(futures) if n != 7) == list(range(19))
    log.close()
    assert verify(tmp_path / "audit", 3, KEY).records == 19


def test_close_writes_what_was_handed_in(tmp_path: Path) -> None:
    """Entries handed in before the stop are written by the stop."""
    log = open_log(tmp_path / "audit", span=8)
    futures = [log.submit(release(n)) for n in range(50)]
    log.close()

    assert [f.result(timeout=0) for f in futures] == list(range(50))
    assert verify(tmp_path / "audit", 3, KEY).size == 50


class Failing:
    """Stands in for a call of the system: fails at the n-th call, then always."""

    def __init__(self, real: Callable[..., Any], nth: int, how: OSError | int) -> None:
        self.real, self.left, self.how = real, nth, how

    def __call__(self, *args: Any) -> Any:
        """Do the real thing until it fails."""
        self.left -= 1
        if self.left >= 0:
            return self.real(*args)
        if isinstance(self.how, OSError):
            raise self.how
        return self.real(args[0], args[1][: self.how], *args[2:])


def append_until_it_fails(log: AuditLog, acknowledged: list[str]) -> None:
    """Append records one by one, noting each that was acknowledged."""
    for n in range(40):
        log.append([release(n)])
        acknowledged.append(f"m{n}")


FAULTS: dict[str, tuple[str, OSError | int]] = {
    "full disk while writing": ("pwrite", OSError(errno.ENOSPC, "no space")),
    "short write": ("pwrite", 60),
    "fdatasync": ("fdatasync", OSError(errno.EIO, "i/o error")),
    "full disk while taking space": ("posix_fallocate", OSError(errno.ENOSPC, "no space")),
    "quota": ("pwrite", OSError(errno.EDQUOT, "quota")),
    "fsync of a segment, its folder or a head": ("fsync", OSError(errno.EIO, "i/o error")),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("nth", [0, 1, 3])
def test_failures_poison_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, nth: int) -> None:
    """A failing write, sync or allocation ends the writer with a coded error; all that was acknowledged is there."""
    call, how = FAULTS[name]
    directory = tmp_path / "audit"
    log = open_log(directory, step=512)
    acknowledged: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(os, call, Failing(getattr(os, call), nth, how))
        with pytest.raises(AuditPoisonedError) as caught:
            append_until_it_fails(log, acknowledged)
        for again in (lambda: log.append([release(99)]), lambda: log.submit(release(99)), log.checkpoint):
            with pytest.raises(AuditPoisonedError):
                again()
    assert caught.value.exit_code == 5
    assert caught.value.full == (isinstance(how, OSError) and how.errno in {errno.ENOSPC, errno.EDQUOT})
    assert not (directory / "clean").exists()
    log.close()

    log = open_log(directory)
    assert log.size >= len(acknowledged)
    assert written(directory)[: len(acknowledged)] == acknowledged
    log.append([release(1000)])
    log.close()
    assert verify(directory, 3, KEY).ok


def test_submitters_learn_of_the_poison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every future of a group that could not be made durable gets the error: nobody waits for ever."""
    log = open_log(tmp_path / "audit")
    submitted = threading.Event()

    def fails(descriptor: int) -> None:
        del descriptor
        assert submitted.wait(30)
        raise OSError(errno.EIO, "i/o error")

    monkeypatch.setattr(os, "fdatasync", fails)
    futures = [log.submit(release(n)) for n in range(3)]
    submitted.set()

    for future in futures:
        with pytest.raises(AuditPoisonedError):
            future.result(timeout=30)
    log.close()


def test_a_head_that_cannot_be_written_keeps_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When only the head's file fails, the append is still acknowledged, and the next one says why not."""
    log = open_log(tmp_path / "audit", checkpoint_every=2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", Failing(os.fsync, 0, OSError(errno.ENOSPC, "no space")))
        assert log.append([release(0), release(1)]).last == 1
        with pytest.raises(AuditPoisonedError):
            log.append([release(2)])
    log.close()
    log = open_log(tmp_path / "audit")
    assert log.size == 2
    log.close()


def test_an_interrupt_in_the_middle_poisons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while writing leaves memory and disk in doubt: the writer ends, a restart reads back from disk."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    log = open_log(tmp_path / "audit")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            log.append([release(0)])
    with pytest.raises(AuditPoisonedError):
        log.append([release(1)])
    log.close()
    open_log(tmp_path / "audit").close()
    assert verify(tmp_path / "audit", 3, KEY).ok


def test_opening_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that cannot be made says so with a code, and gives its lock back."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", Failing(os.posix_fallocate, 0, OSError(errno.ENOSPC, "no space")))
        with pytest.raises(AuditPoisonedError):
            open_log(tmp_path / "audit")

    open_log(tmp_path / "audit").close()
    assert verify(tmp_path / "audit", 3, KEY).ok


def test_another_signer_is_refused(tmp_path: Path) -> None:
    """A log cannot be gone on with by another key than the one that signed its heads."""
    filled(tmp_path / "audit")

    with pytest.raises(SignerRefusedError):
        open_log(tmp_path / "audit", signer=Ed25519Signer(bytes(32)))


def test_space_is_taken_beforehand_and_is_zeros(tmp_path: Path) -> None:
    """The open segment is as long as its steps, a full one exactly as long as its bytes; the space is zeros."""
    filled(tmp_path / "audit", (16, 2))
    full, current = segments(tmp_path / "audit")

    assert current.stat().st_size == 4_096
    assert current.read_bytes().rstrip(b"\0")[-1:] != b""
    assert full.stat().st_size % 4_096
    assert full.stat().st_mode & 0o777 == 0o600


def test_threads_do_not_outlive_the_log(tmp_path: Path) -> None:
    """The group-commit thread ends with the log."""
    log = open_log(tmp_path / "audit")
    log.submit(release(0)).result(timeout=30)
    log.close()

    assert "audit-writer" not in {thread.name for thread in threading.enumerate()}


def test_context_manager_closes(tmp_path: Path) -> None:
    """Leaving the `with` block is a clean stop."""
    with open_log(tmp_path / "audit") as log:
        log.append([release(0)])

    assert verify(tmp_path / "audit", 3, KEY).clean


def test_abandoned_logs_lock_is_free(tmp_path: Path) -> None:
    """A killed writer's lock does not stand in the way of the next."""
    log = open_log(tmp_path / "audit")
    log.append([release(0)])
    abandon(log)
    log = open_log(tmp_path / "audit")
    assert log.size == 1
    log.close()
