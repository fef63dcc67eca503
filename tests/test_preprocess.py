import av
import numpy as np
import pytest

from edgepose.adapters.picture_av import AvPicture, Scaler, picture_from_rgb
from edgepose.masks import visible_pixels
from edgepose.preprocess import Letterbox

SIZES = [(640, 480), (641, 479), (480, 640), (1920, 1080), (97, 403), (50, 40), (256, 256), (300, 17)]
ROTATIONS = [0, 90, 180, 270]
GARBAGE = 201


def empty_input(height=256, width=256):
    """What the network's input holds before: anything."""
    return np.full((height, width, 3), GARBAGE, np.uint8)


def picture_with_dot(size, xy, radius):
    """A smooth white dot on black, whose centre of mass is at xy."""
    x, y = np.arange(size[0])[None, :], np.arange(size[1])[:, None]
    away = ((x - xy[0]) ** 2 + (y - xy[1]) ** 2) / radius**2
    return np.repeat((255 * np.exp(-away))[..., None], 3, axis=2).round().astype(np.uint8)


def centre_of_mass(pixels):
    weight = pixels.astype(float).sum(axis=2)
    x, y = np.arange(weight.shape[1])[None, :], np.arange(weight.shape[0])[:, None]
    return np.array(((weight * x).sum(), (weight * y).sum()), np.float32) / weight.sum()


def turned(xy, size, rotate):
    """Where a pixel of the stored picture comes to lie when the picture is turned clockwise."""
    (x, y), (width, height) = xy, size
    return {0: (x, y), 90: (height - 1 - y, x), 180: (width - 1 - x, height - 1 - y), 270: (y, width - 1 - x)}[rotate]


@pytest.mark.parametrize("rotate", ROTATIONS)
@pytest.mark.parametrize("size", SIZES)
def test_a_dot_in_the_picture_is_found_where_the_transform_says(size, rotate):
    width, height = size
    radius = max(2.0, min(size) / 12)
    for share_x, share_y in [(0.5, 0.5), (0.3, 0.62), (0.7, 0.4)]:
        dot = (share_x * (width - 1), share_y * (height - 1))
        out = empty_input(192, 256)
        transform = Letterbox(input_size=(192, 256), rotate=rotate)(
            picture_from_rgb(picture_with_dot(size, dot, radius)), out=out
        )
        upright = turned(dot, size, rotate)
        assert transform.size == (size if rotate % 180 == 0 else size[::-1])
        found = transform.to_frame(centre_of_mass(out))
        input_pixels = np.linalg.norm(transform.to_input(np.array(upright)) - centre_of_mass(out))
        assert input_pixels < 0.12, f"dot at {upright} of the frame was found at {found}"


def test_the_transform_maps_corners_of_pixels_onto_each_other_and_back():
    transform = Letterbox(input_size=(192, 256))(picture_from_rgb(np.zeros((479, 641, 3), np.uint8)), empty_input(192))
    assert transform.scaled_size == (256, 191)
    edges = np.array([[-0.5, -0.5], [255.5, 190.5]], np.float32)
    np.testing.assert_allclose(transform.to_frame(edges), [[-0.5, -0.5], [640.5, 478.5]], atol=1e-4)
    some = np.random.default_rng(7).uniform(-20, 700, (50, 2)).astype(np.float32)
    np.testing.assert_allclose(transform.to_frame(transform.to_input(some)), some, atol=1e-3)
    assert transform.to_frame(some).dtype == np.float32


def test_no_keypoint_maps_to_no_keypoint():
    transform = Letterbox(input_size=(64, 64))(picture_from_rgb(np.zeros((64, 64, 3), np.uint8)), empty_input(64, 64))
    assert transform.to_frame(np.zeros((0, 2), np.float32)).shape == (0, 2)
    assert transform.to_frame(np.zeros((3, 18, 2), np.float32)).shape == (3, 18, 2)


@pytest.mark.parametrize("rotate", ROTATIONS)
@pytest.mark.parametrize("size", [*SIZES, (1, 1), (1, 500), (500, 1), (2, 3), (4000, 3), (20000, 1)])
def test_every_pixel_of_the_input_is_written_and_the_rest_is_padding(size, rotate):
    out = empty_input(192, 256)
    white = picture_from_rgb(np.full((size[1], size[0], 3), 255, np.uint8))
    transform = Letterbox(input_size=(192, 256), pad=9, rotate=rotate)(white, out=out)
    width, height = transform.scaled_size
    assert width == 256 or height == 192
    assert 1 <= width <= 256 and 1 <= height <= 192
    assert (out[:height, :width] == 255).all()
    assert (out[height:] == 9).all() and (out[:height, width:] == 9).all()


@pytest.mark.parametrize("rotate", ROTATIONS)
def test_a_picture_of_the_inputs_own_size_arrives_unchanged_but_turned(rotate):
    pixels = np.random.default_rng(3).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    out = empty_input(64, 64)
    transform = Letterbox(input_size=(64, 64), rotate=rotate)(picture_from_rgb(pixels), out=out)
    width, height = transform.scaled_size
    assert np.array_equal(out[:height, :width], np.rot90(pixels, -rotate // 90))


@pytest.mark.parametrize("rotate", ROTATIONS)
def test_bgr_networks_get_the_channels_reversed(rotate):
    pixels = np.random.default_rng(4).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    masks = [[(0.1, 0.1), (0.3, 0.1), (0.2, 0.5)]]
    rgb, bgr = empty_input(), empty_input()
    Letterbox(input_size=(256, 256), rotate=rotate, masks=masks)(picture_from_rgb(pixels), out=rgb)
    Letterbox(input_size=(256, 256), rotate=rotate, masks=masks, colour="bgr")(picture_from_rgb(pixels), out=bgr)
    assert np.array_equal(rgb, bgr[..., ::-1])


def test_frames_of_another_size_get_a_plan_of_their_own():
    letterbox, out = Letterbox(input_size=(64, 64), masks=[[(0, 0), (0.5, 0), (0.5, 1), (0, 1)]]), empty_input(64, 64)
    for width, height in [(64, 64), (32, 64), (64, 64), (64, 16)]:
        transform = letterbox(picture_from_rgb(np.full((height, width, 3), 255, np.uint8)), out=out)
        scaled_width, scaled_height = transform.scaled_size
        assert not out[:, : scaled_width // 2].any()
        assert (out[:scaled_height, scaled_width - scaled_width // 4 : scaled_width] == 255).all()


def test_an_input_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(64, 32, 3\)"):
        Letterbox(input_size=(64, 64))(picture_from_rgb(np.zeros((8, 8, 3), np.uint8)), out=empty_input(64, 32))


def test_only_quarter_turns_are_possible():
    with pytest.raises(ValueError, match="rotate"):
        Letterbox(input_size=(64, 64), rotate=45)


TRIANGLE = [(0.22, 0.31), (0.64, 0.18), (0.47, 0.83)]
BAR_AT_THE_EDGE = [(0.9, 0.0), (1.0, 0.0), (1.0, 0.25), (0.9, 0.25)]
SLIVER = [(0.05, 0.9), (0.6, 0.93), (0.05, 0.905)]


def touched_pixels(polygons, width, height, rotate):
    """(H, W) of the stored picture: True where a polygon given in the upright picture touches the pixel at all."""
    up_width, up_height = (width, height) if rotate % 180 == 0 else (height, width)
    fine = 5  # samples a pixel and direction, its edges included
    xs = (np.arange(up_width)[:, None] + np.linspace(0, 1, fine)[None, :]).ravel() / up_width
    ys = (np.arange(up_height)[:, None] + np.linspace(0, 1, fine)[None, :]).ravel() / up_height
    touched = np.zeros((len(ys), len(xs)), bool)
    for polygon in polygons:
        inside = np.zeros_like(touched)
        for (ax, ay), (bx, by) in zip(polygon, [*polygon[1:], polygon[0]], strict=True):
            if ay != by:
                crosses = (ay > ys) != (by > ys)
                at_x = ax + (ys - ay) / (by - ay) * (bx - ax)
                inside ^= crosses[:, None] & (xs[None, :] < at_x[:, None])
        touched |= inside
    upright = touched.reshape(up_height, fine, up_width, fine).any(axis=(1, 3))
    return np.rot90(upright, rotate // 90)


def random_frame(generator, pixel_format, width, height):
    frame = av.VideoFrame(width, height, pixel_format)
    for plane in frame.planes:
        plane.update(generator.integers(0, 256, plane.buffer_size, dtype=np.uint8).tobytes())
    return frame


def with_other_content(generator, frame, hidden):
    """The same frame with every sample replaced that has to do with a hidden pixel."""
    other = av.VideoFrame(frame.width, frame.height, frame.format.name)
    for number, (plane, changed) in enumerate(zip(frame.planes, other.planes, strict=True)):
        samples = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size).copy()
        here = hidden
        if samples.shape[0] < frame.height:  # chroma for 2 x 2 pixels
            here = np.pad(hidden, [(0, frame.height % 2), (0, frame.width % 2)])
            here = here.reshape(here.shape[0] // 2, 2, here.shape[1] // 2, 2).any(axis=(1, 3))
        width_in_bytes = plane.width * (3 if frame.format.name == "rgb24" else 1)
        here = np.repeat(here, width_in_bytes // here.shape[1], axis=1)
        place = samples[: here.shape[0], : here.shape[1]]
        place[here] = generator.integers(0, 256, int(here.sum()), dtype=np.uint8)
        assert number == 0 or here.any()
        changed.update(samples.tobytes())
    return other


@pytest.mark.parametrize(
    ("size", "rotate"),
    [
        ((640, 480), 0),
        ((322, 242), 90),
        ((322, 242), 180),
        ((322, 242), 270),
        ((256, 192), 0),
        ((80, 60), 0),
        ((962, 540), 0),
    ],
)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p", "rgb24"])
def test_nothing_of_a_masked_area_reaches_the_network(size, pixel_format, rotate):
    seed = int(np.random.default_rng().integers(1 << 32))
    print(f"seed {seed}")
    generator = np.random.default_rng(seed)
    width, height = size
    masks = [TRIANGLE, BAR_AT_THE_EDGE, SLIVER]
    first = random_frame(generator, pixel_format, width, height)
    hidden = touched_pixels(masks, width, height, rotate)
    assert 0.05 < hidden.mean() < 0.4
    second = with_other_content(generator, first, hidden)
    inputs = []
    for frame in (first, second):
        out = empty_input()
        Letterbox(input_size=(256, 256), rotate=rotate, masks=masks)(AvPicture(frame, Scaler()), out=out)
        inputs.append(out)
    assert np.array_equal(*inputs)
    assert inputs[0].any()


def test_a_mask_hides_little_more_than_it_covers():
    out = empty_input(240, 320)
    white = picture_from_rgb(np.full((480, 640, 3), 255, np.uint8))
    Letterbox(input_size=(240, 320), masks=[[(0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)]])(white, out=out)
    black = (out == 0).all(axis=2)
    rows, columns = np.flatnonzero(black.any(axis=1)), np.flatnonzero(black.any(axis=0))
    assert 56 <= rows[0] <= 60 and 179 <= rows[-1] <= 183
    assert 76 <= columns[0] <= 80 and 239 <= columns[-1] <= 243


def test_a_polygon_that_crosses_itself_has_no_hole():
    corners = [(0.5 + 0.45 * np.sin(turn * 0.8 * np.pi), 0.5 - 0.45 * np.cos(turn * 0.8 * np.pi)) for turn in range(5)]
    assert not visible_pixels([corners], (101, 101), (0.5, 0.5))[50, 50]


@pytest.mark.parametrize("direction", [1, -1])
def test_the_direction_in_which_a_polygon_is_drawn_does_not_matter(direction):
    square = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)][::direction]
    seen = visible_pixels([square], (10, 10), (0.1, 0.1))
    assert np.array_equal(~seen, np.pad(np.ones((6, 6), bool), 2))
