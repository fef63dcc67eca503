"""Files as sources: every frame, in order, at the clip's own time, and what is said of files that aren't whole."""

import itertools
import logging
import threading
import time

import pytest

from edgepose.adapters.prefetch import prefetch
from edgepose.adapters.sources import open_source
from edgepose.config import FileSource
from edgepose.errors import SourceEndedEarlyError, SourceError
from tests.clips import encoded, number_in, numbered, write_clip, write_sound
from tests.streams import within


def source_of(path, **options):
    return open_source(FileSource(path=str(path), **options), stall_timeout_s=5)


def frames_of(path, **options):
    return list(source_of(path, **options).frames())


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", count=30, rate=25)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "libx264"),
        ("a.mkv", "libx264"),
        ("a.avi", "mjpeg"),
        ("a.ts", "libx264"),
        ("a.webm", "libvpx"),
        ("a.mp4", "mpeg4"),
    ],
)
def test_every_frame_of_a_video_comes_in_order_at_its_own_time(tmp_path, name, codec):
    frames = frames_of(write_clip(tmp_path / name, count=40, rate=10, codec=codec))
    assert [number_in(frame.picture) for frame in frames] == list(range(40))
    assert [frame.seq for frame in frames] == list(range(40))
    assert [frame.t_s for frame in frames] == pytest.approx([number / 10 for number in range(40)], abs=2e-3)
    assert [frame.mono_ns for frame in frames] == sorted(frame.mono_ns for frame in frames)
    assert {frame.name for frame in frames} == {""}


def test_a_video_that_starts_late_starts_at_zero(tmp_path):
    whole = write_clip(tmp_path / "a.ts", count=20, rate=10)  # MPEG-TS starts at 1.4 s
    assert frames_of(whole)[0].t_s == 0


def test_a_file_is_not_live(clip):
    assert source_of(clip).live is False


def test_a_video_taken_with_a_turned_phone_is_upright(tmp_path):
    # What the phone stores is turned, and its display matrix tells how to turn it back.
    for rotation in (90, -90, 180):
        picture = frames_of(write_clip(tmp_path / "a.mp4", count=2, size=(160, 120), rotation=rotation))[1].picture
        upright = (160, 120) if rotation == 180 else (120, 160)
        assert (picture.width, picture.height) == upright
        rgb = picture.rgb(*upright)
        light = {90: rgb[-25:, :25], -90: rgb[:25, -25:], 180: rgb[-25:, -25:]}[rotation]
        assert light.mean() > 150, rotation
        assert rgb.mean() < 80


def test_a_still_picture_is_one_frame_with_its_name(tmp_path):
    (tmp_path / "Person 1%d.JPG").write_bytes(encoded(numbered(5)))
    (frame,) = frames_of(tmp_path / "Person 1%d.JPG")
    assert (frame.name, frame.seq, frame.t_s, number_in(frame.picture)) == ("Person 1%d.JPG", 0, 0.0, 5)


def test_a_picture_without_an_ending_is_found_out_by_its_content(tmp_path):
    (tmp_path / "snapshot").write_bytes(encoded(numbered(6)))
    assert [number_in(frame.picture) for frame in frames_of(tmp_path / "snapshot")] == [6]


def test_a_folder_gives_its_pictures_sorted_by_name(tmp_path):
    for number, name in enumerate(["b.png", "a.jpg", "c.JPEG"]):
        codec = ("png", "rgb24") if name.endswith("png") else ("mjpeg", "yuvj420p")
        (tmp_path / name).write_bytes(encoded(numbered(number, (100 + 10 * number, 80)), *codec))
    (tmp_path / "annotations.json").write_text("{}")
    (tmp_path / ".hidden.jpg").write_bytes(b"a file that another system left here")
    frames = frames_of(tmp_path)
    assert [(f.name, number_in(f.picture), f.picture.width) for f in frames] == [
        ("a.jpg", 1, 110),
        ("b.png", 0, 100),
        ("c.JPEG", 2, 120),
    ]
    assert [frame.t_s for frame in frames] == [0.0, 1.0, 2.0]


def test_a_loop_goes_on_in_time_and_number(clip):
    source = source_of(clip, loop=True)
    frames = list(itertools.islice(source.frames(), 75))
    assert [number_in(frame.picture) for frame in frames] == [number % 30 for number in range(75)]
    assert [frame.seq for frame in frames] == list(range(75))
    assert [frame.t_s for frame in frames] == pytest.approx([number / 25 for number in range(75)], abs=2e-3)


def test_realtime_frames_never_come_before_their_time(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=10, rate=50)
    started = time.monotonic()
    for frame in source_of(path, realtime=True).frames():
        assert time.monotonic() - started >= frame.t_s
        assert frame.mono_ns / 1e9 >= started + frame.t_s, "stamped before the wait, not after it"


def test_closing_ends_the_frames(clip):
    source = source_of(clip)
    seen = []
    for frame in source.frames():
        seen.append(frame.seq)
        source.close()
        source.close()
    assert seen == [0]
    assert list(source.frames()) == []


def test_closing_from_another_thread_ends_a_wait_for_the_next_frame(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded(numbered(0)))
    source = source_of(tmp_path, loop=True, realtime=True)
    closer = threading.Timer(0.2, source.close)
    closer.start()
    with within(30):
        assert len(list(itertools.islice(source.frames(), 100))) < 100
    closer.join()


def test_a_file_can_be_played_again(clip):
    source = source_of(clip)
    assert len(list(source.frames())) == len(list(source.frames())) == 30


def test_no_thread_is_left_behind_when_frames_are_no_longer_wanted(clip):
    before = threading.active_count()
    for _ in range(5):
        frames = source_of(clip, loop=True).frames()
        next(frames)
        frames.close()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [
        ("a.mp4", "libx264", {"movflags": "faststart"}),
        ("a.mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
        ("a.mkv", "libx264", {}),
        ("a.avi", "mjpeg", {}),
        ("a.webm", "libvpx", {}),
    ],
)
def test_a_truncated_video_gives_the_frames_that_are_there_and_says_how_far_it_got(tmp_path, name, codec, container):
    path = write_clip(tmp_path / name, count=100, codec=codec, container=container)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    seen = []
    with pytest.raises(SourceEndedEarlyError) as caught:
        seen.extend(number_in(frame.picture) for frame in source_of(path).frames())
    # A frame near the cut may be missing that others were stored before.
    assert seen == sorted(set(seen)) and seen[:5] == list(range(5))
    assert 5 < len(seen) < 90 and seen[-1] < len(seen) + 4
    said = str(caught.value)
    assert said.startswith(f"{path} ends early, after {len(seen)} ")
    if "empty_moov" not in container.get("movflags", ""):  # whose fragments tell only of themselves
        assert "of 100 frames" in said or "of 4.0 s" in said


def test_a_truncated_video_is_not_looped(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=50, container={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    with pytest.raises(SourceEndedEarlyError):
        frames_of(path, loop=True)


def test_a_video_whose_last_frames_alone_are_missing_is_truncated_too(tmp_path):
    path = write_clip(tmp_path / "a.mp4", count=100, container={"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(SourceEndedEarlyError, match="of 100 frames"):
        frames_of(path)


def test_a_damaged_spot_costs_its_frames_only_and_is_said(tmp_path, caplog):
    path = write_clip(tmp_path / "a.avi", count=50, codec="mjpeg")
    data = bytearray(path.read_bytes())
    begin = data.find(b"\xff\xd8", len(data) // 2)
    end = data.find(b"\xff\xd9", begin)
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        frames = frames_of(path)
    assert len(frames) == 49
    assert [record.message for record in caplog.records] == [f"{path}: 1 damaged frames were left out"]


def cut_before_its_index(path):
    write_clip(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "make", "sentence"),
    [
        ("none.mp4", lambda _: None, "{path} does not exist; check the path"),
        ("none.jpg", lambda _: None, "{path} does not exist; check the path"),
        ("a.mp4", lambda path: path.write_bytes(b""), "{path} is empty; copy or record it again"),
        (
            "a.mp4",
            lambda path: path.write_text("words\n" * 999),
            "{path} is neither a video nor a picture that FFmpeg can read; check that it is the right file",
        ),
        ("a.wav", write_sound, "{path} holds no video; check that it is the right file"),
        (
            "a.mp4",
            cut_before_its_index,
            "{path} is cut off: it is an MP4 file without its index; copy or record it again",
        ),
        ("empty", lambda path: path.mkdir(), "the folder {path} holds no pictures; they end in .jpg, .png or the like"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path, name, make, sentence, capfd):
    make(tmp_path / name)
    with pytest.raises(SourceError) as caught:
        frames_of(tmp_path / name)
    assert str(caught.value) == sentence.format(path=tmp_path / name)
    assert capfd.readouterr().err == "", "FFmpeg's own chatter does not belong on standard error"


def test_one_bad_picture_of_a_folder_is_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded(numbered(1)))
    (tmp_path / "b.jpg").write_bytes(b"not a picture")
    frames = source_of(tmp_path).frames()
    assert next(frames).name == "a.jpg"
    with pytest.raises(SourceError, match=r"b\.jpg is not a picture"):
        next(frames)


def test_a_file_whose_name_looks_like_a_protocol_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "a.mp4", count=3).rename(tmp_path / "rtsp:clip.mp4")
    assert len(frames_of("rtsp:clip.mp4")) == 3


def test_a_title_that_is_not_utf8_does_no_harm(tmp_path):
    path = write_clip(tmp_path / "a.mkv", count=3, title="Flür")
    path.write_bytes(path.read_bytes().replace("ü".encode(), b"\xfc\xfc"))
    assert len(frames_of(path)) == 3


def test_prefetch_keeps_the_order_and_raises_where_the_error_was():
    def items():
        yield from range(10)
        raise ValueError("after ten")

    seen = []
    with pytest.raises(ValueError, match="after ten"):
        seen.extend(prefetch(items(), depth=3))
    assert seen == list(range(10))


def test_prefetch_makes_no_more_than_it_may_ahead():
    made = []

    def items():
        for number in itertools.count():
            made.append(number)
            yield number

    ahead = prefetch(items(), depth=3)
    for expected in range(20):
        assert next(ahead) == expected
        assert len(made) <= expected + 1 + 3 + 1  # taken, waiting, and the one that waits for room
    ahead.close()


def test_prefetch_closes_its_items_when_it_is_closed():
    closed = threading.Event()

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    ahead = prefetch(items(), depth=2)
    next(ahead)
    ahead.close()
    assert closed.is_set()
