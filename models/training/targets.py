"""What the network should answer: a Gaussian a keypoint, a band of unit vectors a limb.

The form is that of Cao et al., "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields"
(CVPR 2017), with widths that grow with the person.
"""

from collections.abc import Sequence

import numpy as np

from .coco import FloatArray
from .layout import FIELDS, LIMB_ENDS, NECK, STRIDE


def to_cells(people: FloatArray) -> FloatArray:
    """`people` (P, 18, 3) with x, y in grid cells instead of pixels (cell centres are integers)."""
    cells = people.copy()
    cells[..., :2] = (people[..., :2] + 0.5) / STRIDE - 0.5
    return cells


def neck_target(people: FloatArray, side: int) -> FloatArray:
    """(side, side) heat map 0-1 of the necks of `people`, given in grid cells."""
    heat = np.zeros((side, side), np.float32)
    for person in people:
        if not person[NECK, 2]:
            continue
        sigma = float(np.clip(_extent(person) * 0.035, 0.8, 2.5))
        x, y = person[NECK, :2]
        rows, columns = _window(y, y, 3 * sigma, side), _window(x, x, 3 * sigma, side)
        dy = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - y
        dx = np.arange(columns.start, columns.stop, dtype=np.float32) - x
        bump = np.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma))
        heat[rows, columns] = np.maximum(heat[rows, columns], bump)
    return heat


def paf_target(people: FloatArray, side: int) -> FloatArray:
    """(side, side, 38) part affinity fields of `people` in grid cells: unit vectors, averaged where limbs cross."""
    fields = np.zeros((side, side, FIELDS), np.float32)
    counts = np.zeros((side, side, FIELDS // 2), np.float32)
    for person in people:
        if not person[:, 2].any():
            continue
        half_width = float(np.clip(_extent(person) * 0.03, 1.0, 2.0))
        for limb, (start, end) in enumerate(LIMB_ENDS):
            if person[start, 2] and person[end, 2]:
                _add_limb(fields, counts, limb, person[start, :2], person[end, :2], half_width)
    return fields


def taught_fields(never_labelled: Sequence[int]) -> FloatArray:
    """(38,) 0 for both channels of a limb that has an end in `never_labelled`, else 1."""
    known = [not {start, end} & set(never_labelled) for start, end in LIMB_ENDS]
    return np.repeat(np.array(known, np.float32), 2)


def _add_limb(
    fields: FloatArray, counts: FloatArray, limb: int, start: FloatArray, end: FloatArray, half_width: float
) -> None:
    side = len(fields)
    length = float(np.hypot(*(end - start)))
    if length < 1e-3:
        return
    ux, uy = (end - start) / length
    rows = _window(start[1], end[1], half_width + 1, side)
    columns = _window(start[0], end[0], half_width + 1, side)
    dy = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - start[1]
    dx = np.arange(columns.start, columns.stop, dtype=np.float32) - start[0]
    along, across = dx * ux + dy * uy, np.abs(dx * uy - dy * ux)
    band = (along >= -0.5) & (along <= length + 0.5) & (across <= half_width)
    seen = counts[rows, columns, limb]
    field = fields[rows, columns, 2 * limb : 2 * limb + 2]
    before = seen[band][:, None]
    field[band] = (field[band] * before + (ux, uy)) / (before + 1)
    seen[band] += 1


def _extent(person: FloatArray) -> float:
    """Longer side of the box around the labelled keypoints, cells; at least 4."""
    seen = person[person[:, 2] > 0, :2]
    return max(float(np.ptp(seen, axis=0).max()), 4.0)


def _window(low: float, high: float, margin: float, side: int) -> slice:
    """Cells of a row or column that lie within `margin` of low..high; empty when all are outside."""
    first = int(np.clip(np.floor(min(low, high) - margin), 0, side))
    last = int(np.clip(np.ceil(max(low, high) + margin) + 1, first, side))
    return slice(first, last)
