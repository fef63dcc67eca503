"""Tells systemd how the daemon is (sd_notify(3)); does nothing where no supervisor listens."""

import os
import socket
import threading
import time


class SystemdHeartbeat:
    """A Heartbeat over the socket of $NOTIFY_SOCKET; beats are thinned to a quarter of the watchdog's time."""

    def __init__(self, environment: "os._Environ[str] | dict[str, str]" = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        watchdog_us = environment.get("WATCHDOG_USEC", "")
        self._period_s = int(watchdog_us) / 4e6 if watchdog_us.isdigit() else None
        self._lock = threading.Lock()
        self._due_s = 0.0

    def ready(self) -> None:
        """Start-up is over."""
        self._send("READY=1")

    def beat(self) -> None:
        """A whole frame has been completed."""
        if self._period_s is None:
            return
        now_s = time.monotonic()
        with self._lock:
            if now_s < self._due_s:
                return
            self._due_s = now_s + self._period_s
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """A clean stop has begun."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the NUL byte of Linux's abstract socket names.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto(state.encode(), address)
