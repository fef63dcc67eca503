"""Cameras over a real network stack: Motion JPEG from a web server, RTSP from GStreamer's server."""

import itertools
import threading
import time

import pytest

from edgepose.adapters.sources import open_source
from edgepose.config import HttpSource, RtspSource
from edgepose.errors import SourceError
from tests.clips import number_in, write_clip
from tests.streams import PASSWORD, USER, HttpCamera, RtspCamera, skip_without_rtsp_server, within

HANGS_S = 60
"""Seconds that nothing here takes, unless it hangs."""
BALL = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=320,height=240,framerate=30/1"
JPEG = f"{BALL} ! jpegenc ! rtpjpegpay name=pay0"


def http_source(url, **options):
    return open_source(HttpSource(url=url, **options), stall_timeout_s=20)


def rtsp_source(url, stall_timeout_s=20.0, opening_timeout_s=None, **options):
    return open_source(
        RtspSource(url=url, **options), stall_timeout_s=stall_timeout_s, opening_timeout_s=opening_timeout_s
    )


@pytest.fixture
def camera():
    with HttpCamera() as camera:
        yield camera


@pytest.fixture
def rtsp_camera():
    skip_without_rtsp_server()
    with RtspCamera(JPEG) as camera:
        yield camera


def take(source, count):
    with within(HANGS_S):
        return list(itertools.islice(source.frames(), count))


def failure(source):
    """The one sentence that it ends with, and its cause."""
    with within(HANGS_S), pytest.raises(SourceError) as caught:
        list(source.frames())
    return str(caught.value), caught.value


def test_motion_jpeg_frames_arrive_in_order(camera):
    source = http_source(camera.url())
    frames = take(source, 10)
    numbers = [number_in(frame.picture) for frame in frames]
    assert numbers == sorted(set(numbers))
    assert [frame.seq for frame in frames] == sorted({frame.seq for frame in frames})
    assert [frame.mono_ns for frame in frames] == sorted({frame.mono_ns for frame in frames})
    assert (frames[0].picture.width, frames[0].picture.height) == (160, 120)
    source.close()


def test_a_slow_consumer_gets_the_newest_frame_and_no_backlog(camera):
    source = http_source(camera.url())
    behind = []
    for frame in itertools.islice(source.frames(), 6):
        behind.append(camera.sent - number_in(frame.picture))
        enough = camera.sent + 15
        while camera.sent < enough:
            time.sleep(0.01)
    source.close()
    assert min(behind[3:]) < 30, f"a backlog grows by 15 each time: {behind}"


def test_a_web_server_that_falls_silent_is_a_stalled_camera(camera):
    source = open_source(HttpSource(url=camera.url()), stall_timeout_s=0.3, opening_timeout_s=20)
    frames = source.frames()
    next(frames)
    camera.flowing.clear()
    with within(HANGS_S), pytest.raises(SourceError, match=r"camera http://.* gave no frame in 0\.3 s"):
        list(frames)


def test_a_camera_that_comes_back_can_be_opened_again(camera):
    source = http_source(camera.url())
    frames = source.frames()
    next(frames)
    camera.stop()
    with within(HANGS_S), pytest.raises(SourceError, match=r"is lost|ended its stream"):
        list(frames)
    sentence, _ = failure(source)
    assert "refuses the connection" in sentence
    with HttpCamera(port=camera.port):
        assert len(take(source, 3)) == 3
    source.close()


def test_closing_while_the_camera_is_silent_ends_at_once(camera):
    source = http_source(camera.url())
    frames = source.frames()
    next(frames)
    camera.flowing.clear()
    closer = threading.Timer(0.1, source.close)
    closer.start()
    with within(HANGS_S):
        assert len(list(frames)) <= 3
    closer.join()


def test_a_clip_on_a_web_server_ends_when_it_is_over(tmp_path, camera):
    camera.clip = write_clip(tmp_path / "a.mp4", count=20)
    numbers = [number_in(frame.picture) for frame in http_source(camera.url("/clip")).frames()]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 19


def test_a_snapshot_on_a_web_server_is_one_frame(camera):
    assert len(list(http_source(camera.url("/still.jpg")).frames())) == 1


def test_a_protected_web_camera_is_read_with_the_password_of_a_file(tmp_path, camera):
    (tmp_path / "password").write_text(PASSWORD + "\n")
    url = camera.url("/protected", login=f"{USER}:@PASSWORD@@")
    source = http_source(url, password_file=str(tmp_path / "password"))
    assert len(take(source, 2)) == 2
    source.close()


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/nowhere", "answers, but has nothing under this path (404); look up the path in the camera's manual"),
        ("/text", "sends something that is not video; check the path of its url"),
        (
            "/protected",
            "refuses the user name or the password; check both, and how its url and password_file give them",
        ),
    ],
)
def test_a_web_camera_that_gives_no_video_is_explained(camera, path, sentence, capfd):
    said, error = failure(http_source(camera.url(f"{path}?key=hidden", login="viewer:hidden@")))
    assert said == f"camera http://127.0.0.1:{camera.port}{path} {sentence}"
    assert "hidden" not in repr(error.__cause__)
    assert error.__suppress_context__
    assert capfd.readouterr().err == ""


def test_a_server_that_accepts_and_never_answers_is_given_up(camera):
    source = open_source(HttpSource(url=camera.url("/mute")), stall_timeout_s=0.3, opening_timeout_s=0.3)
    said, _ = failure(source)
    assert "gave no frame in 0.3 s" in said


def test_nobody_listening_is_explained(camera):
    camera.stop()
    for source in (http_source(camera.url()), rtsp_source(f"rtsp://127.0.0.1:{camera.port}/cam")):
        said, _ = failure(source)
        assert said.endswith("refuses the connection; check its port, and that it is on and its streaming is enabled")


def test_an_unknown_host_name_is_explained():
    said, _ = failure(rtsp_source("rtsp://camera.invalid/cam"))
    assert said == (
        "camera rtsp://camera.invalid/cam has a host name that nobody knows; check the spelling, or give its IP address"
    )


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp_motion_jpeg_arrives(rtsp_camera, transport):
    source = rtsp_source(rtsp_camera.url(), transport=transport)
    frames = take(source, 5)
    assert (frames[0].picture.width, frames[0].picture.height) == (320, 240)
    assert frames[-1].picture.rgb(64, 48).any(), "there is a ball"
    assert [frame.seq for frame in frames] == sorted({frame.seq for frame in frames})
    source.close()


def test_rtsp_h264_arrives_as_ip_cameras_send_it(tmp_path):
    skip_without_rtsp_server()
    options = {"bf": "0", "g": "10", "preset": "ultrafast"}
    clip = write_clip(tmp_path / "a.mp4", count=400, rate=20, codec_options=options)
    with RtspCamera(f"filesrc location={clip} ! qtdemux ! rtph264pay name=pay0 config-interval=1") as camera:
        source = rtsp_source(camera.url())
        numbers = [number_in(frame.picture) for frame in take(source, 10)]
        assert numbers == sorted(set(numbers))
        source.close()


def test_a_frozen_rtsp_camera_is_stalled_and_one_that_is_back_is_opened_again(rtsp_camera):
    source = rtsp_source(rtsp_camera.url(), stall_timeout_s=0.4, opening_timeout_s=20)
    frames = source.frames()
    next(frames)
    rtsp_camera.freeze()
    with within(HANGS_S), pytest.raises(SourceError, match=r"gave no frame in 0\.4 s"):
        list(frames)
    rtsp_camera.stop()
    with RtspCamera(JPEG, port=rtsp_camera.port):
        assert len(take(source, 2)) == 2
    source.close()


def test_an_rtsp_camera_that_is_switched_off_is_lost(rtsp_camera):
    source = rtsp_source(rtsp_camera.url())
    frames = source.frames()
    next(frames)
    rtsp_camera.stop()
    with within(HANGS_S), pytest.raises(SourceError, match=f"camera rtsp://127.0.0.1:{rtsp_camera.port}/cam "):
        list(frames)


def test_closing_a_frozen_rtsp_camera_ends_at_once(rtsp_camera):
    source = rtsp_source(rtsp_camera.url())
    frames = source.frames()
    next(frames)
    rtsp_camera.freeze()
    closer = threading.Timer(0.1, source.close)
    closer.start()
    with within(HANGS_S):
        list(frames)
        closer.join()


def test_a_path_that_the_rtsp_camera_does_not_have_is_explained(rtsp_camera):
    said, _ = failure(rtsp_source(rtsp_camera.url(path="/other")))
    assert said == (
        f"camera rtsp://127.0.0.1:{rtsp_camera.port}/other answers, but has nothing under this path (404); "
        "look up the path in the camera's manual"
    )


def test_a_protected_rtsp_camera_wants_its_password(tmp_path, capfd):
    skip_without_rtsp_server()
    (tmp_path / "password").write_text(PASSWORD)
    with RtspCamera(JPEG, password=PASSWORD) as camera:
        url = camera.url(login=f"{USER}:@PASSWORD@@")
        source = rtsp_source(url, password_file=str(tmp_path / "password"))
        assert len(take(source, 2)) == 2
        source.close()
        (tmp_path / "password").write_text("an0ther")
        said, error = failure(rtsp_source(url, password_file=str(tmp_path / "password")))
    assert "refuses the user name or the password" in said
    assert "an0ther" not in said + repr(error.__cause__)
    assert capfd.readouterr().err == ""
