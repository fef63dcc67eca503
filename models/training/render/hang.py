"""How a loose top hangs: over hollows of the trunk it falls straight down instead of following the skin."""

from __future__ import annotations

import numpy as np
from mesh import Float
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, grey_closing, map_coordinates

_STEP_M = 0.015
_DIRECTIONS = 48
_TAPER = 0.12
"""how quickly the cloth falls back towards the body below a bulge, metres a metre"""


def hung(vertices: Float, covered: NDArray[np.bool_], top_m: float) -> Float:
    """Vertices of the covered trunk moved to where cloth hangs below `top_m` (the armpits' height).

    The trunk is taken as radii about a vertical axis, which are smoothed and then let down from level to level.
    """
    trunk = covered
    z = vertices[trunk, 2].astype(np.float64)
    low = float(z.min())
    level = (z - low) / _STEP_M
    count = int(level.max()) + 2
    axis = _axis(vertices[trunk], level, count)
    ahead = vertices[trunk, 0] - np.interp(level, np.arange(count), axis)
    side = vertices[trunk, 1].astype(np.float64)
    angle = (np.arctan2(side, ahead) / (2 * np.pi) % 1.0) * _DIRECTIONS
    radius = np.hypot(ahead, side)
    cloth = _let_down(_outline(level, angle, radius, count))
    wanted = map_coordinates(np.pad(cloth, ((0, 0), (1, 2)), mode="wrap"), [level, angle + 1], order=1, mode="nearest")
    fade = np.clip((top_m - z) / 0.10, 0, 1)
    growth = 1 + fade * (np.clip(wanted / np.maximum(radius, 0.03), 0.85, 1.6) - 1)
    out = vertices.astype(np.float64).copy()
    out[trunk, 0] += ahead * (growth - 1)
    out[trunk, 1] += side * (growth - 1)
    return out.astype(np.float32)


def _axis(points: Float, level: Float, count: int) -> Float:
    """The middle of the trunk at each level, as x."""
    middle = np.zeros(count)
    for k in range(count):
        near = points[np.abs(level - k) < 2.0]
        middle[k] = 0.5 * (near[:, 0].min() + near[:, 0].max()) if len(near) else middle[k - 1]
    return np.asarray(gaussian_filter(middle, 3.0, mode="nearest"))


def _outline(level: Float, angle: Float, radius: Float, count: int) -> Float:
    """(levels, directions) largest radii, gaps closed, smoothed."""
    outline = np.zeros((count, _DIRECTIONS))
    np.maximum.at(outline, (np.rint(level).astype(int), np.rint(angle).astype(int) % _DIRECTIONS), radius)
    closed = grey_closing(np.pad(outline, ((6, 6), (0, 0)), mode="edge"), size=(7, 9), mode="wrap")[6:-6]
    return np.asarray(gaussian_filter(closed, (1.5, 1.5), mode=("nearest", "wrap")))


def _let_down(outline: Float) -> Float:
    cloth = outline.copy()
    for k in range(len(cloth) - 2, -1, -1):
        cloth[k] = np.maximum(cloth[k], cloth[k + 1] - _TAPER * _STEP_M)
    return np.asarray(gaussian_filter(cloth, (2.0, 1.0), mode=("nearest", "wrap")))
