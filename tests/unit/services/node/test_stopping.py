"""What a stop signal does to a node process."""

from __future__ import annotations

import os
import signal

import pytest
import uvicorn

from services.node.stopping import SIGNALS, Server, StopSignals


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_during_the_opening_only_asks(number: signal.Signals) -> None:
    """Nothing is raised where the signal falls: an opening is never torn, and no callback can swallow the request."""
    signals = StopSignals()
    with signals.installed():
        os.kill(os.getpid(), number)

        assert signals.requested


def test_a_signal_while_serving_ends_the_serving() -> None:
    """The server is told to finish what is under way."""
    signals = StopSignals()
    signals.server = Server(uvicorn.Config(app=lambda: None))
    with signals.installed():
        os.kill(os.getpid(), signal.SIGTERM)

    assert signals.server.should_exit


def test_handlers_of_before_are_given_back() -> None:
    """Outside the block the process answers as it did."""
    before = signal.getsignal(signal.SIGTERM)
    with StopSignals().installed():
        assert signal.getsignal(signal.SIGTERM) is not before

    assert signal.getsignal(signal.SIGTERM) is before
