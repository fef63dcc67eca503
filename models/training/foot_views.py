"""Crops of feet and hands as training sees them: turned, shifted, scaled; those of feet blurred, and in other light."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import cv2
import numpy as np

from .errors import TrainingError

Array = Any
SIDE = 112
"""Pixels of the network's crop."""
MARGIN = 1.3
"""How many times as wide as the product's the crops in files are, as render/foot_crops.py has it too."""
_TURN, _SHIFT, _SCALE = 0.2, 0.06, 0.14
"""Standard deviations: radians, shares of the crop, of the logarithm."""


@dataclass(frozen=True)
class Crops:
    """Crops of right parts of bodies, or of left ones mirrored, out of files; wider than the product's."""

    images: Array
    """(N, S, S, 3) uint8."""
    labels: Array
    """(N, K, 3): x, y in shares of the product's crop, and a number of each place's own."""
    made_with: ClassVar[str]
    """What writes such files."""

    @classmethod
    def read(cls, files: list[Path]) -> Self:
        """All crops of some files. Raises TrainingError."""
        for file in files:
            if not file.is_file():
                raise TrainingError(f"no {file}; make it with {cls.made_with}")
        contents = [np.load(file) for file in files]
        return cls(*(np.concatenate([each[name] for each in contents]) for name in ("images", "labels")))


def straight(images: Array, side: int = SIDE) -> Array:
    """(N, side, side, 3), 0 to 1: rendered crops as the product would cut them."""
    return cut(images, turned(len(images)), side).astype(np.float32) / 255


def turned(count: int, radians: float = 0.0) -> Array:
    """(N, 2, 3) from a view to the product's crop, all turned alike and no more."""
    cosine, sine = np.cos(radians), np.sin(radians)
    return np.tile(np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0]]), (count, 1, 1))


def random_maps(rng: np.random.Generator, count: int) -> Array:
    """(N, 2, 3) from a view to the product's crop, both about their middles in shares of their sides."""
    turn, scale = rng.normal(0, _TURN, count), np.exp(rng.normal(0, _SCALE, count).clip(-0.25, 0.25))
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    shift = rng.normal(0, _SHIFT, (count, 2))
    return np.stack([np.stack([cosine, -sine, shift[:, 0]], 1), np.stack([sine, cosine, shift[:, 1]], 1)], axis=1)


def in_views(places: Array, maps: Array) -> Array:
    """(N, K, 2) places in the product's crops as places in the views."""
    inverse = np.linalg.inv(maps[:, :, :2])
    return np.einsum("nij,nkj->nki", inverse, places - 0.5 - maps[:, None, :, 2]) + 0.5


def in_crops(places: Array, maps: Array) -> Array:
    """The other way round."""
    return np.einsum("nij,nkj->nki", maps[:, :, :2], places - 0.5) + maps[:, None, :, 2] + 0.5


class Views:
    """Batches of random views."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def __call__(self, images: Array, labels: Array) -> tuple[Array, Array]:
        """(N, SIDE, SIDE, 3), 0 to 1, and their labels (N, 3, 3), moved along."""
        maps = random_maps(self._rng, len(images))
        moved = labels.copy()
        moved[..., :2] = in_views(labels[..., :2], maps)
        gone = ((moved[..., :2] < 0) | (moved[..., :2] > 1)).any(axis=-1)
        moved[..., 2][gone] = 0.0
        return self._lit(cut(images, maps)), moved.astype(np.float32)

    def _lit(self, views: Array) -> Array:
        count = len(views)
        soft = np.stack(
            [cv2.GaussianBlur(view, (3, 3), s) for view, s in zip(views, self._uniform(0.1, 1.5, count), strict=True)]
        )
        lit: Array = soft.astype(np.float32) / 255
        lit *= self._uniform(0.6, 1.35, (count, 1, 1, 1)) * self._uniform(0.9, 1.1, (count, 1, 1, 3))
        grey = self._uniform(0, 1, count) < 0.12
        lit[grey] = lit[grey].mean(axis=-1, keepdims=True)
        lit += self._uniform(-0.1, 0.1, (count, 1, 1, 1))
        noise = self._rng.standard_normal(lit.shape, np.float32)
        lit += noise * self._uniform(0, 0.12, (count, 1, 1, 1)) ** 1.5
        return np.clip(lit, 0, 1, out=lit)

    def _uniform(self, low: float, high: float, shape: int | tuple[int, ...]) -> Array:
        return self._rng.uniform(low, high, shape).astype(np.float32)


def cut(images: Array, maps: Array, side: int = SIDE) -> Array:
    """(N, side, side, 3) uint8; maps: (N, 2, 3) from a view to the product's crop."""
    wide = images.shape[1]
    # pixel of the view -> share about its middle -> share of the product's crop -> pixel of the rendered one
    factor = wide / MARGIN
    linear = maps[:, :, :2] * factor / side
    shift = maps[:, :, 2] * factor + (wide - 1) / 2 - linear @ np.full(2, (side - 1) / 2)
    rows = np.concatenate([linear, shift[:, :, None]], axis=2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack(
        [cv2.warpAffine(image, row, (side, side), flags=flags) for image, row in zip(images, rows, strict=True)]
    )
