"""Camera modules of a Raspberry Pi, on a stand-in for picamera2 that behaves as its manual says."""

import concurrent.futures
import sys
import time
from types import SimpleNamespace

import av
import numpy as np
import pytest

from edgepose.adapters import camera_picamera2
from edgepose.adapters.picture_av import AvPicture, Scaler
from edgepose.adapters.sources import open_source
from edgepose.config import Picamera2Source
from edgepose.errors import SourceError
from tests.clips import number_in, numbered
from tests.streams import within

HANGS_S = 30


def buffer_of(frame, stride):
    """The bytes as libcamera lays them: plane after plane, rows padded to the stride."""
    parts = []
    for number, plane in enumerate(frame.planes):
        row = stride // (2 if number and len(frame.planes) == 3 else 1)
        samples = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: plane.height]
        rows = np.full((plane.height, row), 99, np.uint8)
        width = min(row, samples.shape[1])
        rows[:, :width] = samples[:, :width]
        parts.append(rows.ravel())
    return np.concatenate(parts)


class StandIn:
    """A camera whose driver adjusts what it is asked for, as libcamera does."""

    def __init__(
        self, pixel_format="YUV420", av_format="yuv420p", size=(320, 240), stride=320, frames=5, sensor_ns=None
    ):
        self.stream = {"format": pixel_format, "size": size, "stride": stride}
        self.av_format = av_format
        self.left = frames
        self.sensor_ns = sensor_ns or time.monotonic_ns
        self.sensor_resolution = (4608, 2592)
        self.camera_controls = {"FrameDurationLimits": (1, 2, 3)}
        self.wanted = None
        self.held = self.most_held = 0
        self.log = []

    def create_video_configuration(self, **wanted):
        self.wanted = wanted
        return wanted

    def configure(self, wanted):
        assert wanted is self.wanted

    def camera_configuration(self):
        return {"main": self.stream}

    def start(self):
        self.log.append("start")

    def capture_request(self, wait):
        assert wait is False
        return concurrent.futures.Future()

    def wait(self, job, timeout):
        if not self.left:
            time.sleep(timeout)
            raise concurrent.futures.TimeoutError
        self.left -= 1
        self.held += 1
        self.most_held = max(self.most_held, self.held)
        return self

    def make_buffer(self, name):
        assert name == "main" and self.held
        frame = av.VideoFrame.from_ndarray(numbered(self.left, self.stream["size"]), format="rgb24")
        return buffer_of(frame.reformat(format=self.av_format), self.stream["stride"])

    def get_metadata(self):
        assert self.held
        return {"SensorTimestamp": self.sensor_ns(), "ExposureTime": 10_000}

    def release(self):
        self.held -= 1

    def close(self):
        self.log.append("close")


@pytest.fixture
def pi(monkeypatch):
    """Plug in cameras: those, or what opening one raises."""

    def plug_in(*cameras):
        def opened(number):
            if isinstance(cameras[number], Exception):
                raise RuntimeError("Camera __init__ sequence did not complete.") from cameras[number]
            return cameras[number]

        opened.global_camera_info = lambda: [{"Num": number} for number in range(len(cameras))]
        monkeypatch.setitem(sys.modules, "picamera2", SimpleNamespace(Picamera2=opened))

    return plug_in


def source_of(**options):
    return open_source(Picamera2Source(**options), stall_timeout_s=0.3, opening_timeout_s=0.3)


def first(source):
    with within(HANGS_S):
        return next(iter(source.frames()))


def failure(source):
    with within(HANGS_S), pytest.raises(SourceError) as caught:
        list(source.frames())
    return str(caught.value)


@pytest.mark.parametrize(
    ("pixel_format", "av_format", "stride"),
    [
        ("YUV420", "yuv420p", 320),
        ("YUV420", "yuv420p", 384),
        ("NV12", "nv12", 320),
        ("NV12", "nv12", 352),
        ("YUYV", "yuyv422", 640),
        ("RGB888", "bgr24", 960),
        ("BGR888", "rgb24", 1024),
        ("XRGB8888", "bgr0", 1280),
        ("XBGR8888", "rgb0", 1344),
    ],
)
def test_the_format_and_size_that_libcamera_has_chosen_are_honoured(pi, pixel_format, av_format, stride):
    camera = StandIn(pixel_format, av_format, stride=stride, frames=8)
    pi(camera)
    frame = first(source_of(width=640, height=480))
    assert (frame.picture.width, frame.picture.height) == (320, 240)
    assert number_in(frame.picture) in range(8)
    assert camera.most_held == 1, "a request that is kept is a buffer that the camera lacks"


def test_colours_of_rgb_formats_are_not_swapped():
    orange = np.broadcast_to(np.array((250, 120, 10), np.uint8), (16, 16, 3))
    for pixel_format, order in [("BGR888", [0, 1, 2]), ("RGB888", [2, 1, 0]), ("XBGR8888", [0, 1, 2, 0])]:
        stream = {"format": pixel_format, "size": (16, 16), "stride": 16 * len(order)}
        frame = camera_picamera2.frame_of(orange[..., order].ravel(), stream)
        assert np.array_equal(AvPicture(frame, Scaler()).rgb(16, 16), orange)


def test_the_camera_is_asked_for_what_the_configuration_says_and_for_its_whole_view(pi):
    camera = StandIn()
    pi(StandIn(), camera)
    first(source_of(camera=1, width=800, height=600, fps=12.5))
    assert camera.wanted["main"] == {"size": (800, 600), "format": "YUV420"}
    assert camera.wanted["controls"] == {"FrameDurationLimits": (80_000, 80_000)}
    assert camera.wanted["raw"] == {"size": (2304, 1296)}
    assert camera.wanted["queue"] is False


def test_a_camera_without_control_of_its_rate_is_used_as_it_is(pi):
    camera = StandIn()
    camera.camera_controls = {}
    pi(camera)
    first(source_of())
    assert camera.wanted["controls"] == {}


def test_the_sensors_time_stamp_is_when_the_frame_was_taken(pi):
    taken = time.monotonic_ns() - 40_000_000
    pi(StandIn(sensor_ns=lambda: taken))
    # On a machine that has been suspended, the clock since boot is ahead; either clock may be meant.
    asleep = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    assert abs(first(source_of()).mono_ns - taken) <= abs(asleep) + 1_000_000


def test_a_time_stamp_of_another_clock_is_not_believed():
    for stamp in (None, 0, time.monotonic_ns() + 10**12, time.time_ns()):
        before = time.monotonic_ns()
        assert before <= camera_picamera2.captured_ns(stamp) <= time.monotonic_ns()


def test_closing_lets_the_camera_go(pi):
    camera = StandIn(frames=10**6)
    pi(camera)
    source = source_of()
    frames = source.frames()
    next(frames)
    source.close()
    assert list(frames) == []
    deadline = time.monotonic() + HANGS_S
    while "close" not in camera.log and time.monotonic() < deadline:
        time.sleep(0.01)
    assert camera.log == ["start", "close"]


def test_a_camera_that_gives_nothing_is_stalled(pi):
    pi(StandIn(frames=0))
    assert "camera module 0 gave no frame in 0.3 s" in failure(source_of())


def test_a_camera_that_is_not_there(pi):
    pi()
    advice = "check its ribbon cable, then rpicam-hello --list-cameras"
    assert failure(source_of()) == f"camera module 0 is not there: libcamera sees no camera; {advice}"
    pi(StandIn())
    assert failure(source_of(camera=2)) == (
        f"camera module 2 is not there: libcamera sees only 1, counted from 0; {advice}"
    )


def test_a_camera_that_is_in_use(pi):
    pi(OSError(16, "Device or resource busy"))
    assert failure(source_of()) == (
        "camera module 0 can't be opened: [Errno 16] Device or resource busy; end the program that uses it"
    )


def test_a_configuration_that_libcamera_refuses(pi):
    camera = StandIn()

    def refuse(wanted):
        raise RuntimeError("Invalid camera configuration")

    camera.configure = refuse
    pi(camera)
    assert failure(source_of()) == (
        "camera module 0 does not start: Invalid camera configuration; try another width and height"
    )
    assert camera.log == ["close"]


def test_a_pixel_format_that_nobody_knows(pi):
    pi(StandIn(pixel_format="PISP_COMP1"))
    assert "camera module 0 gives PISP_COMP1 pixels" in failure(source_of())


@pytest.mark.parametrize(
    ("missing", "prefix", "path", "sentence"),
    [
        ("picamera2", "/usr", [], "picamera2 is not installed; sudo apt-get install python3-picamera2"),
        ("libcamera", "/usr", [], "picamera2 is here without libcamera"),
        ("pidng", "/usr", [], "picamera2 can't be loaded (No module named 'pidng')"),
        ("picamera2", "/home/a/.venv", [], "this virtual environment does not look at those"),
        (
            "picamera2",
            "/home/a/.venv",
            ["/usr/lib/python3/dist-packages"],
            "picamera2 is not installed; sudo apt-get install python3-picamera2",
        ),
    ],
)
def test_a_missing_library_says_how_to_come_by_it(monkeypatch, missing, prefix, path, sentence):
    def refuse(name):
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr(camera_picamera2.importlib, "import_module", refuse)
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "path", ["/somewhere", *path])
    said = failure(source_of())
    assert sentence in said
    assert "apt-get install" in said
