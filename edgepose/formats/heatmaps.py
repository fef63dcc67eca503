"""What the network left, as files: the heat maps of all keypoints, the background's, and the part affinity fields.

Order, background and file forms are those of OpenPose's published heat-map output
(https://github.com/CMU-Perceptual-Computing-Lab/openpose/blob/master/doc/advanced/heatmap_output.md): keypoints in the
order of the layout, background, then x and y of every limb. The maps have the network's own resolution; where the
picture has another shape than the network's input, their right or bottom part is padding.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from edgepose import render
from edgepose.domain import FloatArray, FrameResult, MapArray, Quant
from edgepose.errors import EdgeposeError
from edgepose.formats.folder import OutputFolder
from edgepose.formats.origin import Origin
from edgepose.skeleton import Skeleton

Form = Literal["png", "float", "npy"]
FORMS: dict[Form, str] = {
    "png": "maps beside each other in one grey picture: 0 to 1 becomes 0 to 255, a field's -1 to 1 as well",
    "float": "OpenPose's: number of dimensions, sizes and values, all float32",
    "npy": "NumPy's, float32",
}


class HeatMaps:
    """A writer (edgepose.formats.writers.Writer) of FRAME_STEM_pose_heatmaps.FORM."""

    def __init__(self, folder: OutputFolder, skeleton: Skeleton, form: Form) -> None:
        """skeleton: with the network's own channels. Raises EdgeposeError for png without Pillow."""
        if form == "png":
            render.pillow()
        self._folder, self._skeleton, self._form = folder, skeleton, form

    def has(self, origin: Origin) -> bool:
        """Whether the frame's file is there."""
        return self._folder.holds(self._name(origin))

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write the frame's maps; of a result without them nothing."""
        if result.maps is None:
            return
        maps = result.maps
        heats = _ordered(maps.heatmaps, maps.heat_quant, self._skeleton.heat_channels)
        channels = [channel for pair in self._skeleton.paf_channels for channel in pair]
        fields = _ordered(maps.pafs, maps.paf_quant, channels)
        background = 1 - heats.max(axis=0, keepdims=True)
        stacked = np.concatenate((heats, background, fields)).astype(np.float32)
        try:
            self._folder.put(self._name(origin), lambda path: _WRITE[self._form](path, stacked, len(heats) + 1))
        except OSError as exc:
            raise EdgeposeError(f"can't write {self._name(origin)}: {exc.strerror}") from exc

    def close(self) -> None:
        """Nothing is open."""

    def _name(self, origin: Origin) -> str:
        return f"{origin.frame_stem}_pose_heatmaps.{self._form}"


def _ordered(maps: MapArray, quant: Quant, channels: "list[int] | tuple[int, ...]") -> FloatArray:
    """(C, H, W) values of the channels, in their order."""
    values: FloatArray = (np.asarray(maps[..., list(channels)], np.float32) - quant.zero_point) * np.float32(
        quant.scale
    )
    return values.transpose(2, 0, 1)


def _write_float(path: Path, maps: FloatArray, _heats: int) -> None:
    head = np.array([maps.ndim, *maps.shape], np.float32)
    np.concatenate((head, maps.ravel())).astype("<f4").tofile(path)


def _write_npy(path: Path, maps: FloatArray, _heats: int) -> None:
    np.save(path, maps)


def _write_png(path: Path, maps: FloatArray, heats: int) -> None:
    shares = np.concatenate((maps[:heats], (maps[heats:] + 1) / 2))
    grey = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    render.save(np.concatenate(list(grey), axis=1), path)


_WRITE: dict[Form, Callable[[Path, FloatArray, int], None]] = {
    "png": _write_png,
    "float": _write_float,
    "npy": _write_npy,
}
