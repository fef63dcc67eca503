"""Crops of hands for training/hand.py, cut as the product cuts them but wider: of rendered people, of pictures."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .pictures import pictures_in

Array = Any
PIXELS, MARGIN = 248, 1.3
"""Of a side, and how many times as wide as the product's it is."""
_LEAST_PX = 24.0
"""Smaller crops of pictures show too little."""
_SEEN, _HIDDEN = 0.6, 0.1
"""Shares of the points in view from which a hand is there, and up to which it is not."""


def of_rendered(folder: Path, out: Path) -> int:
    """Writes those of what render/wholebody_set.py wrote, with their places; how many."""
    from edgepose.domain import Pose, Track

    rows: list[tuple[Array, Array, float]] = []
    for truth in json.loads((folder / "truth.json").read_text()):
        body = np.array(truth["body18"], np.float32)
        size = _picture_size(folder / truth["file"])
        body[:, 2] = 0.9
        body[((body[:, :2] < -0.5) | (body[:, :2] > np.array(size) - 0.5)).any(axis=1)] = 0
        for side, crop, pixels in _squares(folder / truth["file"], [Track(1, Pose(body, 0.9))], "body18"):
            places = np.array(truth[f"{side}_hand"], np.float32)
            xy, share = crop.to_crop(places[:, :2]), places[:, 2].mean()
            inside = ((xy > -0.1) & (xy < 1.1)).all(axis=1)
            counts = np.where(places[:, 2] > 0, 1.0, 0.5) * inside * (share >= _SEEN)
            there = 1.0 if share >= _SEEN else 0.0 if share <= _HIDDEN else np.nan
            rows.append((pixels, np.column_stack([xy, counts]), there))
    return _write(out, rows)


def of_pictures(folders: list[Path], network: str, out: Path, most: int, seed: int) -> int:
    """Writes those of people that a network finds in pictures, nothing known of them; how many."""
    from edgepose import networks
    from edgepose.adapters.files import FileSource

    pipeline = networks.build_pipeline(networks.load(network))
    paths = [path for folder in folders for path in pictures_in(folder)]
    random.Random(seed).shuffle(paths)
    rows: list[tuple[Array, Array, float]] = []
    for path in paths:
        if len(rows) >= most:
            break
        found = pipeline(next(FileSource(path).frames()))
        squares = _squares(path, found.tracks, found.layout)
        unknown = np.zeros((21, 3), np.float32)
        rows += [(pixels, unknown, np.nan) for _, crop, pixels in squares if crop.side >= _LEAST_PX]
    return _write(out, rows[:most])


def _squares(path: Path, tracks: Any, layout: str) -> Iterator[tuple[str, Any, Array]]:
    """Side, the product's crop and the pixels of a wider one, of each hand that should be in the picture."""
    from edgepose.adapters.files import FileSource
    from edgepose.wholebody import crops
    from edgepose.wholebody.people import points_of, stature_of

    picture = next(FileSource(path).frames()).picture
    pixels = picture.rgb(picture.width, picture.height)
    for track in tracks:
        points, stature_px = points_of(track.pose, layout), stature_of(track, layout)
        for side in ("left", "right"):
            crop = crops.hand(points, side, stature_px)
            if crop is not None and 0 <= crop.x < picture.width and 0 <= crop.y < picture.height:
                yield side, crop, replace(crop, side=MARGIN * crop.side).pixels(pixels, PIXELS)


def _picture_size(path: Path) -> tuple[int, int]:
    from edgepose.adapters.files import FileSource

    picture = next(FileSource(path).frames()).picture
    return picture.width, picture.height


def _write(out: Path, rows: list[tuple[Array, Array, float]]) -> int:
    images, labels, presence = (np.array(each) for each in zip(*rows, strict=True))
    np.savez(out, images=images, labels=labels.astype(np.float32), presence=presence.astype(np.float32))
    return len(rows)
