"""Ctrl-C and SIGTERM that do not get lost.

Python turns them into an exception wherever it happens to be, and where that is a callback from a library in C, the
exception is dropped. So they are remembered too, and asked for between frames.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_asked = threading.Event()


@contextmanager
def interruptible() -> Iterator[None]:
    """While it lasts, both end the work as KeyboardInterrupt; for the main thread of a command."""
    _asked.clear()
    before = [signal.signal(number, _ask) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            signal.signal(number, handler)
        _asked.clear()


def check() -> None:
    """Raises KeyboardInterrupt where the end of the work has been asked for."""
    if _asked.is_set():
        raise KeyboardInterrupt


def _ask(_number: int, _frame: FrameType | None) -> None:
    _asked.set()
    raise KeyboardInterrupt
