"""Opens the first camera module and says what comes of it."""

from edgepose.adapters.sources import open_source
from edgepose.config import Picamera2Source
from edgepose.errors import SourceError

try:
    next(iter(open_source(Picamera2Source(), stall_timeout_s=5).frames()))
    print("it gave a frame")
except SourceError as exc:
    print(exc)
