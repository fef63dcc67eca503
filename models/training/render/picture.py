"""Pictures of the room with people in it.

The camera stands still, so the empty room is lit once, with many lamps. A frame lights only the people, and darkens
the room where they stand in its light, with few lamps; both at `OVERSAMPLE`² samples a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import light
import numpy as np
import scene
from body import skinned
from mesh import Float, Int, merged, vertex_normals
from numpy.typing import NDArray
from raster import Camera, GBuffer, cover, draw, draw_cubes
from scipy.ndimage import gaussian_filter
from wardrobe import Dressed

OVERSAMPLE = 2
CUBE_PX = 256
EXPOSURE = 1.6


@dataclass(frozen=True)
class Shot:
    """One rendered frame before the sensor."""

    linear: Float
    """(H, W, 3) linear light"""
    owner: Int
    """(H·OVERSAMPLE, W·OVERSAMPLE): which person is seen, -1 the room"""
    depth_m: Float
    """the same size; distance along the camera's axis"""


class Studio:
    """The lit, empty room and what is needed to put people in it."""

    def __init__(self, camera: Camera, seed: int, fine: float = 1.0) -> None:
        """`fine` scales the number of lamps for the empty room; less is quicker and blotchier."""
        self.camera = camera
        self._fine_camera = camera.scaled(OVERSAMPLE)
        furniture = scene.meshes()
        vertices, normals, faces, places = merged(furniture)
        self._casting = faces[np.array([m.casts for m in furniture])[places]]
        self._vertices = vertices
        self._room = GBuffer.empty(self._fine_camera)
        draw(self._fine_camera, vertices, faces, self._room)
        self._lit(vertices, normals, faces, places, [m.material for m in furniture], seed, fine)

    def _lit(
        self, vertices: Float, normals: Float, faces: Int, places: Int, materials: list[str], seed: int, fine: float
    ) -> None:
        shape = self._room.triangle.shape
        corner = faces[self._room.triangle.ravel()]
        weights = self._room.weights.reshape(-1, 3, 1)
        points = (vertices[corner] * weights).sum(1)
        facing = _unit((normals[corner] * weights).sum(1))
        facing *= _towards(self.camera.eye, vertices[corner], facing)
        owner = places[self._room.triangle.ravel()]
        colour = scene.albedo(points, owner, materials)
        received = np.zeros_like(colour)
        many = light.lights(round(96 * fine), round(60 * fine), 6, seed)
        for start in range(0, len(many), 64):
            part = slice(start, start + 64)
            cubes = self._cubes(many.places[part])
            light.gather(
                points, facing, many.places[part], many.normals[part], many.power[part], cubes, 0.012, 2, received
            )  # fmt: skip
        glows = np.array([m in scene.GLOWING for m in materials])[owner]
        received[glows] = 1.0
        self._empty = (colour * received).reshape(*shape, 3)
        # what frames need: few lamps, their shadows in the empty room, their shares at each pixel
        few = light.lights(8, 3, 2, seed + 1)
        self._few = few
        self._room_cubes = self._cubes(few.places)
        middle = _every(points.reshape(*shape, 3)), _every(facing.reshape(*shape, 3))
        self._points = np.ascontiguousarray(middle[0].reshape(-1, 3))
        self._facing = np.ascontiguousarray(middle[1].reshape(-1, 3))
        self._shares = np.zeros((len(self._points), len(few)), np.float32)
        light.shares(
            self._points, self._facing, few.places, few.normals, self._room_cubes, 0.012, self._shares
        )  # fmt: skip
        self._shares[_every(glows.reshape(shape)).ravel()] = 0.0
        self._people_cubes = np.zeros_like(self._room_cubes)

    def _cubes(self, places: Float) -> Float:
        cubes = np.zeros((len(places), 6, CUBE_PX, CUBE_PX), np.float32)
        draw_cubes(places, self._vertices, self._casting, cubes)
        return cubes

    def shot(self, people: list[tuple[Dressed, Float]]) -> Shot:
        """The room with people, each dressed and with the (S, 3, 4) transforms of a pose."""
        meshes = [(skinned(d.body, d.vertices, t), d) for d, t in people]
        shape = self._room.triangle.shape
        owner = np.full(shape, -1, np.int32)
        if not meshes:
            return Shot(_shrunk(self._empty), owner, 1 / np.maximum(self._room.inverse_depth, 1e-6))
        self._people_cubes[:] = 0
        buffer = GBuffer.empty(self._fine_camera)
        buffer.inverse_depth[:] = self._room.inverse_depth
        starts = np.cumsum([0] + [len(d.body.faces) for _, d in meshes])
        for (vertices, dressed), start in zip(meshes, starts, strict=False):
            draw(self._fine_camera, vertices, dressed.body.faces, buffer, int(start))
            draw_cubes(self._few.places, vertices, dressed.body.faces, self._people_cubes)
        left = np.empty((len(self._points), 3), np.float32)
        light.dimmed(
            self._points, self._facing, self._shares, self._few.places, self._few.power, self._people_cubes,
            cover(self._people_cubes), left,
        )  # fmt: skip
        shade = left.reshape(self.camera.height, self.camera.width, 3)
        picture = self._empty * shade.repeat(OVERSAMPLE, 0).repeat(OVERSAMPLE, 1)
        for k, (vertices, dressed) in enumerate(meshes):
            seen = (buffer.triangle >= starts[k]) & (buffer.triangle < starts[k + 1])
            owner[seen] = k
            if seen.any():
                picture[seen] = self._lit_person(
                    vertices, dressed, buffer.triangle[seen] - starts[k], buffer.weights[seen]
                )
        return Shot(_shrunk(picture), owner, 1 / np.maximum(buffer.inverse_depth, 1e-6))

    def _lit_person(self, vertices: Float, dressed: Dressed, triangles: Int, weights: Float) -> Float:
        faces = dressed.body.faces
        corner, share = faces[triangles], weights[:, :, None]
        points = (vertices[corner] * share).sum(1)
        facing = _unit((vertex_normals(vertices, faces)[corner] * share).sum(1))
        colour, gloss = dressed.surface(corner, weights)
        diffuse, shine = np.zeros_like(colour), np.zeros_like(colour)
        few = self._few
        light.gather_people(
            points, facing, gloss, self.camera.eye, few.places, few.normals, few.power,
            self._room_cubes, self._people_cubes, diffuse, shine,
        )  # fmt: skip
        return np.asarray(colour * diffuse + 0.12 * shine, np.float32)


def developed(linear: Float, rng: np.random.Generator, noise: float = 1.0) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 as a small camera gives it: filmic curve, mild vignetting, shot and read noise."""
    height, width = linear.shape[:2]
    y, x = np.mgrid[:height, :width]
    radius = np.hypot((x - width / 2) / width, (y - height / 2) / width)
    light_in = (0.97 * linear + 0.03 * _glow(linear)) * (EXPOSURE * (1 - 0.35 * radius**2))[..., None]
    sigma = noise * np.sqrt(0.000004 + 0.00005 * light_in)
    grain = rng.normal(size=light_in.shape[:2])[..., None] * 0.8 + rng.normal(size=light_in.shape) * 0.4
    light_in = np.maximum(light_in + sigma * grain, 0)
    # a film-like curve: a little deeper in the shadows, white is reached slowly
    shown = (light_in * (1 + light_in / 4.0) / (1 + light_in)) ** 1.12
    encoded = np.where(shown < 0.0031308, 12.92 * shown, 1.055 * np.maximum(shown, 1e-8) ** (1 / 2.4) - 0.055)
    return np.asarray(np.clip(encoded, 0, 1) * 255 + 0.5, np.uint8)


def _glow(linear: Float) -> Float:
    """What a plain lens scatters around bright places."""
    return np.asarray(gaussian_filter(linear, (14, 14, 0), mode="nearest"))


def _unit(vectors: Float) -> Float:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


def _towards(eye: Float, corners: Float, facing: Float) -> Float:
    """(N, 1) 1 or -1: what turns the normals to the side of their triangles (N, 3, 3) that is seen."""
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    seen_from = ((eye - corners[:, 0]) * flat).sum(1)
    return np.where(seen_from * (flat * facing).sum(1) < 0, -1.0, 1.0)[:, None].astype(np.float32)


def _every(field: Float) -> Float:
    """One sample of each pixel's."""
    return field[OVERSAMPLE // 2 :: OVERSAMPLE, OVERSAMPLE // 2 :: OVERSAMPLE]


def _shrunk(picture: Float) -> Float:
    height, width = picture.shape[0] // OVERSAMPLE, picture.shape[1] // OVERSAMPLE
    # highlights are clipped before averaging, or edges against the window would look jagged
    limited = np.minimum(picture, 1.5)
    return np.asarray(limited.reshape(height, OVERSAMPLE, width, OVERSAMPLE, 3).mean((1, 3)), np.float32)
