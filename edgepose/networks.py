"""Which networks there are, which one `auto` means, and how one is loaded."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from edgepose.association import Associator
from edgepose.completion import CentreChannels, Completer
from edgepose.config import Association, Camera, Model, Mount, Picamera2Source, V4l2Source
from edgepose.errors import ModelError
from edgepose.pipeline import CellGrid, Pipeline
from edgepose.ports import PoseModel
from edgepose.preprocess import Letterbox
from edgepose.sidecar import Sidecar, check_sum, load_sidecar, nearest
from edgepose.skeleton import LAYOUTS

if TYPE_CHECKING:
    from edgepose.adapters.model_tflite import TfliteModel


@dataclass(frozen=True)
class Network:
    """A .tflite file and what its sidecar says of it."""

    path: Path
    sidecar: Sidecar


def installed() -> tuple[Path, ...]:
    """The .tflite files that came with the package, by name."""
    folder = Path(str(files("edgepose.models")))
    return tuple(sorted(folder.glob("*.tflite")))


_WIDE_FROM = 1.55
"""Pictures at least so much wider than high are nearer to 16:9 than to 4:3."""
_WIDE = {
    "edgepose_192x256_int8": "edgepose_160x288_int8",
    "edgepose_256x320_int8": "edgepose_192x320_int8",
    "edgepose_384x512_int8": "edgepose_288x512_int8",
}
"""For 16:9 instead of 4:3, on the same machine."""


def auto_name(camera: Camera | None = None) -> str:
    """For this machine: the accurate one on a desktop processor, the middle one on a Pi 5, else the small one.

    And for the shape of the camera's picture, where its configuration tells that.
    """
    if platform.machine() in ("x86_64", "AMD64"):
        name = "edgepose_384x512_int8"
    else:
        name = "edgepose_256x320_int8" if "Raspberry Pi 5" in _board() else "edgepose_192x256_int8"
    return _WIDE[name] if camera is not None and _is_wide(camera) else name


def _is_wide(camera: Camera) -> bool:
    """Whether the picture, upright, has about the shape of 16:9, as far as is known before the camera is opened."""
    if camera.mount.rotate % 180 or not isinstance(camera.source, V4l2Source | Picamera2Source):
        return False
    return camera.source.width >= _WIDE_FROM * camera.source.height


def _board() -> str:
    """What the board calls itself, or nothing."""
    try:
        return Path("/proc/device-tree/model").read_text(errors="replace")
    except OSError:
        return ""


def find(name: str, camera: Camera | None = None) -> Path:
    """The .tflite file that `model.name` means, for that camera. Raises ModelError when there is none of that name."""
    if name == "auto":
        name = auto_name(camera)
    if "/" in name or name.endswith(".tflite"):
        return Path(name)
    known = {path.stem: path for path in installed()}
    if name not in known:
        raise ModelError(
            f"no network is called {name!r}{nearest(name, list(known))}; `edgepose models` lists the ones there are"
        )
    return known[name]


def load(name: str) -> Network:
    """The network and its checked sidecar. Raises ModelError."""
    return _load(find(name))


def load_for(name: str, cameras: Mapping[str, Camera]) -> dict[str, Network]:
    """The network of each camera, every file read and checked once. Raises ModelError."""
    paths = {of: find(name, camera) for of, camera in cameras.items()}
    loaded = {path: _load(path) for path in sorted(set(paths.values()))}
    return {of: loaded[path] for of, path in paths.items()}


def _load(path: Path) -> Network:
    return Network(path=path, sidecar=load_sidecar(path))


def thread_count(configured: int) -> int:
    """Threads for the network: as configured, or (0) one less than the cores, at least one and at most three."""
    return configured or min(3, max(1, len(os.sched_getaffinity(0)) - 1))


def stored_fit(network: Network, mount: Mount) -> tuple[int, int]:
    """(width, height) into which pictures of a camera are scaled, as it stores them: before they are turned upright."""
    height, width = network.sidecar.input.height, network.sidecar.input.width
    return (height, width) if mount.rotate % 180 else (width, height)


def open_model(network: Network, settings: Model) -> PoseModel:
    """The network, on the accelerator that is asked for or on the processor. Raises ModelError."""
    if settings.delegate == "none":
        return open_plain(network, settings)
    from edgepose.adapters.model_fallback import FallbackModel

    return FallbackModel(
        settings.delegate,
        fast=lambda: open_delegated(network, settings),
        plain=lambda: open_plain(network, settings),
    )


def open_plain(network: Network, settings: Model) -> "TfliteModel":
    """The network on the processor. Raises ModelError."""
    from edgepose.adapters.model_tflite import TfliteModel

    return TfliteModel(network.path, network.sidecar, threads=thread_count(settings.threads))


def open_delegated(network: Network, settings: Model) -> "TfliteModel":
    """The network on the accelerator that is asked for, and nowhere else. Raises ModelError."""
    from edgepose.adapters.model_tflite import TfliteModel

    path = _compiled(network) if settings.delegate == "edgetpu" else network.path
    return TfliteModel(
        path,
        network.sidecar,
        threads=thread_count(settings.threads),
        delegate=settings.delegate,
        delegate_options=settings.delegate_options,
    )


def _compiled(network: Network) -> Path:
    """The network's file for an Edge TPU. Raises ModelError."""
    compiled, sidecar = network.sidecar.edgetpu, network.path.with_suffix(".yaml")
    if compiled is None:
        raise ModelError(
            f"{sidecar.name} names no file that was compiled for an Edge TPU; models/MODELS.md tells how to make one"
        )
    path = network.path.with_name(compiled.file)
    if not path.is_file():
        raise ModelError(f"{path}, which {sidecar.name} names for an Edge TPU, is not there")
    check_sum(path, compiled.sha256, sidecar)
    return path


def build_pipeline(
    network: Network,
    model: Model | None = None,
    association: Association | None = None,
    camera: Camera | None = None,
    *,
    keep_maps: bool = False,
    opened: PoseModel | None = None,
) -> Pipeline:
    """The stages for one camera (or, without one, for plain upright pictures). Raises ModelError.

    keep_maps: whether results carry a copy of what the network left. opened: the network where it is open already.
    """
    association = association or Association()
    side = network.sidecar
    mount = camera.mount if camera else Mount()
    return Pipeline(
        opened or open_model(network, model or Model()),
        Letterbox(
            input_size=(side.input.height, side.input.width),
            pad=side.input.pad,
            colour=side.input.colour,
            rotate=mount.rotate,
            masks=camera.privacy_masks if camera else (),
        ),
        _associator(network, association),
        grid=CellGrid(side.grid.stride, side.grid.centre),
        layout=side.skeleton.layout,
        completer=_completer(side),
        keep_maps=keep_maps,
    )


def _completer(side: Sidecar) -> Completer | None:
    """What fills in missing keypoints, for networks that tell centres."""
    part = side.skeleton
    if part.centre_channel is None:
        return None
    names = LAYOUTS[part.layout]
    ends = ("neck", "left_shoulder", "right_shoulder")
    neck, left, right = (names.index(name) if name in names else -1 for name in ends)
    channels = CentreChannels(
        centre=part.centre_channel,
        offsets=part.offset_channels,
        heats=part.heat_channels,
        between=(neck, left, right) if neck >= 0 and part.offset_channels[neck] is None else None,
    )
    return Completer(channels)


def _associator(network: Network, settings: Association) -> Associator:
    side = network.sidecar
    try:
        return Associator(
            side.to_skeleton(),
            min_keypoint=first_given(settings.min_keypoint, side.thresholds.min_keypoint),
            min_limb=first_given(settings.min_limb, side.thresholds.min_limb),
            max_people=settings.max_people,
        )
    except ValueError as exc:
        raise ModelError(f"the sidecar of {network.path.name} can't be used: {exc}") from exc


def first_given(configured: float | None, default: float) -> float:
    """The configured value, or the default where none was."""
    return default if configured is None else configured
