"""The maps that each network leaves of one picture, kept, so that other processors can be held against them.

    python tests/same_maps.py write        after networks have changed, on x86-64
    python tests/same_maps.py check        on any machine: needs numpy and a TFLite runtime, nothing else

The picture is a frame of the demo clip, kept small; it is enlarged by repeating pixels, since scalers differ between
processors, and of the maps every third row and column is kept.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

try:
    from ai_edge_litert.interpreter import Interpreter
except ImportError:
    from tflite_runtime.interpreter import Interpreter

ROOT = Path(__file__).parents[1]
KEPT = Path(__file__).with_name("same_maps.npz")
MAPS = ("heatmaps", "pafs", "regress")
EVERY = 3
FRAME = 480
"""of the demo clip: she lies on the floor"""
TOLERANCE = 2
"""steps of int8"""


def networks() -> list[Path]:
    """The int8 networks of the repository."""
    return sorted((ROOT / "models").glob("*_int8.tflite"))


def sha256(network: Path) -> str:
    return hashlib.sha256(network.read_bytes()).hexdigest()


def enlarged(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    times = max(-(-height // picture.shape[0]), -(-width // picture.shape[1]))
    return picture.repeat(times, axis=0).repeat(times, axis=1)[:height, :width]


def maps(network: Path, picture: np.ndarray) -> dict[str, np.ndarray]:
    """(H, W, C) int8 by name, thinned out."""
    interpreter = Interpreter(model_path=str(network), num_threads=1)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    _, height, width, _ = image["shape"]
    interpreter.set_tensor(image["index"], enlarged(picture, height, width)[None])
    interpreter.invoke()
    found = {detail["name"]: interpreter.get_tensor(detail["index"])[0] for detail in interpreter.get_output_details()}
    return {name: found[name][::EVERY, ::EVERY] for name in MAPS}


def differences(network: Path, kept: dict[str, np.ndarray]) -> dict[str, int]:
    """The largest difference of each map from the kept one, steps of int8."""
    found = maps(network, kept["picture"])
    return {
        name: int(np.abs(found[name].astype(int) - kept[f"{network.stem}/{name}"].astype(int)).max()) for name in MAPS
    }


def write() -> None:
    import av

    sys.path.insert(0, str(ROOT))
    from edgepose.demo_clip import CLIP

    with av.open(str(CLIP)) as clip:
        frame = next(f for number, f in enumerate(clip.decode(video=0)) if number == FRAME)
    picture = frame.to_ndarray(format="rgb24", width=128, height=96)
    kept = {"picture": picture}
    for network in networks():
        kept[f"{network.stem}/sha256"] = np.array(sha256(network))
        kept |= {f"{network.stem}/{name}": found for name, found in maps(network, picture).items()}
    np.savez_compressed(KEPT, **kept)


def check() -> int:
    kept = dict(np.load(KEPT))
    worst = 0
    for network in networks():
        found = differences(network, kept)
        worst = max(worst, *found.values())
        print(network.stem, ", ".join(f"{name}: {value} LSB at most" for name, value in found.items()), flush=True)
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    sys.exit(write() if sys.argv[1:] == ["write"] else check())
