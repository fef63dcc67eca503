"""Triangle meshes for furniture: rounded boxes, turned shapes, sheets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating[Any]]
Int = NDArray[np.int32]
Vec = tuple[float, float, float]


@dataclass(frozen=True)
class Mesh:
    """Triangles of one material, in world coordinates (metres, z up)."""

    vertices: Float
    normals: Float
    faces: Int
    material: str
    casts: bool = True
    """whether it throws shadows"""

    def moved(self, offset: Vec) -> Mesh:
        """The mesh shifted by `offset` metres."""
        return replace(self, vertices=self.vertices + np.asarray(offset, np.float32))

    def turned(self, degrees: float, about: Vec = (0.0, 0.0, 0.0), axis: int = 2) -> Mesh:
        """The mesh turned about a coordinate axis through `about`."""
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        i, j = (axis + 1) % 3, (axis + 2) % 3
        rotation = np.eye(3)
        rotation[i, i] = rotation[j, j] = c
        rotation[i, j], rotation[j, i] = -s, s
        centre = np.asarray(about)
        vertices = (self.vertices - centre) @ rotation.T + centre
        return replace(
            self,
            vertices=vertices.astype(np.float32),
            normals=(self.normals @ rotation.T).astype(np.float32),
        )


def grid_faces(rows: int, columns: int) -> Int:
    """Two triangles a cell of a rows × columns grid of vertices stored row by row."""
    i = np.arange((rows - 1) * columns).reshape(rows - 1, columns)[:, :-1].ravel()
    quads = np.stack([i, i + 1, i + columns + 1, i + columns], 1)
    return np.asarray(np.concatenate([quads[:, :3], quads[:, [0, 2, 3]]]), np.int32)


def vertex_normals(vertices: Float, faces: Int) -> Float:
    """(N, 3) unit normals, the triangles' normals averaged by area."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    each = np.cross(b - a, c - a)
    total = np.stack([np.bincount(faces.T.ravel(), np.tile(each[:, k], 3), len(vertices)) for k in range(3)], 1)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(total / np.maximum(length, 1e-12), np.float32)


def sheet(origin: Vec, u: Vec, v: Vec, material: str, step_m: float = 0.25, casts: bool = True) -> Mesh:
    """A flat rectangle from `origin` along `u` and `v`, its face towards u × v."""
    uu, vv = np.asarray(u, np.float64), np.asarray(v, np.float64)
    rows = int(np.ceil(np.linalg.norm(vv) / step_m)) + 1
    columns = int(np.ceil(np.linalg.norm(uu) / step_m)) + 1
    s, t = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    vertices = np.asarray(origin) + s.reshape(-1, 1) * uu + t.reshape(-1, 1) * vv
    normal = np.cross(uu, vv)
    normals = np.tile(normal / np.linalg.norm(normal), (len(vertices), 1))
    return Mesh(vertices.astype(np.float32), normals.astype(np.float32), grid_faces(rows, columns), material, casts)


def rounded_box(centre: Vec, size: Vec, radius_m: float, material: str, cells: int = 10) -> Mesh:
    """A box with its edges rounded: points of a cube's surface, pushed out from an inner box by the radius."""
    half = 0.5 * np.asarray(size)
    radius = min(radius_m, float(half.min()) * 0.999)
    steps = [_edge_steps(float(h), radius, cells) for h in half]
    points, faces, count = [], [], 0
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        s, t = (g.ravel() for g in np.meshgrid(steps[u], steps[v]))
        grid = grid_faces(len(steps[v]), len(steps[u]))
        for sign in (-1.0, 1.0):
            side = np.empty((len(s), 3))
            side[:, axis], side[:, u], side[:, v] = sign * half[axis], s, t
            points.append(side)
            faces.append((grid if sign > 0 else grid[:, ::-1]) + count)
            count += len(s)
    shell = np.concatenate(points)
    inner = np.clip(shell, -(half - radius), half - radius)
    out = shell - inner
    normals = out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    vertices = inner + normals * radius + np.asarray(centre)
    return Mesh(
        vertices.astype(np.float32), normals.astype(np.float32), np.concatenate(faces).astype(np.int32), material
    )


def _edge_steps(half: float, radius: float, cells: int) -> Float:
    """Places along one side of a box: even in the middle, at even angles where the edge is rounded."""
    bend = half - radius + radius * np.tan(np.linspace(0, np.pi / 4, max(3, cells // 2)))
    middle = np.linspace(-(half - radius), half - radius, max(2, cells // 2))
    return np.unique(np.round(np.concatenate([-bend, middle, bend]), 7)).astype(np.float32)


def turned_shape(foot: Vec, profile: list[tuple[float, float]], material: str, sides: int = 24) -> Mesh:
    """A solid of revolution about a vertical axis at `foot`; `profile` is (radius, height) from bottom to top."""
    angles = np.linspace(0, 2 * np.pi, sides + 1)
    radius, height = np.asarray(profile).T
    vertices = np.stack(
        [
            radius[:, None] * np.cos(angles),
            radius[:, None] * np.sin(angles),
            np.repeat(height[:, None], sides + 1, 1),
        ],
        -1,
    ).reshape(-1, 3).astype(np.float32)  # fmt: skip
    faces = grid_faces(len(profile), sides + 1)
    mesh = Mesh(vertices, vertex_normals(vertices, faces), faces, material)
    return mesh.moved(foot)


def curtain(start: Vec, along: Vec, height_m: float, folds: int, depth_m: float, material: str) -> Mesh:
    """A hanging cloth with sinusoidal folds from `start` along the horizontal vector `along`."""
    length = float(np.hypot(along[0], along[1]))
    columns, rows = folds * 8 + 1, 9
    s, t = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    side = np.array([-along[1], along[0], 0.0]) / length
    wave = depth_m * np.sin(2 * np.pi * folds * s + 0.6 * np.sin(3 * t)) * (0.75 + 0.25 * t)
    vertices = (
        np.asarray(start)
        + s[..., None] * np.asarray(along)
        + wave[..., None] * side
        + t[..., None] * np.array([0.0, 0.0, height_m])
    ).reshape(-1, 3).astype(np.float32)  # fmt: skip
    faces = grid_faces(rows, columns)
    return Mesh(vertices, vertex_normals(vertices, faces), faces, material)


def merged(meshes: list[Mesh]) -> tuple[Float, Float, Int, Int]:
    """Vertices, normals, faces of all meshes in one, and each triangle's place in the list."""
    start = np.cumsum([0] + [len(m.vertices) for m in meshes])
    return (
        np.concatenate([m.vertices for m in meshes]),
        np.concatenate([m.normals for m in meshes]),
        np.concatenate([m.faces + s for m, s in zip(meshes, start, strict=False)]).astype(np.int32),
        np.concatenate([np.full(len(m.faces), k, np.int32) for k, m in enumerate(meshes)]),
    )
