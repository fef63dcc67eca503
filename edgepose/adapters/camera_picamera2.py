"""Camera modules of a Raspberry Pi through picamera2, which is imported only by picamera2_library."""

import concurrent.futures
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import av
import numpy as np

from edgepose.adapters import picamera2_library, picamera2_stream
from edgepose.adapters.device_access import camera_module_devices, closed_to_us
from edgepose.adapters.gpio_line import ir_cut
from edgepose.adapters.live import LiveShot, LiveSource, Patience, Reader
from edgepose.adapters.picamera2_stream import FORMATS, root, title
from edgepose.adapters.picture_av import AvPicture, Scaler
from edgepose.config import Picamera2Source
from edgepose.domain import ByteArray
from edgepose.errors import SourceError

_LONGEST_WAIT_S = 0.1
"""After so long the reader looks whether it is still wanted."""
_OLDEST_NS = 5_000_000_000
"""A sensor time stamp further back than this is of another clock."""


def source(config: Picamera2Source, patience: Patience, fit: tuple[int, int] | None = None) -> LiveSource:
    """The camera of a section of the configuration.

    fit: (width, height) into which its pictures will be scaled: the camera does that where it can.
    """
    return LiveSource(title(config), _reader(config, patience, fit), patience)


def _reader(config: Picamera2Source, patience: Patience, fit: tuple[int, int] | None) -> Reader:
    return lambda stop: _read(config, patience, fit, stop)


def _read(
    config: Picamera2Source, patience: Patience, fit: tuple[int, int] | None, stop: threading.Event
) -> Generator[LiveShot]:
    with ir_cut(config.ir_cut), _camera(config) as camera:
        stream = picamera2_stream.start(camera, config, fit)
        scaler = Scaler()
        job = camera.capture_request(wait=False)
        while (request := _awaited(job, camera, config, patience, stop)) is not None:
            # Asked for already now, since picamera2 throws away a frame that comes while nobody waits.
            job = camera.capture_request(wait=False)
            try:
                pixels, metadata = request.make_buffer(stream.name), request.get_metadata()
                number = request.request.sequence
            finally:
                request.release()
            picture = AvPicture(frame_of(pixels, stream.description), scaler, stream.orientation, stream.size)
            yield LiveShot(picture, captured_ns(metadata.get("SensorTimestamp")), number)


@contextmanager
def _camera(config: Picamera2Source) -> Generator[Any]:
    """The opened camera, closed afterwards."""
    library = picamera2_library.load()
    found = library.Picamera2.global_camera_info()
    if config.camera >= len(found):
        raise SourceError(f"{title(config)} is not there: {_what_is_missing(len(found))}")
    try:
        camera = library.Picamera2(config.camera)
    except RuntimeError as exc:
        advice = closed_to_us(camera_module_devices()) or "end the program that uses it"
        raise SourceError(f"{title(config)} can't be opened: {root(exc)}; {advice}") from exc
    try:
        yield camera
    finally:
        camera.close()


def _what_is_missing(found: int) -> str:
    """Why a camera is not among those that libcamera sees, and what to do."""
    if found:
        seen = f"libcamera sees only {found}, counted from 0"
    else:
        # libcamera passes over what it may not open.
        closed = closed_to_us(camera_module_devices())
        if closed:
            return closed
        seen = "libcamera sees no camera"
    return f"{seen}; check its ribbon cable, then rpicam-hello --list-cameras"


def _awaited(job: Any, camera: Any, config: Picamera2Source, patience: Patience, stop: threading.Event) -> Any:
    """The request of a frame that was asked for; None when it isn't wanted any more."""
    deadline_s = time.monotonic() + patience.opening_s
    while not stop.is_set():
        try:
            return camera.wait(job, timeout=_LONGEST_WAIT_S)
        except (TimeoutError, concurrent.futures.TimeoutError) as exc:
            if time.monotonic() > deadline_s:
                raise SourceError(
                    f"{title(config)} gave no frame in {patience.opening_s:g} s; check its ribbon cable"
                ) from exc
    return None


def frame_of(pixels: ByteArray, stream: dict[str, Any]) -> av.VideoFrame:
    """A frame of its own from the bytes of a buffer.

    pixels: 1D uint8, as make_buffer gives it. stream: picamera2's description, with format, size and stride.
    """
    width, height = stream["size"]
    frame = av.VideoFrame(width, height, FORMATS[stream["format"]])
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
