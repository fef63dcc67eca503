"""Puts trunk and head together into the network that is fine-tuned: evened out, with a range for each int8 tensor."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .bias_correction import with_biases
from .coco import FloatArray
from .convert import calibration_pictures, unit_pictures
from .cuts import best_cuts, heat_sized, joined_relus
from .deploy import LOGITS, PAFS, REGRESS, build_deployed_model
from .equalise import equalise
from .merge import FIRST_BOTTLENECK, merged
from .mirror import Mirror
from .narrow import narrowed
from .network_file import Network
from .pictures import pictures_in
from .ranges import best_ranges
from .rounding import round_layers
from .spread import extremes_of, spread
from .steps import steps_of, weights_of
from .tfjs_graph import Graph

TRAINED = (LOGITS, PAFS, REGRESS)
"""What fine-tuning looks at: heat maps before their sigmoid."""

_SIZES = ((192, 256), (256, 320), (384, 512))
_PICTURES = 48
"""Pictures whose tensors are measured, over all sizes."""
_CUT_ON = 36
"""Pictures whose answers tell where features are cut, over all sizes."""
_ROUNDED = 96
"""Pictures that the layers are rounded on, of the middle size."""
_LOOKS = 12
"""Pictures whose answers tell which ranges are better, over all sizes."""


def assemble(graph: Graph, head: dict[str, Any], calibration: Path, seed: int = 1) -> Network:
    """Trunk and head as one network; `calibration` is a folder of training pictures."""
    model = build_deployed_model(graph, head, _SIZES[1])
    equalise(model, calibration_pictures(calibration, _SIZES[1]))
    steps, weights = merged(steps_of(model), weights_of(model), FIRST_BOTTLENECK)
    source = str(model.input.name)
    for name in joined_relus(steps):
        cuts = best_cuts(steps, weights, TRAINED, name, source, _some_pictures(calibration, _CUT_ON))
        weights = heat_sized(steps, weights, name, cuts)
    seen = extremes_of(Mirror(steps, weights, TRAINED, source), _some_pictures(calibration, _PICTURES))
    weights = spread(steps, weights, seen)
    mirror = Mirror(steps, weights, TRAINED, source)
    ranges = best_ranges(mirror, steps, _some_pictures(calibration, _PICTURES), LOGITS, seed)
    return Network(source, steps, weights, ranges)


def mirror_of(network: Network) -> Mirror:
    """The network as fine-tuning trains it."""
    return Mirror(network.steps, with_biases(network.steps, network.weights), TRAINED, network.source)


def rounded_mirror(network: Network, calibration: Path, seed: int = 1) -> Mirror:
    """The same, rounded for int8, on some pictures of the folder `calibration`; which they are depends on `seed`."""
    mirror, paths = mirror_of(network), pictures_in(calibration)
    chosen = np.random.default_rng(seed).permutation(len(paths))[:_ROUNDED]
    pictures = unit_pictures([paths[place] for place in chosen], _SIZES[1]).transpose(0, 3, 1, 2)
    round_layers(mirror, mirror_of(network), network.steps, network.ranges, network.source, pictures, seed)
    return mirror


def with_narrowed_ranges(network: Network, calibration: Path, images: Path, tensors: int) -> Network:
    """The same with other ranges for up to `tensors` tensors, which answer pictures of the folder `images` better."""
    mirror, views = rounded_mirror(network, calibration), list(_some_pictures(images, _LOOKS))
    ranges = narrowed(mirror, mirror_of(network), network.steps, network.ranges, views, tensors)
    return replace(network, ranges=ranges)


def _some_pictures(folder: Path, count: int) -> Iterator[FloatArray]:
    for size in _SIZES:
        pictures = calibration_pictures(folder, size)
        for picture in pictures[:: max(1, len(pictures) * len(_SIZES) // count)]:
            yield np.ascontiguousarray(picture[None].transpose(0, 3, 1, 2))
