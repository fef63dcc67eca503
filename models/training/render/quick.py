"""Pictures of one dressed body before any background, lit by a few random lamps.

Thousands in minutes, where picture.py's rooms take seconds each: for training crops and test sets, not for the eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from body import skinned
from mesh import Float, vertex_normals
from numpy.typing import NDArray
from raster import Camera, GBuffer, draw
from scipy.ndimage import gaussian_filter, zoom
from wardrobe import Dressed

OVERSAMPLE = 2
Bytes = NDArray[np.uint8]


@dataclass(frozen=True)
class Shot:
    """A picture and what is where in it."""

    pixels: Bytes
    """(H, W, 3) RGB"""
    depth_m: Float
    """(H, W) along the camera's axis; infinite where the background is"""
    vertices: Float
    """(N, 3) of the body in the world"""

    def shows(self, camera: Camera, places: Float, under_m: float) -> tuple[Float, NDArray[np.bool_]]:
        """(K, 2) pixels of world places (K, 3), and whether nothing is in front of them.

        under_m: how far under its surface a place may lie.
        """
        x, y, z = camera.project(places).T
        height, width = self.depth_m.shape
        inside = (x > -0.5) & (y > -0.5) & (x < width - 0.5) & (y < height - 0.5) & (z > 0)
        column = np.clip(np.rint(x), 0, width - 1).astype(int)
        row = np.clip(np.rint(y), 0, height - 1).astype(int)
        # a place at the outline may fall just beside the body
        near = np.min([self.depth_m[np.clip(row + j, 0, height - 1), np.clip(column + i, 0, width - 1)]
                       for j in (-1, 0, 1) for i in (-1, 0, 1)], axis=0)  # fmt: skip
        front = self.depth_m[row, column]
        front = np.where(np.isfinite(front), front, near)
        return np.stack([x, y], 1), inside & (front > z - under_m)


def shoot(dressed: Dressed, transforms: Float, camera: Camera, backdrop: Bytes, rng: np.random.Generator) -> Shot:
    """A dressed body in a pose, over an (H, W, 3) backdrop of the camera's size."""
    fine = camera.scaled(OVERSAMPLE)
    vertices = skinned(dressed.body, dressed.vertices, transforms)
    buffer = GBuffer.empty(fine)
    faces = dressed.body.faces
    draw(fine, vertices, faces, buffer)
    there = buffer.triangle >= 0
    corner, share = faces[buffer.triangle[there]], buffer.weights[there]
    normals = (vertex_normals(vertices, faces)[corner] * share[:, :, None]).sum(1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    colour, _ = dressed.surface(corner, share)
    lit = colour * _light(normals, camera, rng)
    picture = _linear(backdrop).repeat(OVERSAMPLE, 0).repeat(OVERSAMPLE, 1)
    picture[there] = lit
    small = picture.reshape(camera.height, OVERSAMPLE, camera.width, OVERSAMPLE, 3).mean((1, 3))
    depth = np.where(there, 1 / np.maximum(buffer.inverse_depth, 1e-6), np.inf)
    return Shot(developed(small, rng), depth[::OVERSAMPLE, ::OVERSAMPLE], vertices)


def developed(linear: Float, rng: np.random.Generator) -> Bytes:
    """What a cheap camera makes of it: blur, exposure, noise."""
    soft = gaussian_filter(linear, (*(2 * (rng.uniform(0.2, 0.8),)), 0))
    shown = np.clip(soft * rng.uniform(0.8, 1.25), 0, 1) ** (1 / 2.2)
    noisy = shown * 255 + rng.normal(0, rng.uniform(1, 5), shown.shape)
    return np.asarray(np.clip(noisy + 0.5, 0, 255), np.uint8)


def painted(size: tuple[int, int], rng: np.random.Generator) -> Bytes:
    """A backdrop of soft patches of a few colours; `size` is (height, width)."""
    colours = rng.uniform(20, 235, (6, 3)) * rng.uniform(0.6, 1.0)
    coarse = rng.normal(size=(6, 4, 5))
    fields = np.stack([zoom(field, (size[0] / 4, size[1] / 5), order=1)[: size[0], : size[1]] for field in coarse])
    fields = np.pad(fields, ((0, 0), (0, size[0] - fields.shape[1]), (0, size[1] - fields.shape[2])), mode="edge")
    grain = gaussian_filter(rng.normal(size=size), rng.uniform(0.5, 3)) * rng.uniform(0, 60)
    return np.asarray(np.clip(colours[fields.argmax(0)] + grain[..., None], 0, 255), np.uint8)


def _light(normals: Float, camera: Camera, rng: np.random.Generator) -> Float:
    total = np.full((len(normals), 3), rng.uniform(0.25, 0.6))
    for _ in range(3):
        way = rng.normal(size=3) + np.array([0, 0, 1.0]) - camera.rotation[2]
        way /= np.linalg.norm(way)
        tint = rng.uniform(0.8, 1.2, 3) * rng.uniform(0.2, 0.8)
        total += np.clip((normals @ way + 0.15) / 1.15, 0, 1)[:, None] * tint
    return total


def _linear(pixels: Bytes) -> Float:
    return (pixels / np.float32(255)) ** np.float32(2.2)
