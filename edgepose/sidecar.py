"""The description that lies next to every network: what goes in, what comes out, whose it is, how good it was."""

import difflib
import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml

from edgepose.errors import ModelError
from edgepose.skeleton import LAYOUTS, Skeleton

Positive = Annotated[int, msgspec.Meta(ge=1)]
Channel = Annotated[int, msgspec.Meta(ge=0)]
Unit = Annotated[float, msgspec.Meta(ge=0, le=1)]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of the parts of a sidecar: frozen, and an unknown key is an error."""


class Input(_Part, frozen=True):
    """The image that the network takes: NHWC, one picture."""

    tensor: str
    height: Positive
    width: Positive
    dtype: Literal["uint8", "int8", "float32"]
    colour: Literal["rgb", "bgr"] = "rgb"
    scale: float = 1.0
    """A float or int8 network is fed pixel * scale + offset (then quantised, where it is int8)."""
    offset: float = 0.0
    pad: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    """Pixel value of the letterbox's empty part."""


class Output(_Part, frozen=True):
    """Where a map lies: (height, width, channels) of a tensor, from first_channel on."""

    tensor: str
    dtype: Literal["int8", "uint8", "float32"]
    shape: tuple[Positive, Positive, Positive]
    """Height, width and channels of the whole tensor, without the batch dimension."""
    scale: float = 1.0
    zero_point: int = 0
    first_channel: Channel = 0


class Outputs(_Part, frozen=True):
    """Both branches, which may name the same tensor, and the regression from centres, of networks that have it."""

    heatmaps: Output
    pafs: Output
    offsets: Output | None = None


class Grid(_Part, frozen=True):
    """How cells lie on the input: pixel = (cell + centre) * stride - 0.5."""

    stride: Positive
    centre: float = 0.5


class SkeletonPart(_Part, frozen=True):
    """Which keypoints and limbs the channels mean."""

    layout: str
    heat_channels: tuple[Channel, ...]
    limbs: tuple[tuple[str, str], ...]
    paf_channels: tuple[tuple[Channel, Channel], ...]
    centre_channel: Channel | None = None
    """Heat map of people's centres."""
    offset_channels: tuple[tuple[Channel, Channel] | None, ...] = ()
    """(x, y) of each keypoint of the layout, cells from the centre; null where it has none."""


class Compiled(_Part, frozen=True):
    """The same network for an Edge TPU, with the same input and outputs."""

    file: Annotated[str, msgspec.Meta(pattern=r"^[^/]+\.tflite$")]
    """Beside the sidecar, such as NAME_edgetpu.tflite."""
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Thresholds(_Part, frozen=True):
    """The association's defaults for this network."""

    min_keypoint: Annotated[float, msgspec.Meta(gt=0, le=1)]
    min_limb: Unit


class Sidecar(_Part, frozen=True):
    """NAME.yaml next to NAME.tflite."""

    schema: Literal[1]
    name: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    input: Input
    outputs: Outputs
    grid: Grid
    skeleton: SkeletonPart
    thresholds: Thresholds
    licence: str
    edgetpu: Compiled | None = None
    provenance: tuple[dict[str, str], ...] = ()
    metrics: tuple[dict[str, float | int | str], ...] = ()

    def to_skeleton(self) -> Skeleton:
        """The skeleton with this network's channels. Raises ValueError where the parts contradict each other."""
        part = self.skeleton
        names = LAYOUTS.get(part.layout)
        if names is None:
            raise ValueError(f"skeleton.layout {part.layout!r} is none of {', '.join(LAYOUTS)}")
        for limb in part.limbs:
            for end in limb:
                if end not in names:
                    raise ValueError(f"skeleton.limbs names {end!r}, which {part.layout} has not{nearest(end, names)}")
        return Skeleton(
            names=names,
            limbs=tuple((names.index(a), names.index(b)) for a, b in part.limbs),
            paf_channels=part.paf_channels,
            heat_channels=part.heat_channels,
        )


def nearest(word: str, words: "tuple[str, ...] | list[str]") -> str:
    """The text `; did you mean 'X'?` for the most similar of words, or nothing."""
    found = difflib.get_close_matches(word, words, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def load_sidecar(model: Path) -> Sidecar:
    """Read and check the sidecar of a .tflite file, its own sums included.

    Raises ModelError when either file is missing, the sidecar is not of the form, contradicts itself, or names
    another sha256 than the file has.
    """
    path = model.with_suffix(".yaml")
    if not model.is_file():
        raise ModelError(f"no network at {model}; `edgepose models` lists the ones there are")
    if not path.is_file():
        raise ModelError(f"{model} has no sidecar {path.name} beside it; see MODELS.md for what it must say")
    try:
        sidecar = msgspec.convert(yaml.safe_load(path.read_bytes()), Sidecar)
        skeleton = sidecar.to_skeleton()
        _check_channels(sidecar, skeleton)
        _check_centres(sidecar)
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError, ValueError) as exc:
        raise ModelError(f"the sidecar {path} can't be used: {' '.join(str(exc).split())}") from exc
    check_sum(model, sidecar.sha256, path)
    return sidecar


def _check_centres(sidecar: Sidecar) -> None:
    """Raise ValueError where only a part of the regression from centres is there, or it does not fit."""
    part, offsets = sidecar.skeleton, sidecar.outputs.offsets
    if offsets is None and part.centre_channel is None and not part.offset_channels:
        return
    if offsets is None or part.centre_channel is None or len(part.offset_channels) != len(part.heat_channels):
        raise ValueError(
            "outputs.offsets, skeleton.centre_channel and skeleton.offset_channels (one a keypoint) belong together"
        )
    heat = sidecar.outputs.heatmaps
    depth = max((channel for pair in part.offset_channels if pair for channel in pair), default=-1) + 1
    if offsets.first_channel + depth > offsets.shape[2] or offsets.shape[:2] != heat.shape[:2] or not depth:
        raise ValueError(f"outputs.offsets has {list(offsets.shape)}, which doesn't fit the channels or the heat maps")
    if heat.first_channel + part.centre_channel >= heat.shape[2]:
        raise ValueError(f"skeleton.centre_channel {part.centre_channel} is not in outputs.heatmaps")
    if offsets.dtype != "float32" and offsets.scale <= 0:
        raise ValueError(f"outputs.offsets.scale must be above 0 for {offsets.dtype}")


def check_sum(file: Path, sha256: str, sidecar: Path) -> None:
    """Raises ModelError where a file is not the one that its sidecar describes."""
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if digest != sha256:
        raise ModelError(
            f"{file} is not the file its sidecar describes: sha256 {digest[:12]}… instead of "
            f"{sha256[:12]}…; install the network again, or correct {sidecar.name} if you changed it on purpose"
        )


def _check_channels(sidecar: Sidecar, skeleton: Skeleton) -> None:
    """Raise ValueError where the skeleton wants channels that the maps don't have."""
    heat, paf = sidecar.outputs.heatmaps, sidecar.outputs.pafs
    for what, output, depth in (("heatmaps", heat, skeleton.heat_depth), ("pafs", paf, skeleton.paf_depth)):
        if output.first_channel + depth > output.shape[2]:
            raise ValueError(
                f"outputs.{what} has {output.shape[2]} channels from {output.first_channel} on, "
                f"but the skeleton wants {depth}"
            )
        if output.dtype != "float32" and output.scale <= 0:
            raise ValueError(f"outputs.{what}.scale must be above 0 for {output.dtype}")
    if heat.shape[:2] != paf.shape[:2] or heat.dtype != paf.dtype:
        raise ValueError("outputs.heatmaps and outputs.pafs differ in size or dtype")
