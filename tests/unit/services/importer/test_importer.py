"""An import: resumable, safe to break off, harmless to repeat."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from services.importer import importer as importer_module
from services.importer import lines as lines_module
from services.importer.importer import Importer
from services.importer.mapping import Mapping
from services.importer.opening import open_file
from services.importer.position import Position, PositionError, PositionFile, file_digest
from tests.unit.services.importer.conftest import HEADER, ROW, WriteFile


@dataclass(frozen=True)
class FakeResult:
    """An outcome of the fake door."""

    status: str
    code: str = ""
    paths: tuple[str, ...] = ()


@dataclass
class FakeDoor:
    """A door that knows ids, refuses one subject, and may break down after some events."""

    refuses: str = ""
    breaks_after: int = 10**9
    seen: set[str] = field(default_factory=set)
    calls: int = 0

    def accept(self, events: Sequence[dict[str, Any]]) -> list[FakeResult]:
        """Take events."""
        self.calls += 1
        if len(self.seen) + len(events) > self.breaks_after:
            raise OSError
        return [self._one(event) for event in events]

    def _one(self, event: dict[str, Any]) -> FakeResult:
        if event["subject"] == self.refuses:
            return FakeResult("refused", "gateway.future", ("$.time",))
        known = event["id"] in self.seen
        self.seen.add(event["id"])
        return FakeResult("repeated" if known else "accepted")


def rows(count: int) -> list[str]:
    """Return that many rows, with a bad one in every ten."""
    return [f"{n}{ROW[1:]}" if n % 10 else "bad" for n in range(count)]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small blocks and slices, so that an import takes many steps."""
    monkeypatch.setattr(lines_module, "BLOCK", 700)
    monkeypatch.setattr(importer_module, "SLICE", 3)


def test_every_row_is_accepted_or_rejected(mapping: Mapping, write: WriteFile, tmp_path: Path) -> None:
    """Read is accepted plus rejected, and the rejects file has each line."""
    path, door = write(HEADER, *rows(100)), FakeDoor()
    position = PositionFile(tmp_path / "import", mapping, file_digest(path))

    reached = Importer(mapping, open_file(mapping, path), door.accept, position).run()

    assert (reached.read, reached.accepted, reached.rejected, reached.done) == (100, 90, 10, True)
    rejects = [json.loads(line) for line in position.rejects.read_text(encoding="utf-8").splitlines()]
    assert [r["line"] for r in rejects] == list(range(2, 102, 10))


def test_what_the_door_refuses_is_rejected_with_its_line(mapping: Mapping, write: WriteFile, tmp_path: Path) -> None:
    """A refusal of the door is a reject like any other, with code and places."""
    path = write(HEADER, ROW, ROW.replace("A1", "A2").replace("0,", "1,", 1))
    position = PositionFile(tmp_path, mapping, file_digest(path))

    reached = Importer(mapping, open_file(mapping, path), FakeDoor(refuses="A2").accept, position).run()

    assert (reached.accepted, reached.rejected) == (1, 1)
    reject = json.loads(position.rejects.read_text(encoding="utf-8"))
    assert (reject["line"], reject["code"], reject["paths"]) == (3, "gateway.future", ["$.time"])


def test_a_broken_off_import_goes_on(mapping: Mapping, write: WriteFile, tmp_path: Path) -> None:
    """After a failure the same command ends with the same numbers, nothing lost, nothing doubled."""
    path, door = write(HEADER, *rows(100)), FakeDoor(breaks_after=40)
    position = PositionFile(tmp_path / "import", mapping, file_digest(path))
    with pytest.raises(OSError):
        Importer(mapping, open_file(mapping, path), door.accept, position).run()
    kept = position.load()
    door.breaks_after = 10**9

    reached = Importer(mapping, open_file(mapping, path), door.accept, position).run()

    assert 0 < kept.read < 100
    assert (reached.read, reached.accepted, reached.rejected) == (100, 90, 10)
    assert len(door.seen) == 90
    assert len(position.rejects.read_text(encoding="utf-8").splitlines()) == 10


def test_a_stop_is_noticed_between_slices(mapping: Mapping, write: WriteFile, tmp_path: Path) -> None:
    """Ctrl-C ends the run at a kept position; the next one finishes."""
    path, door = write(HEADER, *rows(100)), FakeDoor()
    position = PositionFile(tmp_path, mapping, file_digest(path))

    stopped = Importer(mapping, open_file(mapping, path), door.accept, position, stopped=lambda: door.calls >= 5).run()
    ended = Importer(mapping, open_file(mapping, path), door.accept, position).run()

    assert not stopped.done
    assert (ended.read, ended.accepted, ended.done) == (100, 90, True)


def test_a_finished_import_reads_nothing_again(mapping: Mapping, write: WriteFile, tmp_path: Path) -> None:
    """Running the same command a third time says the same numbers and sends nothing."""
    path, door = write(HEADER, *rows(20)), FakeDoor()
    position = PositionFile(tmp_path, mapping, file_digest(path))
    first = Importer(mapping, open_file(mapping, path), door.accept, position).run()
    calls = door.calls

    again = Importer(mapping, open_file(mapping, path), door.accept, position).run()

    assert (again, door.calls) == (first, calls)


def test_a_lost_position_costs_repeats_only(mapping: Mapping, write: WriteFile, tmp_path: Path) -> None:
    """Without its position the file is read anew; the door knows the events."""
    path, door = write(HEADER, *rows(20)), FakeDoor()
    Importer(
        mapping, open_file(mapping, path), door.accept, PositionFile(tmp_path / "a", mapping, file_digest(path))
    ).run()

    again = Importer(
        mapping, open_file(mapping, path), door.accept, PositionFile(tmp_path / "b", mapping, file_digest(path))
    ).run()

    assert (again.accepted, again.repeated, len(door.seen)) == (18, 18, 18)


def test_another_file_is_another_import(mapping: Mapping, write: WriteFile, tmp_path: Path) -> None:
    """A file that grew starts from its beginning: positions belong to contents, not to names."""
    position = PositionFile(tmp_path, mapping, file_digest(write(HEADER, *rows(5))))
    position.save(Position(next_line=7, done=True))

    grown = PositionFile(tmp_path, mapping, file_digest(write(HEADER, *rows(6))))

    assert position.load().done
    assert grown.load() == Position()


def test_a_dry_run_keeps_nothing(mapping: Mapping, write: WriteFile, tmp_path: Path) -> None:
    """No position, no rejects file; the first rejections are in the tally."""
    folder = tmp_path / "empty"
    folder.mkdir()
    path = write(HEADER, *rows(20))

    run = Importer(mapping, open_file(mapping, path), FakeDoor().accept, None)
    run.run()

    assert run.tally.codes == {"importer.columns": 2}
    assert [r.place for r in run.tally.first] == [2, 12]
    assert list(folder.iterdir()) == []


def test_a_position_that_cannot_be_kept_stops_the_run(mapping: Mapping, write: WriteFile, tmp_path: Path) -> None:
    """A full or forbidden disk is a coded error; nothing is claimed."""
    path = write(HEADER, ROW)
    (tmp_path / "blocked").write_text("a file where the folder should be")

    with pytest.raises(PositionError) as caught:
        Importer(
            mapping,
            open_file(mapping, path),
            FakeDoor().accept,
            PositionFile(tmp_path / "blocked", mapping, file_digest(path)),
        ).run()

    assert caught.value.exit_code == 5
