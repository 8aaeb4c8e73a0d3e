"""What every test of casebus shares: Hypothesis profiles, and real parts that are missing loudly.

With `CI=true` a missing part fails its tests; elsewhere they are skipped and counted in the summary.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

from tests.house import parts

CI = os.environ.get("CI", "").lower() == "true"

# A machine under load is no reason to fail, so no deadline; in CI the same examples run every time.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("dev", deadline=None)
hypothesis.settings.load_profile("ci" if CI else "dev")

_skipped: Counter[str] = Counter()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or in CI fail, a test whose real part is missing."""
    for marker in parts.PARTS:
        if item.get_closest_marker(marker) is None:
            continue
        reason = parts.missing(marker)
        if reason is None:
            continue
        if parts.mandatory(marker, ci=CI):
            pytest.fail(reason, pytrace=False)
        _skipped[reason] += 1
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests did not run for want of a part: a skip must not look like a pass."""
    for reason, count in sorted(_skipped.items()):
        terminalreporter.write_line(f"NOT RUN: {count} tests, {reason}", yellow=True, bold=True)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The path of the browser."""
    found = parts.chromium()
    assert found is not None, "mark the test with @pytest.mark.browser"
    return found


@pytest.fixture(scope="session")
def fines_log() -> Path:
    """The path of the road fines log."""
    found = parts.fines_log()
    assert found is not None, "mark the test with @pytest.mark.realdata"
    return found
