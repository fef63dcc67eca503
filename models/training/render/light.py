"""Light: a few hundred small lamps stand for the window, the lamp and what the room's surfaces throw back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scene
from mesh import Float, Int
from numba import njit, prange
from raster import visible


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


_WINDOW = (np.array([1.0, 1.08, 1.18]), 15.0)
_BULB = (np.array([1.0, 0.70, 0.42]), 1.5)
_CORRIDOR = (np.array([1.0, 0.86, 0.68]), 1.1)
_BOUNCE = (
    # what the surfaces throw back: origin, the two sides, facing, colour, strength
    ((0, 0, 2.58), (4.7, 0, 0), (0, 4.3, 0), (0, 0, -1), (1.0, 0.98, 0.93), 9.5),
    ((0.02, 0, 0.2), (0, 4.3, 0), (0, 0, 2.2), (1, 0, 0), (1.0, 0.95, 0.84), 6.5),
    ((0, 0.02, 0.2), (4.7, 0, 0), (0, 0, 2.2), (0, 1, 0), (1.0, 0.95, 0.84), 4.0),
    ((0, 4.28, 0.9), (4.7, 0, 0), (0, 0, 1.6), (0, -1, 0), (1.0, 0.95, 0.84), 3.2),
    ((4.68, 0, 0.9), (0, 4.3, 0), (0, 0, 1.6), (-1, 0, 0), (1.0, 0.94, 0.82), 1.8),
    ((0.3, 0.3, 0.02), (4.0, 0, 0), (0, 3.6, 0), (0, 0, 1), (1.0, 0.78, 0.56), 2.4),
)


def lights(window: int, bounce: int, bulb: int, seed: int) -> Lights:
    """Lamps spread evenly: `window` on the window, `bounce` on each bouncing surface on average, `bulb` in the lamp."""
    rng = np.random.default_rng(seed)
    (y0, y1), (z0, z1) = scene.WINDOW_Y, scene.WINDOW_Z
    groups = [
        _patch((scene.WIDTH_M + 0.1, y0, z0), (0, y1 - y0, 0), (0, 0, z1 - z0), (-1, 0, 0), *_WINDOW, window, rng)
    ]
    whole = sum(b[5] for b in _BOUNCE)
    for origin, u, v, facing, colour, strength in _BOUNCE:
        count = max(1, round(bounce * len(_BOUNCE) * strength / whole))
        groups.append(_patch(origin, u, v, facing, np.asarray(colour), strength, count, rng))
    x0, x1 = scene.DOOR_X
    door = (x0, scene.DEPTH_M + 0.5, 0.3), (x1 - x0, 0, 0), (0, 0, 1.7), (0, -1, 0)
    groups.append(_patch(*door, *_CORRIDOR, max(1, window // 4), rng))
    colour, strength = _BULB
    at = np.asarray(scene.LAMP_AT) + rng.uniform(-0.05, 0.05, (bulb, 3))
    groups.append((at, np.zeros((bulb, 3)), np.tile(colour * strength / bulb, (bulb, 1))))
    places, normals, power = (np.concatenate(g).astype(np.float32) for g in zip(*groups, strict=True))
    return Lights(places, normals, power)


def _patch(origin, u, v, facing, colour, strength, count, rng):  # type: ignore[no-untyped-def]
    """`count` lamps on a rectangle, one in each cell of a grid as square as can be."""
    uu, vv = np.asarray(u, float), np.asarray(v, float)
    columns = max(1, round(np.sqrt(count * np.linalg.norm(uu) / np.linalg.norm(vv))))
    rows = max(1, round(count / columns))
    s, t = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    s = (s + rng.uniform(-0.3, 0.3, s.shape) / columns).reshape(-1, 1)
    t = (t + rng.uniform(-0.3, 0.3, t.shape) / rows).reshape(-1, 1)
    places = np.asarray(origin) + s * uu + t * vv
    total = len(places)
    return places, np.tile(facing, (total, 1)), np.tile(np.asarray(colour) * strength / total, (total, 1))


@njit(cache=True, fastmath=True)  # type: ignore[untyped-decorator]
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
    return at_surface * at_lamp / (square + 0.25) / np.pi


@njit(cache=True, parallel=True, fastmath=True)  # type: ignore[untyped-decorator]
def gather(
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


@njit(cache=True, parallel=True, fastmath=True)  # type: ignore[untyped-decorator]
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


@njit(cache=True, parallel=True, fastmath=True)  # type: ignore[untyped-decorator]
def dimmed(points: Float, normals: Float, known: Float, places: Float, power: Float, cubes: Float, out: Float) -> None:
    """`out` (N, 3): the part of each colour that is left when the shadows of `cubes` fall on lit points.

    `known` (N, L) is what `shares` gave without them.
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
            left = share * visible(places[k], cubes[k], x, y, z, 0.01, 3)
            r0 += share * power[k, 0]
            g0 += share * power[k, 1]
            b0 += share * power[k, 2]
            r1 += left * power[k, 0]
            g1 += left * power[k, 1]
            b1 += left * power[k, 2]
        out[i, 0] = r1 / r0
        out[i, 1] = g1 / g0
        out[i, 2] = b1 / b0


@njit(cache=True, parallel=True, fastmath=True)  # type: ignore[untyped-decorator]
def gather_people(
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


__all__ = ["Int", "Lights", "dimmed", "gather", "gather_people", "lights", "shares"]
