"""Camera modules of a Raspberry Pi through picamera2, which is imported only here.

Written against the picamera2 manual (https://datasheets.raspberrypi.com/camera/picamera2-manual.pdf) and libcamera's
description of its controls (https://libcamera.org/api-html/namespacelibcamera_1_1controls.html).
"""

import concurrent.futures
import importlib
import os
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import av
import numpy as np

from edgepose.adapters.live import LiveShot, LiveSource, Patience, Reader
from edgepose.adapters.picture_av import AvPicture, Scaler
from edgepose.config import Picamera2Source
from edgepose.domain import ByteArray
from edgepose.errors import SourceError

_BUFFERS = 4
"""One with the sensor, one with the image processor, one being copied, one to spare."""
_LONGEST_WAIT_S = 0.1
"""After so long the reader looks whether it is still wanted."""
_OLDEST_NS = 5_000_000_000
"""A sensor time stamp further back than this is of another clock."""

_FORMATS = {
    "YUV420": "yuv420p",
    "NV12": "nv12",
    "NV21": "nv21",
    "YUYV": "yuyv422",
    "UYVY": "uyvy422",
    "RGB888": "bgr24",
    "BGR888": "rgb24",
    "XRGB8888": "bgr0",
    "XBGR8888": "rgb0",
}
"""libcamera's pixel formats and FFmpeg's; libcamera (as DRM does) names the bytes from the last one on."""


def source(config: Picamera2Source, patience: Patience) -> LiveSource:
    """The camera of a section of the configuration."""
    return LiveSource(_name(config), _reader(config, patience), patience)


def _reader(config: Picamera2Source, patience: Patience) -> Reader:
    return lambda stop: _read(config, patience, stop)


def _name(config: Picamera2Source) -> str:
    return f"camera module {config.camera}"


def _read(config: Picamera2Source, patience: Patience, stop: threading.Event) -> Generator[LiveShot]:
    with _camera(config) as camera:
        stream = _start(camera, config)
        scaler = Scaler()
        while not stop.is_set():
            request = _next_request(camera, config, patience, stop)
            if request is None:
                return
            try:
                pixels, metadata = request.make_buffer("main"), request.get_metadata()
            finally:
                request.release()
            yield LiveShot(AvPicture(frame_of(pixels, stream), scaler), captured_ns(metadata.get("SensorTimestamp")))


@contextmanager
def _camera(config: Picamera2Source) -> Generator[Any]:
    """The opened camera, closed afterwards."""
    library = _picamera2()
    found = library.Picamera2.global_camera_info()
    if config.camera >= len(found):
        seen = f"libcamera sees only {len(found)}, counted from 0" if found else "libcamera sees no camera"
        raise SourceError(
            f"{_name(config)} is not there: {seen}; check its ribbon cable, then rpicam-hello --list-cameras"
        )
    try:
        camera = library.Picamera2(config.camera)
    except RuntimeError as exc:
        raise SourceError(f"{_name(config)} can't be opened: {_root(exc)}; end the program that uses it") from exc
    try:
        yield camera
    finally:
        camera.close()


def _picamera2() -> Any:
    """The library. Raises SourceError that says how to come by it."""
    # libcamera writes to standard error what only its developers need.
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    try:
        return importlib.import_module("picamera2")
    except ImportError as exc:
        raise SourceError(_how_to_install(exc)) from exc


def _how_to_install(exc: ImportError) -> str:
    if sys.prefix != sys.base_prefix and not _sees_system_packages():
        return (
            "picamera2 comes as a Debian package, and this virtual environment does not look at those; "
            "sudo apt-get install python3-picamera2, then make it anew with python3 -m venv --system-site-packages"
        )
    if exc.name is not None and exc.name.startswith("libcamera"):
        return "picamera2 is here without libcamera (pip can't install that); sudo apt-get install python3-libcamera"
    if exc.name == "picamera2":
        return "picamera2 is not installed; sudo apt-get install python3-picamera2 --no-install-recommends"
    return (
        f"picamera2 can't be loaded ({exc}); sudo apt-get install --reinstall python3-picamera2 and update the system"
    )


def _sees_system_packages() -> bool:
    """Whether this virtual environment was made with --system-site-packages."""
    return any(os.path.commonpath((entry, sys.prefix)) != sys.prefix for entry in sys.path if "dist-packages" in entry)


def _start(camera: Any, config: Picamera2Source) -> dict[str, Any]:
    """Begin streaming; the description of the stream as libcamera has adjusted it."""
    try:
        wanted = camera.create_video_configuration(
            main={"size": (config.width, config.height), "format": "YUV420"},
            # Half the sensor's size is a mode that sees all that the lens does; small modes are often cut out of it.
            raw={"size": tuple(side // 2 for side in camera.sensor_resolution)},
            controls=_pace(camera, config.fps),
            buffer_count=_BUFFERS,
            queue=False,
        )
        camera.configure(wanted)
        stream: dict[str, Any] = camera.camera_configuration()["main"]
        if stream["format"] not in _FORMATS:
            raise SourceError(
                f"{_name(config)} gives {stream['format']} pixels, which edgepose can't read; report this"
            )
        camera.start()
    except RuntimeError as exc:
        raise SourceError(f"{_name(config)} does not start: {_root(exc)}; try another width and height") from exc
    return stream


def _pace(camera: Any, fps: float) -> dict[str, Any]:
    """The control for the frame rate, where the camera has it."""
    frame_us = round(1e6 / fps)
    return {"FrameDurationLimits": (frame_us, frame_us)} if "FrameDurationLimits" in camera.camera_controls else {}


def _next_request(camera: Any, config: Picamera2Source, patience: Patience, stop: threading.Event) -> Any:
    """The next frame's request; None when it isn't wanted any more."""
    job = camera.capture_request(wait=False)
    deadline_s = time.monotonic() + patience.opening_s
    while not stop.is_set():
        try:
            return camera.wait(job, timeout=_LONGEST_WAIT_S)
        except (TimeoutError, concurrent.futures.TimeoutError) as exc:
            if time.monotonic() > deadline_s:
                raise SourceError(
                    f"{_name(config)} gave no frame in {patience.opening_s:g} s; check its ribbon cable"
                ) from exc
    return None


def frame_of(pixels: ByteArray, stream: dict[str, Any]) -> av.VideoFrame:
    """A frame of its own from the bytes of a buffer.

    pixels: 1D uint8, as make_buffer gives it. stream: picamera2's description, with format, size and stride.
    """
    width, height = stream["size"]
    frame = av.VideoFrame(width, height, _FORMATS[stream["format"]])
    begin = 0
    for number, plane in enumerate(frame.planes):
        # libcamera lays planes behind each other; those of YUV420's colours have half the stride.
        stride = stream["stride"] // (2 if number and len(frame.planes) == 3 else 1)
        rows = pixels[begin : begin + plane.height * stride].reshape(plane.height, stride)
        room = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        used = min(stride, plane.line_size)
        room[: plane.height, :used] = rows[:, :used]
        begin += plane.height * stride
    return frame


def captured_ns(sensor_ns: int | None) -> int:
    """The monotonic clock when the sensor began the frame; now, where libcamera doesn't tell."""
    now_ns = time.monotonic_ns()
    if sensor_ns is None:
        return now_ns
    # libcamera documents the boot time's clock, drivers stamp with the monotonic one; they differ after a suspend.
    asleep_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - now_ns
    for captured in (sensor_ns - asleep_ns, sensor_ns):
        if 0 <= now_ns - captured <= _OLDEST_NS:
            return captured
    return now_ns


def _root(exc: BaseException) -> BaseException:
    """What it began with: picamera2 wraps libcamera's reason in its own errors."""
    while exc.__cause__ is not None:
        exc = exc.__cause__
    return exc
