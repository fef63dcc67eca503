"""Random views of pictures with the teacher's maps moved along: what fine-tuning learns from."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from .coco import ByteArray, FloatArray, LabelledPicture, read_rgb
from .ensemble import CENTRE, FIRST_FIELD, FIRST_OFFSET, canvas_of, kept_at, mirrored, unpacked
from .layout import MIRROR, STRIDE

Matrix = npt.NDArray[np.float64]

_DETAIL = 1.5
"""Pictures are read this much larger than the canvas, for views that come nearer."""
_LABEL_HEAT = 0.7
"""Heat at a labelled keypoint where the teacher sees less: hidden ones it tends to miss."""


@dataclass(frozen=True)
class Views:
    """Ranges that views are drawn from."""

    zoom: tuple[float, float] = (0.6, 1.8)
    """in parts of the scale at which the whole picture fits, drawn log-uniformly"""
    turn_deg: float = 30.0
    """largest small turn; four of ten views are turned"""
    lying: float = 0.15
    """chance of a quarter turn on top: the teacher looks at people upright, the network learns them lying"""
    dull: float = 0.5
    """chance that the light, the sharpness or the colours are spoiled"""


@dataclass(frozen=True)
class Source:
    """A picture to take views of."""

    path: Path
    people: FloatArray | None
    """(P, 18, 3) labelled keypoints in pixels of the file, 1 where labelled; None without labels"""

    @classmethod
    def labelled(cls, picture: LabelledPicture) -> "Source":
        """A picture of an annotated set."""
        return cls(picture.path, picture.people)


@dataclass(frozen=True)
class View:
    """One training example."""

    picture: ByteArray
    """(H, W, 3) RGB"""
    maps: FloatArray
    """(CHANNELS, H/4, W/4)"""


def random_view(source: Source, kept: Path, size: tuple[int, int], ranges: Views, rng: np.random.Generator) -> View:
    """A view of `size` (height, width); `kept` is the folder of the teacher's maps."""
    picture = read_rgb(source.path)
    canvas = canvas_of(picture)
    fit = min(canvas[0] / picture.shape[0], canvas[1] / picture.shape[1])
    maps = unpacked(np.load(kept_at(kept, source.path)))
    people = None if source.people is None else _scaled(source.people, fit)
    detail = min(fit * _DETAIL, 1.0)
    method = cv2.INTER_AREA if detail < 1 else cv2.INTER_LINEAR
    picture = cv2.resize(picture, None, fx=detail, fy=detail, interpolation=method).astype(np.uint8)
    content = (picture.shape[1] * fit / detail, picture.shape[0] * fit / detail)
    if rng.random() < 0.5:
        maps = mirrored(maps)
        picture = np.ascontiguousarray(picture[:, ::-1])
        shift = canvas[1] - content[0]
        if people is not None:
            people = people[:, MIRROR] * (-1, 1, 1) + (canvas[1] - 1, 0, 0)
    else:
        shift = 0.0
    transform = _random_transform(content, shift, size, ranges, rng)
    to_canvas = np.array([[fit / detail, 0, shift], [0, fit / detail, 0]])
    whole = _after(transform, to_canvas)
    zoom = float(np.hypot(whole[0, 0], whole[1, 0]))
    if zoom < 0.7:  # else thin things would be skipped over
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / zoom).astype(np.uint8)
    seen = cv2.warpAffine(picture, whole, size[::-1], flags=cv2.INTER_LINEAR).astype(np.uint8)
    target = _moved(maps, transform, size)
    if people is not None:
        _add_labels(target, people, transform)
    return View(_spoiled(seen, rng) if rng.random() < ranges.dull else seen, target)


def _scaled(people: FloatArray, factor: float) -> FloatArray:
    scaled = people.copy()
    scaled[..., :2] = (people[..., :2] + 0.5) * factor - 0.5
    return scaled


def _after(second: Matrix, first: Matrix) -> Matrix:
    result: Matrix = second @ np.vstack([first, [0, 0, 1]])
    return result


def _random_transform(
    content: tuple[float, float], shift: float, size: tuple[int, int], ranges: Views, rng: np.random.Generator
) -> Matrix:
    """From pixels of the canvas to pixels of the view."""
    width, height = content
    turn = float(rng.uniform(-ranges.turn_deg, ranges.turn_deg)) if rng.random() < 0.4 else 0.0
    if rng.random() < ranges.lying:
        turn += float(rng.choice([90.0, -90.0]))
    fit = min(size[0] / height, size[1] / width)
    scale = fit * float(np.exp(rng.uniform(*np.log(ranges.zoom))))
    free = max(0.0, 1.0 - fit / scale) / 2 + 0.08
    centre = (
        shift + width * (0.5 + float(rng.uniform(-free, free))),
        height * (0.5 + float(rng.uniform(-free, free))),
    )
    transform: Matrix = cv2.getRotationMatrix2D(centre, turn, scale).astype(np.float64)
    transform[:, 2] += np.array([size[1] / 2, size[0] / 2]) - centre
    return transform


def _moved(maps: FloatArray, transform: Matrix, size: tuple[int, int]) -> FloatArray:
    """(CHANNELS, H/4, W/4) the teacher's (h, w, CHANNELS) maps as the view shows them."""
    rows, columns = size[0] // STRIDE, size[1] // STRIDE
    linear = transform[:, :2]
    # Pixel of the view -> pixel of the canvas -> cell of the canvas, as grid_sample counts (-1..1 from edge to edge).
    back = np.linalg.inv(np.vstack([transform, [0, 0, 1]]))[:2]
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    pixels = np.stack([(x + 0.5) * STRIDE - 0.5, (y + 0.5) * STRIDE - 0.5, np.ones_like(x)])
    u, v = np.tensordot(back, pixels, 1)
    height, width = maps.shape[0] * STRIDE, maps.shape[1] * STRIDE
    grid = np.stack([(u + 0.5) / width * 2 - 1, (v + 0.5) / height * 2 - 1], -1).astype(np.float32)
    moved = functional.grid_sample(
        torch.from_numpy(maps.transpose(2, 0, 1)[None]), torch.from_numpy(grid[None]), align_corners=False
    )[0].numpy()
    scale = np.sqrt(abs(np.linalg.det(linear)))
    for first, end, factor in (
        (FIRST_FIELD, FIRST_OFFSET, linear / scale),
        (FIRST_OFFSET, len(moved), linear),
    ):
        pairs = moved[first:end].reshape(-1, 2, rows, columns)
        moved[first:end] = np.einsum("ab,kbij->kaij", factor, pairs).reshape(-1, rows, columns)
    return moved.astype(np.float32)


def _add_labels(target: FloatArray, people: FloatArray, transform: Matrix) -> None:
    """Warms the heat maps where keypoints are labelled."""
    rows, columns = target.shape[1:]
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    places = people[..., :2] @ transform[:, :2].T + transform[:, 2]
    cells = (places + 0.5) / STRIDE - 0.5
    for person, labelled in zip(cells, people[..., 2] > 0, strict=True):
        extent = max(float(np.ptp(person[labelled], axis=0).max()), 4.0)
        sigma = float(np.clip(extent * 0.03, 0.8, 2.0))
        for keypoint in np.flatnonzero(labelled):
            u, v = person[keypoint]
            if -2 < u < columns + 1 and -2 < v < rows + 1:
                bump = _LABEL_HEAT * np.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * sigma * sigma))
                np.maximum(target[keypoint], bump, out=target[keypoint])


def _spoiled(picture: ByteArray, rng: np.random.Generator) -> ByteArray:
    """What cameras in rooms make of it: dim or glaring, grey as in infrared, blurred, coarse, noisy."""
    seen = picture.astype(np.float32)
    seen = 255.0 * (seen / 255.0) ** float(np.exp(rng.uniform(-0.4, 0.7))) * float(rng.uniform(0.5, 1.3))
    if rng.random() < 0.25:
        grey = cv2.cvtColor(np.clip(seen, 0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
        seen = np.repeat(grey[..., None], 3, -1).astype(np.float32)
    else:
        seen *= rng.uniform(0.85, 1.15, 3)
    if rng.random() < 0.25:
        seen = cv2.GaussianBlur(seen, (0, 0), float(rng.uniform(0.5, 1.5))).astype(np.float32)
    if rng.random() < 0.15:
        height, width = picture.shape[:2]
        factor = float(rng.uniform(0.4, 0.8))
        small = cv2.resize(seen, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        seen = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    if rng.random() < 0.25:
        seen += rng.normal(0, float(rng.uniform(2, 12)), seen.shape)
    return np.clip(seen, 0, 255).astype(np.uint8)


__all__ = ["CENTRE", "Source", "View", "Views", "random_view"]
