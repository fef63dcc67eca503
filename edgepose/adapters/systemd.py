"""Tells systemd how the daemon is (sd_notify(3)); does nothing where no supervisor listens."""

import logging
import os
import socket
import threading
import time

log = logging.getLogger(__name__)

SEND_S = 1.0
"""A manager that is busy for longer misses a message rather than holding up a camera."""


class SystemdHeartbeat:
    """A Heartbeat over the socket of $NOTIFY_SOCKET; beats are thinned to a quarter of the watchdog's time."""

    def __init__(self, environment: "os._Environ[str] | dict[str, str]" = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        watchdog_us = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._period_s = int(watchdog_us) / 4e6 if watchdog_us.isdigit() and meant else None
        self._lock = threading.Lock()
        self._due_s = 0.0
        self._status = ""

    def ready(self) -> None:
        """Start-up, or a reload, is over."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The configuration is being read again; ready() tells that it is over."""
        # Type=notify-reload compares the time with that of the signal it sent (systemd.service(5)).
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

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

    def status(self, line: str) -> None:
        """What `systemctl status` shows; one that has been told already is not told again."""
        if line != self._status:
            self._status = line
            self._send(f"STATUS={' '.join(line.split())}")

    def stopping(self) -> None:
        """A clean stop has begun."""
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the NUL byte of Linux's abstract socket names.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(SEND_S)
                channel.sendto(state.encode(), address)
        except OSError as exc:
            log.warning("systemd could not be told %s (%s)", state.partition("\n")[0], exc)
