"""The room: a bedroom of a flat, seen by a camera high on the wall."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from mesh import Float, Int, Mesh, Vec, curtain, rounded_box, sheet, turned_shape
from numpy.typing import NDArray
from raster import Camera

WIDTH_M, DEPTH_M, HEIGHT_M = 4.7, 4.3, 2.6
DOOR_X = (0.80, 1.66)
DOOR_HEIGHT_M = 2.05
WINDOW_Y = (1.15, 2.75)
WINDOW_Z = (0.95, 2.2)
CHAIR_AT: Vec = (3.08, 3.62, 0.0)
CHAIR_HEADING_DEG = -112.0
"""where somebody who sits in the armchair looks"""
SEAT_M = 0.44
RUG = ((1.15, 1.15), (3.35, 2.75))
BED = ((3.72, 0.55), (4.66, 2.62))
BED_TOP_M = 0.52
LAMP_AT: Vec = (3.78, 3.92, 1.38)


def camera(size: tuple[int, int]) -> Camera:
    """The wall camera, 2.35 m up in the corner."""
    return Camera.looking((0.22, 0.18, 2.35), (2.42, 2.3, 0.72), 67.0, size)


def meshes() -> list[Mesh]:
    """Everything that doesn't move."""
    return [*_shell(), *_window(), *_door(), *_armchair(), *_bed(), *_side_table(), *_dresser(), *_small_things()]


def _shell() -> list[Mesh]:
    w, d, h = WIDTH_M, DEPTH_M, HEIGHT_M
    x0, x1 = DOOR_X
    y0, y1 = WINDOW_Y
    z0, z1 = WINDOW_Z
    skirting = 0.09
    return [
        sheet((0, 0, 0), (w, 0, 0), (0, d, 0), "floor", casts=False),
        sheet((0, d, h), (w, 0, 0), (0, -d, 0), "ceiling", casts=False),
        sheet((0, d, 0), (0, -d, 0), (0, 0, h), "wall", casts=False),
        sheet((0, 0, 0), (0, 0, h), (w, 0, 0), "wall", casts=False),
        # the back wall, around the door
        sheet((0, d, 0), (0, 0, h), (x0, 0, 0), "wall", casts=False),
        sheet((x1, d, 0), (0, 0, h), (w - x1, 0, 0), "wall", casts=False),
        sheet((x0, d, DOOR_HEIGHT_M), (0, 0, h - DOOR_HEIGHT_M), (x1 - x0, 0, 0), "wall", casts=False),
        # the right wall, around the window
        sheet((w, 0, 0), (0, 0, h), (0, y0, 0), "wall_right", casts=False),
        sheet((w, y1, 0), (0, 0, h), (0, d - y1, 0), "wall_right", casts=False),
        sheet((w, y0, 0), (0, 0, z0), (0, y1 - y0, 0), "wall_right", casts=False),
        sheet((w, y0, z1), (0, 0, h - z1), (0, y1 - y0, 0), "wall_right", casts=False),
        rounded_box((0.5 * (x1 + w) + 0.04, d - 0.008, skirting / 2), (w - x1 - 0.08, 0.018, skirting), 0.004, "paint"),
        rounded_box((x0 / 2 - 0.04, d - 0.008, skirting / 2), (x0 - 0.08, 0.018, skirting), 0.004, "paint"),
        rounded_box((w - 0.008, d / 2, skirting / 2), (0.018, d, skirting), 0.004, "paint"),
    ]


def _window() -> list[Mesh]:
    w = WIDTH_M
    (y0, y1), (z0, z1) = WINDOW_Y, WINDOW_Z
    middle = 0.5 * (y0 + y1)
    deep = 0.16
    frame = [
        rounded_box((w + deep, y, 0.5 * (z0 + z1)), (0.06, 0.07, z1 - z0), 0.012, "paint", 4)
        for y in (y0 + 0.03, middle, y1 - 0.03)
    ] + [rounded_box((w + deep, middle, z), (0.06, y1 - y0, 0.07), 0.012, "paint", 4) for z in (z0 + 0.03, z1 - 0.03)]
    reveal = [
        sheet((w, y0, z0), (0, y1 - y0, 0), (deep, 0, 0), "paint", casts=False).turned(0),
        sheet((w, y1, z0), (0, 0, z1 - z0), (deep, 0, 0), "wall_right", casts=False),
        sheet((w, y0, z1), (deep, 0, 0), (0, y1 - y0, 0), "wall_right", casts=False),
        rounded_box((w - 0.03, middle, z0 - 0.015), (0.12, y1 - y0 + 0.12, 0.03), 0.012, "paint"),
    ]
    outside = sheet((w + deep + 0.02, y0, z0), (0, 0, z1 - z0), (0, y1 - y0, 0), "outside", casts=False)
    rod = rounded_box((w - 0.1, middle, z1 + 0.17), (0.025, y1 - y0 + 0.9, 0.025), 0.012, "metal", 4)
    cloths = [
        curtain((w - 0.1, y1 + 0.02, 0.12), (0, 0.40, 0), z1 + 0.05, 5, 0.035, "curtain"),
        curtain((w - 0.1, y0 - 0.42, 0.12), (0, 0.40, 0), z1 + 0.05, 5, 0.035, "curtain"),
    ]
    return [*frame, *reveal, outside, rod, *cloths]


def _door() -> list[Mesh]:
    d = DEPTH_M
    x0, x1 = DOOR_X
    h = DOOR_HEIGHT_M
    frame = [rounded_box((x, d - 0.01, h / 2), (0.08, 0.05, h), 0.01, "paint", 4) for x in (x0 - 0.04, x1 + 0.04)] + [
        rounded_box((0.5 * (x0 + x1), d - 0.01, h + 0.04), (x1 - x0 + 0.16, 0.05, 0.08), 0.01, "paint", 4)
    ]
    corridor = [
        sheet((x0 - 0.6, d + 0.0, -0.001), (x1 - x0 + 1.2, 0, 0), (0, 1.5, 0), "corridor_floor", casts=False),
        sheet((x0 - 0.6, d + 1.5, 0), (0, 0, h + 0.4), (x1 - x0 + 1.2, 0, 0), "corridor", casts=False),
        sheet((x0 - 0.6, d + 0.1, 0), (0, 0, h + 0.4), (0, 1.4, 0), "corridor", casts=False),
        sheet((x1 + 0.6, d + 0.1, 0), (0, 1.4, 0), (0, 0, h + 0.4), "corridor", casts=False),
    ]
    leaf = rounded_box((x0 + 0.02, d - 0.43, h / 2), (0.04, 0.86, h - 0.02), 0.006, "door", 6).turned(8, (x0, d, 0.0))
    handle = rounded_box((x0 - 0.0, d - 0.78, 1.03), (0.16, 0.12, 0.022), 0.01, "metal", 4).turned(8, (x0, d, 0.0))
    return [*frame, *corridor, leaf, handle]


def _armchair() -> list[Mesh]:
    """Built facing −y at the origin, then turned and put in its place."""
    seat = SEAT_M
    parts = [
        rounded_box((0, 0.02, 0.19), (0.80, 0.78, 0.24), 0.05, "sofa"),
        rounded_box((0, -0.05, seat - 0.07), (0.56, 0.68, 0.17), 0.06, "sofa_seat"),
        rounded_box((0, 0.35, 0.58), (0.62, 0.2, 0.72), 0.09, "sofa").turned(-9, (0, 0.35, 0.3), axis=0),
        rounded_box((-0.37, 0.0, 0.37), (0.17, 0.80, 0.50), 0.07, "sofa"),
        rounded_box((0.37, 0.0, 0.37), (0.17, 0.80, 0.50), 0.07, "sofa"),
        *(
            turned_shape((x, y, 0), [(0.02, 0), (0.028, 0.08)], "dark_wood", 10)
            for x in (-0.32, 0.32)
            for y in (-0.3, 0.35)
        ),
    ]
    return [p.turned(CHAIR_HEADING_DEG + 90).moved(CHAIR_AT) for p in parts]


def _bed() -> list[Mesh]:
    (x0, y0), (x1, y1) = BED
    cx, cy = 0.5 * (x0 + x1), 0.5 * (y0 + y1)
    sx, sy = x1 - x0, y1 - y0
    return [
        rounded_box((cx, cy, 0.2), (sx, sy, 0.16), 0.02, "wood"),
        rounded_box((cx, cy, 0.37), (sx - 0.04, sy - 0.04, 0.2), 0.06, "sheet"),
        rounded_box((cx - 0.015, cy - 0.28, BED_TOP_M - 0.06), (sx + 0.06, sy - 0.62, 0.14), 0.06, "duvet", 16),
        rounded_box((cx, y1 - 0.33, BED_TOP_M + 0.0), (0.68, 0.42, 0.15), 0.074, "pillow", 12),
        rounded_box((cx, y1 + 0.03, 0.45), (sx + 0.04, 0.05, 0.9), 0.02, "wood"),
        *(
            rounded_box((x, y, 0.07), (0.07, 0.07, 0.14), 0.01, "wood", 3)
            for x in (x0 + 0.05, x1 - 0.05)
            for y in (y0 + 0.05, y1 - 0.05)
        ),
    ]


def _side_table() -> list[Mesh]:
    x, y = LAMP_AT[0], LAMP_AT[1]
    shade = turned_shape((x, y, LAMP_AT[2] - 0.1), [(0.17, 0.0), (0.12, 0.25)], "shade")
    return [
        turned_shape((x, y, 0), [(0.0, 0.46), (0.24, 0.46), (0.25, 0.475), (0.24, 0.49), (0.0, 0.49)], "wood"),
        turned_shape((x, y, 0), [(0.16, 0.0), (0.16, 0.02), (0.025, 0.04), (0.025, 0.46)], "wood"),
        turned_shape(
            (x, y, 0.49),
            [
                (0.08, 0.0),
                (0.08, 0.02),
                (0.05, 0.05),
                (0.07, 0.2),
                (0.09, 0.32),
                (0.05, 0.5),
                (0.015, 0.6),
                (0.01, 0.8),
            ],
            "ceramic",
        ),
        Mesh(shade.vertices, shade.normals, shade.faces, "shade", casts=False),
    ]


def _dresser() -> list[Mesh]:
    """A low chest of drawers between the door and the armchair."""
    x, y = 2.18, DEPTH_M - 0.24
    drawers = [rounded_box((x, y - 0.215, z), (0.62, 0.02, 0.2), 0.006, "drawer", 4) for z in (0.17, 0.4, 0.63)]
    knobs = [
        turned_shape((0, 0, 0), [(0.0, 0.0), (0.016, 0.004), (0.016, 0.02), (0.0, 0.026)], "metal", 10)
        .turned(90, axis=0)
        .moved((x + dx, y - 0.225, z))
        for z in (0.17, 0.4, 0.63)
        for dx in (-0.17, 0.17)
    ]
    vase = turned_shape(
        (x - 0.22, y, 0.80), [(0.045, 0), (0.065, 0.08), (0.05, 0.16), (0.028, 0.2), (0.036, 0.235)], "ceramic_blue"
    )
    rng = np.random.default_rng(5)
    leaves = []
    for _ in range(26):
        leaf = rounded_box((0, 0, 0.13), (0.055, 0.008, 0.2), 0.0039, "leaf", 4)
        tilt, spin = rng.uniform(5, 60), rng.uniform(0, 360)
        leaves.append(leaf.turned(tilt, axis=0).turned(spin).moved((x - 0.22, y, 0.98)))
    books = [
        rounded_box((x + 0.2, y + 0.02, 0.80 + 0.018 + 0.036 * k), (0.22 - 0.02 * k, 0.16, 0.034), 0.004, c, 3).turned(
            turn, (x + 0.2, y, 0)
        )
        for k, (c, turn) in enumerate((("book_red", 8.0), ("book_cream", -6.0), ("book_green", 14.0)))
    ]
    return [rounded_box((x, y, 0.41), (0.70, 0.42, 0.74), 0.012, "wood"),
            rounded_box((x, y - 0.005, 0.79), (0.74, 0.46, 0.025), 0.01, "wood"),
            *drawers, *knobs, vase, *leaves, *books]  # fmt: skip


def _small_things() -> list[Mesh]:
    d = DEPTH_M
    pictures = []
    for x, z, w, h, what in ((2.18, 1.62, 0.62, 0.46, "picture_a"), (3.0, 1.66, 0.36, 0.48, "picture_b")):
        pictures.append(rounded_box((x, d - 0.015, z), (w + 0.07, 0.03, h + 0.07), 0.008, "dark_wood", 4))
        pictures.append(sheet((x - w / 2, d - 0.032, z - h / 2), (w, 0, 0), (0, 0, h), what, casts=False))
    (x0, y0), (x1, y1) = RUG
    rug = rounded_box((0.5 * (x0 + x1), 0.5 * (y0 + y1), 0.006), (x1 - x0, y1 - y0, 0.012), 0.005, "rug", 6)
    rug = replace(rug, casts=False)
    slippers = [
        rounded_box((3.5 + dx, 1.5 + dy, 0.035), (0.24, 0.095, 0.06), 0.03, "book_red", 8).turned(t, (3.5, 1.5, 0))
        for dx, dy, t in ((0.0, 0.0, 172.0), (0.0, 0.14, 186.0))
    ]
    cushion = rounded_box((0, 0, 0), (0.4, 0.13, 0.38), 0.064, "cushion", 10).turned(-20, axis=0)
    return [*pictures, rug, *slippers, cushion.turned(90).moved((BED[0][0] + 0.45, BED[0][1] + 0.4, BED_TOP_M + 0.16))]


# --- what the surfaces look like -----------------------------------------------------------------------------------


def _noise(points: Float, wavelength_m: float, seed: int) -> Float:
    """Smooth value noise in [-1, 1] on a lattice of `wavelength_m`."""
    scaled = points / wavelength_m
    cell = np.floor(scaled).astype(np.int64)
    part = scaled - cell
    part = part * part * (3 - 2 * part)
    total = np.zeros(len(points))
    for corner in range(1 << points.shape[1]):
        bits = np.array([(corner >> k) & 1 for k in range(points.shape[1])])
        weight = np.prod(np.where(bits, part, 1 - part), 1)
        total += weight * _hash(cell + bits, seed)
    return total


def _hash(cells: NDArray[np.integer[Any]], seed: int) -> Float:
    """A number in [-1, 1] for each integer cell."""
    primes = np.array([73856093, 19349663, 83492791], np.int64)[: cells.shape[1]]
    mixed = (cells * primes).sum(1) + seed * 2654435761
    mixed = (mixed ^ (mixed >> 13)) * 1274126177
    return np.asarray(((mixed ^ (mixed >> 16)) & 0xFFFF) / 32767.5 - 1.0)


def _floor(p: Float) -> Float:
    """Oak boards along x, 14 cm wide."""
    row = np.floor(p[:, 1] / 0.14)
    shift = 0.9 * _hash(np.stack([row, row], 1).astype(np.int64), 3)
    column = np.floor((p[:, 0] + shift) / 1.4)
    board = np.stack([row, column], 1).astype(np.int64)
    tone = 1 + 0.13 * _hash(board, 1)
    grain = _noise(np.stack([p[:, 0] * 0.12 + 3 * _hash(board, 2), p[:, 1]], 1), 0.008, 4)
    grain += 0.6 * _noise(np.stack([p[:, 0] * 0.5, p[:, 1]], 1), 0.05, 5)
    joint = np.abs(p[:, 1] / 0.14 - row - 0.5) > 0.488
    joint |= np.abs((p[:, 0] + shift) / 1.4 - column - 0.5) > 0.4985
    value = tone * (1 + 0.07 * grain) * np.where(joint, 0.55, 1.0)
    return np.asarray(np.array([0.40, 0.235, 0.125]) * value[:, None])


def _rug(p: Float) -> Float:
    (x0, y0), (x1, y1) = RUG
    edge = np.minimum(np.minimum(p[:, 0] - x0, x1 - p[:, 0]), np.minimum(p[:, 1] - y0, y1 - p[:, 1]))
    base = np.tile(np.array([0.30, 0.33, 0.36]), (len(p), 1))
    base[edge < 0.16] = [0.50, 0.47, 0.41]
    base[(edge > 0.05) & (edge < 0.08)] = [0.10, 0.14, 0.20]
    lozenge = np.abs(np.mod(p[:, 0] - x0, 0.44) - 0.22) + np.abs(np.mod(p[:, 1] - y0, 0.4) - 0.2)
    base[(edge > 0.2) & (np.abs(lozenge - 0.14) < 0.014)] = [0.46, 0.44, 0.40]
    return base * (1 + 0.12 * _noise(p[:, :2], 0.012, 6) + 0.05 * _noise(p[:, :2], 0.15, 7))[:, None]


def _plain(colour: Vec, wavelength_m: float = 0.02, strength: float = 0.05) -> Callable[[Float], Float]:
    def paint(p: Float) -> Float:
        shade = 1 + strength * _noise(p, wavelength_m, 11) + 0.5 * strength * _noise(p, 12 * wavelength_m, 12)
        return np.asarray(colour) * shade[:, None]

    return paint


def _wood(colour: Vec) -> Callable[[Float], Float]:
    def paint(p: Float) -> Float:
        grain = _noise(p * np.array([1.0, 1.0, 0.12]), 0.012, 13) + _noise(p * np.array([1, 1, 0.2]), 0.06, 14)
        return np.asarray(colour) * (1 + 0.09 * grain)[:, None]

    return paint


def _duvet(p: Float) -> Float:
    stripe = np.mod(p[:, 1], 0.24) < 0.07
    colour = np.where(stripe[:, None], [0.22, 0.33, 0.46], [0.62, 0.65, 0.66])
    return np.asarray(colour * (1 + 0.04 * _noise(p, 0.05, 15))[:, None])


def _outside(p: Float) -> Float:
    """A bright sky over a blurred hedge."""
    top = np.clip((p[:, 2] - WINDOW_Z[0] - 0.30 - 0.05 * _noise(p[:, 1:], 0.18, 16)) / 0.16, 0, 1)[:, None]
    sky = np.array([2.6, 2.9, 3.2])
    hedge = np.array([0.42, 0.62, 0.25]) * (1 + 0.45 * _noise(p[:, 1:], 0.09, 17))[:, None]
    return np.asarray(hedge * (1 - top) + sky * top)


def _picture(seed: int, sky: Vec, land: Vec) -> Callable[[Float], Float]:
    def paint(p: Float) -> Float:
        flat = p[:, [0, 2]]
        hill = 1.58 + 0.10 * _noise(flat[:, :1], 0.3, seed)
        mat = np.array([0.75, 0.73, 0.68])
        inner = np.where((p[:, 2] > hill)[:, None], sky, land) * (1 + 0.2 * _noise(flat, 0.06, seed + 1))[:, None]
        rim = np.abs(flat - np.array([2.18 if seed == 21 else 3.0, 1.62 if seed == 21 else 1.66]))
        half = np.array([0.31, 0.23]) if seed == 21 else np.array([0.18, 0.24])
        return np.where((rim > half - 0.055).any(1)[:, None], mat, inner)

    return paint


MATERIALS: dict[str, Callable[[Float], Float]] = {
    "floor": _floor,
    "rug": _rug,
    "ceiling": _plain((0.80, 0.80, 0.78), 0.05, 0.01),
    "wall": _plain((0.70, 0.66, 0.57), 0.03, 0.012),
    "wall_right": _plain((0.70, 0.66, 0.57), 0.03, 0.012),
    "paint": _plain((0.78, 0.77, 0.74), 0.05, 0.01),
    "corridor": _plain((0.62, 0.60, 0.54), 0.05, 0.01),
    "corridor_floor": _floor,
    "door": _wood((0.52, 0.40, 0.28)),
    "wood": _wood((0.36, 0.20, 0.10)),
    "drawer": _wood((0.41, 0.24, 0.125)),
    "dark_wood": _wood((0.10, 0.055, 0.03)),
    "metal": _plain((0.35, 0.34, 0.32), 0.05, 0.02),
    "sofa": _plain((0.13, 0.25, 0.24), 0.008, 0.10),
    "sofa_seat": _plain((0.15, 0.28, 0.27), 0.008, 0.10),
    "curtain": _plain((0.60, 0.50, 0.33), 0.03, 0.03),
    "sheet": _plain((0.75, 0.75, 0.73), 0.05, 0.02),
    "duvet": _duvet,
    "pillow": _plain((0.74, 0.73, 0.70), 0.06, 0.03),
    "cushion": _plain((0.55, 0.32, 0.07), 0.008, 0.09),
    "ceramic": _plain((0.55, 0.46, 0.34), 0.05, 0.03),
    "ceramic_blue": _plain((0.10, 0.18, 0.32), 0.05, 0.03),
    "leaf": _plain((0.08, 0.20, 0.05), 0.03, 0.25),
    "shade": _plain((1.9, 1.45, 0.95), 0.03, 0.02),
    "outside": _outside,
    "book_red": _plain((0.32, 0.06, 0.05), 0.05, 0.03),
    "book_cream": _plain((0.55, 0.50, 0.38), 0.05, 0.03),
    "book_green": _plain((0.08, 0.18, 0.12), 0.05, 0.03),
    "picture_a": _picture(21, (0.42, 0.52, 0.58), (0.18, 0.26, 0.16)),
    "picture_b": _picture(31, (0.55, 0.42, 0.30), (0.30, 0.16, 0.10)),
}

GLOWING = frozenset({"outside", "shade"})
"""materials that show their colour whatever light falls on them"""


def albedo(points: Float, places: Int, materials: list[str]) -> Float:
    """(N, 3) linear colours of surface points; `places` says which of `materials` each belongs to."""
    out = np.zeros((len(points), 3), np.float32)
    for k in np.unique(places):
        chosen = places == k
        out[chosen] = MATERIALS[materials[int(k)]](points[chosen].astype(np.float64))
    return out
