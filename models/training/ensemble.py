"""The float network over several scales, mirrored too, as one: the teacher that the int8 network is fine-tuned on.

One look at one scale, as the product takes it, misses what other looks see: averaged over three scales and their
mirror images, the maps of the same float network score far more (MODELS.md has the figures). What the averaged maps
of a picture say is kept as soft labels, in pixels of a canvas whose longer side is 512.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from tqdm import tqdm

from .coco import ByteArray, FloatArray, read_rgb
from .convert import letterbox, to_float
from .deploy import OUTPUTS
from .layout import CHANNELS, FIELDS, FIRST_FIELD, FIRST_OFFSET, HEATS, LIMBS, MIRROR, MIRRORED_LIMBS, STRIDE
from .network_file import Network
from .soft_labels import SoftLabels

CANVASES = ((384, 512), (512, 384), (512, 512))
"""(height, width): the one a picture fills best is taken"""
SCALES = (0.75, 1.0, 1.5)


class Ensemble:
    """Maps of a picture, averaged over looks."""

    def __init__(self, network: Network, threads: int = 1) -> None:
        self._network, self._threads = network, threads
        self._interpreters: dict[tuple[int, int], Interpreter] = {}

    def maps(self, picture: ByteArray) -> FloatArray:
        """(h, w, CHANNELS): heats 0-1 of keypoints, neck and centre, fields, offsets in cells (x, y)."""
        canvas = canvas_of(picture)
        grid = (canvas[0] // STRIDE, canvas[1] // STRIDE)
        total = np.zeros((*grid, CHANNELS), np.float32)
        for scale in SCALES:
            size = (round(canvas[0] * scale), round(canvas[1] * scale))
            image = letterbox(picture, size)
            looks = self._run(image, size) + mirrored(self._run(image[:, ::-1], size))
            looks[..., FIRST_OFFSET:] /= scale
            total += looks if scale == 1.0 else _resized(looks, grid)
        return total / (2 * len(SCALES))

    def _run(self, image: ByteArray, size: tuple[int, int]) -> FloatArray:
        interpreter = self._interpreters.get(size) or self._load(size)
        interpreter.set_tensor(
            interpreter.get_input_details()[0]["index"], image[None].astype(np.float32) / 127.5 - 1.0
        )
        interpreter.invoke()
        found = {each["name"]: interpreter.get_tensor(each["index"])[0] for each in interpreter.get_output_details()}
        return np.concatenate([found[name] for name in OUTPUTS], axis=-1)

    def _load(self, size: tuple[int, int]) -> Interpreter:
        interpreter = Interpreter(model_content=to_float(self._network, size), num_threads=self._threads)
        interpreter.allocate_tensors()
        self._interpreters[size] = interpreter
        return interpreter


def canvas_of(picture: ByteArray) -> tuple[int, int]:
    """The canvas on which the picture is largest, the smallest of those."""
    height, width = picture.shape[:2]
    return max(CANVASES, key=lambda size: (min(size[0] / height, size[1] / width), -size[0] * size[1]))


def mirrored(maps: FloatArray) -> FloatArray:
    """What the mirrored picture's maps say of the picture itself."""
    flipped = np.ascontiguousarray(maps[:, ::-1])
    result = flipped.copy()
    result[..., :HEATS] = flipped[..., list(MIRROR)]
    shape = flipped.shape[:2]
    fields = flipped[..., FIRST_FIELD:FIRST_OFFSET].reshape(*shape, len(LIMBS), 2)[:, :, MIRRORED_LIMBS]
    result[..., FIRST_FIELD:FIRST_OFFSET] = (fields * (-1.0, 1.0)).reshape(*shape, FIELDS)
    offsets = flipped[..., FIRST_OFFSET:].reshape(*shape, HEATS - 1, 2)[:, :, list(MIRROR[: HEATS - 1])]
    result[..., FIRST_OFFSET:] = (offsets * (-1.0, 1.0)).reshape(*shape, -1)
    return result


def _resized(maps: FloatArray, grid: tuple[int, int]) -> FloatArray:
    parts = [
        cv2.resize(np.ascontiguousarray(maps[..., first : first + 4]), grid[::-1], interpolation=cv2.INTER_CUBIC)
        for first in range(0, CHANNELS, 4)
    ]
    return np.concatenate([part.reshape(*grid, -1) for part in parts], axis=-1).astype(np.float32)


def kept_at(folder: Path, picture: Path) -> Path:
    """Where the labels of a picture are kept."""
    return folder / f"{picture.stem[:40]}-{hashlib.sha256(str(picture.resolve()).encode()).hexdigest()[:12]}.npz"


def teach(ensemble: Ensemble, pictures: Sequence[Path], out: Path) -> int:
    """Keeps the labels of `pictures` in the folder `out`, those that are not there yet; returns how many were made."""
    out.mkdir(parents=True, exist_ok=True)
    missing = list(_missing(pictures, out))
    for picture in tqdm(missing, desc="looking at pictures", unit="picture"):
        SoftLabels.of(ensemble.maps(read_rgb(picture))).save(kept_at(out, picture))
    return len(missing)


def _missing(pictures: Sequence[Path], out: Path) -> Iterator[Path]:
    return (picture for picture in pictures if not kept_at(out, picture).exists())
