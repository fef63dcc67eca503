"""A z-buffer rasteriser and cube shadow maps, compiled by numba: no graphics driver needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

Float = NDArray[np.floating[Any]]
Int = NDArray[np.int32]

NEAR_M = 0.03


@dataclass(frozen=True)
class Camera:
    """A pinhole camera in world coordinates (metres, z up)."""

    eye: Float
    rotation: Float
    """(3, 3) world to camera: rows are right, down, forward"""
    focal_px: float
    width: int
    height: int

    @staticmethod
    def looking(
        eye: tuple[float, float, float], at: tuple[float, float, float], hfov_deg: float, size: tuple[int, int]
    ) -> Camera:
        """Camera at `eye` that sees `at` in the middle of its picture; `size` is (width, height) in pixels."""
        origin = np.asarray(eye, np.float64)
        forward = np.asarray(at, np.float64) - origin
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        focal = 0.5 * size[0] / math.tan(math.radians(hfov_deg) / 2)
        return Camera(origin.astype(np.float32), rotation.astype(np.float32), focal, *size)

    def scaled(self, factor: int) -> Camera:
        """The same view with `factor` times as many pixels along each side."""
        return Camera(self.eye, self.rotation, self.focal_px * factor, self.width * factor, self.height * factor)

    def project(self, points: Float) -> Float:
        """(N, 3) world points to (N, 3): x, y in pixels (pixel centres at integers), depth in metres."""
        local = (points - self.eye) @ self.rotation.T
        depth = local[:, 2]
        safe = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        x = self.focal_px * local[:, 0] / safe + 0.5 * self.width - 0.5
        y = self.focal_px * local[:, 1] / safe + 0.5 * self.height - 0.5
        return np.stack([x, y, depth], 1).astype(np.float32)


@dataclass
class GBuffer:
    """What the camera sees at each pixel: the nearest triangle and the place on it."""

    inverse_depth: Float
    """(H, W), 1 / metres; 0 where nothing is"""
    triangle: Int
    """(H, W), -1 where nothing is"""
    weights: Float
    """(H, W, 3), perspective-correct barycentric weights"""

    @staticmethod
    def empty(camera: Camera) -> GBuffer:
        """A buffer of the camera's size with nothing in it."""
        shape = (camera.height, camera.width)
        return GBuffer(np.zeros(shape, np.float32), np.full(shape, -1, np.int32), np.zeros((*shape, 3), np.float32))


def draw(camera: Camera, vertices: Float, faces: Int, buffer: GBuffer, first_id: int = 0) -> None:
    """Rasterises triangles into `buffer`; triangle k gets the number first_id + k."""
    _draw(camera.project(vertices), faces, buffer.inverse_depth, buffer.triangle, buffer.weights, first_id)


@njit(cache=True, fastmath=True)
def _draw(points: Float, faces: Int, zbuf: Float, ids: Int, weights: Float, first_id: int) -> None:
    height, width = zbuf.shape
    for f in range(faces.shape[0]):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if points[a, 2] < NEAR_M or points[b, 2] < NEAR_M or points[c, 2] < NEAR_M:
            continue
        ax, ay, bx, by, cx, cy = (
            points[a, 0], points[a, 1], points[b, 0], points[b, 1], points[c, 0], points[c, 1],
        )  # fmt: skip
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) < 1e-9:
            continue
        x0, x1 = max(0, math.ceil(min(ax, bx, cx))), min(width - 1, math.floor(max(ax, bx, cx)))
        y0, y1 = max(0, math.ceil(min(ay, by, cy))), min(height - 1, math.floor(max(ay, by, cy)))
        ia, ib, ic = 1.0 / points[a, 2], 1.0 / points[b, 2], 1.0 / points[c, 2]
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                wa = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
                wb = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
                wc = 1.0 - wa - wb
                if wa < -1e-5 or wb < -1e-5 or wc < -1e-5:
                    continue
                inverse = wa * ia + wb * ib + wc * ic
                if inverse > zbuf[y, x]:
                    zbuf[y, x] = inverse
                    ids[y, x] = first_id + f
                    weights[y, x, 0] = wa * ia / inverse
                    weights[y, x, 1] = wb * ib / inverse
                    weights[y, x, 2] = wc * ic / inverse


@njit(cache=True, fastmath=True)
def _draw_cube(light: Float, vertices: Float, faces: Int, cube: Float) -> None:
    """One light's six depth pictures (6, R, R), in 1 / metres along each face's axis."""
    size = cube.shape[1]
    half = 0.5 * size
    count = vertices.shape[0]
    px = np.empty(count, np.float32)
    py = np.empty(count, np.float32)
    pz = np.empty(count, np.float32)
    for side in range(6):
        axis = side // 2
        sign = 1.0 - 2.0 * (side % 2)
        u_axis, v_axis = (axis + 1) % 3, (axis + 2) % 3
        seen = False
        for i in range(count):
            z = sign * (vertices[i, axis] - light[axis])
            pz[i] = z
            if z > NEAR_M:
                u = (vertices[i, u_axis] - light[u_axis]) / z
                v = (vertices[i, v_axis] - light[v_axis]) / z
                seen = seen or (abs(u) < 1.0 and abs(v) < 1.0)
                px[i] = (u + 1.0) * half - 0.5
                py[i] = (v + 1.0) * half - 0.5
        if not seen:
            continue
        for f in range(faces.shape[0]):
            a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
            if pz[a] <= NEAR_M or pz[b] <= NEAR_M or pz[c] <= NEAR_M:
                continue
            x0, x1 = math.ceil(min(px[a], px[b], px[c])), math.floor(max(px[a], px[b], px[c]))
            y0, y1 = math.ceil(min(py[a], py[b], py[c])), math.floor(max(py[a], py[b], py[c]))
            x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, size - 1), min(y1, size - 1)
            if x1 < x0 or y1 < y0:
                continue
            area = (px[b] - px[a]) * (py[c] - py[a]) - (py[b] - py[a]) * (px[c] - px[a])
            if abs(area) < 1e-9:
                continue
            ia, ib, ic = 1.0 / pz[a], 1.0 / pz[b], 1.0 / pz[c]
            for y in range(y0, y1 + 1):
                for x in range(x0, x1 + 1):
                    wa = ((px[b] - x) * (py[c] - y) - (py[b] - y) * (px[c] - x)) / area
                    wb = ((px[c] - x) * (py[a] - y) - (py[c] - y) * (px[a] - x)) / area
                    wc = 1.0 - wa - wb
                    if wa < -1e-4 or wb < -1e-4 or wc < -1e-4:
                        continue
                    inverse = wa * ia + wb * ib + wc * ic
                    cube[side, y, x] = max(cube[side, y, x], inverse)


@njit(cache=True, parallel=True, fastmath=True)
def draw_cubes(lights: Float, vertices: Float, faces: Int, cubes: Float) -> None:
    """Adds triangles to the shadow cubes (L, 6, R, R) of the light positions (L, 3)."""
    for k in prange(lights.shape[0]):
        _draw_cube(lights[k], vertices, faces, cubes[k])


COVER_PX = 8


def cover(cubes: Float) -> NDArray[np.bool_]:
    """(L, 6, R / COVER_PX, R / COVER_PX): where cubes hold anything, or their neighbours within a block do."""
    lights, sides, size = cubes.shape[:3]
    blocks = size // COVER_PX
    full = cubes.reshape(lights, sides, blocks, COVER_PX, blocks, COVER_PX).any((3, 5))
    wide = np.pad(full, ((0, 0), (0, 0), (1, 1), (1, 1)))
    near: list[NDArray[np.bool_]] = [wide[:, :, j : j + blocks, i : i + blocks] for j in range(3) for i in range(3)]
    return np.asarray(np.logical_or.reduce(near))


@njit(cache=True, fastmath=True, inline="always")
def _seen_from(light: Float, x: float, y: float, z: float) -> tuple[int, float, float, float]:
    """Side of a light's cube on which a point appears, its depth there, and its place from -1 to 1."""
    dx, dy, dz = x - light[0], y - light[1], z - light[2]
    ax, ay, az = abs(dx), abs(dy), abs(dz)
    if ax >= ay and ax >= az:
        side, depth, u, v = (0 if dx > 0 else 1), ax, dy, dz
    elif ay >= az:
        side, depth, u, v = (2 if dy > 0 else 3), ay, dz, dx
    else:
        side, depth, u, v = (4 if dz > 0 else 5), az, dx, dy
    depth = max(depth, 1e-3)
    return side, depth, u / depth, v / depth


@njit(cache=True, fastmath=True)
def may_be_shaded(light: Float, covered: NDArray[np.bool_], x: float, y: float, z: float) -> bool:
    """Whether anything may stand between a light and a point: a quick look at the light's cover."""
    side, _, u, v = _seen_from(light, x, y, z)
    blocks = covered.shape[1]
    i = min(max(int((u + 1.0) * 0.5 * blocks), 0), blocks - 1)
    j = min(max(int((v + 1.0) * 0.5 * blocks), 0), blocks - 1)
    return bool(covered[side, j, i])


@njit(cache=True, fastmath=True)
def visible(light: Float, cube: Float, x: float, y: float, z: float, bias_m: float, reach: int) -> float:
    """Share of a light (0 to 1) that reaches a point, smoothed over (reach + 1)² texels."""
    side, depth, u, v = _seen_from(light, x, y, z)
    if depth <= bias_m + 1e-3:
        return 1.0
    size = cube.shape[1]
    px = (u + 1.0) * 0.5 * size - 0.5 - 0.5 * (reach - 1)
    py = (v + 1.0) * 0.5 * size - 0.5 - 0.5 * (reach - 1)
    ix, iy = math.floor(px), math.floor(py)
    fx, fy = px - ix, py - iy
    limit = 1.0 / (depth - bias_m)
    lit = 0.0
    for j in range(reach + 1):
        wy = (1.0 - fy) if j == 0 else (fy if j == reach else 1.0)
        yy = min(max(iy + j, 0), size - 1)
        for i in range(reach + 1):
            wx = (1.0 - fx) if i == 0 else (fx if i == reach else 1.0)
            xx = min(max(ix + i, 0), size - 1)
            if cube[side, yy, xx] <= limit:
                lit += wx * wy
    return lit / (reach * reach)
