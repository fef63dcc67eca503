"""Ctrl-C counts even where the exception it becomes is dropped."""

import contextlib
import signal

import pytest

from edgepose import interrupts


@pytest.fixture
def listening():
    before = signal.getsignal(signal.SIGINT)
    interrupts.listen()
    yield
    signal.signal(signal.SIGINT, before)
    interrupts._pressed.clear()


def test_an_interrupt_that_somebody_dropped_is_raised_again(listening):
    with contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()


def test_without_one_nothing_is_raised(listening):
    interrupts.check()
