"""Renders a set of people who lie, have fallen or sit on the floor, with the exact place of every joint.

    python models/training/render/lying.py --out runs/lying/rendered

Six people in the demo clip's room, seen by three cameras on the wall and one under the ceiling: on the back, on the
face, on the side, curled up, slumped, half behind bed or armchair, in the bed; by day, dim, and grey as in infrared
light. For `python -m training lying-score`; nothing is trained on it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import picture
import pose as posing
import scene
import truth
from body import BODY18, keypoints, make_body
from motion import standing
from numpy.typing import NDArray
from pose import Array, Pose, mirrored, turn
from raster import Camera
from tqdm import tqdm
from wardrobe import Dressed, Outfit, dress

SIZE = (640, 480)
COCO17 = [
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
]  # fmt: skip
_LEAST_SEEN = 6
"""keypoints that nothing hides; with fewer nobody would say that the person is in view"""

CAMERAS = {
    "wall": Camera.looking((0.22, 0.18, 2.35), (2.42, 2.3, 0.4), 67.0, SIZE),
    "far wall": Camera.looking((4.45, 4.05, 1.9), (2.1, 1.9, 0.2), 72.0, SIZE),
    "low, behind the bed": Camera.looking((4.5, 0.25, 1.15), (2.2, 2.6, 0.25), 75.0, SIZE),
    "ceiling": Camera.looking((2.3, 2.1, 2.52), (2.3, 2.2, 0.0), 100.0, SIZE),
}

Sides = tuple[tuple[float, float, float], tuple[float, float, float]]


def _posed(  # noqa: PLR0913
    pelvis: tuple[float, float, float], tilt: Array, ankles: Sides, toes: Sides, knees: Sides, hands: Sides,
    elbows: Sides, *, spine: tuple[float, float, float] = (0, 0, 0), head: tuple[float, float, float] = (0, 0, 0),
) -> Pose:  # fmt: skip
    """A pose in the person's own frame; ankles are given in leg lengths along the floor, metres upwards."""
    return Pose(
        np.array(pelvis, float), tilt, np.array(spine, float), np.array(head, float), np.array(ankles, float),
        np.array(toes, float), np.array(knees, float), np.array(hands, float), np.array(elbows, float),
        np.zeros((2, 3)), np.zeros(2),
    )  # fmt: skip


def _on_the_back(rng: np.random.Generator) -> Pose:
    bent = rng.uniform(0.55, 0.97)
    spread = rng.uniform(0.1, 0.3, 2)
    arms = [(-0.03, rng.uniform(0.3, 0.9), rng.uniform(-0.8, 0.6)) for _ in "lr"]
    return _posed(
        (0, 0, 0.118), turn(pitch=-89), ((0.97, spread[0], 0.085), (bent, -spread[1], 0.095)),
        ((0.35, 0.45, 0.85), (0.75, -0.3, 0.6)), ((0.1, 0.3, 1), (0.1, -0.3, 1)), (arms[0], arms[1]),
        ((-0.35, 0.4, -0.9), (-0.25, 1.0, 0.1)), head=(rng.uniform(0, 12), 0, rng.uniform(-35, 35)),
    )  # fmt: skip


def _on_the_face(rng: np.random.Generator) -> Pose:
    spread = rng.uniform(0.08, 0.3, 2)
    up = rng.uniform(-0.85, 0.75, 2)
    arms = [(0.05, float(np.sqrt(max(0.05, 0.85 - height**2))), height) for height in up]
    return _posed(
        (0, 0, 0.12), turn(pitch=88), ((-0.97, spread[0], 0.09), (-0.94, -spread[1], 0.09)),
        ((-0.9, 0.1, -0.4), (-0.9, -0.1, -0.4)), ((0, 0.1, -1), (0, -0.1, -1)), (arms[0], arms[1]),
        ((-0.2, 1, 0), (-0.2, 1, 0)), head=(-8, 0, float(rng.choice([-60, 60]))),
    )  # fmt: skip


def _on_the_side(rng: np.random.Generator) -> Pose:
    bent = rng.uniform(0.62, 0.8)
    return _posed(
        (0.02, 0.06, 0.16), turn(pitch=-86, twist=rng.uniform(65, 85)),
        ((bent, 0.20, 0.085), (bent - 0.12, 0.32, 0.17)), ((0.8, 0.5, 0), (0.8, 0.5, -0.1)),
        ((0.2, 1, 0.05), (0.3, 1, 0.2)), ((0.6, 0.35, 0.25), (0.6, 0.05, rng.uniform(-0.7, 0.0))),
        ((0.3, -0.8, 0.2), (-0.3, 0.8, 0.2)), spine=(12, 0, 8), head=(6, 0, 4),
    )  # fmt: skip


def _curled_up(rng: np.random.Generator) -> Pose:
    return _posed(
        (0.0, 0.0, 0.16), turn(pitch=-86, twist=80), ((0.42, 0.48, 0.085), (0.36, 0.55, 0.18)),
        ((0.7, 0.7, 0), (0.7, 0.7, -0.1)), ((0.1, 1, 0.05), (0.15, 1, 0.2)),
        ((0.55, 0.15, 0.2), (0.6, -0.1, rng.uniform(-0.5, 0.1))), ((0.3, -0.5, -0.6), (0.1, 0.7, -0.6)),
        spine=(30, 0, 5), head=(28, 0, 0),
    )  # fmt: skip


def _slumped(rng: np.random.Generator) -> Pose:
    lean = rng.uniform(-40, -15)
    return _posed(
        (0, 0, 0.12), turn(pitch=lean, roll=rng.uniform(-12, 12)), ((0.95, 0.18, 0.09), (0.75, -0.2, 0.09)),
        ((0.5, 0.4, 0.8), (0.6, -0.2, 0.7)), ((0.2, 0.3, 1), (0.2, -0.3, 1)),
        ((0.2, 0.3, -0.85), (0.05, 0.45, -0.8)), ((-0.5, 0.8, -0.2), (-0.5, 0.8, -0.2)),
        spine=(28, rng.uniform(-10, 10), 0), head=(25, rng.uniform(-15, 15), 0),
    )  # fmt: skip


POSES: dict[str, Callable[[np.random.Generator], Pose]] = {
    "back": _on_the_back, "face": _on_the_face, "side": _on_the_side, "curled": _curled_up, "slumped": _slumped,
}  # fmt: skip


def people(seed: int) -> list[Dressed]:
    """Six people of all ages and builds in plain clothes."""
    rng = np.random.default_rng(seed)
    dressed = []
    for number, age in enumerate((0.95, 0.9, 0.7, 0.68, 0.85, 0.97)):
        shape = {
            "gender": float(number % 2), "age": age, "height": rng.uniform(0.3, 0.7), "weight": rng.uniform(0.35, 0.75),
            "muscle": rng.uniform(0.4, 0.6), "proportions": 0.5,
        }  # fmt: skip
        body = make_body(shape, rng.uniform(1.55, 1.85))
        skin = tuple(np.array([0.56, 0.33, 0.24]) * rng.uniform(0.3, 1.1))
        colours = [tuple(rng.uniform(0.03, 0.55, 3)) for _ in range(4)]
        outfit = Outfit(skin, colours[0], colours[1], colours[2], colours[3], (0.4, 0.4, 0.4), rng.uniform(0.3, 0.95))
        dressed.append(dress(body, outfit, seed + number))
    return dressed


@dataclass(frozen=True)
class Placed:
    """Somebody in the room."""

    dressed: Dressed
    transforms: Array
    lying: bool


def _placed(dressed: Dressed, kind: str, rng: np.random.Generator) -> Placed:
    """Somewhere on the floor where nobody sticks in the furniture, or in the bed."""
    in_bed = kind in ("back", "side") and rng.random() < 0.2
    for _ in range(200):
        pose = POSES[kind](rng)
        pose.ankles[:, :2] *= dressed.body.leg_m
        pose = mirrored(pose) if rng.random() < 0.5 else pose
        if in_bed:  # head on the pillow
            origin = np.array(
                [0.5 * (scene.BED[0][0] + scene.BED[1][0]), scene.BED[1][1] - 0.98, scene.BED_TOP_M + 0.02]
            )
            pose = pose.placed(origin, -90 + rng.uniform(-6, 6))
        else:
            pose = pose.placed(np.array([rng.uniform(0.5, 3.7), rng.uniform(0.5, 3.6), 0]), rng.uniform(0, 360))
        transforms = posing.transforms(dressed.body, pose)
        if in_bed or _is_free(keypoints(dressed.body, transforms)):
            break
    return Placed(dressed, transforms, True)


def _is_free(points: Any) -> bool:
    x, y = points[:, 0], points[:, 1]
    in_room = (x > 0.15) & (x < scene.WIDTH_M - 0.15) & (y > 0.15) & (y < scene.DEPTH_M - 0.15)
    (left, front), (right, back) = scene.BED
    in_bed = (x > left - 0.08) & (x < right) & (y > front - 0.08) & (y < back)
    in_chair = np.hypot(x - scene.CHAIR_AT[0], y - scene.CHAIR_AT[1]) < 0.6
    return bool(in_room.all() and not in_bed.any() and not in_chair.any())


def _standing(dressed: Dressed, rng: np.random.Generator) -> Placed:
    pose = standing(dressed.body, rng.uniform(0, 360), (rng.uniform(0.9, 3.0), rng.uniform(0.9, 3.4)))
    return Placed(dressed, posing.transforms(dressed.body, pose), False)


def render(out: Path, each: int, seed: int, fine: float) -> int:
    """Writes `each` pictures a camera; returns how many there are."""
    (out / "images").mkdir(parents=True, exist_ok=True)
    cast = people(seed)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    with tqdm(total=each * len(CAMERAS), unit="picture") as bar:
        for number, (view, camera) in enumerate(CAMERAS.items()):
            studio = picture.Studio(camera, seed, fine)
            rng = np.random.default_rng((seed, number))
            while sum(image["group"].endswith(view) for image in images) < each:
                kind = list(POSES)[len(images) % len(POSES)]
                pixels, told = _picture(studio, camera, cast, kind, rng)
                if pixels is None:
                    continue
                place = len(images) + 1
                name = f"{place:03d}.png"
                _write(out / "images" / name, pixels)
                images.append({
                    "id": place, "file_name": name, "width": SIZE[0], "height": SIZE[1],
                    "group": f"rendered, {view}", "pose": kind,
                })  # fmt: skip
                for person in told:
                    annotations.append({"id": len(annotations) + 1, "image_id": place, "category_id": 1, **person})
                bar.update()
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    (out / "set.json").write_text(json.dumps(document), encoding="utf-8")
    return len(images)


def _picture(
    studio: picture.Studio, camera: Camera, cast: list[Dressed], kind: str, rng: np.random.Generator
) -> tuple[NDArray[np.uint8] | None, list[dict[str, Any]]]:
    """A picture and its people; None where the one who lies is hidden."""
    who = rng.permutation(len(cast))
    placed = [_placed(cast[who[0]], kind, rng)]
    if rng.random() < 0.25:
        placed.append(_standing(cast[who[1]], rng))
    shot = studio.shot([(each.dressed, each.transforms) for each in placed])
    told = []
    for number, each in enumerate(placed):
        points = truth.observed(camera, each.dressed.body, each.transforms, number, shot.owner, shot.depth_m)
        if points is None:
            continue
        person = _annotation(points, each.lying)
        if each.lying and person["seen"] < _LEAST_SEEN:
            return None, []
        told.append(person)
    if not any(person["lying"] for person in told):
        return None, []
    return _lit(shot.linear, rng), told


def _annotation(body18: list[float], lying: bool) -> dict[str, Any]:
    rows = np.array(body18).reshape(-1, 3)[[BODY18.index(name) for name in COCO17]]
    there = rows[rows[:, 2] > 0, :2]
    low, high = there.min(axis=0), there.max(axis=0)
    return {
        "keypoints": rows.ravel().tolist(),
        "num_keypoints": len(there),
        "seen": int((rows[:, 2] == truth.VISIBLE).sum()),
        "bbox": [*low.tolist(), *(high - low).tolist()],
        "iscrowd": 0,
        "lying": lying,
    }


def _lit(linear: Any, rng: np.random.Generator) -> NDArray[np.uint8]:
    """By day, dim, or grey with more noise."""
    light = rng.choice(["day", "day", "dim", "grey"])
    if light == "grey":
        linear = np.repeat((linear * (0.25, 0.45, 0.3)).sum(axis=2, keepdims=True), 3, axis=2)
    strength, noise = {"day": (1.0, 1.0), "dim": (0.3, 2.0), "grey": (0.6, 2.5)}[str(light)]
    return picture.developed(np.asarray(linear * strength, np.float32), rng, noise)


def _write(path: Path, pixels: NDArray[np.uint8]) -> None:
    with av.open(str(path), "w", format="image2") as file:
        stream = file.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = pixels.shape[1], pixels.shape[0], "rgb24"
        file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        file.mux(stream.encode(None))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for images/ and set.json")
    parser.add_argument("--each", type=int, default=25, help="pictures a camera")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--fine", type=float, default=0.35, help="lamps of the empty room; 1 is as in the demo clip")
    args = parser.parse_args()
    print(f"rendered {render(args.out, args.each, args.seed, args.fine)} pictures in {args.out}")


if __name__ == "__main__":
    main()
