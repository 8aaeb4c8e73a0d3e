"""The logs: no value of an event can reach a line."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import NotFoundError
from security.logging import configure, dropped_values, fits, get_logger
from tests.unit.security.sealed import FILED_DATA, FINE_DATA, PERSON_KEY

CANARIES = [
    *(str(value) for value in (FILED_DATA | FINE_DATA).values() if isinstance(value, str) and len(value) > 6),
    "990101198503070017",
    "张三",
    "（2025）沪0101刑初123号",
    "A9901010100002025100001",
    FILED_DATA["suspect"].hex(),
]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """The lines of a configured process; what was configured before comes back."""
    before, hooks, root = structlog.get_config(), (sys.excepthook, threading.excepthook), logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure(stream)
    yield stream
    structlog.configure(**before)
    sys.excepthook, threading.excepthook = hooks
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    """The lines as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_what_is_allowed_passes(lines: io.StringIO) -> None:
    """Codes, counts, ids and durations stand in the line."""
    said = {
        "events": 256,
        "us": 812.5,
        "topic": "casebus.raw.police",
        "source": "police-990101/cases",
        "event_id": "0" * 32,
        "code": "sealing.mac",
        "district": "990101",
        "type": "police.case.filed",
        "subscription": "traffic",
        "epoch": 3,
    }

    get_logger("gateway").info("gateway.batch_taken", **said)

    (line,) = read(lines)
    timestamp = line.pop("timestamp")
    assert line == {"event": "gateway.batch_taken", "level": "info", "logger": "casebus.gateway", **said}
    assert timestamp.endswith("Z")


WAYS: dict[str, Callable[[Any, str], Any]] = {
    "name": lambda log, value: log.info(value),
    "pasted into the name": lambda log, value: log.info(f"gateway.refused {value}"),  # noqa: G004 - the mistake this is about
    "unknown key": lambda log, value: log.info("gateway.refused", suspect=value),
    "known key": lambda log, value: log.info("gateway.refused", code=value, source=value, reason=value, topic=value),
    "number": lambda log, value: log.info("gateway.refused", count=value, offset=value),
    "nested": lambda log, value: log.info("gateway.refused", events=[value], count={"a": value}),
    "bound": lambda log, value: log.bind(case=value, alert=value).info("gateway.refused"),
    "key": lambda log, value: log.info("gateway.refused", **{value: 1}),
    "logger": lambda _, value: get_logger(value).info("gateway.refused"),
    "error": lambda log, value: log.error("gateway.refused", exc_info=ValueError(value)),
    "error of ours": lambda log, value: log.error("gateway.refused", exc_info=NotFoundError(what=value)),
    "library": lambda _, value: logging.getLogger("sqlalchemy").error("INSERT %s", value),
    "library's name": lambda _, value: logging.getLogger(value).error("x"),
    "library's error": lambda _, value: logging.getLogger("x").error("y", exc_info=ValueError(value)),
    "warning": lambda _, value: logging.getLogger("py.warnings").warning("%s", value),
    "uncaught": lambda _, value: sys.excepthook(ValueError, ValueError(value), None),
    "bytes": lambda log, value: log.info("gateway.refused", event_id=value.encode()),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("canary", CANARIES)
def test_no_value_reaches_a_line(lines: io.StringIO, way: str, canary: str) -> None:
    """Whichever way a value is handed to the logs, no line has it, and the line itself is not lost."""
    WAYS[way](get_logger("gateway"), canary)

    text = lines.getvalue()

    assert canary not in text
    assert json.dumps(canary).strip('"') not in text
    assert len(read(lines)) == 1


def test_what_is_dropped_is_counted(lines: io.StringIO) -> None:
    """A line says how many values it lost, and the process keeps the sum."""
    before = dropped_values()

    get_logger("gateway").info("gateway.refused", suspect="x", alias="y", events=1)

    assert read(lines)[0]["dropped"] == 2
    assert dropped_values() == before + 2


def test_an_error_leaves_class_code_and_place(lines: io.StringIO) -> None:
    """Of an exception its class, its code and where it came from are told."""

    def refuse() -> None:
        raise NotFoundError(what="CANARY")

    try:
        refuse()
    except NotFoundError:
        get_logger("gateway").exception("gateway.refused")

    line = read(lines)[0]

    assert (line["error"], line["code"], line["level"]) == ("NotFoundError", "casebus.not_found", "error")
    assert line["at"].startswith("tests.unit.security.test_logging:") or line["at"].startswith("test_logging:")


def test_an_uncaught_exception_of_a_thread_is_logged(lines: io.StringIO) -> None:
    """A thread that dies is a line, without its message."""

    def die() -> None:
        raise RuntimeError("CANARY")

    thread = threading.Thread(target=die)
    thread.start()
    thread.join()

    assert read(lines)[0]["event"] == "process.uncaught"
    assert read(lines)[0]["error"] == "RuntimeError"
    assert "CANARY" not in lines.getvalue()


def test_what_is_below_the_level_is_not_written(lines: io.StringIO) -> None:
    """Debug lines of ours and information of libraries are left out."""
    get_logger("gateway").debug("gateway.detail")
    logging.getLogger("uvicorn.access").info("GET /x")

    assert lines.getvalue() == ""


@given(st.text() | st.integers() | st.binary() | st.none() | st.dictionaries(st.text(), st.text()), st.text())
def test_an_unknown_key_never_fits(value: object, key: str) -> None:
    """No value fits a key that is not on the list; ids of persons and large numbers fit no number."""
    assert not fits(f"x{key}", value)
    assert not fits("count", 990101198503070017)
    assert PERSON_KEY["size"] == 33
