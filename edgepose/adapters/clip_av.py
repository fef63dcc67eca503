"""Video files: every frame in order, and whether as many came as the file's header promises."""

import logging
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from edgepose.adapters.ffmpeg import open_input
from edgepose.adapters.picture_av import AvPicture, Scaler, orientation_of
from edgepose.adapters.shot import Shot, unreadable
from edgepose.errors import SourceEndedEarlyError, SourceError

log = logging.getLogger(__name__)

_UNKNOWN_RATE = 25.0
"""Frames a second of a file that has neither time stamps nor a rate."""
_CLOCKLESS_S = 1e-3
"""The least time between two frames, for files whose time stamps stand still or go back."""


def clip_shots(path: Path, scaler: Scaler) -> Generator[Shot]:
    """Every frame of a video file, at its own time from the first one on.

    Raises SourceError when the file can't be read or holds no video, and SourceEndedEarlyError, after the frames that
    are there, when its header promises more.
    """
    with _open(path) as container:
        stream = _video(container, path)
        promise = _Promise.of(container, stream)
        packets = _Packets(container, stream)
        clock = _Clock(stream)
        shots = 0
        for frame in packets.frames():
            yield Shot(AvPicture(frame, scaler, orientation_of(frame)), clock.seconds(frame))
            shots += 1
        if packets.cut_off or not promise.kept(packets.count, clock.end_s):
            came = promise.compared(shots, clock.end_s)
            raise SourceEndedEarlyError(f"{path} ends early, {came}; copy or record it again")
        if not shots:
            raise SourceError(f"{path}: no frame could be decoded; open it in a player to see whether it is damaged")
        if packets.damaged:
            log.warning("%s: %d damaged frames were left out", path, packets.damaged)


def _open(path: Path) -> InputContainer:
    """The file; the prefix keeps FFmpeg from taking its name for a protocol."""
    try:
        return open_input(f"file:{path}")
    except OSError as exc:
        raise unreadable(path, exc) from exc
    except av.FFmpegError as exc:
        raise _not_a_video(path) from exc


def _not_a_video(path: Path) -> SourceError:
    """Why FFmpeg can't make anything of the file."""
    with path.open("rb") as file:
        head = file.read(12)
    if not head:
        return SourceError(f"{path} is empty; copy or record it again")
    if head[4:8] == b"ftyp":  # ISO/IEC 14496-12, 4.3: an MP4; what tells where its frames are is mostly written last
        return SourceEndedEarlyError(f"{path} is cut off: it is an MP4 file without its index; copy or record it again")
    return SourceError(f"{path} is neither a video nor a picture that FFmpeg can read; check that it is the right file")


def _video(container: InputContainer, path: Path) -> VideoStream:
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream):
        raise SourceError(f"{path} holds no video; check that it is the right file")
    if stream.codec_context is None:
        raise SourceError(f"{path} holds video of a kind that this FFmpeg can't decode; convert it to H.264")
    stream.thread_count = 1  # the cores belong to the network
    return stream


@dataclass(frozen=True)
class _Promise:
    """What the header says about the length."""

    packets: int | None = None
    duration_s: float | None = None

    @classmethod
    def of(cls, container: InputContainer, stream: VideoStream) -> "_Promise":
        # Only formats whose header tells: elsewhere FFmpeg estimates the length from what is there.
        formats = set(container.format.name.split(","))
        duration_s = container.duration / av.time_base if container.duration else None
        if "mp4" in formats:
            return cls(len(stream.index_entries) or None, duration_s)
        if "avi" in formats:
            return cls(stream.frames or None)
        return cls(None, duration_s) if "matroska" in formats else cls()

    def kept(self, packets: int, end_s: float) -> bool:
        """Whether the frames that came are what was promised; sound may make a file a little longer than its video."""
        if self.packets is not None:
            return packets >= self.packets
        return self.duration_s is None or end_s >= min(self.duration_s - 0.5, self.duration_s * 0.98)

    def compared(self, shots: int, end_s: float) -> str:
        """What came, and of how much."""
        frames = f"after {shots} of {self.packets} frames" if self.packets else f"after {shots} frames"
        return frames if self.duration_s is None else f"{frames} ({end_s:.1f} of {self.duration_s:.1f} s)"


class _Packets:
    """Decodes the packets of a stream and keeps count of them."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._container = container
        self._stream = stream
        self.count = 0
        self.cut_off = False
        """Whether the last packet is incomplete, or the file broke off between two."""
        self.damaged = 0

    def frames(self) -> Iterator[av.VideoFrame]:
        """What can be decoded, in order; damaged packets are left out, as players do."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    self.count += 1
                    self.cut_off = packet.is_corrupt
                if packet.is_corrupt:  # it ends early, and a part of a picture can look like a whole one
                    self.damaged += 1
                    continue
                try:
                    yield from packet.decode()
                except av.FFmpegError:
                    self.damaged += 1
        except av.FFmpegError:
            self.cut_off = True


class _Clock:
    """The clip's own time: zero at its first frame, and always going forward."""

    def __init__(self, stream: VideoStream) -> None:
        self._step_s = 1 / float(stream.average_rate or stream.guessed_rate or _UNKNOWN_RATE)
        self._start_s: float | None = None
        self._last_s = -self._step_s

    @property
    def end_s(self) -> float:
        """When the last frame is over."""
        return self._last_s + self._step_s

    def seconds(self, frame: av.VideoFrame) -> float:
        """When this frame, the next one, is shown."""
        if frame.pts is None:
            self._last_s += self._step_s
        elif self._start_s is None:
            self._start_s, self._last_s = frame.time, 0.0
        else:
            self._last_s = max(frame.time - self._start_s, self._last_s + _CLOCKLESS_S)
        return self._last_s
