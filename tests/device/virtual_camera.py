"""edgepose with libcamera's virtual camera in the place of a Pi's: `python -m tests.device.virtual_camera COMMAND…`.

What is patched here is what the virtual camera lacks: sensor modes, and buffers of the graphics card's memory.
"""

import sys
from unittest.mock import MagicMock


def make_ready() -> None:
    """Let picamera2 accept the virtual camera; to be called before it is used."""
    sys.modules.setdefault("pykms", MagicMock())  # draws on a screen; not packaged for this system
    from picamera2 import Picamera2
    from picamera2.allocators import LibcameraAllocator

    configure = Picamera2.configure

    def configure_with_own_buffers(self, *args):
        self.allocator = LibcameraAllocator(self.camera)
        return configure(self, *args)

    Picamera2._get_raw_modes = lambda _: [{"format": "NV12", "size": (640, 480)}]
    Picamera2.configure = configure_with_own_buffers


if __name__ == "__main__":
    from edgepose.cli import main

    make_ready()
    sys.exit(main())
