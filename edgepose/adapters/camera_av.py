"""Live cameras through FFmpeg: RTSP, HTTP (Motion JPEG and others) and Video4Linux."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import cast

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from edgepose.adapters import camera_trouble
from edgepose.adapters.camera_url import CameraUrl, camera_url
from edgepose.adapters.ffmpeg import open_input
from edgepose.adapters.live import LiveShot, LiveSource, Patience, Reader
from edgepose.adapters.picture_av import AvPicture, Scaler
from edgepose.config import HttpSource, RtspSource, V4l2Source
from edgepose.errors import SourceError

_PROBE_US = "1000000"
"""How long FFmpeg may look at a stream before it hands out frames; its own default is 5 s."""
_PROBE_DEVICE_S = 0.1
"""FFmpeg waits for a non-blocking device's first frame in a loop without pause; cut short, it opens it all the same."""
_NONBLOCK = "4"
"""AVFMT_FLAG_NONBLOCK of libavformat/avformat.h."""
_IDLE_S = 0.002
"""Between two looks at a device that has no frame yet."""
_OLDEST_NS = 5_000_000_000
"""A driver's time stamp further back than this is of another clock."""


@dataclass(frozen=True)
class _Input:
    """What FFmpeg opens."""

    name: str
    """What messages call it."""
    url: str
    options: dict[str, str]
    trouble: Callable[[av.FFmpegError], SourceError]
    """Says why it can't be opened."""
    format: str | None = None
    lends: bool = False
    """Packets lie in the driver's memory, which is gone when the device is closed; decoded raw video would share it."""


def source(config: RtspSource | HttpSource | V4l2Source, patience: Patience) -> LiveSource:
    """The camera of a section of the configuration. Raises ConfigError where its address or password can't be used."""
    match config:
        case V4l2Source():
            return LiveSource(f"camera {config.device}", _device_reader(config, patience), patience)
        case RtspSource():
            url = camera_url(config.url, config.password_file, schemes=("rtsp", "rtsps"))
            # The sound is not even asked for.
            options = {"rtsp_transport": config.transport, "allowed_media_types": "video", "analyzeduration": _PROBE_US}
        case HttpSource():
            url = camera_url(config.url, config.password_file, schemes=("http", "https"))
            options = {"analyzeduration": _PROBE_US}
    return LiveSource(f"camera {url.shown}", _network_reader(url, options, patience), patience)


def _device_reader(config: V4l2Source, patience: Patience) -> Reader:
    """Reads a USB camera, in the size and rate nearest to what is asked for."""
    # Non-blocking, because a read that hangs in the driver could never be ended, nor the device be opened again.
    options = {"video_size": f"{config.width}x{config.height}", "framerate": f"{config.fps:g}", "fflags": _NONBLOCK}
    if config.pixel_format is not None:
        options["input_format"] = config.pixel_format
    given = _Input(
        f"camera {config.device}",
        config.device,
        options,
        lambda exc: camera_trouble.of_device(config, exc),
        format="v4l2",
        lends=True,
    )
    return lambda stop: _read(given, patience, stop, _captured_ns)


def _network_reader(url: CameraUrl, options: dict[str, str], patience: Patience) -> Reader:
    given = _Input(
        f"camera {url.shown}", url.secret, options, lambda exc: camera_trouble.of_network(url, patience, exc)
    )
    return lambda stop: _read(given, patience, stop, _arrived_ns)


def _read(
    given: _Input, patience: Patience, stop: threading.Event, stamp: Callable[[av.VideoFrame], int]
) -> Generator[LiveShot]:
    """Whatever the camera sends, until it is silent for so long, or ends."""
    try:
        timeout = (_PROBE_DEVICE_S if given.lends else patience.opening_s, patience.stall_s)
        container = open_input(given.url, container_format=given.format, options=given.options, timeout=timeout)
    except av.FFmpegError as exc:
        raise given.trouble(exc) from camera_trouble.without_url(exc)
    with container:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.codec_context is None:
            raise SourceError(f"{given.name} sends no video that FFmpeg can decode; set it to H.264 or Motion JPEG")
        stream.thread_count = 1  # more threads deliver each frame later
        scaler = Scaler()
        try:
            # Closed before the container is, since it may hold a packet of it.
            with closing(_frames(container, stream, stop, given.lends)) as frames:
                for frame in frames:
                    yield LiveShot(AvPicture(frame, scaler), stamp(frame))
        except av.FFmpegError as exc:
            raise camera_trouble.when_lost(given.name, patience, exc) from camera_trouble.without_url(exc)
        if not stop.is_set() and not _has_an_end(container, stream):
            raise SourceError(f"{given.name} ended its stream; look whether it is restarting, or has too many viewers")


def _frames(
    container: InputContainer, stream: VideoStream, stop: threading.Event, lends: bool
) -> Generator[av.VideoFrame]:
    """Decoded frames; a damaged packet, as after a lost one, costs only itself."""
    while not stop.is_set():
        try:
            for packet in container.demux(stream):
                if stop.is_set():
                    return
                own = _copy(packet) if lends and packet.size else packet
                del packet  # a lent one may not outlive the container, not even in a traceback
                with suppress(av.InvalidDataError):
                    yield from stream.decode(own)
            return
        except av.BlockingIOError:  # a device without a frame yet; only those are opened non-blocking
            stop.wait(_IDLE_S)


def _copy(packet: "av.Packet[VideoStream]") -> "av.Packet[VideoStream]":
    """The same packet in memory of its own."""
    own = av.Packet(bytes(packet))
    own.pts, own.dts, own.time_base = packet.pts, packet.dts, packet.time_base
    return cast("av.Packet[VideoStream]", own)


def _has_an_end(container: InputContainer, stream: VideoStream) -> bool:
    """Whether this is a file or a still picture on a web server."""
    return bool(container.duration or stream.frames) or container.format.name.endswith("_pipe")


def _arrived_ns(_: av.VideoFrame) -> int:
    return time.monotonic_ns()


def _captured_ns(frame: av.VideoFrame) -> int:
    """The driver's time stamp where it is of the monotonic clock, as those of USB cameras are; else now."""
    now_ns = time.monotonic_ns()
    captured_ns = now_ns if frame.pts is None else round(frame.time * 1e9)
    return captured_ns if 0 <= now_ns - captured_ns <= _OLDEST_NS else now_ns
