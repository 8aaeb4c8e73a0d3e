"""Logs that cannot hold a value of an event: an allow-list of keys, each with the form its values must have.

Whatever does not fit is dropped before anything renders it, and counted: the line says how many. The name of a log line
is a code in our own words (`gateway.batch_taken`), never a sentence with something pasted in. Exceptions leave their
class, their code and the place, not their message. Lines of libraries leave their logger and place, not their text.

    log = get_logger("gateway")
    log.info("gateway.batch_taken", events=256, topic="casebus.raw.police", us=812)
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any, Final, TextIO

import structlog

from schemas.errors import CasebusError

_NAME: Final = re.compile(r"[a-z_]+(\.[a-z_]+)+")
_LARGEST: Final = 1 << 53
"""Times in microseconds fit below it; an 18-digit identity number does not."""

_TEXT: Final = {
    "event": _NAME,
    "code": _NAME,
    "reason": re.compile(r"[a-z_]{1,40}(\.[a-z_]{1,40})*"),
    "level": re.compile(r"debug|info|warning|error|critical"),
    "logger": re.compile(r"[A-Za-z_][A-Za-z_.]{0,80}"),
    "timestamp": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"),
    "error": re.compile(r"[A-Z][A-Za-z]{0,60}"),
    "at": re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,80}:\d{1,6}"),
    "type": re.compile(r"[a-z]+(\.[a-z_]+){1,3}"),
    "model": re.compile(r"[A-Za-z][A-Za-z0-9-]{0,40}"),
    "stage": re.compile(r"[a-z_]{1,40}"),
    "topic": re.compile(r"casebus\.[a-z][a-z0-9.-]{0,80}"),
    "source": re.compile(r"[A-Za-z]+-[A-Z0-9]{2,6}/[a-z]+"),
    "subscription": re.compile(r"[a-z][a-z0-9.-]{0,63}"),
    "district": re.compile(r"\d{6}"),
    "event_id": re.compile(r"[0-9a-f]{32}"),
    "alert": re.compile(r"[0-9a-f]{32}"),
    "kek": re.compile(r"kek/[a-z0-9._-]{1,64}/[1-4]/[a-z0-9_+-]{1,120}/\d{1,6}"),
    "version": re.compile(r"\d{1,4}(\.\d{1,4}){0,3}"),
    "act": re.compile(r"[a-z_.]{1,40}"),
}
_NUMBERS: Final = frozenset(
    {
        *("count", "events", "records", "alerts", "rejected", "repeats", "conflicts", "withheld", "denied", "dropped"),
        *("partition", "offset", "sequence", "epoch", "seq", "size", "bytes", "line", "port", "pid", "status", "exit"),
        *("seconds", "ms", "us", "at_us", "lag", "attempt", "rate", "depth", "spilled"),
    }
)
_total = [0]
_lock: Final = threading.Lock()


def dropped_values() -> int:
    """Return how many values the allow-list has kept out of the logs since the process began."""
    return _total[0]


def fits(key: str, value: object) -> bool:
    """Tell whether `value` may stand in a log line under `key`."""
    if key in _NUMBERS:
        return isinstance(value, int | float) and abs(value) < _LARGEST
    form = _TEXT.get(key)
    return form is not None and isinstance(value, str) and form.fullmatch(value) is not None


def allow(logger: object, method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Keep what fits and count the rest: the processor every line passes."""
    del logger, method
    failure = line.pop("exc_info", None)
    kept = {key: value for key, value in line.items() if fits(key, value)}
    missing = len(line) - len(kept)
    kept.setdefault("event", "log.unnamed")
    kept |= _told(failure)
    if missing:
        with _lock:
            _total[0] += missing
        kept["dropped"] = missing
    return kept


def _told(failure: Any) -> dict[str, Any]:
    """Return what may be said of an exception: class, code, place."""
    if failure is True:
        failure = sys.exc_info()[1]
    if isinstance(failure, tuple):
        failure = failure[1]
    if not isinstance(failure, BaseException):
        return {}
    told: dict[str, Any] = {"error": type(failure).__name__}
    if isinstance(failure, CasebusError):
        told["code"] = failure.code
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is not None:
        told["at"] = f"{trace.tb_frame.f_globals.get('__name__', 'unknown')}:{trace.tb_lineno}"
    return {key: value for key, value in told.items() if fits(key, value)}


class LibraryLines(logging.Handler):
    """Passes lines of libraries on without their text: it may hold anything, a statement's parameters for one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say which library spoke, how loud, and where; nothing of what it said."""
        structlog.get_logger().log(
            record.levelno,
            "library.spoke",
            logger=record.name,
            at=f"{record.module}:{record.lineno}",
            exc_info=record.exc_info or None,
        )


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> None:
    """Set up logging for this process: JSON lines on `stream` (stderr), our own and libraries' warnings alike.

    Uncaught exceptions of every thread are logged by class and place instead of being printed with their message.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            allow,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(LibraryLines(logging.WARNING))
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = lambda failed: _uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)


def _uncaught(kind: type[BaseException], failure: BaseException | None, trace: TracebackType | None) -> None:
    del trace
    structlog.get_logger().error("process.uncaught", exc_info=failure or kind())


def get_logger(name: str) -> Any:
    """Return a logger of ours; its lines carry `casebus.<name>`."""
    return structlog.get_logger().bind(logger=f"casebus.{name}")
