"""Random views of pictures: what fine-tuning looks at."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from .coco import ByteArray, read_rgb

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Views:
    """Ranges that views are drawn from."""

    zoom: tuple[float, float] = (0.7, 1.6)
    """in parts of the scale at which the whole picture fits, drawn log-uniformly"""
    turn_deg: float = 20.0
    """largest turn; four of ten views are turned"""
    lying: float = 0.1
    """chance of a quarter turn on top"""
    dull: float = 0.25
    """chance that the light, the sharpness or the colours are spoiled"""
    empty: float = 0.03
    """chance of one colour all over, as of a covered or switched-off camera, where nobody must be seen"""


def random_view(path: Path, size: tuple[int, int], ranges: Views, rng: np.random.Generator) -> ByteArray:
    """(H, W, 3) RGB, of `size` (height, width), of the picture at `path`."""
    if rng.random() < ranges.empty:
        return _empty(size, rng)
    picture = read_rgb(path)
    if rng.random() < 0.5:
        picture = np.ascontiguousarray(picture[:, ::-1])
    transform = _random_transform(picture.shape[:2], size, ranges, rng)
    zoom = float(np.hypot(transform[0, 0], transform[1, 0]))
    if zoom < 0.7:  # else thin things would be skipped over
        picture = cv2.GaussianBlur(picture, (0, 0), 0.4 / zoom).astype(np.uint8)
    seen = cv2.warpAffine(picture, transform, size[::-1], flags=cv2.INTER_LINEAR).astype(np.uint8)
    return _spoiled(seen, rng) if rng.random() < ranges.dull else seen


def _empty(size: tuple[int, int], rng: np.random.Generator) -> ByteArray:
    """One colour, half the time black, half the time with the noise of a sensor."""
    colour = rng.integers(0, 256, 3) if rng.random() < 0.5 else np.zeros(3)
    noise = rng.normal(0, float(rng.uniform(1, 8)), (*size, 3)) if rng.random() < 0.5 else 0.0
    return np.clip(np.broadcast_to(colour, (*size, 3)) + noise, 0, 255).astype(np.uint8)


def _random_transform(shape: tuple[int, ...], size: tuple[int, int], ranges: Views, rng: np.random.Generator) -> Matrix:
    """From pixels of a picture of `shape` to pixels of the view."""
    height, width = shape
    turn = float(rng.uniform(-ranges.turn_deg, ranges.turn_deg)) if rng.random() < 0.4 else 0.0
    if rng.random() < ranges.lying:
        turn += float(rng.choice([90.0, -90.0]))
    fit = min(size[0] / height, size[1] / width)
    scale = fit * float(np.exp(rng.uniform(*np.log(ranges.zoom))))
    free = max(0.0, 1.0 - fit / scale) / 2 + 0.08
    centre = width * (0.5 + float(rng.uniform(-free, free))), height * (0.5 + float(rng.uniform(-free, free)))
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
