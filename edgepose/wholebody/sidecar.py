"""The description that lies next to the network of a part, as edgepose.sidecar's does next to one of bodies."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml

from edgepose.errors import ModelError

Positive = Annotated[int, msgspec.Meta(ge=1)]


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Frozen, and an unknown key is an error."""


class PartInput(_Section, frozen=True):
    """A square RGB crop, NHWC: bytes as they are (uint8), or all 128 less (int8)."""

    tensor: str
    side: Positive
    """Pixels."""


class PartOutput(_Section, frozen=True):
    """One tensor."""

    tensor: str
    shape: tuple[Positive, ...]
    """Without the batch dimension."""
    scale: float
    zero_point: int


class PartSidecar(_Section, frozen=True):
    """NAME.yaml next to NAME.tflite."""

    schema: Literal[1]
    name: str
    part: Literal["hand", "face", "foot"]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    input: PartInput
    outputs: dict[str, PartOutput]
    licence: str
    provenance: tuple[dict[str, str], ...] = ()
    metrics: tuple[dict[str, float | int | str], ...] = ()


def load_part_sidecar(model: Path) -> PartSidecar:
    """Read and check the sidecar of a part's .tflite file. Raises ModelError."""
    path = model.with_suffix(".yaml")
    if not model.is_file() or not path.is_file():
        raise ModelError(f"no network {model} with {path.name} beside it; install edgepose again")
    try:
        sidecar = msgspec.convert(yaml.safe_load(path.read_bytes()), PartSidecar)
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError) as exc:
        raise ModelError(f"the sidecar {path} can't be used: {' '.join(str(exc).split())}") from exc
    if hashlib.sha256(model.read_bytes()).hexdigest() != sidecar.sha256:
        raise ModelError(f"{model} is not the file its sidecar describes; install edgepose again")
    return sidecar
