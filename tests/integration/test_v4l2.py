"""USB cameras through FFmpeg's Video4Linux input, on a device that a preloaded library makes up (fake_v4l2.c)."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

DEVICE = "/dev/video-fake"
FAKE = Path(__file__).parents[1] / "fake_v4l2.c"
HEADER = Path("/usr/include/linux/videodev2.h")

PROGRAM = """
import itertools, json, sys, time
from edgepose.adapters.sources import open_source
from edgepose.config import V4l2Source
from edgepose.errors import SourceError

options, count, openings = json.loads(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
source = open_source(V4l2Source(device={device!r}, **options), stall_timeout_s=0.5, opening_timeout_s=5)
kept = []
for _ in range(openings):
    try:
        for frame in itertools.islice(source.frames(), count):
            age_s = (time.monotonic_ns() - frame.mono_ns) / 1e9
            print(frame.seq, frame.picture.width, frame.picture.height, 0 <= age_s < 60)
            kept.append(frame)
    except SourceError as exc:
        print(exc)
source.close()
# Pictures outlive the camera that they came from.
print([int(frame.picture.rgb(8, 6)[3, 4, 0]) for frame in kept])
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if not shutil.which("cc") or not HEADER.exists():
        pytest.skip("needs a C compiler and linux/videodev2.h: apt-get install gcc libc6-dev linux-libc-dev")
    library = tmp_path_factory.mktemp("fake") / "fake_v4l2.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(FAKE), "-ldl"], check=True)
    return library


@pytest.fixture
def lines(library):
    def run(options="{}", count=5, openings=1, **fake):
        """What a process prints that opens the camera."""
        environment = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "FAKE_V4L2": DEVICE,
            **{f"FAKE_V4L2_{name.upper()}": str(value) for name, value in fake.items()},
        }
        program = textwrap.dedent(PROGRAM).format(device=DEVICE)
        command = [sys.executable, "-c", program, options, str(count), str(openings)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    return run


def test_frames_come_in_the_size_that_the_driver_has_with_its_time_stamps(lines):
    *frames, _ = lines('{"width": 640, "height": 480, "fps": 60}')
    assert len(frames) == 5
    assert {frame.split(" ", 1)[1] for frame in frames} == {"320 240 True"}


def test_pictures_live_on_when_the_camera_is_closed(lines):
    *frames, greys = lines('{"fps": 100}', count=4, openings=6)
    assert len(frames) == 24
    # Luma 16 is black; each opening begins there again and gets a level lighter with each frame.
    assert greys.startswith("[0, ")


def test_a_camera_that_hangs_is_stalled_and_can_be_opened_again(lines):
    output = lines('{"fps": 100}', stall=1, openings=2)
    assert output[0].startswith("0 320 240")
    stalled = (
        f"camera {DEVICE} gave no frame in 0.5 s; check that it is on and connected, and that nothing else uses it"
    )
    assert output.count(stalled) == 2
    assert output[-1] == "[0, 0]"


def test_a_camera_that_is_pulled_out_is_lost(lines):
    output = lines('{"fps": 100}', unplug=3, count=9)
    assert output[-2].startswith(f"camera {DEVICE} is lost (No such device); check that it is on and connected")


@pytest.mark.parametrize(
    ("fake", "options", "sentence"),
    [
        ({"errno": 13}, "{}", "may not be used by this user; add them to the group video: sudo usermod -aG video USER"),
        ({"errno": 16}, "{}", f"is used by another program; end that one, fuser {DEVICE} tells which it is"),
        ({"busy": 1}, "{}", f"is used by another program; end that one, fuser {DEVICE} tells which it is"),
        (
            {},
            '{"pixel_format": "mjpeg", "width": 800, "height": 600, "fps": 7.5}',
            "can't give 800x600 at 7.5 a second in mjpeg; "
            f"see what it can with v4l2-ctl --device {DEVICE} --list-formats-ext",
        ),
    ],
)
def test_a_camera_that_cannot_be_used_is_explained(lines, fake, options, sentence):
    assert lines(options, **fake)[0] == f"camera {DEVICE} {sentence}"
