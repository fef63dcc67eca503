"""Commands on their way from the connection's thread to the main thread: few, and counted where they are refused."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from edgepose.ports import Incoming

log = logging.getLogger(__name__)

MOST = 64
TOLD = 100
"""Refusals that are logged; what comes after is only counted, so that nobody can fill a log from outside."""


class Inbox:
    """Thread-safe; put() never blocks."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called when there is something to take."""
        self._wake = wake
        self._lock = threading.Lock()
        self._waiting: deque[Incoming] = deque()
        self._refused = 0

    @property
    def refused(self) -> int:
        """Commands that made no sense or were too many, since the start."""
        return self._refused

    def put(self, message: Incoming) -> None:
        """Take a command in; where too many wait already it is refused."""
        with self._lock:
            if room := len(self._waiting) < MOST:
                self._waiting.append(message)
        if room:
            self._wake()
        else:
            self.refuse(message.topic, "too many commands wait already")

    def take(self) -> list[Incoming]:
        """All that wait."""
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
            return taken

    def refuse(self, topic: str, reason: str) -> None:
        """Log and count a command that can't be carried out."""
        self._refused += 1
        if self._refused <= TOLD:
            log.warning("command on %s ignored: %s", ascii(topic[:200]), reason)
            if self._refused == TOLD:
                log.warning("further commands that make no sense are only counted")
