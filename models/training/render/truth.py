"""Ground truth of a clip: where every keypoint of every person is in every frame, and what they do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from body import BODY18, Body, keypoints
from mesh import Float, Int
from picture import OVERSAMPLE
from raster import Camera
from story import Actor

OCCLUDED, VISIBLE = 1, 2

# how far under its own surface a joint lies at most, seen from anywhere in front of it; metres
_DEPTH_M = dict.fromkeys(BODY18, 0.09) | {
    "neck": 0.13, "right_shoulder": 0.13, "left_shoulder": 0.13, "right_hip": 0.18, "left_hip": 0.18,
    "right_knee": 0.11, "left_knee": 0.11, "nose": 0.04, "right_eye": 0.05, "left_eye": 0.05,
    "right_ear": 0.05, "left_ear": 0.05,
}  # fmt: skip
_UNDER_M = np.array([_DEPTH_M[name] for name in BODY18], np.float32)


def observed(camera: Camera, body: Body, transforms: Float, who: int, owner: Int, depth_m: Float) -> list[float] | None:
    """Flat x, y, v of the 18 keypoints; None for somebody of whom no keypoint is in the picture.

    v is 2 where it is seen, 1 where furniture, somebody else or the own body hides it, 0 (with x = y = 0) outside the
    picture. `owner` and `depth_m` are the picture's, see picture.Shot.
    """
    x, y, z = camera.project(keypoints(body, transforms)).T
    inside = (x > -0.5) & (y > -0.5) & (x < camera.width - 0.5) & (y < camera.height - 0.5) & (z > 0)
    if not inside.any():
        return None
    column = np.clip(((x + 0.5) * OVERSAMPLE).astype(int), 0, owner.shape[1] - 1)
    row = np.clip(((y + 0.5) * OVERSAMPLE).astype(int), 0, owner.shape[0] - 1)
    own = (owner[row, column] == who) & (z - depth_m[row, column] < _UNDER_M)
    # a joint at the outline may fall just beside the body: then nothing is in front of it
    seen = own | (depth_m[row, column] > z - 0.02)
    value = np.where(inside, np.where(seen, VISIBLE, OCCLUDED), 0)
    rows = zip(np.where(inside, x, 0), np.where(inside, y, 0), value, strict=True)
    return [round(float(v), 1) if k < 2 else int(v) for row_ in rows for k, v in enumerate(row_)]


def document(camera: Camera, fps: int, actors: Sequence[Actor], frames: list[list[dict[str, Any]]]) -> dict[str, Any]:
    """The whole file's content."""
    events = {name: round(t, 2) for actor in actors for name, t in actor.events.items()}
    return {
        "layout": "body18",
        "keypoints": BODY18,
        "fps": fps,
        "width": camera.width,
        "height": camera.height,
        "visibility": {"0": "outside the picture", "1": "hidden", "2": "seen"},
        "events": events,
        "frames": frames,
    }


def written(content: dict[str, Any]) -> str:
    """Compact JSON, one frame a line."""
    head = {k: v for k, v in content.items() if k != "frames"}
    lines = ",\n".join(json.dumps(frame, separators=(",", ":")) for frame in content["frames"])
    return json.dumps(head, separators=(",", ":"))[:-1] + ',"frames":[\n' + lines + "\n]}\n"
