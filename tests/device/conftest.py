"""These run in systems of their own, which picamera2.sh and arm64.sh set up; `make test` passes them over."""

import os
from pathlib import Path

HERE = Path(__file__).parent
_ASKED = os.environ.get("EDGEPOSE_DEVICE")
"""picamera2, arm64, install or old_runtime."""
collect_ignore = [str(path) for path in HERE.glob("test_*.py") if path.stem != f"test_{_ASKED}"]
