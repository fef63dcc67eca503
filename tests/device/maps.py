"""The int8 maps of every network on the same bytes, to compare processors; `python -m tests.device.maps FILE`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgepose import networks
from edgepose.config import Model
from edgepose.domain import PoseMaps

PICTURES = 3


def answers(network: networks.Network, pictures: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Heat maps and fields of each picture; pictures: (N, H, W, 3) uint8."""
    model = networks.open_plain(network, Model(threads=1))
    for picture in pictures:
        model.input_view()[...] = picture
        yield copied(model.infer())


def copied(maps: PoseMaps) -> tuple[np.ndarray, np.ndarray]:
    """Maps of their own memory: views would keep the network from running again."""
    return maps.heatmaps.copy(), maps.pafs.copy()


def write(file: Path) -> None:
    """Pictures of the demonstration clip and of noise, and what this processor makes of them."""
    from edgepose.demo_clip import CLIP
    from tests.clips import frames_of

    kept = {}
    clip = frames_of(CLIP, 100, PICTURES - 1)
    for path in networks.installed():
        network = networks.load(path.stem)
        height, width = network.sidecar.input.height, network.sidecar.input.width
        rows, columns = (np.arange(n) * side // n for n, side in ((height, 480), (width, 640)))
        noise = np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)
        pictures = np.stack([*(frame[rows][:, columns] for frame in clip), noise])
        heat, paf = zip(*answers(network, pictures), strict=True)
        for key, arrays in (("pictures", pictures), ("heat", heat), ("paf", paf)):
            kept[f"{path.stem}/{key}"] = np.stack(arrays)
    np.savez_compressed(file, **kept)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
