"""The picamera2 adapter on the real picamera2 and libcamera, whose virtual camera plays a folder of JPEGs."""

import io
import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest
import simplejpeg
import yaml

from edgepose import networks
from edgepose.adapters.picture_av import picture_from_rgb
from edgepose.adapters.sources import open_source
from edgepose.config import FileSource, IrCut, Model, Picamera2Source
from edgepose.demo_clip import CLIP
from edgepose.domain import Frame
from edgepose.errors import SourceError
from edgepose.preprocess import Letterbox
from tests.broker import wait_until
from tests.clips import encoded, frames_of, number_in, numbered
from tests.device.virtual_camera import make_ready
from tests.streams import within

make_ready()
FRAMES, SIZE, FIT = Path("/srv/frames"), (640, 480), (256, 192)
HANGS_S = 240
NETWORK = "edgepose_192x256_int8"
PLAYED = 24
"""Pictures in the folder that the camera plays, over and over."""
REPEATED = 4
"""libcamera's virtual camera gives each of them so many times."""


@pytest.fixture(autouse=True)
def unpaced(monkeypatch):
    monkeypatch.delenv("EDGEPOSE_TURNS", raising=False)


@pytest.fixture(scope="module")
def jpegs() -> list[bytes]:
    """What the camera plays: people of the demonstration clip, each with its number in the corner."""
    network = networks.load(NETWORK)
    pipeline = networks.build_pipeline(network, Model(threads=1))
    clip = frames_of(CLIP, 40, 120)
    peopled = [bool(pipeline(Frame(picture_from_rgb(p), 0.0, 0, 0)).tracks) for p in clip]
    begin = next(n for n in range(len(clip)) if all(peopled[n : n + PLAYED]))
    pictures = [picture.copy() for picture in clip[begin : begin + PLAYED]]
    for number, picture in enumerate(pictures):
        picture[:48, :64] = numbered(number, (64, 48))
    files = [encoded(picture, pixel_format="yuvj420p") for picture in pictures]
    for number, data in enumerate(files):
        (FRAMES / f"{number}.jpg").write_bytes(data)
    return files


def frames(count: int, source: Picamera2Source | None = None, fit=None):
    """So many frames of the camera."""
    camera = open_source(source or Picamera2Source(), stall_timeout_s=30, fit=fit)
    try:
        with within(HANGS_S):
            return list(itertools.islice(camera.frames(), count))
    finally:
        let_go(camera)


def let_go(camera) -> None:
    """Close it, and wait until libcamera has it back: a camera that is busy can't be opened."""
    camera.close()
    camera._reading.thread.join(HANGS_S)


def failure(source: Picamera2Source) -> str:
    with within(HANGS_S), pytest.raises(SourceError) as caught:
        list(open_source(source, stall_timeout_s=2).frames())
    return str(caught.value)


def planes_of(frame: av.VideoFrame) -> list[np.ndarray]:
    """Y, U and V of 4:2:0, whether U and V lie apart or are interleaved."""
    planes = [np.frombuffer(memoryview(p), np.uint8).reshape(-1, p.line_size)[: p.height] for p in frame.planes]
    width, half = frame.width, frame.width // 2
    if frame.format.name == "nv12":
        return [planes[0][:, :width], planes[1][:, : 2 * half : 2], planes[1][:, 1 : 2 * half : 2]]
    return [planes[0][:, :width], planes[1][:, :half], planes[2][:, :half]]


def decoded(jpeg: bytes) -> av.VideoFrame:
    """A JPEG as FFmpeg decodes it: another decoder than libcamera's."""
    with av.open(io.BytesIO(jpeg), format="mjpeg") as file:
        return next(file.decode(video=0))


def number_of(picture) -> int:
    """The number in the corner."""
    return number_in(Corner(picture))


class Corner:
    """The upper left tenth of a picture."""

    def __init__(self, picture) -> None:
        self.picture = picture

    def rgb(self, width: int, height: int) -> np.ndarray:
        whole = self.picture.rgb(width * 10, height * 10)
        return whole[:height, :width]


def test_every_pixel_is_that_of_the_jpeg(jpegs):
    left = set(range(PLAYED))
    camera = open_source(Picamera2Source(), stall_timeout_s=30)
    with within(HANGS_S):
        for frame in camera.frames():
            number = number_of(frame.picture)
            check_pixels(frame.picture._frame, jpegs[number])
            left.discard(number)
            if not left:
                break
    let_go(camera)


def check_pixels(stored: av.VideoFrame, jpeg: bytes) -> None:
    assert (stored.format.name, stored.width, stored.height) == ("nv12", *SIZE), "what libcamera adjusted it to"
    planes = planes_of(stored)
    # libyuv, which libcamera decodes with, asks libjpeg for its fast transform; so does this.
    assert np.array_equal(planes[0], simplejpeg.decode_jpeg(jpeg, "GRAY", fastdct=True)[..., 0]), "every single pixel"
    for name, ours, theirs in zip("yuv", planes, planes_of(decoded(jpeg)), strict=True):
        apart = np.abs(ours.astype(int) - theirs.astype(int))
        # FFmpeg's transform is exact, so both differ a little, most at edges.
        assert apart.mean() < 1 and apart.max() <= 16, f"{name}: {apart.mean():.2f}, at most {apart.max()} apart"


def test_rgb_is_what_the_same_conversion_makes_of_the_jpegs_own_planes(jpegs):
    frame = frames(1)[0]
    # The camera's NV12 says nothing of its range, as on a Pi, where it is narrow (SMPTE 170M).
    y, u, v = (plane.astype(float) for plane in planes_of(frame.picture._frame))
    u, v = (np.repeat(np.repeat(plane - 128, 2, 0), 2, 1) for plane in (u, v))
    luma = (y - 16) * 255 / 219
    expected = np.stack([luma + 1.596 * v, luma - 0.392 * u - 0.813 * v, luma + 2.017 * u], axis=2)
    apart = np.abs(frame.picture.rgb(*SIZE) - np.clip(expected, 0, 255))
    assert np.mean(apart) < 1.5 and np.percentile(apart, 99) < 16, "chroma between two samples is interpolated"


def test_the_small_stream_is_used_where_the_pipeline_offers_it(jpegs):
    frame = frames(1, fit=FIT)[0]
    assert (frame.picture._frame.width, frame.picture._frame.height) == FIT
    assert (frame.picture.width, frame.picture.height) == SIZE
    whole = decoded(jpegs[number_of(frame.picture)]).reformat(*FIT, format="gray8").to_ndarray()
    small = planes_of(frame.picture._frame)[0]
    assert np.abs(small.astype(int) - whole).mean() < 12, "libcamera scales with another filter"
    filled = np.zeros((FIT[1], FIT[0], 3), np.uint8)
    assert Letterbox((FIT[1], FIT[0]))(frame.picture, filled).scaled_size == FIT
    assert np.array_equal(filled, frame.picture.rgb(*FIT))


def test_a_small_stream_that_was_adjusted_is_not_used():
    frame = frames(1, fit=(320, 240))[0]
    assert (frame.picture._frame.width, frame.picture._frame.height) == SIZE


def test_a_size_that_the_camera_has_not_is_adjusted_and_honoured():
    frame = frames(1, Picamera2Source(width=600, height=400))[0]
    assert (frame.picture.width, frame.picture.height) == SIZE


def test_the_sensors_time_stamps_rise_and_are_of_this_moment():
    before = time.monotonic_ns()
    stamps = [frame.mono_ns for frame in frames(20)]
    assert all(a < b for a, b in itertools.pairwise(stamps))
    assert before <= stamps[0] <= stamps[-1] <= time.monotonic_ns()


def test_controls_and_mirroring_are_taken_and_what_the_camera_has_not_is_named():
    # libcamera 0.4's virtual camera grants to mirror and does not do it, so pixels can't tell whether a real one would.
    assert frames(1, Picamera2Source(fps=30, hflip=True, vflip=True, controls={"FaceDetectMode": 0}))
    assert failure(Picamera2Source(exposure_us=8000)) == (
        "camera module 0 has no control ExposureTime; it has FaceDetectMode, FrameDurationLimits"
    )
    assert "ir_cut: line 4 of /dev/gpiochip77 can't be used" in failure(
        Picamera2Source(ir_cut=IrCut(gpio=4, chip="/dev/gpiochip77"))
    )


def test_a_camera_that_is_not_there_and_one_that_is_in_use():
    assert failure(Picamera2Source(camera=1)).startswith("camera module 1 is not there: libcamera sees only 1")
    camera = open_source(Picamera2Source(), stall_timeout_s=30)
    with within(HANGS_S):
        playing = camera.frames()
        next(playing)
        said = failure(Picamera2Source())
        let_go(camera)
    assert said.startswith("camera module 0 can't be opened: ") and said.endswith("end the program that uses it"), said


def opened_by(python: str) -> str:
    """What another interpreter makes of the camera."""
    command = [python, "-m", "tests.device.open_camera"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout or done.stderr


def test_it_can_be_opened_again_and_again_with_other_settings():
    for size in (SIZE, FIT, SIZE):
        picture = frames(2, Picamera2Source(width=size[0], height=size[1]))[-1].picture
        assert (picture.width, picture.height) == size


def test_after_a_stall_it_is_opened_again(jpegs, monkeypatch, tmp_path):
    turns = tmp_path / "turns"
    os.mkfifo(turns)
    camera = open_source(Picamera2Source(), stall_timeout_s=0.5, opening_timeout_s=30)
    with within(HANGS_S), turns.open("r+b", buffering=0) as pipe:
        playing = camera.frames()
        next(playing)
        monkeypatch.setenv("EDGEPOSE_TURNS", str(turns))
        with pytest.raises(SourceError, match=r"camera module 0 gave no frame in 0\.5 s"):
            for _ in playing:
                pass
        monkeypatch.delenv("EDGEPOSE_TURNS")
        pipe.write(b"." * 8)  # what hung comes free
        wait_until(lambda: gives_a_frame(camera), "the camera to be opened again", HANGS_S)
    let_go(camera)


def gives_a_frame(camera) -> bool:
    try:
        return next(iter(camera.frames()), None) is not None
    except SourceError:
        return False


@pytest.mark.parametrize(
    ("python", "hidden", "sentence"),
    [
        ("/opt/bare/bin/python", (), "this virtual environment does not look at those"),
        ("/opt/venv/bin/python", ("/usr/lib/python3/dist-packages/libcamera",), "picamera2 is here without libcamera"),
        ("/opt/venv/bin/python", ("/usr/local/lib/python3.13/dist-packages/picamera2",), "picamera2 is not installed"),
        ("/opt/venv/bin/python", ("/usr/local/lib/python3.13/dist-packages/pidng",), "picamera2 can't be loaded"),
    ],
)
def test_what_is_missing_is_told_in_one_sentence(python, hidden, sentence, tmp_path):
    """In interpreters where it is really missing."""
    if python.startswith("/opt/bare"):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", "/opt/bare"], check=True)
        packages = next(Path("/opt/venv/lib").glob("python3*/site-packages"))
        own = next(Path("/opt/bare/lib").glob("python3*/site-packages"))
        (own / "ours.pth").write_text(f"{packages}\n")
        (own / "numpy").symlink_to("/usr/lib/python3/dist-packages/numpy")
    moved = [(Path(place), Path(f"{place}.hidden")) for place in hidden]
    for place, away in moved:
        shutil.move(place, away)
    try:
        said = opened_by(python)
    finally:
        for place, away in moved:
            shutil.move(away, place)
    assert sentence in said
    assert said.count("\n") == 1 and "sudo apt-get install" in said


def test_five_hundred_frames_from_the_camera_to_a_subscriber_none_lost_and_in_order(jpegs, tmp_path, mosquitto, read):
    """picamera2, network and daemon, mosquitto, subscriber: every frame is a message, once and in its place.

    A frame is exposed when the subscriber has the one before, so that a slow machine only makes it last longer.
    """
    config = {
        "node": {"name": "flat"},
        "mqtt": {"host": "127.0.0.1", "port": mosquitto.port},
        "cameras": {"room": {"source": {"type": "picamera2"}, "stall_timeout_s": 120}},
        "model": {"name": NETWORK, "threads": 1},
        "tracking": {"smoothing": "none", "confirm_s": 0},
    }
    reader = read(mosquitto.port)
    path, turns = tmp_path / "edgepose.yaml", tmp_path / "turns"
    path.write_text(yaml.safe_dump(config))
    os.mkfifo(turns)
    command = [sys.executable, "-m", "tests.device.virtual_camera", "run", "--config", str(path)]
    daemon = subprocess.Popen(command, env={**os.environ, "EDGEPOSE_TURNS": str(turns)})
    given, begun_s = 0, time.monotonic()
    with turns.open("r+b", buffering=0) as pipe:

        def expose() -> bool:
            nonlocal given
            had = len(reader.payloads("edgepose/flat/room/pose"))
            if had >= given:
                pipe.write(b".")
                given += 1
            return had >= 520

        try:
            wait_until(expose, "520 frames", 1200)
        finally:
            took_s = time.monotonic() - begun_s
            daemon.terminate()
            pipe.write(b"." * 8)
            assert daemon.wait(60) == 0
    messages = [msgspec.json.decode(payload) for payload in reader.payloads("edgepose/flat/room/pose")]
    numbers = [message["seq"] for message in messages]
    print(f"{len(numbers)} messages, seq {numbers[0]} to {numbers[-1]}, in {took_s:.0f} s")
    assert len(numbers) >= 500
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "none lost, none out of order"
    stamps = [message["mono_ns"] for message in messages]
    assert all(a < b for a, b in itertools.pairwise(stamps))
    assert {message["w"] for message in messages} == {SIZE[0]}
    assert_shows(messages, jpegs)


def assert_shows(messages, jpegs) -> None:
    """Each message's keypoints lie where the network alone finds them in that very JPEG."""
    pipeline = networks.build_pipeline(networks.load(NETWORK), Model(threads=1))
    found = []
    for number in range(PLAYED):
        source = open_source(FileSource(path=str(FRAMES / f"{number}.jpg")), stall_timeout_s=10)
        found.append(pipeline(next(iter(source.frames()))).tracks)
    shown = messages[::5]
    apart = np.array([[pixels_apart(message, tracks) for tracks in found] for message in shown])
    # The first frame that was read need not be the camera's first, so all beginnings are tried.
    seq = np.array([message["seq"] for message in shown])
    places = np.arange(len(shown))
    by_begin = [np.nanmedian(apart[places, (seq + begin) // REPEATED % PLAYED]) for begin in range(REPEATED * PLAYED)]
    best, middle = np.nanmin(by_begin), np.nanmedian(by_begin)
    print(f"keypoints are {best:.2f} pixels from those of their pictures, and {middle:.2f} from those of others")
    # The camera scales with another filter than FFmpeg, and its colours have a narrower range.
    assert best < 6 and best < middle / 4


def pixels_apart(message, tracks) -> float:
    """Between the message's keypoints and the nearest of the same name that was found: the middle, pixels."""
    kp = np.array(message["people"][0]["kp"]).reshape(-1, 3) if message["people"] else np.zeros((18, 3))
    gaps = [
        min((np.hypot(*(kp[k, :2] * SIZE - t.pose.keypoints[k, :2])) for t in tracks if t.pose.seen[k]), default=640.0)
        for k in np.flatnonzero(kp[:, 2])
    ]
    return float(np.median(gaps)) if gaps else np.nan
