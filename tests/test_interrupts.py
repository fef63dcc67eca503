"""Ctrl-C and SIGTERM count even where the exception they become is dropped."""

import contextlib
import signal

import pytest

from edgepose import interrupts


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_somebody_dropped_is_raised_again(number: signal.Signals):
    with interrupts.interruptible():
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()


def test_without_one_nothing_is_raised():
    with interrupts.interruptible():
        interrupts.check()


def test_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with interrupts.interruptible():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
