"""Training crops of feet with exact toes and heels, cut as edgepose.wholebody.crops cuts them.

    python models/training/render/foot_crops.py --out feet.npz --count 3000

Run where edgepose is installed too. Nobody in them is real: bodies are Anny's. --backdrops takes a folder of pictures
to stand in front of; without it, backdrops are painted.

A crop is MARGIN times as wide as the product's, so that training can turn, shift and scale it; labels are shares of the
product's, whose middle it has.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import crowd
import marks
import numpy as np
import pose as posing
import quick
from body import BODY18, keypoints
from PIL import Image
from raster import Camera
from tqdm import tqdm

from edgepose.wholebody import crops

SIDE, MARGIN = 144, 1.3
_HIDDEN, _ABSENT = 0.15, 0.04
"""Shares of feet that something stands before, and of crops in which there is none."""
_TROUSERS = (0.95, 0.95, 0.95, 0.6, 0.2, -0.4)
_UNDER_M = 0.035


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--backdrops", type=Path, help="folder of pictures")
    args = parser.parse_args()
    rng = np.random.default_rng(args.seed)
    backdrops = _read(args.backdrops, rng) if args.backdrops else []
    people = [
        crowd.person(rng, float(rng.choice(_TROUSERS)), rng.uniform() < 0.5)
        for _ in tqdm(range(args.people), desc="people", mininterval=10)
    ]
    images, labels = [], []
    for k in tqdm(range(args.count), desc="feet", mininterval=10):
        image, label = one(people[k % len(people)], backdrops, rng)
        images.append(image)
        labels.append(label)
    np.savez_compressed(args.out, images=np.stack(images), labels=np.stack(labels))


def _read(folder: Path, rng: np.random.Generator, most: int = 80) -> list[quick.Bytes]:
    files = sorted(folder.glob("*.jpg"))
    chosen = [files[k] for k in rng.permutation(len(files))[:most]]
    return [np.asarray(Image.open(file).convert("RGB")) for file in chosen]


def backdrop(size: int, backdrops: list[quick.Bytes], rng: np.random.Generator) -> quick.Bytes:
    """(size, size, 3): a piece of a picture, or a painted one."""
    large = [picture for picture in backdrops if min(picture.shape[:2]) > size]
    if not large or rng.uniform() < 0.2:
        return quick.painted((size, size), rng)
    picture = large[rng.integers(len(large))]
    y, x = (int(rng.integers(side - size)) for side in picture.shape[:2])
    return picture[y : y + size, x : x + size]


def one(
    dressed: quick.Dressed, backdrops: list[quick.Bytes], rng: np.random.Generator
) -> tuple[quick.Bytes, np.ndarray]:
    """A crop (SIDE, SIDE, 3) of a right foot, or a mirrored left one, and (3, 3) x, y from 0 to 1, and how well seen.

    The last is 1 where nothing hides the point, 0.5 where the foot itself or the other leg does, 0 where it is covered.
    """
    if rng.uniform() < _ABSENT:
        return backdrop(SIDE, backdrops, rng), np.zeros((3, 3), np.float32)
    transforms = posing.transforms(dressed.body, _pose(dressed, rng))
    body = keypoints(dressed.body, transforms)
    side = "left" if rng.uniform() < 0.5 else "right"
    knee, ankle = (body[BODY18.index(f"{side}_{joint}")] for joint in ("knee", "ankle"))
    shank_m = float(np.linalg.norm(knee - ankle))
    size = int(np.exp(rng.uniform(np.log(64), np.log(280))))
    camera = _camera(ankle, 2.6 * shank_m, size, rng)
    shot = quick.shoot(dressed, transforms, camera, backdrop(size, backdrops, rng), rng)
    flat = camera.project(np.stack([knee, ankle]))[:, :2]
    length = shank_m * camera.focal_px / camera.project(ankle[None])[0, 2]
    found = flat + rng.normal(0, 0.04 * length, flat.shape)
    points = {f"{side}_{n}": np.array([*xy, 1], np.float32) for n, xy in zip(("knee", "ankle"), found, strict=True)}
    stature = length / 0.246 * rng.uniform(0.85, 1.1)
    crop = crops.foot(points, side, float(stature))
    assert crop is not None
    both = marks.feet(dressed).world(shot.vertices, transforms)
    xy, seen = shot.shows(camera, both[:3] if side == "left" else both[3:], _UNDER_M)
    uv = crop.to_crop(xy.astype(np.float32))
    value = np.where(seen, 1.0, 0.5)
    image = replace(crop, side=MARGIN * crop.side).pixels(shot.pixels, SIDE)
    if rng.uniform() < _HIDDEN:
        image, value = _covered(image, uv, value, rng)
    return image, np.column_stack([uv, value]).astype(np.float32)


def _pose(dressed: quick.Dressed, rng: np.random.Generator) -> posing.Pose:
    """As people of the crowd hold themselves, half of them with their feet turned any way an ankle allows."""
    pose = crowd.pose(dressed.body, rng)
    return pose if rng.uniform() < 0.5 else replace(pose, toes=pose.toes + rng.normal(0, 0.3, (2, 3)))


def _camera(at: np.ndarray, width_m: float, size: int, rng: np.random.Generator) -> Camera:
    """From somewhere around, as high as cameras and hands hold them."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(-3, 60))
    distance = rng.uniform(1.4, 6.0)
    way = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    eye = at + distance * way
    fov = 2 * np.degrees(np.arctan(0.5 * width_m / distance))
    return Camera.looking(tuple(eye), tuple(at), fov, (size, size))


def _covered(
    image: quick.Bytes, uv: np.ndarray, value: np.ndarray, rng: np.random.Generator
) -> tuple[quick.Bytes, np.ndarray]:
    """Something painted in front of a part of the crop."""
    image, value = image.copy(), value.copy()
    along = int(rng.integers(2))
    edge, above = rng.uniform(0.2, 0.8), rng.uniform() < 0.5
    patch = quick.painted((SIDE, SIDE), rng)
    place = ((np.arange(SIDE) + 0.5) / SIDE - 0.5) * MARGIN + 0.5
    hidden = (place > edge) if above else (place < edge)
    rows = hidden[:, None] if along else hidden[None]
    image = np.where(np.broadcast_to(rows, (SIDE, SIDE))[..., None], patch, image)
    under = (uv[:, along] > edge) if above else (uv[:, along] < edge)
    value[under] = 0.0
    return image, value


if __name__ == "__main__":
    main()
