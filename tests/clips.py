"""Synthetic pictures and clips for tests, each carrying its number in a way that survives compression and scaling."""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from edgepose.domain import ByteArray, Picture

_BITS = 16
_COLUMNS = 4
_ROWS = _BITS // _COLUMNS
_QUICK = {"libvpx": {"deadline": "realtime", "cpu-used": "8"}}
"""Encoder options where the default is slow."""


def numbered(number: int, size: tuple[int, int] = (160, 120)) -> ByteArray:
    """(H, W, 3) uint8: the number as 4 x 4 light and dark fields. size: (width, height)."""
    width, height = size
    bits = np.array([number >> bit & 1 for bit in range(_BITS)], np.uint8).reshape(_ROWS, _COLUMNS)
    fields = bits[np.arange(height) * _ROWS // height][:, np.arange(width) * _COLUMNS // width]
    return np.repeat((40 + 170 * fields)[..., None], 3, axis=2).astype(np.uint8)


def number_in(picture: Picture) -> int:
    """What numbered() was given."""
    grey = picture.rgb(_COLUMNS * 5, _ROWS * 5)[2::5, 2::5].mean(axis=2).ravel()
    return sum(1 << bit for bit in range(_BITS) if grey[bit] > 125)


def write_clip(
    path: Path,
    *,
    count: int = 30,
    rate: int = 25,
    size: tuple[int, int] = (160, 120),
    codec: str = "libx264",
    container: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
    rotation: int = 0,
    title: str = "",
) -> Path:
    """A video of numbered frames; `rotation` is what its display matrix says, degrees counterclockwise."""
    with av.open(path, "w", container_options=container or {}) as file:
        stream = file.add_stream(codec, rate=rate, options=codec_options or _QUICK.get(codec, {}))
        stream.width, stream.height = size
        stream.thread_count = 1
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        if title:
            file.metadata["title"] = title
        if rotation:
            stream.set_display_rotation(rotation)
        for frame in _frames(count, size):
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """A file with sound alone."""
    with av.open(path, "w") as file:
        stream = file.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        file.mux(stream.encode(sound))
    return path


def encoded(pixels: ByteArray, codec: str = "mjpeg", pixel_format: str = "yuvj444p") -> bytes:
    """The bytes of a still picture: mjpeg, png, bmp, libwebp …"""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="image2pipe") as file:
        stream = file.add_stream(codec, rate=1, options={"qmin": "1", "qmax": "2"} if codec == "mjpeg" else {})
        stream.height, stream.width = pixels.shape[:2]
        stream.pix_fmt = pixel_format
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return buffer.getvalue()


def frames_of(clip: Path, first: int, count: int) -> list[ByteArray]:
    """(H, W, 3) uint8 RGB frames of a video, as they were stored."""
    with av.open(clip) as file:
        frames = itertools.islice(file.decode(video=0), first, first + count)
        return [frame.to_ndarray(format="rgb24") for frame in frames]


def truncated(clip: Path, to: Path, keep: float = 0.5) -> Path:
    """A copy of a video whose index stands in front, cut off after a part of its bytes."""
    with av.open(clip) as old, av.open(to, "w", format="mp4", container_options={"movflags": "faststart"}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)
    whole = to.read_bytes()
    to.write_bytes(whole[: int(len(whole) * keep)])
    return to


def _frames(count: int, size: tuple[int, int]) -> Iterator[av.VideoFrame]:
    for number in range(count):
        yield av.VideoFrame.from_ndarray(numbered(number, size), format="rgb24")
