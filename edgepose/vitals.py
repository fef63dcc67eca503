"""What this machine and this process tell of themselves; None wherever they don't."""

import os
from pathlib import Path

_THERMAL = Path("/sys/class/thermal")
_THROTTLED = Path("/sys/devices/platform/soc/soc:firmware/get_throttled")
_NOW = 0xF
"""Bits 0 to 3: under-voltage, capped frequency, throttled, soft temperature limit; the higher ones are history
(Raspberry Pi documentation, vcgencmd get_throttled)."""
_PROCESSOR = ("cpu", "soc", "x86_pkg", "core")


def temperature_c(thermal: Path = _THERMAL) -> float | None:
    """Of the processor, degrees Celsius: the zone whose type says so, else the first."""
    zones = {_text(zone / "type") or "": _text(zone / "temp") for zone in sorted(thermal.glob("thermal_zone*"))}
    ranked = sorted(zones.items(), key=lambda zone: not zone[0].lower().startswith(_PROCESSOR))
    for _, milli in ranked:
        if milli is not None and milli.lstrip("-").isdigit():
            return int(milli) / 1000
    return None


def throttled(path: Path = _THROTTLED) -> bool | None:
    """Whether a Raspberry Pi slows itself down at this moment; None on other machines."""
    text = _text(path)
    try:
        return None if text is None else bool(int(text, 16) & _NOW)
    except ValueError:
        return None


def memory_bytes() -> int:
    """Resident memory of this process (proc(5), statm); 0 where /proc is hidden."""
    text = _text(Path("/proc/self/statm"))
    return int(text.split()[1]) * os.sysconf("SC_PAGE_SIZE") if text else 0


def open_files() -> int:
    """File descriptors of this process; 0 where /proc is hidden."""
    try:
        return len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - names alone; one is this look itself
    except OSError:
        return 0


def threads() -> int:
    """Threads of this process, those of libraries too; 0 where /proc is hidden."""
    for line in (_text(Path("/proc/self/status")) or "").splitlines():
        if line.startswith("Threads:"):
            return int(line.split()[1])
    return 0


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return None
