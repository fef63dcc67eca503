"""What the teacher's averaged maps say, as places and strengths: peaks, limbs and centres, to be drawn at any scale.

Warped maps would not do: the network draws peaks and fields of one width whatever the size of the person, so a map made
larger or smaller than it was made contradicts what the network should answer there.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates, maximum_filter

from .coco import FloatArray
from .head_file import write_arrays
from .layout import (
    CENTRE,
    CHANNELS,
    COCO17,
    FIRST_FIELD,
    FIRST_OFFSET,
    HEATS,
    LIMB_ENDS,
    MIRROR,
    MIRRORED_LIMBS,
    STRIDE,
)

Matrix = npt.NDArray[np.float64]

PEAK_WIDTH = 1.25
"""Standard deviation of the trunk's peaks, cells."""

_LEAST_HEAT = 0.03
_LEAST_FIELD = 0.03
_MOST_PEAKS = 60
"""Of one keypoint, the highest."""
_SAMPLES = 10
_LOG_FLOOR = 1e-3


@dataclass(frozen=True)
class SoftLabels:
    """Places in pixels of the picture that was looked at."""

    peaks: FloatArray
    """(N, 4) channel, x, y, height 0-1"""
    limbs: FloatArray
    """(M, 6) limb, x and y of its start, x and y of its end, strength 0-1"""
    centres: FloatArray
    """(C, 1 + 2 * 18) height, x and y of the centre, x and y of each of COCO's 17 keypoints"""

    @classmethod
    def of(cls, maps: FloatArray) -> "SoftLabels":
        """Of the (h, w, CHANNELS) maps of an Ensemble."""
        peaks = _peaks(maps[..., :FIRST_FIELD])
        by_channel = [peaks[peaks[:, 0] == channel, 1:] for channel in range(HEATS)]
        limbs = [
            limb
            for number, (start, end) in enumerate(LIMB_ENDS)
            for limb in _limbs(
                number, by_channel[start], by_channel[end], maps[..., FIRST_FIELD + 2 * number :][..., :2]
            )
        ]
        limbs = np.array(limbs, np.float32).reshape(-1, 6)
        centres = _centres(maps, peaks[peaks[:, 0] == CENTRE, 1:])
        return cls(
            np.column_stack([peaks[:, :1], _pixels(peaks[:, 1:3]), peaks[:, 3:]]),
            np.column_stack([limbs[:, :1], _pixels(limbs[:, 1:5]), limbs[:, 5:]]),
            np.column_stack([centres[:, :1], _pixels(centres[:, 1:])]),
        )

    @classmethod
    def load(cls, path: Path) -> "SoftLabels":
        """Those of a file by save."""
        with np.load(path) as kept:
            return cls(kept["peaks"], kept["limbs"], kept["centres"])

    def save(self, path: Path) -> None:
        """Keeps them in an .npz."""
        write_arrays(path, {"peaks": self.peaks, "limbs": self.limbs, "centres": self.centres})

    def moved(self, transform: Matrix, *, mirrored: bool) -> "SoftLabels":
        """The labels after the affine (2, 3) `transform` of their places; left and right swapped if `mirrored`."""
        peaks, limbs, centres = self.peaks.copy(), self.limbs.copy(), self.centres.copy()
        peaks[:, 1:3] = _move(peaks[:, 1:3], transform)
        limbs[:, 1:5] = _move(limbs[:, 1:5], transform)
        centres[:, 1:] = _move(centres[:, 1:], transform)
        if mirrored:
            peaks[:, 0] = np.array((*MIRROR, CENTRE))[peaks[:, 0].astype(int)]
            limbs[:, 0] = np.array(MIRRORED_LIMBS)[limbs[:, 0].astype(int)]
            places = centres[:, 3:].reshape(-1, len(COCO17), 2)[:, list(MIRROR[: len(COCO17)])]
            centres[:, 3:] = places.reshape(len(centres), -1)
        return SoftLabels(peaks, limbs, centres)

    def with_people(self, people: FloatArray, heat: float, strength: float) -> "SoftLabels":
        """The labels and those of labelled `people` (P, 18, 3) in the same pixels."""
        person, channel = np.nonzero(people[..., 2] > 0)
        seen = people[person, channel, :2]
        peaks = np.column_stack([channel, seen, np.full(len(seen), heat)])
        limbs = [
            (number, *body[start, :2], *body[end, :2], strength)
            for body in people
            for number, (start, end) in enumerate(LIMB_ENDS)
            if body[start, 2] and body[end, 2]
        ]
        return SoftLabels(
            np.concatenate([self.peaks, peaks]).astype(np.float32),
            np.concatenate([self.limbs, np.array(limbs).reshape(-1, 6)]).astype(np.float32),
            self.centres,
        )

    def drawn(self, rows: int, columns: int) -> FloatArray:
        """(CHANNELS, rows, columns) the maps of a grid whose picture the places are in."""
        maps = np.zeros((CHANNELS, rows, columns), np.float32)
        for channel, x, y, height in np.column_stack(
            [self.peaks[:, :1], _cells(self.peaks[:, 1:3]), self.peaks[:, 3:]]
        ):
            _draw_peak(maps[int(channel)], x, y, height)
        ends = np.column_stack([self.limbs[:, :1], _cells(self.limbs[:, 1:5]), self.limbs[:, 5:]])
        for limb, *places, strength in ends[np.argsort(self.limbs[:, 5], kind="stable")]:  # the strongest on top
            first = FIRST_FIELD + 2 * int(limb)
            _draw_limb(maps[first : first + 2], *places, strength)
        for centre in np.column_stack([self.centres[:, :1], _cells(self.centres[:, 1:])])[
            np.argsort(self.centres[:, 0], kind="stable")
        ]:
            _draw_offsets(maps[FIRST_OFFSET:], centre[1], centre[2], centre[3:].reshape(-1, 2))
        return maps


def _move(places: FloatArray, transform: Matrix) -> FloatArray:
    """(N, 2 * P) places, x and y in turns."""
    shape = places.shape
    pairs = places.reshape(-1, 2) @ transform[:, :2].T + transform[:, 2]
    return pairs.reshape(shape).astype(np.float32)


def _cells(pixels: FloatArray) -> FloatArray:
    return (pixels + 0.5) / STRIDE - 0.5


def _pixels(cells: FloatArray) -> FloatArray:
    return (cells + 0.5) * STRIDE - 0.5


def _peaks(heats: FloatArray) -> FloatArray:
    """(N, 4) channel, x, y in cells, height, of the local maxima."""
    highest = heats == maximum_filter(heats, size=(3, 3, 1))
    found: list[Any] = []
    for channel in range(heats.shape[2]):
        heat = heats[..., channel]
        rows, columns = np.nonzero(highest[..., channel] & (heat > _LEAST_HEAT))
        best = np.argsort(-heat[rows, columns], kind="stable")[:_MOST_PEAKS]
        for row, column in zip(rows[best], columns[best], strict=True):
            x = column + _shift(heat[row], column)
            y = row + _shift(heat[:, column], row)
            found.append((channel, x, y, heat[row, column]))
    return np.array(found, np.float32).reshape(-1, 4)


def _shift(line: FloatArray, place: int) -> float:
    """How far the maximum lies from `place`, by a parabola through logarithms."""
    if not 0 < place < len(line) - 1:
        return 0.0
    before, here, after = np.log(np.maximum(line[place - 1 : place + 2], _LOG_FLOOR))
    bend = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend < -1e-6 else 0.0


def _limbs(number: int, starts: FloatArray, ends: FloatArray, field: FloatArray) -> list[Any]:
    """Pairs of peaks that the field joins, the strongest first, each peak in one: (limb, x, y, x, y, strength)."""
    if not len(starts) or not len(ends):
        return []
    apart = ends[None, :, :2] - starts[:, None, :2]
    lengths = np.maximum(np.linalg.norm(apart, axis=-1, keepdims=True), 1e-3)
    along = np.linspace(0, 1, _SAMPLES)[:, None]
    points = starts[:, None, None, :2] + apart[:, :, None] * along
    values = np.stack(
        [map_coordinates(field[..., axis], [points[..., 1], points[..., 0]], order=1) for axis in (0, 1)], -1
    )
    strength = (values * (apart / lengths)[:, :, None]).sum(-1).mean(-1)
    joined: list[Any] = []
    for flat in np.argsort(-strength, axis=None, kind="stable"):
        start, end = divmod(int(flat), len(ends))
        if strength[start, end] < _LEAST_FIELD:
            break
        if all(start != a and end != b for a, b, _ in joined):
            joined.append((start, end, (number, *starts[start, :2], *ends[end, :2], min(1.0, strength[start, end]))))
    return [limb for _, _, limb in joined]


def _centres(maps: FloatArray, peaks: FloatArray) -> FloatArray:
    """(C, 1 + 2 * 18) height, centre, keypoints, in cells."""
    rows = np.clip(np.rint(peaks[:, 1]), 0, maps.shape[0] - 1).astype(int)
    columns = np.clip(np.rint(peaks[:, 0]), 0, maps.shape[1] - 1).astype(int)
    offsets = maps[rows, columns, FIRST_OFFSET:].reshape(-1, len(COCO17), 2)
    places = offsets + np.stack([columns, rows], -1)[:, None]
    return np.column_stack([peaks[:, 2], peaks[:, :2], places.reshape(len(peaks), -1)]).astype(np.float32)


def _window(low: float, high: float, end: int) -> slice:
    first = int(np.clip(np.floor(low), 0, end))
    return slice(first, int(np.clip(np.ceil(high) + 1, first, end)))


def _around(
    heat: FloatArray, low: tuple[float, float], high: tuple[float, float]
) -> tuple[slice, slice, FloatArray, FloatArray]:
    rows, columns = _window(low[1], high[1], heat.shape[-2]), _window(low[0], high[0], heat.shape[-1])
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    x = np.arange(columns.start, columns.stop, dtype=np.float32)
    return rows, columns, x, y


def _draw_peak(heat: FloatArray, x: float, y: float, height: float) -> None:
    reach = 3 * PEAK_WIDTH
    rows, columns, u, v = _around(heat, (x - reach, y - reach), (x + reach, y + reach))
    bump = height * np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * PEAK_WIDTH**2))
    heat[rows, columns] = np.maximum(heat[rows, columns], bump)


def _draw_limb(field: FloatArray, ax: float, ay: float, bx: float, by: float, strength: float) -> None:
    length = float(np.hypot(bx - ax, by - ay))
    if length < 1e-3:
        return
    ux, uy = (bx - ax) / length, (by - ay) / length
    half_width = float(np.clip(0.12 * length, 1.0, 2.0))
    margin = half_width + 1
    rows, columns, u, v = _around(
        field, (min(ax, bx) - margin, min(ay, by) - margin), (max(ax, bx) + margin, max(ay, by) + margin)
    )
    along, across = (u - ax) * ux + (v - ay) * uy, np.abs((u - ax) * uy - (v - ay) * ux)
    band = (along >= -0.5) & (along <= length + 0.5) & (across <= half_width)
    field[0, rows, columns][band] = ux * strength
    field[1, rows, columns][band] = uy * strength


def _draw_offsets(offsets: FloatArray, x: float, y: float, places: FloatArray) -> None:
    rows, columns, u, v = _around(offsets, (x - 2, y - 2), (x + 2, y + 2))
    for keypoint, (px, py) in enumerate(places):
        offsets[2 * keypoint, rows, columns] = px - u
        offsets[2 * keypoint + 1, rows, columns] = py - v
