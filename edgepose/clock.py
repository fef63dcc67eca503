"""The wall clock, and whether it can be believed: a Raspberry Pi has no battery and boots in the past."""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TIMESYNCD_FILE = Path("/run/systemd/timesync/synchronized")
"""Touched by systemd-timesyncd once it has set the clock (systemd-timesyncd.service(8))."""

MAX_ERROR_US = 16_000_000
"""The kernel's estimate starts here and grows to here without a time server (kernel/time/ntp.c, NTP_PHASE_LIMIT)."""


@dataclass(frozen=True)
class Stamp:
    """A moment on the wall clock."""

    ts: float
    """Seconds since 1970, UTC."""
    synced: bool
    """True where the clock has been set by a time server and not drifted out of its bounds since."""


class _Timex(ctypes.Structure):
    # struct timex of adjtimex(2); what comes after the fields we read is only room.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_char * 512),
    )


def kernel_max_error_us() -> int | None:
    """The kernel's bound on the clock's error, microseconds; None where a sandbox hides it.

    systemd's ProtectClock= refuses the call (EPERM); a SystemCallFilter= without `adjtimex` needs
    SystemCallErrorNumber=EPERM, or it kills the process.
    """
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    timex = _Timex()  # modes = 0: read only
    if adjtimex(ctypes.byref(timex)) < 0:
        return None
    return int(timex.maxerror)


def clock_synced() -> bool:
    """Whether the wall clock is set from the network, by the rule of `timedatectl`: a maximum error below 16 s.

    Where the kernel may not be asked, the mark that systemd-timesyncd leaves is taken for it.
    """
    max_error_us = kernel_max_error_us()
    if max_error_us is not None:
        return max_error_us < MAX_ERROR_US
    return TIMESYNCD_FILE.exists()


class WallClock:
    """Puts monotonic times on the wall clock; asks only now and then whether that is synchronised."""

    def __init__(
        self,
        *,
        check_every_s: float = 10.0,
        synced: Callable[[], bool] = clock_synced,
        now_ns: Callable[[], tuple[int, int]] = lambda: (time.time_ns(), time.monotonic_ns()),
    ) -> None:
        """`now_ns` gives (wall, monotonic) nanoseconds of one moment."""
        self._check_every_ns = int(check_every_s * 1e9)
        self._ask_synced = synced
        self._now_ns = now_ns
        self._synced = False
        self._checked_ns: int | None = None

    def stamp(self, mono_ns: int | None = None) -> Stamp:
        """When the monotonic clock showed `mono_ns` (None: now), by the wall clock as it goes at present."""
        wall_ns, now_ns = self._now_ns()
        if self._checked_ns is None or now_ns - self._checked_ns >= self._check_every_ns:
            self._synced, self._checked_ns = self._ask_synced(), now_ns
        age_ns = 0 if mono_ns is None else now_ns - mono_ns
        return Stamp(ts=(wall_ns - age_ns) / 1e9, synced=self._synced)
