"""Random crops around people: scale, place, turn, mirror, light."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .coco import ByteArray, FloatArray
from .layout import MIRROR, STRIDE

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Augmentation:
    """Ranges that random crops are drawn from."""

    person_size: tuple[float, float] = (0.15, 1.3)
    """extent of the chosen person in parts of the crop's side, drawn log-uniformly"""
    around_person: float = 0.8
    """chance that a crop is placed around one person, not on the whole picture"""
    turn_deg: float = 40.0
    """largest small turn; six of ten crops are turned"""
    lying: float = 0.12
    """chance of a quarter turn on top, so that lying people are no surprise"""
    zoom: tuple[float, float] = (0.35, 3.0)
    """limits of the scale, in parts of what fits the whole picture"""


@dataclass(frozen=True)
class Crop:
    """One training example."""

    picture: ByteArray
    """(S, S, 3) RGB"""
    people: FloatArray
    """(P, 18, 3) x, y in pixels of the crop, and 1 where labelled"""
    mask: ByteArray
    """(S/4, S/4) 1 where labels hold"""


def random_crop(
    picture: ByteArray,
    people: FloatArray,
    mask: ByteArray,
    side: int,
    ranges: Augmentation,
    rng: np.random.Generator,
) -> Crop:
    """A crop of `side` x `side` pixels with its people moved along."""
    mirrored = bool(rng.random() < 0.5)
    transform = _random_transform(picture, people, side, ranges, rng)
    if mirrored:
        transform = np.array([[-1.0, 0.0, side - 1.0], [0.0, 1.0, 0.0]]) @ np.vstack([transform, [0, 0, 1]])
    crop = cv2.warpAffine(picture, transform, (side, side), flags=cv2.INTER_LINEAR).astype(np.uint8)
    return Crop(
        picture=_random_light(crop, rng),
        people=_move(people, transform, mirrored),
        mask=_shrink_mask(mask, transform, side),
    )


def _random_transform(
    picture: ByteArray, people: FloatArray, side: int, ranges: Augmentation, rng: np.random.Generator
) -> Matrix:
    height, width = picture.shape[:2]
    fit = side / max(height, width)
    if len(people) and rng.random() < ranges.around_person:
        person = people[rng.integers(len(people))]
        seen = person[person[:, 2] > 0, :2]
        extent = max(float(np.ptp(seen, axis=0).max()), 20.0) * 1.3
        target = np.exp(rng.uniform(*np.log(ranges.person_size))) * side
        scale = float(np.clip(target / extent, ranges.zoom[0] * fit, ranges.zoom[1] * fit))
        centre = seen.mean(axis=0) + rng.uniform(-0.35, 0.35, 2) * side / scale
    else:
        scale = float(rng.uniform(0.6, 1.3)) * fit
        centre = np.array([width / 2, height / 2]) + rng.uniform(-0.1, 0.1, 2) * max(width, height)
    turn = float(rng.uniform(-ranges.turn_deg, ranges.turn_deg)) if rng.random() < 0.6 else 0.0
    if rng.random() < ranges.lying:
        turn += float(rng.choice([90.0, -90.0]))
    transform = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), turn, scale)
    transform[:, 2] += side / 2 - centre
    return np.asarray(transform, np.float64)


def _move(people: FloatArray, transform: Matrix, mirrored: bool) -> FloatArray:
    moved = people.copy()
    moved[..., :2] = people[..., :2] @ transform[:, :2].T + transform[:, 2]
    return moved[:, MIRROR] if mirrored else moved


def _shrink_mask(mask: ByteArray, transform: Matrix, side: int) -> ByteArray:
    cells = transform.copy()
    cells[:, 2] += 0.5
    cells /= STRIDE
    cells[:, 2] -= 0.5
    size = (side // STRIDE, side // STRIDE)
    return cv2.warpAffine(mask, cells, size, flags=cv2.INTER_NEAREST, borderValue=1).astype(np.uint8)


def _random_light(picture: ByteArray, rng: np.random.Generator) -> ByteArray:
    if rng.random() < 0.5:
        lit = picture.astype(np.float32) * rng.uniform(0.6, 1.4) + rng.uniform(-25, 25)
        picture = np.clip(lit, 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB).astype(np.uint8)
    return picture
