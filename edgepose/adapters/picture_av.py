"""Pictures that libswscale scales and converts to RGB in one pass, whatever pixel format they come in."""

import threading
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.video.reformatter import Colorspace, VideoReformatter

from edgepose.domain import ByteArray

_AREA, _FULL_CHROMA_OUT, _FULL_CHROMA_IN, _ACCURATE = 0x20, 0x2000, 0x4000, 0x40000
"""SWS_AREA, SWS_FULL_CHR_H_INT, SWS_FULL_CHR_H_INP and SWS_ACCURATE_RND of libswscale/swscale.h; PyAV has names for all
of them only since 18."""
INTERPOLATION = _AREA | _FULL_CHROMA_OUT | _FULL_CHROMA_IN | _ACCURATE
"""Averages all source pixels under an output pixel. Bilinear takes longer and is further from the true average; fast
bilinear takes half the time, but skips pixels and shifts the picture. Without full chroma, libswscale leaves out half
the colours and darkens the picture by 1.5 levels of 255."""
_PLAIN = 0x10
"""SWS_POINT, for a picture in its own size: nothing is to be averaged then, and libswscale has converters of their own
for it, which take a thirteenth of the time. The price is the same 1.3 levels."""

_BRIGHTNESS = {
    **dict.fromkeys(("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"), (0, 1)),
    **dict.fromkeys(("nv12", "nv21", "gray"), (0, 1)),
    "yuyv422": (0, 2),
    "uyvy422": (1, 2),
    **dict.fromkeys(("rgb24", "bgr24"), (1, 3)),
    **dict.fromkeys(("rgb0", "bgr0"), (1, 4)),
}
"""Pixel formats, and where in their first plane brightness stands: the first byte, and how far to the next."""

_UNSPECIFIED = 2
"""AVCOL_SPC_UNSPECIFIED of libavutil/pixfmt.h."""
_HD_LINES = 720
"""From so many lines on, video that names no matrix follows ITU-R BT.709, and below it BT.601."""


@dataclass(frozen=True)
class Orientation:
    """How a stored picture is brought upright: swap its axes first, then mirror."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    def apply(self, picture: ByteArray) -> ByteArray:
        """A view of (H, W, 3), upright."""
        if self.transpose:
            picture = picture.swapaxes(0, 1)
        return picture[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


UPRIGHT = Orientation()
_QUARTER_TURNS = (
    UPRIGHT,
    Orientation(transpose=True, flip_x=True),
    Orientation(flip_x=True, flip_y=True),
    Orientation(transpose=True, flip_y=True),
)
"""By clockwise quarters."""


class Scaler:
    """Serves the pictures of one source, so that libswscale's tables are built once for frames of one size."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._lock = threading.Lock()

    def rgb(self, frame: av.VideoFrame, width: int, height: int) -> ByteArray:
        """(height, width, 3) uint8 of its own memory; its rows may be padded."""
        own_size = (width, height) == (frame.width, frame.height)
        with self._lock:
            scaled = self._reformatter.reformat(
                frame,
                width,
                height,
                "rgb24",
                src_colorspace=_matrix(frame),
                interpolation=_PLAIN if own_size else INTERPOLATION,
                threads=1,  # the cores belong to the network
            )
        pixels = cast(ByteArray, scaled.to_ndarray())
        return pixels.copy() if scaled is frame else pixels


class AvPicture:
    """A decoded frame, kept as the decoder left it until somebody asks for RGB."""

    def __init__(
        self,
        frame: av.VideoFrame,
        scaler: Scaler,
        orientation: Orientation = UPRIGHT,
        size: tuple[int, int] | None = None,
    ) -> None:
        """size: (width, height) that the picture counts as, as stored, where the frame is a smaller copy of it."""
        self._frame = frame
        self._scaler = scaler
        self._orientation = orientation
        self._size = size or (frame.width, frame.height)

    @property
    def width(self) -> int:
        """Pixels, upright."""
        return self._size[1 if self._orientation.transpose else 0]

    @property
    def height(self) -> int:
        """Pixels, upright."""
        return self._size[0 if self._orientation.transpose else 1]

    def rgb(self, width: int, height: int) -> ByteArray:
        """(height, width, 3) uint8 RGB, upright, scaled and converted in one pass; not necessarily contiguous."""
        stored = (height, width) if self._orientation.transpose else (width, height)
        return self._orientation.apply(self._scaler.rgb(self._frame, *stored))

    def grey_cells(self, columns: int, rows: int) -> ByteArray:
        """(rows, columns) uint8, upright: the mean brightness along a piece of one line for each cell; cheap."""
        grey = _brightness(self._frame)
        if grey is None or grey.shape[1] < columns or grey.shape[0] < rows:
            return self.rgb(columns, rows)[..., 1]
        if self._orientation.transpose:
            columns, rows = rows, columns
        height, width = grey.shape
        lines = grey[(np.arange(rows) * 2 + 1) * height // (2 * rows), : width // columns * columns]
        cells: ByteArray = lines.reshape(rows, columns, -1).mean(axis=2).astype(np.uint8)
        turned = cells.T if self._orientation.transpose else cells
        return turned[:: -1 if self._orientation.flip_y else 1, :: -1 if self._orientation.flip_x else 1]


def _brightness(frame: av.VideoFrame) -> ByteArray | None:
    """(H, W) uint8 where the frame holds it, without copying: luma, or the green of RGB; None elsewhere."""
    found = _BRIGHTNESS.get(frame.format.name)
    if found is None:
        return None
    first, step = found
    plane = frame.planes[0]
    whole = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return whole[: frame.height, first : frame.width * step : step]


def picture_from_rgb(pixels: ByteArray) -> AvPicture:
    """The picture of an (H, W, 3) uint8 RGB array, which it shares where the rows are contiguous."""
    shared = pixels if pixels.strides[1:] == (3, 1) and pixels.strides[0] > 0 else np.ascontiguousarray(pixels)
    return AvPicture(av.VideoFrame.from_numpy_buffer(shared, format="rgb24"), Scaler())


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """From the frame's display matrix, as phones write it into videos: the nearest quarter turn."""
    return _QUARTER_TURNS[round(-frame.rotation / 90) % 4]


def _matrix(frame: av.VideoFrame) -> Colorspace | None:
    """BT.709 where HD video leaves it unsaid; None: what the frame says, or BT.601."""
    unsaid = frame.colorspace == _UNSPECIFIED and frame.height >= _HD_LINES
    # JPEG is always BT.601 (JFIF), and FFmpeg's names of its pixel formats begin with yuvj.
    return Colorspace.ITU709 if unsaid and not frame.format.name.startswith("yuvj") else None
