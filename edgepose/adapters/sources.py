"""From a camera's configuration to a source; libraries are imported only for the kind that is asked for."""

from pathlib import Path

from edgepose.adapters.live import Patience
from edgepose.config import FileSource, HttpSource, Picamera2Source, RtspSource, SourceConfig, V4l2Source
from edgepose.ports import Source


def open_source(
    config: SourceConfig,
    *,
    stall_timeout_s: float,
    opening_timeout_s: float | None = None,
    fit: tuple[int, int] | None = None,
) -> Source:
    """A source for a section of the configuration; it opens what it reads when its frames are asked for.

    A live source raises SourceError when it gives no frame for stall_timeout_s, and at first for opening_timeout_s;
    left out, that is the same, but at least 10 s. Raises ConfigError where an address or a password
    can't be used. fit: (width, height) into which pictures will be scaled; a camera that can scale does it itself.
    """
    patience = Patience.of(stall_timeout_s, opening_timeout_s)
    match config:
        case FileSource():
            from edgepose.adapters import files

            return files.FileSource(Path(config.path).expanduser(), loop=config.loop, realtime=config.realtime)
        case Picamera2Source():
            from edgepose.adapters import camera_picamera2

            return camera_picamera2.source(config, patience, fit)
        case RtspSource() | HttpSource() | V4l2Source():
            from edgepose.adapters import camera_av

            return camera_av.source(config, patience)
