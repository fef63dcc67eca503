"""Training batches: batch number n is the same whenever and wherever it is made."""

import concurrent.futures
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .augment import Augmentation, random_crop
from .coco import FloatArray, LabelledPicture
from .layout import STRIDE
from .targets import neck_target, paf_target, taught_fields, to_cells
from .trunk_maps import TrunkRunner

_READ_LONGEST = 512
"""Pictures are kept at this size: larger than any crop needs, small enough for memory."""


@dataclass(frozen=True)
class Batch:
    """Arrays of one training step, all float32."""

    features: FloatArray
    """(N, S/4, S/4, 24) of the trunk"""
    heats: FloatArray
    """(N, S/4, S/4, 17) of the trunk"""
    mask: FloatArray
    """(N, S/4, S/4) 1 where labels hold"""
    neck: FloatArray
    """(N, S/4, S/4)"""
    pafs: FloatArray
    """(N, S/4, S/4, 38)"""
    taught: FloatArray
    """(N, 38) 1 where the picture's data set labels both ends of a limb, so that an empty field means none"""


@dataclass(frozen=True)
class Plan:
    """Which crops the steps are made of."""

    sides: tuple[int, ...] = (256, 320, 384)
    """crop sides in pixels, taken in turn"""
    pixels: int = 16 * 256 * 256
    """pixels a batch, so that a step costs the same at every side"""
    seed: int = 1

    def side(self, number: int) -> int:
        """Crop side of batch `number`."""
        return self.sides[number % len(self.sides)]

    def size(self, side: int) -> int:
        """Crops in a batch of that side."""
        return max(1, self.pixels // (side * side))


class Batches:
    """Makes batches from pictures, a few ahead in background threads."""

    def __init__(
        self,
        pictures: Sequence[LabelledPicture],
        trunk: TrunkRunner,
        plan: Plan,
        ranges: Augmentation,
        threads: int = 2,
    ) -> None:
        self._pictures = pictures
        self._trunk = trunk
        self._plan = plan
        self._ranges = ranges
        self._threads = threads
        # Decoding costs more than cropping, and a few thousand small pictures fit in memory.
        self._read = lru_cache(maxsize=4000)(lambda index: pictures[index].read(_READ_LONGEST))

    def make(self, number: int) -> Batch:
        """Batch `number` of the plan."""
        rng = np.random.default_rng((self._plan.seed, number))
        side = self._plan.side(number)
        chosen, crops = [], []
        for _ in range(self._plan.size(side)):
            index = int(rng.integers(len(self._pictures)))
            chosen.append(self._pictures[index])
            crops.append(random_crop(*self._read(index), side, self._ranges, rng))
        cells = side // STRIDE
        people = [to_cells(crop.people) for crop in crops]
        maps = self._trunk(np.stack([crop.picture for crop in crops]).astype(np.float32))
        return Batch(
            features=maps.features,
            heats=maps.heats,
            mask=np.stack([crop.mask for crop in crops]).astype(np.float32),
            neck=np.stack([neck_target(group, cells) for group in people]),
            pafs=np.stack([paf_target(group, cells) for group in people]),
            taught=np.stack([taught_fields(picture.never_labelled) for picture in chosen]),
        )

    def stream(self, first: int, end: int) -> Iterator[Batch]:
        """Batches `first` to `end` - 1 in order."""
        with concurrent.futures.ThreadPoolExecutor(self._threads) as pool:
            ahead: deque[concurrent.futures.Future[Batch]] = deque()
            for number in range(first, end):
                ahead.append(pool.submit(self.make, number))
                if len(ahead) > 2 * self._threads:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
