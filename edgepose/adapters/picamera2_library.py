"""picamera2 itself: loads it, and says how to come by it where it can't be loaded."""

import importlib
import os
import sys
from typing import Any

from edgepose.errors import SourceError


def load(name: str = "picamera2") -> Any:
    """The module of that name, picamera2 or libcamera. Raises SourceError that says how to come by it."""
    # libcamera writes to standard error what only its developers need.
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise SourceError(_how_to_install(exc)) from exc


def _how_to_install(exc: ImportError) -> str:
    if sys.prefix != sys.base_prefix and not _sees_system_packages():
        return (
            "picamera2 comes as a Debian package, and this virtual environment does not look at those; "
            "sudo apt-get install python3-picamera2, then make it anew with python3 -m venv --system-site-packages"
        )
    if exc.name is not None and exc.name.startswith("libcamera"):
        return "picamera2 is here without libcamera (pip can't install that); sudo apt-get install python3-libcamera"
    if exc.name == "picamera2":
        return "picamera2 is not installed; sudo apt-get install python3-picamera2 --no-install-recommends"
    return (
        f"picamera2 can't be loaded ({exc}); sudo apt-get install --reinstall python3-picamera2 and update the system"
    )


def _sees_system_packages() -> bool:
    """Whether this virtual environment was made with --system-site-packages."""
    return any(os.path.commonpath((entry, sys.prefix)) != sys.prefix for entry in sys.path if "dist-packages" in entry)
