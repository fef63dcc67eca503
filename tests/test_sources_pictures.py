"""Pictures as sources hold them: colours, scaling, which way up."""

import struct

import av
import numpy as np
import pytest

from edgepose.adapters import jpeg
from edgepose.adapters.picture_av import (
    INTERPOLATION,
    UPRIGHT,
    AvPicture,
    Orientation,
    Scaler,
    orientation_of,
    picture_from_rgb,
)
from edgepose.adapters.still_av import read_still
from edgepose.errors import SourceEndedEarlyError, SourceError
from tests.clips import encoded, number_in, numbered

COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (128, 128, 128), (200, 100, 50)]
BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)
"""Kr and Kb of ITU-R BT.601 and BT.709."""
SAYS_BT709, SAYS_BT601, SAYS_FULL_RANGE = 1, 5, 2
"""AVCOL_SPC_BT709, AVCOL_SPC_BT470BG and AVCOL_RANGE_JPEG of libavutil/pixfmt.h."""


def ycbcr(colour, weights, full_range):
    """The formula of BT.601 section 2.5 and BT.709 section 3, in 8 bits."""
    (kr, kb), (r, g, b) = weights, (part / 255 for part in colour)
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    values = (255 * y, 255 * cb + 128, 255 * cr + 128) if full_range else (16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr)
    return [min(255, max(0, round(value))) for value in values]


def plain_frame(pixel_format, height, samples):
    frame = av.VideoFrame(64, height, pixel_format)
    for plane, sample in zip(frame.planes, samples, strict=True):
        plane.update(bytes([sample]) * plane.buffer_size)
    return frame


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("pixel_format", "height", "says_matrix", "says_range", "weights", "full_range"),
    [
        pytest.param("yuv420p", 480, None, None, BT601, False, id="SD video that says nothing is BT.601"),
        pytest.param("yuv420p", 1080, None, None, BT709, False, id="HD video that says nothing is BT.709"),
        pytest.param("yuv420p", 480, SAYS_BT709, None, BT709, False, id="SD video that says BT.709"),
        pytest.param("yuv420p", 1080, SAYS_BT601, None, BT601, False, id="HD video that says BT.601"),
        pytest.param("yuv420p", 480, None, SAYS_FULL_RANGE, BT601, True, id="video of full range"),
        pytest.param("yuv420p", 1080, SAYS_BT709, SAYS_FULL_RANGE, BT709, True, id="HD video of full range"),
        pytest.param("yuvj420p", 480, None, None, BT601, True, id="JPEG"),
        pytest.param("yuvj420p", 1080, None, None, BT601, True, id="large JPEG"),
    ],
)
def test_colours_are_what_the_standards_say(colour, pixel_format, height, says_matrix, says_range, weights, full_range):
    frame = plain_frame(pixel_format, height, ycbcr(colour, weights, full_range))
    if says_matrix is not None:
        frame.colorspace = says_matrix
    if says_range is not None:
        frame.color_range = says_range
    rgb = AvPicture(frame, Scaler()).rgb(32, 24)
    assert rgb.shape == (24, 32, 3)
    assert np.abs(rgb.astype(int) - colour).max() <= 2, f"{colour} became {rgb[12, 16]}"


def box_average(pixels, width, height):
    """What scaling down shall be: each output pixel the average of the area that it covers."""

    def weights(many, few):
        edges = np.arange(few + 1) * (many / few)
        low, high = edges[:-1, None], edges[1:, None]
        return (
            np.clip(np.minimum(high, np.arange(1, many + 1)) - np.maximum(low, np.arange(many)), 0, None) * few / many
        )

    down, across = weights(pixels.shape[0], height), weights(pixels.shape[1], width)
    return np.stack([down @ pixels[..., c].astype(float) @ across.T for c in range(3)], axis=2)


@pytest.mark.parametrize("size", [(640, 480), (641, 479), (1280, 720)])
def test_scaling_down_averages_and_does_not_skip_pixels(size):
    pixels = np.random.default_rng(5).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    scaled = picture_from_rgb(pixels).rgb(256, 192)
    assert np.abs(scaled - box_average(pixels, 256, 192)).max() < 2


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "nv12", "yuyv422"])
def test_subsampled_colours_make_the_picture_neither_darker_nor_coarser(pixel_format):
    y, x = np.mgrid[:480, :640]
    smooth = np.stack([x * 255 // 640, y * 255 // 480, (x + y) * 255 // 1120], axis=2).astype(np.uint8)
    frame = av.VideoFrame.from_ndarray(smooth, format="rgb24")
    frame = frame.reformat(format=pixel_format, interpolation=INTERPOLATION)
    error = AvPicture(frame, Scaler()).rgb(256, 192) - box_average(smooth, 256, 192)
    assert abs(error.mean()) < 0.7
    assert np.abs(error).max() < 5


def test_asking_for_the_pictures_own_size_gives_a_copy_that_may_be_drawn_on():
    pixels = np.zeros((48, 64, 3), np.uint8)
    picture_from_rgb(pixels).rgb(64, 48)[:] = 255
    assert not pixels.any()


@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[:, ::-1], np.s_[:, 10:50], np.s_[::2], np.s_[..., ::-1]])
def test_any_view_of_an_array_is_a_picture(view):
    pixels = np.random.default_rng(2).integers(0, 256, (40, 60, 3), dtype=np.uint8)[view]
    picture = picture_from_rgb(pixels)
    assert np.array_equal(picture.rgb(picture.width, picture.height), pixels)


def with_exif(data, orientation, order="<"):
    tiff = struct.pack(f"{order}2sHIHHHIHxx", b"II" if order == "<" else b"MM", 42, 8, 1, 0x0112, 3, 1, orientation)
    body = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def stored(upright, orientation):
    """How a camera stores a picture that EXIF then calls so (JEITA CP-3451, tag 274)."""
    turn = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
        8: lambda p: np.rot90(p, -1),
    }
    return np.ascontiguousarray(turn[orientation](upright))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_upright_whatever_way_the_camera_was_held(tmp_path, orientation, order):
    path = tmp_path / "a.jpg"
    path.write_bytes(with_exif(encoded(stored(numbered(0b1010_0110_0011_1001), orientation)), orientation, order))
    picture = read_still(path, Scaler())
    assert (picture.width, picture.height) == (160, 120)
    assert picture.rgb(80, 60).shape == (60, 80, 3)
    assert number_in(picture) == 0b1010_0110_0011_1001


@pytest.mark.parametrize("cut", [8, 20, 26, 34])
def test_a_damaged_exif_block_does_not_cost_the_picture(tmp_path, cut):
    whole = encoded(numbered(77))
    body = with_exif(whole, 6)[6 : 6 + cut]
    path = tmp_path / "a.jpg"
    path.write_bytes(whole[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + whole[2:])
    assert number_in(read_still(path, Scaler())) in {77, number_in(AvPicture(rotated_frame(77), Scaler()))}


def rotated_frame(number):
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(np.rot90(numbered(number), -1)), format="rgb24")


def test_a_frame_without_a_display_matrix_is_upright():
    assert orientation_of(av.VideoFrame(16, 16, "yuv420p")) == UPRIGHT


def test_orientations_are_views():
    pixels = np.zeros((4, 6, 3), np.uint8)
    turned = Orientation(transpose=True, flip_x=True).apply(pixels)
    assert turned.shape == (6, 4, 3) and np.shares_memory(turned, pixels)


KINDS = [
    ("jpg", "mjpeg", "yuvj420p"),
    ("png", "png", "rgb24"),
    ("png", "png", "rgba"),
    ("png", "png", "gray16be"),
    ("bmp", "bmp", "bgr24"),
    ("webp", "libwebp", "yuv420p"),
    ("tif", "tiff", "rgb24"),
    ("ppm", "ppm", "rgb24"),
    ("pgm", "pgm", "gray"),
    ("jp2", "jpeg2000", "rgb24"),
]


@pytest.mark.parametrize(("suffix", "codec", "pixel_format"), KINDS)
def test_a_still_picture_of_every_kind_is_read(tmp_path, suffix, codec, pixel_format):
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(encoded(numbered(4711), codec, pixel_format))
    assert number_in(read_still(path, Scaler())) == 4711


@pytest.mark.parametrize(("suffix", "codec", "pixel_format"), KINDS)
def test_a_still_picture_that_is_cut_off_is_not_taken_for_a_whole_one(tmp_path, suffix, codec, pixel_format):
    path = tmp_path / f"a.{suffix}"
    noise = np.random.default_rng(9).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    data = encoded(noise, codec, pixel_format)
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(SourceError, match=r"cut off|damaged") as caught:
            read_still(path, Scaler())
        assert str(path) in str(caught.value)


def test_a_jpeg_with_a_thumbnail_is_cut_off_where_the_picture_is():
    thumbnail = encoded(numbered(1, (16, 12)))
    body = b"Exif\0\0" + thumbnail
    whole = encoded(numbered(2))
    data = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + whole[2:]
    assert jpeg.is_whole(data)
    assert not jpeg.is_whole(data[: len(data) // 2])
    assert jpeg.is_whole(data + b"what some cameras write behind it")


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xff\xff", b"\xff\xd8\xff\xe1\0\0"]
)
def test_any_bytes_can_be_asked_whether_they_are_a_whole_jpeg(data):
    assert not jpeg.is_whole(data)
    assert jpeg.exif_orientation(data) == 1


def test_random_bytes_after_a_jpeg_header_end_in_one_sentence(tmp_path):
    seed = int(np.random.default_rng().integers(1 << 32))
    print(f"seed {seed}")
    generator = np.random.default_rng(seed)
    path = tmp_path / "a.jpg"
    for _ in range(50):
        path.write_bytes(b"\xff\xd8\xff\xdb" + generator.bytes(int(generator.integers(0, 3000))))
        with pytest.raises(SourceError):
            read_still(path, Scaler())


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "{path} does not exist; check the path"),
        (b"", "{path} is empty; copy it again"),
        (b"words", "{path} is not a picture, or it is damaged; open it in a viewer to see which"),
    ],
)
def test_what_is_not_a_picture_is_said_in_one_sentence(tmp_path, content, sentence):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError) as caught:
        read_still(path, Scaler())
    assert str(caught.value) == sentence.format(path=path)


def test_a_cut_off_jpeg_says_how_far_it_got(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(numbered(3))[:700])
    with pytest.raises(SourceEndedEarlyError, match=r"a\.jpg is cut off: the JPEG ends after 700 bytes; copy it again"):
        read_still(path, Scaler())
