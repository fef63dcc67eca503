"""Writes an H.264 .mp4 through PyAV, each picture at its own time."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from edgepose.domain import ByteArray
from edgepose.errors import EdgeposeError

_TIME_BASE = Fraction(1, 90_000)
"""The clock of MPEG streams: fine enough for every frame rate, so the clip keeps the pace of its source."""
_BT709, _LIMITED_RANGE = 1, 1
"""FFmpeg's numbers, written into the stream so that players needn't guess its colours."""


class ClipWriter:
    """One clip. Every picture has the size of the first; what was added can be played once it is closed."""

    def __init__(self, path: Path) -> None:
        """The file is made with the first picture."""
        self._path = path
        self._container: Any = None
        self._stream: Any = None
        self._start_s = 0.0
        self._last_pts = -1
        self._interval = 1

    def add(self, picture: ByteArray, t_s: float) -> None:
        """Append an (H, W, 3) uint8 RGB picture, seen at t_s seconds. Raises EdgeposeError when it can't be written."""
        import av

        try:
            if self._container is None:
                self._open(picture, t_s)
            frame = av.VideoFrame.from_ndarray(self._fitted(picture), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            pts = max(self._last_pts + 1, round((t_s - self._start_s) / _TIME_BASE))
            self._interval, self._last_pts = max(1, pts - self._last_pts), pts
            frame.time_base, frame.pts = _TIME_BASE, pts
            self._mux(self._container, frame)
        except (av.FFmpegError, OSError, ValueError) as exc:
            raise EdgeposeError(f"can't write {self._path}: {getattr(exc, 'strerror', None) or exc}") from exc

    def close(self) -> None:
        """Finish the clip; without a picture there is no file. May be called twice."""
        import av

        container, self._container = self._container, None
        if container is None:
            return
        try:
            self._mux(container, None)
            container.close()
        except (av.FFmpegError, OSError) as exc:
            raise EdgeposeError(f"can't finish {self._path}: {getattr(exc, 'strerror', None) or exc}") from exc

    def _open(self, picture: ByteArray, t_s: float) -> None:
        import av

        height, width = picture.shape[:2]
        container = av.open(str(self._path), "w", format="mp4", options={"movflags": "+faststart"})
        stream: Any = container.add_stream("libx264", options={"crf": "20", "preset": "veryfast"})
        # The format halves colour in both directions, so both sides are even.
        stream.width, stream.height, stream.pix_fmt = max(2, width // 2 * 2), max(2, height // 2 * 2), "yuv420p"
        stream.codec_context.time_base = _TIME_BASE
        stream.codec_context.colorspace = stream.codec_context.color_primaries = _BT709
        stream.codec_context.color_trc, stream.codec_context.color_range = _BT709, _LIMITED_RANGE
        container.start_encoding()
        self._container, self._stream, self._start_s = container, stream, t_s

    def _mux(self, container: Any, frame: Any) -> None:
        for packet in self._stream.encode(frame):
            # The encoder would let the last picture stand for a 24th of a second, whatever the clip's pace.
            packet.duration = self._interval
            container.mux(packet)

    def _fitted(self, picture: ByteArray) -> ByteArray:
        """The picture cut or filled up with black to the clip's size, as a source that changed its size needs."""
        height, width = self._stream.height, self._stream.width
        cut = picture[:height, :width]
        if cut.shape[:2] != (height, width):
            cut = np.pad(cut, ((0, height - cut.shape[0]), (0, width - cut.shape[1]), (0, 0)))
        return np.ascontiguousarray(cut)
