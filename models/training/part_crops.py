"""Real crops of hands and faces, cut from annotated pictures as the product cuts them: to calibrate and compare."""

from pathlib import Path

import numpy as np

from .coco import ByteArray, FloatArray, read_annotations, read_rgb

_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
_LEAST_PX = 40.0
"""Smaller crops show too little."""


def crops(part: str, annotations: Path, images: Path, side: int, most: int) -> FloatArray:
    """(N, side, side, 3) crops, 0 to 1, of at most so many hands or faces of people in COCO's keypoint form."""
    # The product cuts them; it is installed where a network is exported.
    from edgepose.wholebody import crops as cutting

    found: list[ByteArray] = []
    for picture in read_annotations(annotations, images):
        pixels: ByteArray | None = None
        for points in map(_points, picture.people[:, : len(_NAMES)]):
            sides = ("left", "right") if part == "hand" else ("",)
            squares = [cutting.hand(points, s, 0.0) if part == "hand" else cutting.face(points, 0.0) for s in sides]
            for square in squares:
                if square is None or square.side < _LEAST_PX or len(found) >= most:
                    continue
                pixels = read_rgb(picture.path) if pixels is None else pixels
                found.append(square.pixels(pixels, side))
    return np.stack(found).astype(np.float32) / 255


def _points(keypoints: FloatArray) -> dict[str, FloatArray]:
    return {name: row for name, row in zip(_NAMES, keypoints, strict=True) if row[2] > 0}
