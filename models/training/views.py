"""Random views of pictures with the teacher's labels moved along: what fine-tuning learns from."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from .coco import ByteArray, FloatArray, LabelledPicture, read_rgb
from .ensemble import canvas_of, kept_at
from .layout import STRIDE
from .soft_labels import SoftLabels

Matrix = npt.NDArray[np.float64]

_DETAIL = 1.5
"""Pictures are read this much larger than the canvas, for views that come nearer."""
_LABEL_HEAT = 0.6
"""Heat at a labelled keypoint where the teacher sees less: hidden ones it tends to miss."""
_LABEL_STRENGTH = 0.5
"""The same of a limb."""


@dataclass(frozen=True)
class Views:
    """Ranges that views are drawn from."""

    zoom: tuple[float, float] = (0.7, 1.6)
    """in parts of the scale at which the whole picture fits, drawn log-uniformly"""
    turn_deg: float = 20.0
    """largest turn; four of ten views are turned"""
    dull: float = 0.25
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
    clean: ByteArray
    """The same, not spoiled: what the teacher sees."""
    maps: FloatArray
    """(CHANNELS, H/4, W/4) the labels, drawn"""


def random_view(source: Source, kept: Path, size: tuple[int, int], ranges: Views, rng: np.random.Generator) -> View:
    """A view of `size` (height, width); `kept` is the folder of the teacher's labels."""
    picture = read_rgb(source.path)
    canvas = canvas_of(picture)
    fit = min(canvas[0] / picture.shape[0], canvas[1] / picture.shape[1])
    labels = SoftLabels.load(kept_at(kept, source.path))
    if source.people is not None:
        labels = labels.with_people(_scaled(source.people, fit), _LABEL_HEAT, _LABEL_STRENGTH)
    detail = min(fit * _DETAIL, 1.0)
    method = cv2.INTER_AREA if detail < 1 else cv2.INTER_LINEAR
    picture = cv2.resize(picture, None, fx=detail, fy=detail, interpolation=method).astype(np.uint8)
    height, width = picture.shape[:2]
    mirrored = bool(rng.random() < 0.5)
    flip = np.array([[-1.0, 0.0, canvas[1] - 1.0], [0.0, 1.0, 0.0]]) if mirrored else np.eye(3)[:2]
    content = (width * fit / detail, height * fit / detail)
    transform = _random_transform(content, canvas[1] - content[0] if mirrored else 0.0, size, ranges, rng)
    to_view = _after(transform, flip)
    half = 0.5 * fit / detail - 0.5
    whole = _after(to_view, np.array([[fit / detail, 0, half], [0, fit / detail, half]]))
    zoom = float(np.hypot(whole[0, 0], whole[1, 0]))
    if zoom < 0.7:  # else thin things would be skipped over
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / zoom).astype(np.uint8)
    seen = cv2.warpAffine(picture, whole, size[::-1], flags=cv2.INTER_LINEAR).astype(np.uint8)
    maps = labels.moved(to_view, mirrored=mirrored).drawn(size[0] // STRIDE, size[1] // STRIDE)
    return View(_spoiled(seen, rng) if rng.random() < ranges.dull else seen, seen, maps)


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
