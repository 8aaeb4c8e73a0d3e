"""The shape of the house: short modules, speaking tests, no open ends, no machine paths, no wall clock in the cores."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.house import form
from tests.house.tree import modules, name, texts

Guard = Callable[[str], list[str]]

CLOCK = "schemas/clock.py"


def findings(guard: Guard, paths: Iterable[Path]) -> list[str]:
    """Run a guard over files."""
    return [f"{name(p)}: {found}" for p in paths for found in guard(p.read_text(encoding="utf-8"))]


def test_modules_and_functions_are_short() -> None:
    """No module passes 400 lines, no function 60; a migration and the one-file verifier stay in one piece."""
    written = modules("schemas", "security", "streams", "services", "tests", "deploy")
    whole = {"migrations", "verifier"}

    assert findings(form.long_parts, (p for p in written if not whole & set(p.parts))) == []


def test_every_test_says_what_it_shows() -> None:
    """Every test function carries a docstring."""
    assert findings(form.silent_tests, modules("tests")) == []


def test_every_test_can_fail() -> None:
    """Every test asserts something, expects an error, or calls a function that does."""
    assert findings(form.idle_tests, modules("tests")) == []


def test_every_folder_of_modules_is_a_package() -> None:
    """Each folder with modules has its `__init__.py`: import checks and the walk over all modules see no other."""
    bare = {name(path.parent) for path in modules() if not (path.parent / "__init__.py").exists()}

    assert bare == set()


def test_nothing_is_left_open_in_the_code() -> None:
    """No open end stands in the rooms: they live in the issues."""
    assert findings(form.open_ends, modules()) == []


def test_no_path_of_a_machine() -> None:
    """No file of the checkout names a directory of somebody's machine."""
    assert findings(form.machine_paths, texts()) == []


def test_cores_do_not_read_the_wall_clock() -> None:
    """Only the clock port of schemas tells the time below the services."""
    cores = [p for p in modules("schemas", "security", "streams") if name(p) != CLOCK]
    assert findings(form.wall_clock, cores) == []


BAD = {
    "long module": (form.long_parts, "x = 1\n" * 401),
    "long function": (form.long_parts, "def f():\n" + "    x = 1\n" * 60),
    "silent test": (form.silent_tests, "def test_a():\n    assert True\n"),
    "idle test": (form.idle_tests, 'def test_a():\n    """It runs."""\n    print(1)\n'),
    "open end": (form.open_ends, "x = 1  # " + "TO" + "DO later\n"),
    "unfinished": (form.open_ends, "raise NotImplemented" + "Error\n"),
    "machine path": (form.machine_paths, 'x = "' + "/home" + '/someone/data"\n'),
    "time.time": (form.wall_clock, "import time\nx = time.time()\n"),
    "renamed time": (form.wall_clock, "import time as t\nx = t.time_ns()\n"),
    "from time": (form.wall_clock, "from time import time_ns\n"),
    "datetime.now": (form.wall_clock, "from datetime import datetime\nx = datetime.now()\n"),
    "datetime twice": (form.wall_clock, "import datetime\nx = datetime.datetime.now(datetime.UTC)\n"),
    "renamed datetime": (form.wall_clock, "from datetime import datetime as dt\nx = dt.utcnow()\n"),
    "date.today": (form.wall_clock, "from datetime import date\nx = date.today()\n"),
}


@pytest.mark.parametrize("sample", BAD)
def test_guard_finds_a_bad_sample(sample: str) -> None:
    """Each guard can fail: it names what is wrong with a bad sample."""
    guard, source = BAD[sample]

    assert guard(source)


@pytest.mark.parametrize("source", ["import time\ntime.monotonic()\ntime.sleep(1)\n", "clock.now_us()\n", "x.time()\n"])
def test_waiting_and_measuring_are_no_wall_clock(source: str) -> None:
    """Monotonic time, sleeping and the clock port pass the wall-clock guard."""
    assert form.wall_clock(source) == []


@pytest.mark.parametrize("source", ['x = "~/work/data"', 'get("/alerts/home/x")', "https://host/home/index", "$HOME/x"])
def test_relative_paths_and_addresses_pass(source: str) -> None:
    """Relative paths and addresses are no machine paths."""
    assert form.machine_paths(source) == []
