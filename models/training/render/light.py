"""Light: a few hundred small lamps stand for the window, the lamp and what the room's surfaces throw back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scene
from mesh import Float, Vec
from numba import njit, prange
from numpy.typing import NDArray
from raster import may_be_shaded, visible


@dataclass(frozen=True)
class Lights:
    """Small flat lamps."""

    places: Float
    """(L, 3) metres"""
    normals: Float
    """(L, 3) the way each faces; zeros: shines to all sides"""
    power: Float
    """(L, 3) linear colour times strength"""

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True)
class _Patch:
    """A rectangle that gives light."""

    origin: Vec
    u: Vec
    v: Vec
    facing: Vec
    colour: Vec
    strength: float

    def lamps(self, count: int, rng: np.random.Generator) -> Lights:
        """About `count` lamps, one in each cell of a grid as square as can be."""
        u, v = np.asarray(self.u), np.asarray(self.v)
        columns = max(1, round(float(np.sqrt(count * np.linalg.norm(u) / np.linalg.norm(v)))))
        rows = max(1, round(count / columns))
        s, t = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
        s = (s + rng.uniform(-0.3, 0.3, s.shape) / columns).reshape(-1, 1)
        t = (t + rng.uniform(-0.3, 0.3, t.shape) / rows).reshape(-1, 1)
        places = np.asarray(self.origin) + s * u + t * v
        total = len(places)
        power = np.tile(np.asarray(self.colour) * self.strength / total, (total, 1))
        return Lights(places, np.tile(np.asarray(self.facing, np.float64), (total, 1)), power)


_W, _D = scene.WIDTH_M, scene.DEPTH_M
_WINDOW = _Patch(
    (_W + 0.1, scene.WINDOW_Y[0], scene.WINDOW_Z[0]),
    (0, scene.WINDOW_Y[1] - scene.WINDOW_Y[0], 0),
    (0, 0, scene.WINDOW_Z[1] - scene.WINDOW_Z[0]),
    (-1, 0, 0), (1.0, 1.08, 1.18), 26.0,
)  # fmt: skip
_CORRIDOR = _Patch(
    (scene.DOOR_X[0], _D + 0.5, 0.3), (scene.DOOR_X[1] - scene.DOOR_X[0], 0, 0), (0, 0, 1.7),
    (0, -1, 0), (1.0, 0.86, 0.68), 1.1,
)  # fmt: skip
# what the room's surfaces throw back
_BOUNCE = (
    _Patch((0, 0, 2.58), (_W, 0, 0), (0, _D, 0), (0, 0, -1), (1.0, 0.98, 0.93), 7.0),
    _Patch((0.02, 0, 0.2), (0, _D, 0), (0, 0, 2.2), (1, 0, 0), (1.0, 0.95, 0.84), 5.0),
    _Patch((0, 0.02, 0.2), (_W, 0, 0), (0, 0, 2.2), (0, 1, 0), (1.0, 0.95, 0.84), 3.0),
    _Patch((0, _D - 0.02, 0.9), (_W, 0, 0), (0, 0, 1.6), (0, -1, 0), (1.0, 0.95, 0.84), 3.2),
    _Patch((_W - 0.02, 0, 0.9), (0, _D, 0), (0, 0, 1.6), (-1, 0, 0), (1.0, 0.94, 0.82), 1.8),
    _Patch((0.3, 0.3, 0.02), (4.0, 0, 0), (0, 3.6, 0), (0, 0, 1), (1.0, 0.78, 0.56), 2.4),
)
_BULB_COLOUR, _BULB_STRENGTH = np.array([1.0, 0.70, 0.42]), 1.5


def lights(window: int, bounce: int, bulb: int, seed: int) -> Lights:
    """Lamps spread evenly: `window` on the window, `bounce` on each bouncing surface on average, `bulb` in the lamp."""
    rng = np.random.default_rng(seed)
    groups = [_WINDOW.lamps(window, rng)]
    whole = sum(patch.strength for patch in _BOUNCE)
    for patch in _BOUNCE:
        groups.append(patch.lamps(max(1, round(bounce * len(_BOUNCE) * patch.strength / whole)), rng))
    groups.append(_CORRIDOR.lamps(max(1, window // 4), rng))
    at = np.asarray(scene.LAMP_AT) + rng.uniform(-0.05, 0.05, (bulb, 3))
    groups.append(Lights(at, np.zeros((bulb, 3)), np.tile(_BULB_COLOUR * _BULB_STRENGTH / bulb, (bulb, 1))))
    return Lights(
        np.concatenate([g.places for g in groups]).astype(np.float32),
        np.concatenate([g.normals for g in groups]).astype(np.float32),
        np.concatenate([g.power for g in groups]).astype(np.float32),
    )


@njit(cache=True, fastmath=True)
def _incoming(place: Float, facing: Float, x: float, y: float, z: float, nx: float, ny: float, nz: float) -> float:
    """How strongly one lamp of unit power lights a surface that faces (nx, ny, nz); shadows left out."""
    dx, dy, dz = place[0] - x, place[1] - y, place[2] - z
    square = dx * dx + dy * dy + dz * dz
    distance = np.sqrt(square)
    at_surface = (dx * nx + dy * ny + dz * nz) / distance
    if at_surface <= 0.0:
        return 0.0
    at_lamp = 1.0
    if facing[0] != 0.0 or facing[1] != 0.0 or facing[2] != 0.0:
        at_lamp = -(dx * facing[0] + dy * facing[1] + dz * facing[2]) / distance
        if at_lamp <= 0.0:
            return 0.0
    return float(at_surface * at_lamp / (square + 0.25) / np.pi)


@njit(cache=True, parallel=True, fastmath=True)
def gather(  # noqa: PLR0913, PLR0917
    points: Float, normals: Float, places: Float, facings: Float, power: Float, cubes: Float, bias: float, reach: int,
    out: Float,
) -> None:  # fmt: skip
    """Adds to `out` (N, 3) the light of all lamps at surface points, with the shadows of `cubes`."""
    for i in prange(points.shape[0]):
        x = points[i, 0] + normals[i, 0] * bias
        y = points[i, 1] + normals[i, 1] * bias
        z = points[i, 2] + normals[i, 2] * bias
        for k in range(places.shape[0]):
            share = _incoming(places[k], facings[k], x, y, z, normals[i, 0], normals[i, 1], normals[i, 2])
            if share > 0.0:
                share *= visible(places[k], cubes[k], x, y, z, bias, reach)
                for c in range(3):
                    out[i, c] += share * power[k, c]


@njit(cache=True, parallel=True, fastmath=True)
def shares(points: Float, normals: Float, places: Float, facings: Float, cubes: Float, bias: float, out: Float) -> None:
    """`out` (N, L): what each lamp of unit power gives each surface point, shadows of `cubes` included."""
    for i in prange(points.shape[0]):
        x = points[i, 0] + normals[i, 0] * bias
        y = points[i, 1] + normals[i, 1] * bias
        z = points[i, 2] + normals[i, 2] * bias
        for k in range(places.shape[0]):
            share = _incoming(places[k], facings[k], x, y, z, normals[i, 0], normals[i, 1], normals[i, 2])
            if share > 0.0:
                share *= visible(places[k], cubes[k], x, y, z, bias, 2)
            out[i, k] = share


@njit(cache=True, parallel=True, fastmath=True)
def dimmed(
    points: Float,
    normals: Float,
    known: Float,
    places: Float,
    power: Float,
    cubes: Float,
    covers: NDArray[np.bool_],
    out: Float,
) -> None:
    """`out` (N, 3): the part of each colour that is left when the shadows of `cubes` fall on lit points.

    `known` (N, L) is what `shares` gave without them, `covers` is `raster.cover(cubes)`.
    """
    for i in prange(points.shape[0]):
        x = points[i, 0] + normals[i, 0] * 0.01
        y = points[i, 1] + normals[i, 1] * 0.01
        z = points[i, 2] + normals[i, 2] * 0.01
        r0 = g0 = b0 = 1e-6
        r1 = g1 = b1 = 1e-6
        for k in range(places.shape[0]):
            share = known[i, k]
            if share <= 0.0:
                continue
            left = share
            if may_be_shaded(places[k], covers[k], x, y, z):
                left *= visible(places[k], cubes[k], x, y, z, 0.01, 3)
            r0 += share * power[k, 0]
            g0 += share * power[k, 1]
            b0 += share * power[k, 2]
            r1 += left * power[k, 0]
            g1 += left * power[k, 1]
            b1 += left * power[k, 2]
        out[i, 0] = r1 / r0
        out[i, 1] = g1 / g0
        out[i, 2] = b1 / b0


@njit(cache=True, parallel=True, fastmath=True)
def gather_people(  # noqa: PLR0913, PLR0917
    points: Float, normals: Float, gloss: Float, eye: Float, places: Float, facings: Float, power: Float,
    room: Float, people: Float, diffuse: Float, shine: Float,
) -> None:  # fmt: skip
    """Light on people: adds to `diffuse` and `shine` (N, 3), shadows of the room and of people included.

    The light wraps a little around the form, as it does on skin and cloth.
    """
    for i in prange(points.shape[0]):
        nx, ny, nz = normals[i, 0], normals[i, 1], normals[i, 2]
        x = points[i, 0] + nx * 0.02
        y = points[i, 1] + ny * 0.02
        z = points[i, 2] + nz * 0.02
        ex, ey, ez = eye[0] - x, eye[1] - y, eye[2] - z
        away = np.sqrt(ex * ex + ey * ey + ez * ez)
        for k in range(places.shape[0]):
            dx, dy, dz = places[k, 0] - x, places[k, 1] - y, places[k, 2] - z
            square = dx * dx + dy * dy + dz * dz
            distance = np.sqrt(square)
            at_surface = ((dx * nx + dy * ny + dz * nz) / distance + 0.15) / 1.15
            if at_surface <= 0.0:
                continue
            at_lamp = 1.0
            if facings[k, 0] != 0.0 or facings[k, 1] != 0.0 or facings[k, 2] != 0.0:
                at_lamp = -(dx * facings[k, 0] + dy * facings[k, 1] + dz * facings[k, 2]) / distance
                if at_lamp <= 0.0:
                    continue
            share = at_surface * at_lamp / (square + 0.25) / np.pi
            share *= visible(places[k], room[k], x, y, z, 0.02, 2)
            share *= visible(places[k], people[k], x, y, z, 0.025, 2)
            hx, hy, hz = dx / distance + ex / away, dy / distance + ey / away, dz / distance + ez / away
            half = (hx * nx + hy * ny + hz * nz) / np.sqrt(hx * hx + hy * hy + hz * hz)
            glint = gloss[i] * share * max(half, 0.0) ** 24
            for c in range(3):
                diffuse[i, c] += share * power[k, c]
                shine[i, c] += glint * power[k, c]
