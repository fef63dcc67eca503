"""Draws skeletons over pictures: coloured limbs, joints on top, fainter where the network was less sure."""

import colorsys
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgepose.domain import ByteArray, FloatArray, Pose
from edgepose.errors import EdgeposeError
from edgepose.formats.keypoints import body
from edgepose.skeleton import BODY18, BODY25, COCO17, FACE70, HAND21, MPI15, Skeleton

if TYPE_CHECKING:
    from PIL import Image

_SKELETONS = {"body18": BODY18, "body25": BODY25, "coco17": COCO17, "mpi15": MPI15}
_UNDRAWN = {frozenset((f"{side}_shoulder", f"{side}_ear")) for side in ("left", "right")}
"""Limbs that help the association but aren't part of a body as people see it."""
_SUPERSAMPLE = 4
"""Shapes are drawn so many times larger and averaged down, which smooths their edges."""
_PICTURE_SHARE, _PERSON_SHARE, _LIMB_SHARE = 0.0055, 0.028, 0.4
"""A limb is at most so thick, as a part of the picture's diagonal, of the person's, and of its own length."""
_THINNEST = 1.25
"""Pixels."""
_FAINTEST = 0.35
"""Opacity of something found with confidence 0; with confidence 1 it is opaque."""
_Colour = tuple[int, int, int]
_OUTLINE: _Colour = (0, 0, 0)
_WHITE: _Colour = (255, 255, 255)


def draw(picture: ByteArray, poses: Iterable[Pose], layout: str) -> ByteArray:
    """A copy of an (H, W, 3) uint8 RGB picture with the people drawn over it.

    layout: body18, body25, coco17 or mpi15. Raises EdgeposeError for another one, and where Pillow is not installed.
    """
    if layout not in _SKELETONS:
        raise EdgeposeError(f"no skeleton is drawn for layout {layout!r}; there is one for {', '.join(_SKELETONS)}")
    canvas = pillow().fromarray(picture)
    for pose in poses:
        _draw_person(canvas, pose, layout)
    drawn: ByteArray = np.array(canvas)
    return drawn


def save(picture: ByteArray, path: Path) -> None:
    """Write an RGB or grey picture as what the file's ending says. Raises EdgeposeError when it can't be written."""
    try:
        pillow().fromarray(picture).save(path, quality=92)
    except (OSError, ValueError) as exc:
        raise EdgeposeError(f"can't write {path}: {exc}") from exc


def pillow() -> Any:
    """Pillow's Image module. Raises EdgeposeError, saying what to install, where there is none."""
    try:
        from PIL import Image
    except ImportError as exc:
        raise EdgeposeError("drawing needs Pillow; pip install 'edgepose[render]'") from exc
    return Image


def _draw_person(canvas: "Image.Image", pose: Pose, layout: str) -> None:
    """The body, with its feet where they are known, then face and hands over it."""
    parts = pose.parts
    if parts.feet is not None:
        pose, layout = replace(pose, keypoints=body(pose, layout, "body25")), "body25"
    _draw(canvas, pose, _SKELETONS[layout])
    for found, skeleton in ((parts.face, FACE70), (parts.left_hand, HAND21), (parts.right_hand, HAND21)):
        if found is not None and (found[:, 2] > 0).any():
            _draw(canvas, Pose(found, pose.score), skeleton)


def _draw(canvas: "Image.Image", pose: Pose, skeleton: Skeleton) -> None:
    """Dark outlines below, limbs over them, joints on top, so that crossing limbs stay apart from the picture."""
    thick = _thickness(canvas.size, pose)
    limbs = list(_limbs(pose, skeleton, thick))
    for shape, _, opacity in limbs:
        _paint(canvas, shape.grown(thick * 0.22), _OUTLINE, opacity * 0.55)
    for shape, colour, opacity in limbs:
        _paint(canvas, shape, colour, opacity)
    for shape, colour, opacity in _joints(pose, thick, plain=skeleton is FACE70):
        _paint(canvas, shape.grown(thick * 0.16), _OUTLINE, opacity * 0.7)
        _paint(canvas, shape, colour, opacity)


def _thickness(size: tuple[int, int], pose: Pose) -> float:
    """Of a limb, in pixels: by the picture, but thin enough for a small person."""
    left, top, right, bottom = pose.box()
    person = math.hypot(right - left, bottom - top)
    return max(_THINNEST, min(math.hypot(*size) * _PICTURE_SHARE, person * _PERSON_SHARE))


def _limbs(pose: Pose, skeleton: Skeleton, thick: float) -> Iterator[tuple["_Capsule", _Colour, float]]:
    drawn = [pair for pair in skeleton.limbs if frozenset(skeleton.names[end] for end in pair) not in _UNDRAWN]
    for place, (first, second) in enumerate(drawn):
        a, b = pose.keypoints[first], pose.keypoints[second]
        if min(a[2], b[2]) > 0:
            limb = _Capsule(a[:2], b[:2], 1.0)
            width = max(_THINNEST, min(thick, limb.length * _LIMB_SHARE))
            colour = _WHITE if skeleton is FACE70 else _rainbow(place, len(drawn))
            yield replace(limb, radius=width / 2), colour, _opacity(min(a[2], b[2]))


def _joints(pose: Pose, thick: float, *, plain: bool = False) -> Iterator[tuple["_Capsule", _Colour, float]]:
    """Discs, smaller where keypoints are close together, as in a face; plain ones are white."""
    xy = pose.keypoints[pose.seen, :2]
    for place, (x, y, confidence) in enumerate(pose.keypoints):
        if confidence > 0:
            here = np.array((x, y))
            apart = np.sort(np.linalg.norm(xy - here, axis=1))
            room = apart[1] if len(apart) > 1 else math.inf
            radius = max(_THINNEST * 0.6, min(thick * 0.62, room * 0.3))
            colour = _WHITE if plain else _rainbow(place, len(pose.keypoints), lightness=0.45)
            yield _Capsule(here, here, radius), colour, _opacity(float(confidence))


def _opacity(confidence: float) -> float:
    return _FAINTEST + (1 - _FAINTEST) * min(1.0, float(confidence))


def _rainbow(place: int, count: int, lightness: float = 0.0) -> _Colour:
    """Colours by order, from red around to magenta, as the field has used to tell limbs apart."""
    red, green, blue = colorsys.hsv_to_rgb(0.92 * place / count, 0.95 * (1 - lightness), 1.0)
    return round(red * 255), round(green * 255), round(blue * 255)


@dataclass(frozen=True)
class _Capsule:
    """A line with round ends; a disc where both ends are the same."""

    a: FloatArray
    b: FloatArray
    radius: float
    """Pixels."""

    @property
    def length(self) -> float:
        return float(np.linalg.norm(self.b - self.a))

    def grown(self, pixels: float) -> "_Capsule":
        return replace(self, radius=self.radius + pixels)

    def tile(self, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
        """Left, top, right, bottom of the part of the picture that it may touch; None where it touches none."""
        low = np.floor(np.minimum(self.a, self.b) - self.radius).astype(int)
        high = np.ceil(np.maximum(self.a, self.b) + self.radius).astype(int) + 1
        left, top = np.maximum(low, 0)
        right, bottom = np.minimum(high, size)
        return (int(left), int(top), int(right), int(bottom)) if left < right and top < bottom else None

    def mask(self, tile: tuple[int, int, int, int]) -> "Image.Image":
        """How much of each pixel of the tile it covers, 0 to 255."""
        from PIL import Image, ImageDraw

        left, top, right, bottom = tile
        large = Image.new("L", ((right - left) * _SUPERSAMPLE, (bottom - top) * _SUPERSAMPLE))
        pen = ImageDraw.Draw(large)
        # The centre of pixel 0 is at 0 for us, and half a pixel from the edge for the pen.
        a, b = ((end - (left, top) + 0.5) * _SUPERSAMPLE - 0.5 for end in (self.a, self.b))
        radius = self.radius * _SUPERSAMPLE
        for x, y in (a, b):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        if self.length > 0:
            side = np.array((a[1] - b[1], b[0] - a[0])) * (radius / np.linalg.norm(b - a))
            pen.polygon([tuple(corner) for corner in (a + side, b + side, b - side, a - side)], fill=255)
        return large.reduce(_SUPERSAMPLE)


def _paint(canvas: "Image.Image", shape: _Capsule, colour: _Colour, opacity: float) -> None:
    tile = shape.tile(canvas.size)
    if tile is not None:
        canvas.paste(colour, tile, shape.mask(tile).point(lambda covered: covered * opacity))
