"""Crops of hands for training/hand.py, cut as the product cuts them but wider: of rendered people, and of pictures."""

import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .coco import read_rgb
from .errors import TrainingError
from .foot_views import MARGIN
from .pictures import pictures_in

Array = Any
PIXELS = 272
"""Of a crop's side."""
POINTS = 21
_LEAST_PX = 24.0
"""Smaller crops of pictures show too little."""
_SEEN = 0.6
"""Share of the points in view from which their places are learned."""


def of_rendered(folders: Iterable[Path], out: Path) -> int:
    """Writes the hands of what render/wholebody_set.py wrote, with their places; how many."""
    from edgepose.domain import Pose, Track

    rows: list[tuple[Array, Array]] = []
    for folder in folders:
        for truth in json.loads((folder / "truth.json").read_text()):
            pixels = read_rgb(folder / truth["file"])
            body = np.array(truth["body18"], np.float32)
            body[:, 2] = 0.9
            for side, crop, wide in _squares(pixels, [Track(1, Pose(body, 0.9))], "body18"):
                places = np.array(truth[f"{side}_hand"], np.float32)
                counts = np.where(places[:, 2] > 0, 1.0, 0.5) * (places[:, 2].mean() >= _SEEN)
                rows.append((wide, np.column_stack([crop.to_crop(places[:, :2]), counts])))
    return _write(out, rows)


def of_pictures(folders: Iterable[Path], network: str, out: Path, most: int, seed: int) -> int:
    """Writes the hands of people that a network finds in pictures, no places known; how many."""
    from edgepose import networks
    from edgepose.adapters.files import FileSource

    pipeline = networks.build_pipeline(networks.load(network))
    paths = [path for folder in folders for path in pictures_in(folder)]
    random.Random(seed).shuffle(paths)
    rows: list[tuple[Array, Array]] = []
    for path in paths:
        if len(rows) >= most:
            break
        found = pipeline(next(FileSource(path).frames()))
        squares = _squares(read_rgb(path), found.tracks, found.layout)
        rows += [(wide, np.zeros((POINTS, 3))) for _, crop, wide in squares if crop.side >= _LEAST_PX]
    return _write(out, rows[:most])


def _squares(pixels: Array, tracks: Any, layout: str) -> Iterator[tuple[str, Any, Array]]:
    """Side, the product's crop and the pixels of a wider one, of each hand that should be in the picture."""
    from edgepose.wholebody import crops
    from edgepose.wholebody.people import points_of, stature_of

    height, width = pixels.shape[:2]
    for track in tracks:
        points, stature_px = points_of(track.pose, layout), stature_of(track, layout)
        for side in ("left", "right"):
            crop = crops.hand(points, side, stature_px)
            if crop is not None and 0 <= crop.x < width and 0 <= crop.y < height:
                yield side, crop, replace(crop, side=MARGIN * crop.side).pixels(pixels, PIXELS)


def _write(out: Path, rows: list[tuple[Array, Array]]) -> int:
    if not rows:
        raise TrainingError(f"not one hand for {out}; name other pictures")
    images, labels = (np.array(each) for each in zip(*rows, strict=True))
    np.savez(out, images=images, labels=labels.astype(np.float32))
    return len(rows)
