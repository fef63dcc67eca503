"""Fits a picture into the network's input: scale, rotate, mask and pad in one pass, straight into the input tensor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgepose.domain import ByteArray, FloatArray, Picture
from edgepose.masks import Polygon, visible_pixels

_CHANNELS = {"rgb": (0, 1, 2), "bgr": (2, 1, 0)}
_MASK_MARGIN_PX = 2.0
"""How far beyond its source pixels an output pixel may look, in source pixels: chroma is stored for 2 x 2 of them, and
its filter reaches into the next one."""


@dataclass(frozen=True)
class Transform:
    """Between pixels of the network's input and pixels of the upright frame; pixel centres are whole numbers."""

    size: tuple[int, int]
    """(width, height) of the upright frame, pixels."""
    scaled_size: tuple[int, int]
    """(width, height) that the frame takes up in the network's input, from its top left corner."""

    def to_frame(self, xy: FloatArray) -> FloatArray:
        """(…, 2) pixels of the network's input as pixels of the upright frame; what lies in the padding, outside it."""
        return ((xy + np.float32(0.5)) / self._scale() - np.float32(0.5)).astype(np.float32)

    def to_input(self, xy: FloatArray) -> FloatArray:
        """(…, 2) pixels of the upright frame as pixels of the network's input."""
        return ((xy + np.float32(0.5)) * self._scale() - np.float32(0.5)).astype(np.float32)

    def _scale(self) -> FloatArray:
        """(x, y) input pixels a frame pixel; they differ a little, since the scaled frame is whole pixels."""
        (scaled_width, scaled_height), (width, height) = self.scaled_size, self.size
        return np.array((scaled_width / width, scaled_height / height), np.float32)


@dataclass(frozen=True)
class _Plan:
    """What stays the same for frames of one size."""

    transform: Transform
    asked: tuple[int, int]
    """(width, height) to scale to, before rotation."""
    visible: ByteArray | None
    """(height, width, 3) of the upright scaled frame: 255 where it may be seen, 0 under a mask; None without masks."""


def fitted(input_size: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """The largest (width, height) of the frame's shape that the input has room for; at least one pixel each.

    input_size: (height, width), pixels. size: (width, height) of the frame.
    """
    scale = min(input_size[1] / size[0], input_size[0] / size[1])
    return (
        min(input_size[1], max(1, round(size[0] * scale))),
        min(input_size[0], max(1, round(size[1] * scale))),
    )


class Letterbox:
    """Scales pictures to fit, aligned to the top left, and fills the rest with the pad value. Serves one thread."""

    def __init__(
        self,
        input_size: tuple[int, int],
        pad: int = 0,
        colour: str = "rgb",
        rotate: int = 0,
        masks: Sequence[Polygon] = (),
    ) -> None:
        """Make one for a network and the way a camera hangs.

        input_size: (height, width), pixels. colour: the order that the network wants, rgb or bgr. rotate: clockwise
        degrees that bring the picture upright, 0, 90, 180 or 270. masks: polygons that become black, 0 to 1 of the
        upright picture.
        """
        if rotate not in {0, 90, 180, 270}:
            raise ValueError(f"rotate is {rotate}, not 0, 90, 180 or 270")
        self._height, self._width = input_size
        self._pad = pad
        self._channels = _CHANNELS[colour]
        self._quarters = rotate // 90
        self._masks = tuple(masks)
        self._plan: _Plan | None = None
        self._plan_size = (0, 0)

    def __call__(self, picture: Picture, out: ByteArray) -> Transform:
        """Fill `out`, (height, width, 3) uint8; the transform tells where its pixels lie in the upright frame."""
        if out.shape != (self._height, self._width, 3):
            raise ValueError(f"the input is {out.shape}, not {(self._height, self._width, 3)}")
        plan = self._plan_for(picture.width, picture.height)
        width, height = plan.transform.scaled_size
        upright = np.rot90(picture.rgb(*plan.asked), -self._quarters)
        self._copy(upright, out[:height, :width], plan.visible)
        out[height:] = self._pad
        out[:height, width:] = self._pad
        return plan.transform

    def _copy(self, picture: ByteArray, out: ByteArray, visible: ByteArray | None) -> None:
        if self._quarters or self._channels != (0, 1, 2):
            # Whole planes: numpy copies them three times as fast as rotated or reversed triples.
            for to_channel, from_channel in enumerate(self._channels):
                out[..., to_channel] = picture[..., from_channel]
            picture = out
        if visible is not None:
            np.bitwise_and(picture, visible, out=out)
        elif picture is not out:
            np.copyto(out, picture)

    def _plan_for(self, width: int, height: int) -> _Plan:
        if self._plan is None or self._plan_size != (width, height):
            self._plan = self._make_plan(width, height)
            self._plan_size = (width, height)
        return self._plan

    def _make_plan(self, width: int, height: int) -> _Plan:
        lying = self._quarters % 2 == 1
        size = (height, width) if lying else (width, height)
        scaled = fitted((self._height, self._width), size)
        return _Plan(
            transform=Transform(size=size, scaled_size=scaled),
            asked=(scaled[1], scaled[0]) if lying else scaled,
            visible=self._visible(size, scaled) if self._masks else None,
        )

    def _visible(self, size: tuple[int, int], scaled: tuple[int, int]) -> ByteArray:
        """Masks that also cover every output pixel that a masked source pixel could colour."""
        # An output pixel averages what lies under it; enlarged, it looks at the neighbouring source pixels instead.
        margin = tuple(max(1.0, s / f) + _MASK_MARGIN_PX * s / f for s, f in zip(scaled, size, strict=True))
        seen = visible_pixels(self._masks, scaled, (margin[0], margin[1]))
        return np.repeat((seen * np.uint8(255))[..., None], 3, axis=2)
