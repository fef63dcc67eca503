"""Camera modules of a Raspberry Pi, on a stand-in for picamera2 that behaves as its manual says."""

import concurrent.futures
import itertools
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from edgepose.adapters import camera_picamera2, device_access, gpio_line, picamera2_library, picamera2_stream
from edgepose.adapters.picture_av import AvPicture, Scaler, picture_from_rgb
from edgepose.adapters.sources import open_source
from edgepose.config import IrCut, Picamera2Source
from edgepose.errors import SourceError
from edgepose.preprocess import Letterbox
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
        self.camera_controls = {"FrameDurationLimits": (1, 2, 3), "ExposureTime": (1, 2, 3), "AnalogueGain": (1, 2, 3)}
        self.camera_controls["Brightness"] = (-1, 1, 0)
        self.has_lores, self.flips = False, True
        self.shows = None
        """A number that all frames show; None: each shows how many are left."""
        self.wanted = None
        self.held = self.most_held = 0
        self.log = []
        self.sequence = itertools.count(7)

    def create_video_configuration(self, **wanted):
        self.wanted = wanted
        return wanted

    def configure(self, wanted):
        assert wanted is self.wanted
        if "lores" in wanted and not self.has_lores:
            raise RuntimeError("lores stream is not supported")

    def camera_configuration(self):
        done = self.wanted["transform"] if self.flips else Flips(hflip=0, vflip=0)
        return {"main": self.stream, "transform": done} | (
            {"lores": {**self.stream, **self.wanted["lores"], "stride": self.wanted["lores"]["size"][0]}}
            if self.has_lores and "lores" in self.wanted
            else {"lores": None}
        )

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
        self.request = SimpleNamespace(sequence=next(self.sequence))
        return self

    def make_buffer(self, name):
        stream = self.camera_configuration()[name]
        assert self.held
        self.read = name
        number = self.left if self.shows is None else self.shows
        frame = av.VideoFrame.from_ndarray(numbered(number, stream["size"]), format="rgb24")
        return buffer_of(frame.reformat(format=self.av_format), stream["stride"])

    def get_metadata(self):
        assert self.held
        return {"SensorTimestamp": self.sensor_ns(), "ExposureTime": 10_000}

    def release(self):
        self.held -= 1

    def close(self):
        self.log.append("close")


class Flips(SimpleNamespace):
    """libcamera.Transform"""


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
        monkeypatch.setitem(sys.modules, "libcamera", SimpleNamespace(Transform=Flips))

    return plug_in


def source_of(*, fit=None, **options):
    return open_source(Picamera2Source(**options), stall_timeout_s=0.3, opening_timeout_s=0.3, fit=fit)


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


def test_controls_of_the_configuration_reach_the_camera(pi):
    camera = StandIn()
    pi(camera)
    first(source_of(exposure_us=8000, gain=2.5, controls={"Brightness": 0.25}))
    assert camera.wanted["controls"] == {
        "FrameDurationLimits": (66_667, 66_667),
        "ExposureTime": 8000,
        "AnalogueGain": 2.5,
        "Brightness": 0.25,
    }


def test_a_control_that_the_camera_has_not_is_named_with_the_nearest_that_it_has(pi):
    pi(StandIn())
    assert failure(source_of(controls={"Brightnes": 1})) == (
        "camera module 0 has no control Brightnes; did you mean 'Brightness'?"
    )
    unlike = failure(source_of(controls={"Xyzzy": 1}))
    assert unlike.endswith("Xyzzy; it has AnalogueGain, Brightness, ExposureTime, FrameDurationLimits")


@pytest.mark.parametrize("camera_flips", [True, False])
@pytest.mark.parametrize("hflip", [True, False])
@pytest.mark.parametrize("vflip", [True, False])
def test_what_the_camera_can_not_mirror_is_mirrored_afterwards(pi, camera_flips, hflip, vflip):
    camera = StandIn()
    camera.flips, camera.shows = camera_flips, 4  # on a busy machine the first frame may be dropped for a newer one
    pi(camera)
    picture = first(source_of(hflip=hflip, vflip=vflip)).picture
    assert camera.wanted["transform"] == Flips(hflip=hflip, vflip=vflip)
    seen = picture.rgb(4, 4)[..., 0] > 125
    stored = numbered(4, (4, 4))[..., 0] > 125
    if not camera_flips:
        stored = stored[:: -1 if vflip else 1, :: -1 if hflip else 1]
    assert np.array_equal(seen, stored)


def test_the_small_stream_is_as_large_as_the_network_wants_and_stands_for_the_whole_picture(pi):
    camera = StandIn(size=(640, 480), stride=640)
    camera.has_lores = True
    pi(camera)
    picture = first(source_of(fit=(256, 192))).picture
    assert camera.wanted["lores"] == {"size": (256, 192), "format": "YUV420"}
    assert camera.read == "lores"
    assert (picture.width, picture.height) == (640, 480)
    assert number_in(picture) in range(5)


@pytest.mark.parametrize(
    ("size", "fit", "small"),
    [
        ((640, 480), (256, 192), (256, 192)),
        ((640, 360), (256, 192), (256, 144)),
        ((640, 480), (192, 256), (192, 144)),
        ((640, 480), (384, 384), (384, 288)),
        ((300, 200), (256, 256), None),  # 256 x 171: an odd number of rows
        ((160, 120), (256, 192), None),  # the camera does not enlarge
        ((640, 480), None, None),
    ],
)
def test_the_size_of_the_small_stream_is_that_of_the_letterbox(size, fit, small):
    assert picamera2_stream.small_size(size, fit) == small
    if small:
        letterbox = Letterbox(fit[::-1])
        picture = picture_from_rgb(np.zeros((size[1], size[0], 3), np.uint8))
        assert letterbox(picture, np.zeros((*fit[::-1], 3), np.uint8)).scaled_size == small


def test_a_camera_without_a_small_stream_is_read_as_a_whole(pi):
    camera = StandIn()
    pi(camera)
    first(source_of(fit=(256, 192)))
    assert "lores" not in camera.wanted and camera.read == "main"


def test_the_request_for_a_gpio_line_is_laid_out_as_the_kernels_header_says(tmp_path):
    """Compiled against linux/gpio.h: sizes, the ioctl's number, and where each value lies."""
    program = tmp_path / "gpio"
    source = Path(__file__).parent / "gpio_request.c"
    subprocess.run(["gcc", "-Wall", "-Werror", str(source), "-o", str(program)], check=True)
    asked = gpio_line.request(IrCut(gpio=17, block_infrared=True, active_low=True))
    done = subprocess.run([program, str(gpio_line.GET_LINE)], input=asked, capture_output=True, check=True)
    assert done.stdout.decode() == "17 edgepose active-low output 1 of 1\n"


def test_an_infrared_filter_that_can_not_be_moved_says_why(pi, tmp_path):
    pi(StandIn())
    chip = tmp_path / "gpiochip9"
    said = failure(source_of(ir_cut=IrCut(gpio=4, chip=str(chip))))
    assert said.startswith(f"ir_cut: line 4 of {chip} can't be used: No such file or directory; see gpioinfo")
    chip.touch()
    said = failure(source_of(ir_cut=IrCut(gpio=4, chip=str(chip))))
    assert said.startswith(f"ir_cut: line 4 of {chip} can't be used: Inappropriate ioctl for device")


def test_a_camera_whose_devices_are_closed_to_the_user_names_the_group(pi, monkeypatch, tmp_path):
    pi()
    device = tmp_path / "media0"
    device.touch()
    monkeypatch.setattr(camera_picamera2, "camera_module_devices", lambda: [device])
    monkeypatch.setattr(device_access.os, "access", lambda *_: False)
    assert "who is not in the group root: sudo usermod -aG root" in failure(source_of())


def test_the_sensors_time_stamp_is_when_the_frame_was_taken(pi):
    taken = time.monotonic_ns() - 40_000_000
    pi(StandIn(sensor_ns=lambda: taken))
    # On a machine that has been suspended, the clock since boot is ahead; either clock may be meant.
    asleep = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    assert abs(first(source_of()).mono_ns - taken) <= abs(asleep) + 1_000_000


def test_frames_that_the_camera_has_skipped_are_a_gap_in_the_count(pi):
    camera = StandIn()
    camera.sequence = iter((4, 7, 8, 20, 21))
    pi(camera)
    with within(HANGS_S), pytest.raises(SourceError):
        counts = set()
        for frame in source_of().frames():
            counts.add(frame.seq)
    assert counts <= {0, 3, 4, 16, 17} and 17 in counts


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

    monkeypatch.setattr(picamera2_library.importlib, "import_module", refuse)
    monkeypatch.setattr(sys, "prefix", prefix)
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    monkeypatch.setattr(sys, "path", ["/somewhere", *path])
    said = failure(source_of())
    assert sentence in said
    assert "apt-get install" in said
