"""Renders a test set of people with exact hands, feet and faces: pictures and truth.json.

    python models/training/render/wholebody_set.py --out tests/wholebody

Nobody in it is real: bodies are Anny's, backdrops are painted. People and poses are not those of foot_crops.py, whose
seeds are smaller.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import crowd
import marks
import numpy as np
import pose as posing
import quick
from body import BODY18, keypoints
from PIL import Image
from raster import Camera
from tqdm import tqdm

WIDTH, HEIGHT = 640, 480
_UNDER_M = {"left_hand": 0.022, "right_hand": 0.022, "feet": 0.035, "face": 0.012}
"""How far under its surface a place may lie: a finger's joint in its middle."""
_BODY_UNDER_M = 0.13


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--pictures", type=int, default=8, help="of each of them; half of them close")
    parser.add_argument("--seed", type=int, default=1000)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(args.seed)
    entries = []
    for who in tqdm(range(args.people), desc="people"):
        dressed = crowd.person(rng)
        for k in range(args.pictures):
            name = f"person_{who}_{k}.jpg"
            pixels, truth = one(dressed, close=k % 2 == 1, rng=rng)
            Image.fromarray(pixels).save(args.out / name, quality=88)
            entries.append({"file": name, **truth})
    lines = ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
    (args.out / "truth.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def one(dressed: quick.Dressed, *, close: bool, rng: np.random.Generator) -> tuple[quick.Bytes, dict[str, Any]]:
    """A picture and its truth: x, y and whether it is seen of every place, and the numbers of the face's points."""
    body = dressed.body
    transforms = posing.transforms(body, crowd.pose(body, rng))
    places = keypoints(body, transforms)
    camera = _camera(places, transforms, close, rng)
    shot = quick.shoot(dressed, transforms, camera, quick.painted((HEIGHT, WIDTH), rng), rng)
    truth: dict[str, Any] = {"close": close, "body18": _rows(shot, camera, places, _BODY_UNDER_M)}
    for name, part in marks.all_of(dressed).items():
        truth[name] = _rows(shot, camera, part.world(shot.vertices, transforms), _UNDER_M[name])
    return shot.pixels, truth | {"face_points": list(marks.FACE)}


def _rows(shot: quick.Shot, camera: Camera, places: np.ndarray, under_m: float) -> list[list[float]]:
    xy, seen = shot.shows(camera, places, under_m)
    return [[round(float(x), 2), round(float(y), 2), int(s)] for (x, y), s in zip(xy, seen, strict=True)]


def _camera(places: np.ndarray, transforms: np.ndarray, close: bool, rng: np.random.Generator) -> Camera:
    """From the front half, so that faces are seen; close: the upper body fills the picture."""
    nose, neck, hips = places[BODY18.index("nose")], places[1], 0.5 * (places[8] + places[11])
    chest = transforms[posing.SEGMENT_INDEX["head" if close else "root"]][:, 0]
    facing = np.arctan2(chest[1], chest[0])
    azimuth = facing + np.radians(rng.uniform(-50, 50))
    elevation = np.radians(rng.uniform(-5, 25))
    low, high = places.min(0), places.max(0)
    at = 0.3 * nose + 0.5 * neck + 0.2 * hips if close else 0.5 * (low + high)
    across = 1.0 if close else 1.25 * max(float(np.ptp(places[:, 2])) + 0.2, 0.8 * float(np.linalg.norm(high - low)))
    distance = rng.uniform(1.5, 4.0)
    way = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    fov = 2 * np.degrees(np.arctan(0.5 * across * WIDTH / HEIGHT / distance))
    return Camera.looking(tuple(at + distance * way), tuple(at), fov, (WIDTH, HEIGHT))


if __name__ == "__main__":
    main()
