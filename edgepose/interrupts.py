"""Ctrl-C that does not get lost.

Python turns it into an exception wherever it happens to be, and where that is a callback from a library in C, the
exception is dropped. So it is remembered too, and asked for between frames.
"""

import signal
import threading
from types import FrameType

_pressed = threading.Event()


def listen() -> None:
    """From now on Ctrl-C is remembered; for the main thread of a command."""
    _pressed.clear()
    signal.signal(signal.SIGINT, _press)


def check() -> None:
    """Raises KeyboardInterrupt where Ctrl-C has been pressed."""
    if _pressed.is_set():
        raise KeyboardInterrupt


def _press(_number: int, _frame: FrameType | None) -> None:
    _pressed.set()
    raise KeyboardInterrupt
