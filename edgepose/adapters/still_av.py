"""Still pictures: JPEG, PNG and what else FFmpeg decodes to one frame."""

import io
from pathlib import Path

import av

from edgepose.adapters import jpeg
from edgepose.adapters.ffmpeg import open_input
from edgepose.adapters.picture_av import AvPicture, Orientation, Scaler, orientation_of
from edgepose.adapters.shot import unreadable
from edgepose.errors import SourceEndedEarlyError, SourceError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".jp2"})
"""Endings of the files that count as pictures, in lower case."""

_EXIF_ORIENTATIONS = {
    1: Orientation(),
    2: Orientation(flip_x=True),
    3: Orientation(flip_x=True, flip_y=True),
    4: Orientation(flip_y=True),
    5: Orientation(transpose=True),
    6: Orientation(transpose=True, flip_x=True),
    7: Orientation(transpose=True, flip_x=True, flip_y=True),
    8: Orientation(transpose=True, flip_y=True),
}


def read_still(path: Path, scaler: Scaler) -> AvPicture:
    """The picture in a file, upright as its EXIF orientation says.

    Raises SourceError when the file can't be read or holds no picture, SourceEndedEarlyError when it is cut off.
    """
    data = _content(path)
    is_jpeg = data.startswith(jpeg.SOI)
    if is_jpeg and not jpeg.is_whole(data):
        raise SourceEndedEarlyError(f"{path} is cut off: the JPEG ends after {len(data)} bytes; copy it again")
    try:
        # err_detect: without it, other formats too are filled with grey where they are damaged.
        with open_input(io.BytesIO(data), decoder_options={"err_detect": "explode"}) as container:
            frame = next(container.decode(video=0))
    except (av.FFmpegError, StopIteration, IndexError) as exc:
        raise SourceError(f"{path} is not a picture, or it is damaged; open it in a viewer to see which") from exc
    # PyAV has no access to mirrored orientations, so those of a JPEG are read from the file itself.
    orientation = _EXIF_ORIENTATIONS[jpeg.exif_orientation(data)] if is_jpeg else orientation_of(frame)
    return AvPicture(frame, scaler, orientation)


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise unreadable(path, exc) from exc
    if not data:
        raise SourceError(f"{path} is empty; copy it again")
    return data
