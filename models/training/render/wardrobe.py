"""Clothes, hair and faces: colours per vertex, and the cloth's thickness pushed out of the body's surface."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from body import SEGMENT_INDEX, Body
from mesh import Float, Int, vertex_normals
from scipy.sparse import coo_array

Colour = tuple[float, float, float]
"""linear red, green, blue, 0 to 1"""


@dataclass(frozen=True)
class Outfit:
    """What a person wears; lengths are shares of the limb (0 at its root, 1 at its end)."""

    skin: Colour
    hair: Colour
    top: Colour
    trousers: Colour
    shoes: Colour
    socks: Colour
    sleeve: float = 0.95
    """how far the sleeve reaches from shoulder (0) to wrist (1)"""
    stripes: Colour | None = None
    hair_back_m: float = 0.05
    """how far the hair hangs down the back of the head below the ears"""
    hair_m: float = 0.022
    loose_m: float = 0.010
    """thickness of the cloth and the air under it"""


@dataclass(frozen=True)
class Dressed:
    """A body with its clothes on: vertices at rest and a colour for each."""

    body: Body
    vertices: Float
    colours: Float
    """(N, 3) linear"""
    gloss: Float
    """(N,) 0 (wool) to 1 (shoe polish)"""


def dress(body: Body, outfit: Outfit, seed: int) -> Dressed:
    """Paints and pads the body."""
    wear = _Layers(body, outfit)
    vertices = _softened(body, wear.cloth)
    normals = vertex_normals(vertices, body.faces)
    folds = _folds(body.vertices, seed) * wear.cloth
    vertices = vertices + normals * (wear.thickness + 0.004 * folds)[:, None]
    return Dressed(body, vertices.astype(np.float32), wear.colours, wear.gloss)


def _weight(body: Body, *names: str) -> Float:
    columns = [SEGMENT_INDEX[n] for n in names]
    return np.asarray(body.weights[:, columns].sum(1), np.float32)


def _both(name: str) -> tuple[str, str]:
    return f"{name}.L", f"{name}.R"


def _along(body: Body, start: str, end: str) -> Float:
    """Place along a bone, 0 at its start and 1 at its end, the nearer side of the body for each vertex."""
    result = np.zeros(len(body.vertices), np.float32)
    for letter, on_side in (("L", body.vertices[:, 1] >= 0), ("R", body.vertices[:, 1] < 0)):
        a, b = body.joints[f"{start}.{letter}"], body.joints[f"{end}.{letter}"]
        share = (body.vertices - a) @ (b - a) / float((b - a) @ (b - a))
        result[on_side] = share[on_side]
    return result


class _Layers:
    """Which vertex belongs to what, worked out from the inside (skin) to the outside (top)."""

    def __init__(self, body: Body, outfit: Outfit) -> None:
        count = len(body.vertices)
        z = body.vertices[:, 2]
        self.colours = np.tile(np.asarray(outfit.skin, np.float32), (count, 1))
        self.gloss = np.full(count, 0.25, np.float32)
        self.thickness = np.zeros(count, np.float32)
        self.cloth = np.zeros(count, np.float32)
        arm = _weight(body, *_both("upperarm01"), *_both("lowerarm01"), *_both("lowerarm02"), *_both("wrist"))
        leg = _weight(body, *_both("upperleg01"), *_both("lowerleg01"))
        foot = _weight(body, *_both("foot"))
        trunk = 1 - arm - leg - foot - _weight(body, "neck01", "neck02", "neck03", "head")
        shin = _along(body, "lowerleg01", "foot")
        self._face(body, outfit)
        self._hair(body, outfit)
        self._wear((foot > 0.35) | ((leg > 0.5) & (shin > 0.9)), outfit.socks, 0.003, 0.0)
        # the shoe ends at the ankle
        ankle = float(body.joints["foot.L"][2])
        self._wear((foot > 0.5) & (z < ankle + 0.02), outfit.shoes, 0.007, 0.5)
        legs = ((leg > 0.5) & (shin < 0.93)) | ((trunk > 0.5) & (z < 0.12))
        self._wear(legs, outfit.trousers, outfit.loose_m + 0.012 * np.clip(shin, 0, 1), 0.05)
        elbow = body.bone_m("upperarm01.L", "lowerarm01.L") / body.arm_m
        upper, lower = _along(body, "upperarm01", "lowerarm01"), _along(body, "lowerarm01", "wrist")
        place = np.where(lower > 0, elbow + lower * (1 - elbow), np.clip(upper, None, 1) * elbow)
        sleeve = (arm > 0.5) & (place < outfit.sleeve)
        collar = float(body.joints["neck01"][2]) - 0.005
        hem = -0.07
        front = body.vertices[:, 0] - float(body.joints["neck01"][0])
        neckline = (z < collar + 0.35 * np.clip(-front, -0.2, 0.03)) | (np.abs(body.vertices[:, 1]) > 0.075)
        chest = (trunk + leg + arm > 0.5) & (arm < 0.5) & (z > hem) & neckline
        self._wear(sleeve | chest, outfit.top, outfit.loose_m + np.where(z < 0.02, 0.006, 0.0) * chest, 0.03)
        if outfit.stripes is not None:
            band = (sleeve | chest) & (np.mod(z, 0.11) < 0.035)
            self.colours[band] = outfit.stripes

    def _wear(self, where: Float, colour: Colour, thickness: Float | float, gloss: float) -> None:
        mask = np.asarray(where, bool)
        self.colours[mask] = colour
        self.gloss[mask] = gloss
        self.thickness[mask] = np.broadcast_to(np.asarray(thickness, np.float32), mask.shape)[mask]
        self.cloth[mask] = 1.0

    def _face(self, body: Body, outfit: Outfit) -> None:
        """Eyes, brows and lips as soft spots: at this size they are a pixel or two each."""
        head = _weight(body, "head") > 0.5
        mouth = 0.5 * (body.joints["oris01"] + body.joints["oris05"])
        red = (0.75 * outfit.skin[0], 0.42 * outfit.skin[1], 0.42 * outfit.skin[2])
        dark = (0.05, 0.035, 0.03)
        spots = [(mouth, (0.02, 0.022, 0.007), red, 0.8)]
        for side in "LR":
            eye = body.joints[f"eye.{side}"]
            surface = eye + np.array([0.015, 0, 0], np.float32)
            spots.append((surface, (0.03, 0.014, 0.007), dark, 0.85))
            brow = eye + np.array([0.02, 0.003 * np.sign(eye[1]), 0.022], np.float32)
            spots.append((brow, (0.03, 0.017, 0.005), outfit.hair, 0.6))
        for place, radii, colour, strength in spots:
            distance = (((body.vertices - place) / np.asarray(radii)) ** 2).sum(1)
            share = (strength * np.exp(-(distance**2)) * head)[:, None]
            self.colours = (self.colours * (1 - share) + np.asarray(colour) * share).astype(np.float32)

    def _hair(self, body: Body, outfit: Outfit) -> None:
        v = body.vertices
        ear = 0.5 * (body.joints["ear.L"] + body.joints["ear.R"])
        eye_z = float(body.joints["eye.L"][2])
        crown = float(v[:, 2].max())
        head = _weight(body, *("neck02", "neck03", "head")) > 0.5
        # the hair line rises from the nape over the temples to the forehead
        ahead = np.clip((v[:, 0] - ear[0]) / 0.09, -1, 1.4)
        back_z = float(ear[2]) - outfit.hair_back_m
        line = np.where(ahead < 0.15, back_z, eye_z + 0.02 + (crown - eye_z - 0.075) * np.clip(ahead, 0, 1))
        side = abs(float(body.joints["ear.L"][1]))
        ears = (np.abs(v[:, 1]) > side - 0.016) & (np.abs(v[:, 2] - ear[2]) < 0.04)
        hair = head & (v[:, 2] > line) & ~ears
        self.colours[hair] = outfit.hair
        self.gloss[hair] = 0.35
        rise = np.clip((v[:, 2] - line) / 0.03, 0.25, 1)
        self.thickness[hair] = (outfit.hair_m * rise)[hair]


def _neighbours(faces: Int, count: int) -> coo_array:
    a = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.concatenate([a, a[:, ::-1]])
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()
    links.data[:] = 1.0
    return links


def _softened(body: Body, cloth: Float) -> Float:
    """Smooths the body under cloth, which lies over hollows instead of following them."""
    links = _neighbours(body.faces, len(body.vertices))
    degree = np.maximum(np.asarray(links.sum(1)).ravel(), 1)[:, None]
    vertices = body.vertices.astype(np.float64)
    normals = vertex_normals(body.vertices, body.faces)
    for _ in range(40):
        vertices += (links @ vertices / degree - vertices) * (0.6 * cloth)[:, None]
    # smoothing shrinks: move back out to where the skin was, on average
    lost = ((body.vertices - vertices) * normals).sum(1)
    for _ in range(60):
        lost = 0.5 * lost + 0.5 * np.asarray(links @ lost) / degree[:, 0]
    return np.asarray(vertices + normals * (np.maximum(lost, 0) * cloth)[:, None], np.float32)


def _folds(vertices: Float, seed: int) -> Float:
    """Smooth noise of a few centimetres' wavelength, mostly across the limbs."""
    rng = np.random.default_rng(seed)
    total = np.zeros(len(vertices))
    for _ in range(10):
        wave = rng.normal(size=3) * [25, 25, 60]
        total += np.sin(vertices @ wave + rng.uniform(0, 2 * np.pi))
    return (total / 3.0).astype(np.float32)


def recoloured(dressed: Dressed, colours: Float) -> Dressed:
    """The same clothes in other colours."""
    return replace(dressed, colours=colours)
