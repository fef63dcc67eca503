"""Devices that the user may not open: which group opens them."""

import grp
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def closed_to_us(places: Iterable[Path]) -> str | None:
    """For the first device that is there and closed to us: which, and what opens it; None where all are open."""
    for place in places:
        if place.exists() and not os.access(place, os.R_OK | os.W_OK):
            with suppress(KeyError):
                group = grp.getgrgid(place.stat().st_gid).gr_name
                advice = f"sudo usermod -aG {group} {user()}, then log in anew"
                return f"{place} is closed to {user()}, who is not in the group {group}: {advice}"
    return None


def camera_module_devices() -> list[Path]:
    """What libcamera opens for a camera module."""
    folder = Path("/dev")
    return sorted([*folder.glob("media*"), *folder.glob("dma_heap/*"), *folder.glob("v4l-subdev*")])


def user() -> str:
    """What to call the user that we are."""
    return os.environ.get("USER") or f"user {os.getuid()}"
