"""The networks of the parts, loaded when they are first needed."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal, Protocol

from edgepose.domain import ByteArray, FloatArray
from edgepose.errors import ModelError
from edgepose.wholebody.settings import WholeBodySettings
from edgepose.wholebody.sidecar import load_part_sidecar

Part = Literal["hand", "face", "foot"]
FILES: dict[Part, str] = {
    "hand": "edgepose_hand_int8",
    "face": "edgepose_face_int8",
    "foot": "edgepose_foot_int8",
}


class PartNetwork(Protocol):
    """Crops in, numbers out."""

    side: int

    def __call__(self, crops: Sequence[ByteArray]) -> dict[str, FloatArray]:
        """Each output by name, (N, …) for N crops of (side, side, 3) uint8 RGB."""


def installed() -> tuple[Part, ...]:
    """The parts whose networks are there."""
    return tuple(part for part, name in FILES.items() if (folder() / f"{name}.tflite").is_file())


def folder() -> Path:
    """Where the files are."""
    return Path(str(files("edgepose.models"))) / "parts"


def load_wanted(settings: WholeBodySettings, threads: int = 1) -> dict[Part, PartNetwork]:
    """The networks of the parts that are asked for. Raises ModelError."""
    wanted: dict[Part, bool] = {"hand": settings.hands, "face": settings.face, "foot": settings.feet}
    return {part: load(part, threads) for part, on in wanted.items() if on}


def load(part: Part, threads: int = 1) -> PartNetwork:
    """The network of a part. Raises ModelError."""
    from edgepose.adapters.part_tflite import PartModel

    path = folder() / f"{FILES[part]}.tflite"
    if part not in installed():
        raise ModelError(
            f"there is no network for a {part} in {path.parent}; leave it out, or train one: see MODELS.md"
        )
    return PartModel(path, load_part_sidecar(path), threads=threads)
