"""Clothes, hair and faces: colours per vertex, and the cloth's thickness pushed out of the body's surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from body import SEGMENT_INDEX, Body
from hang import hung
from mesh import Float, Int, vertex_normals
from scipy.sparse import coo_array, csr_array
from shoes import shod

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
    soles: Colour | None = None
    """of shoes, where these have thick ones"""
    trouser: float = 0.95
    """how far the trousers reach from knee (0) to ankle (1); below 0 above the knee"""
    hair_back_m: float = 0.05
    """how far the hair hangs down the back of the head below the ears"""
    hair_m: float = 0.022
    loose_m: float = 0.010
    """thickness of the cloth and the air under it"""


@dataclass(frozen=True)
class Layer:
    """A piece of clothing: it covers the surface wherever its field, interpolated over a triangle, is above 0."""

    field: Float
    """(N,) one number a vertex"""
    colour: Colour
    gloss: float


@dataclass(frozen=True)
class Dressed:
    """A body with its clothes on."""

    body: Body
    vertices: Float
    """(N, 3) at rest, cloth included"""
    skin: Float
    """(N, 3) linear colours of what no layer covers"""
    layers: tuple[Layer, ...]
    """from the inside out"""

    def surface(self, corners: Int, weights: Float) -> tuple[Float, Float]:
        """Colours (M, 3) and gloss (M,) of places given by their triangles' corners and barycentric weights (M, 3)."""
        colour = (self.skin[corners] * weights[:, :, None]).sum(1)
        gloss = np.full(len(corners), _SKIN_GLOSS, np.float32)
        for layer in self.layers:
            covered = (layer.field[corners] * weights).sum(1) > 0
            colour[covered] = layer.colour
            gloss[covered] = layer.gloss
        return colour.astype(np.float32), gloss


_SKIN_GLOSS = 0.3
_STRIPE_M = 0.11
_SOLE_M = 0.025
_SHOES, _TOP = 2, 4
"""places among the pieces"""


def dress(body: Body, outfit: Outfit, seed: int) -> Dressed:
    """Paints and pads the body."""
    pieces = _pieces(body, outfit)
    rounds = np.zeros(len(body.vertices), np.int32)
    thickness = np.zeros(len(body.vertices), np.float32)
    for piece in pieces:
        worn = piece.layer.field > 0
        thickness[worn] = np.broadcast_to(piece.thickness, worn.shape)[worn]
        rounds[worn] = piece.rounds
    links = _neighbours(body.faces, len(body.vertices))
    vertices = shod(body, _softened(body, rounds, links))
    top = pieces[_TOP].layer.field > 0
    arms = _weight(body, *_both("upperarm01"), *_both("lowerarm01"))
    armpit = float(body.joints["upperarm01.L"][2]) - 0.06
    vertices = hung(vertices, top & (arms < 0.3), armpit)
    normals = vertex_normals(vertices, body.faces)
    push = _spread(thickness, links, 1) + 0.004 * _folds(body.vertices, seed) * (rounds > 0)
    vertices = vertices + normals * push[:, None]
    return Dressed(body, vertices.astype(np.float32), _face(body, outfit), tuple(p.layer for p in pieces))


@dataclass(frozen=True)
class _Piece:
    layer: Layer
    thickness: Float | float
    """metres, a vertex or throughout"""
    rounds: int = 40
    """of smoothing: how far it lies over the hollows of the body"""


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


def _all(*fields: Float) -> Float:
    return np.asarray(np.minimum.reduce(np.broadcast_arrays(*fields)), np.float32)


def _any(*fields: Float) -> Float:
    return np.asarray(np.maximum.reduce(np.broadcast_arrays(*fields)), np.float32)


def _pieces(body: Body, outfit: Outfit) -> list[_Piece]:
    """Hair, socks, shoes, trousers, top: each a field of the body at rest."""
    x, y, z = body.vertices.T
    arm = _weight(body, *_both("upperarm01"), *_both("lowerarm01"), *_both("lowerarm02"), *_both("wrist"))
    leg = _weight(body, *_both("upperleg01"), *_both("lowerleg01"))
    foot = _weight(body, *_both("foot"))
    trunk = 1 - arm - leg - foot - _weight(body, "neck01", "neck02", "neck03", "head")
    shin = _along(body, "lowerleg01", "foot")
    ankle = float(body.joints["foot.L"][2])

    socks = _any(foot - 0.35, _all(leg - 0.5, shin - 0.85))
    # the shoe ends at the ankle
    shoes = _all(foot - 0.4, ankle + 0.005 - z)
    trousers = _all(leg + trunk + 0.5 * foot - 0.5, 0.12 - z, outfit.trouser - shin)
    elbow = body.bone_m("upperarm01.L", "lowerarm01.L") / body.arm_m
    upper, lower = _along(body, "upperarm01", "lowerarm01"), _along(body, "lowerarm01", "wrist")
    place = np.where(lower > 0, elbow + lower * (1 - elbow), np.minimum(upper, 1) * elbow)
    cuff = np.where(arm > 0.3, outfit.sleeve - place, 1.0)
    neck = body.joints["neck01"]
    front = np.clip(float(neck[0]) - x, -0.2, 0.03)
    neckline = _any(float(neck[2]) - 0.005 + 0.35 * front - z, np.abs(y) - 0.075)
    # lower at the sides: thighs that come together from the spread legs at rest lift it there
    hem = z + 0.045 + 0.35 * np.clip(np.abs(y) - 0.02, 0, 0.15)
    top = _all(arm + trunk + leg - 0.5, hem, neckline, cuff)
    loose = outfit.loose_m
    pieces = [
        _Piece(Layer(_hair(body, outfit), outfit.hair, 0.5), _hair_thickness(body, outfit), rounds=0),
        _Piece(Layer(socks, outfit.socks, 0.02), 0.003),
        _Piece(Layer(shoes, outfit.shoes, 0.6), 0.006),
        _Piece(Layer(trousers, outfit.trousers, 0.05), loose + 0.012 * np.clip(shin, 0, 1)),
        _Piece(Layer(top, outfit.top, 0.03), loose + 0.008 * (z < 0.05) * (trunk + leg > 0.5)),
    ]
    if outfit.soles is not None:
        sole = _all(shoes, float(z.min()) + _SOLE_M - z)
        pieces.append(_Piece(Layer(sole, outfit.soles, 0.05), pieces[_SHOES].thickness))
    if outfit.stripes is not None:
        stripe = 0.016 - np.abs(np.mod(z, _STRIPE_M) - 0.5 * _STRIPE_M)
        pieces.append(_Piece(Layer(_all(top, stripe), outfit.stripes, 0.03), pieces[_TOP].thickness))
    return pieces


def _hair_line(body: Body, outfit: Outfit) -> Float:
    """Height above the hair line, which rises from the nape over the temples to the forehead."""
    x, _, z = body.vertices.T
    ear = body.joints["ear.L"]
    eye_z = float(body.joints["eye.L"][2])
    ahead = np.clip((x - ear[0]) / 0.09, -1, 1.4)
    back_z = float(ear[2]) - outfit.hair_back_m
    fore_z = eye_z + 0.02 + (float(z.max()) - eye_z - 0.075) * np.clip(ahead, 0, 1)
    share = np.clip((ahead - 0.05) / 0.2, 0, 1)
    return np.asarray(z - (back_z * (1 - share) + fore_z * share), np.float32)


def _hair(body: Body, outfit: Outfit) -> Float:
    _, y, z = body.vertices.T
    ear = body.joints["ear.L"]
    ears = _all(np.abs(y) - float(ear[1]) + 0.016, 0.04 - np.abs(z - float(ear[2])))
    head = _weight(body, "neck02", "neck03", "head") - 0.5
    return _all(head, _hair_line(body, outfit), -ears)


def _hair_thickness(body: Body, outfit: Outfit) -> Float:
    return np.asarray(outfit.hair_m * np.clip(_hair_line(body, outfit) / 0.03, 0.25, 1), np.float32)


def _face(body: Body, outfit: Outfit) -> Float:
    """Skin, with eyes, brows and lips as soft spots: at this size they are a pixel or two each."""
    colours = np.tile(np.asarray(outfit.skin, np.float64), (len(body.vertices), 1))
    head = _weight(body, "head") > 0.5
    mouth = 0.5 * (body.joints["oris01"] + body.joints["oris05"])
    red = (0.75 * outfit.skin[0], 0.42 * outfit.skin[1], 0.42 * outfit.skin[2])
    dark = (0.05, 0.035, 0.03)
    spots = [(mouth, (0.02, 0.022, 0.007), red, 0.8)]
    for side in "LR":
        eye = body.joints[f"eye.{side}"]
        spots.append((eye + np.array([0.015, 0, 0]), (0.03, 0.014, 0.007), dark, 0.85))
        spots.append((eye + np.array([0.02, 0.003 * np.sign(eye[1]), 0.022]), (0.03, 0.017, 0.005), outfit.hair, 0.6))
    for place, radii, colour, strength in spots:
        distance = (((body.vertices - place) / np.asarray(radii)) ** 2).sum(1)
        share = (strength * np.exp(-(distance**2)) * head)[:, None]
        colours = colours * (1 - share) + np.asarray(colour) * share
    return colours.astype(np.float32)


def _neighbours(faces: Int, count: int) -> csr_array:
    a = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.concatenate([a, a[:, ::-1]])
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count)).tocsr()
    links.data[:] = 1.0
    return links


def _spread(values: Float, links: csr_array, times: int) -> Float:
    """Values averaged with their neighbours'."""
    degree = np.maximum(np.asarray(links.sum(1)).ravel(), 1)
    for _ in range(times):
        values = 0.5 * values + 0.5 * np.asarray(links @ values) / degree
    return values


def _softened(body: Body, rounds: Int, links: csr_array) -> Float:
    """Smooths the body under cloth, which lies over hollows instead of following them."""
    degree = np.maximum(np.asarray(links.sum(1)).ravel(), 1)[:, None]
    vertices = body.vertices.astype(np.float64)
    normals = vertex_normals(body.vertices, body.faces)
    for k in range(int(rounds.max())):
        vertices += (links @ vertices / degree - vertices) * (0.6 * (rounds > k))[:, None]
    # smoothing shrinks: move back out to where the skin was, on average
    lost = _spread(((body.vertices - vertices) * normals).sum(1), links, 60)
    return np.asarray(vertices + normals * (np.maximum(lost, 0) * (rounds > 0))[:, None], np.float32)


def _folds(vertices: Float, seed: int) -> Float:
    """Smooth noise of a few centimetres' wavelength, mostly across the limbs."""
    rng = np.random.default_rng(seed)
    total = np.zeros(len(vertices))
    for _ in range(10):
        wave = rng.normal(size=3) * [25, 25, 60]
        total += np.sin(vertices @ wave + rng.uniform(0, 2 * np.pi))
    return (total / 3.0).astype(np.float32)
