"""The doctor's checks of a machine and a data directory."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from schemas.clock import SECOND, ManualClock
from schemas.texts import catalogue
from services.doctor import data, machine
from services.doctor.check import Check
from services.node.layout import DataDirectory, NodeName


def states(root: Path) -> dict[str, str]:
    """Check a directory: name → state."""
    return {check.name: check.state for check in data.directory(root)}


@pytest.fixture
def node(tmp_path: Path) -> DataDirectory:
    """An empty node's directory."""
    directory = DataDirectory(tmp_path / "data")
    directory.make(NodeName("n1", "n1.example/audit"))
    return directory


@pytest.mark.parametrize(("version", "state"), [((3, 10, 9), "fail"), ((3, 11, 0), "ok"), ((4, 0, 0), "ok")])
def test_an_old_python_fails(version: tuple[int, int, int], state: str) -> None:
    """Older than 3.11 is refused."""
    assert machine.python(version).state == state


def test_a_full_disk_fails(tmp_path: Path) -> None:
    """Less space than is needed fails, also for a folder that is not there yet."""
    assert machine.disk(tmp_path / "not" / "there").state == "ok"
    assert machine.disk(tmp_path, least=1 << 60).state == "fail"


def test_a_clock_behind_what_was_written_fails(node: DataDirectory) -> None:
    """A clock that was set back behind the newest file of the node is told; five minutes of skew pass."""
    written = int((node.root / "node.json").stat().st_mtime) * SECOND

    assert machine.clock(ManualClock(written - 200 * SECOND), node.root).state == "ok"
    assert machine.clock(ManualClock(written - 400 * SECOND), node.root).state == "fail"


def test_a_new_directory_is_no_failure(tmp_path: Path) -> None:
    """No directory, and one without a node, are something to know."""
    assert states(tmp_path / "none") == {"data": "note"}
    assert states(tmp_path) == {"data": "note"}


def test_a_sound_directory_passes(node: DataDirectory) -> None:
    """Layout, privacy and lock are well."""
    assert states(node.root) == {"data": "ok", "private": "ok", "lock": "ok"}


def test_another_layout_fails(node: DataDirectory) -> None:
    """A directory of another version of casebus, and a broken node.json."""
    (node.root / "node.json").write_text(json.dumps({"layout": 99, "node": "n", "origin": "o"}), encoding="utf-8")
    assert states(node.root) == {"data": "fail"}
    (node.root / "node.json").write_text("{", encoding="utf-8")
    assert states(node.root) == {"data": "fail"}


def test_keys_that_others_can_read_fail(node: DataDirectory) -> None:
    """A keystore with mode 0644 is named."""
    (node.keys / "keystore.json").write_text("{}", encoding="utf-8")
    (node.keys / "keystore.json").chmod(0o644)

    (found,) = [check for check in data.directory(node.root) if check.name == "private"]

    assert (found.state, found.fields) == ("fail", {"files": "keystore.json"})


def test_a_running_node_is_told_with_its_process(node: DataDirectory) -> None:
    """The lock's holder is named, and the lock is not taken from it."""
    handle = os.open(node.root / "lock", os.O_RDWR | os.O_CREAT)
    os.write(handle, b"4711\n")
    fcntl.flock(handle, fcntl.LOCK_EX)

    found = data.lock(node)

    assert (found.state, found.fields) == ("note", {"pid": 4711})
    os.close(handle)
    assert data.lock(node).state == "ok"


def test_every_check_has_its_texts() -> None:
    """Each text of the doctor has its counterpart: whatever can fail or be noted says what to do."""
    names = {key.rsplit(".", 1)[0] for key in catalogue() if key.startswith("doctor.")}

    for name in names:
        needs_mending = {f"{name}.fail", f"{name}.note"} & set(catalogue())
        assert not needs_mending or f"{name}.mend" in catalogue()


def test_a_check_speaks_both_languages() -> None:
    """A failed check says what is wrong and what to do, with its fields filled in."""
    check = Check("port", "fail", {"port": 8470})

    assert "8470" in check.message("zh")
    assert "8470" in check.message("en")
    assert check.mend("en")
    assert Check("port", "ok", {"port": 1}).mend("en") == ""
