"""Takes channels out of a published network that its next layer can do without, before anything else is done to it.

A vector register holds 16 channels, so a layer of 24 costs as much as one of 32. Which ones go is found one by one:
always the one that the linear layer behind them misses least, after its weights were fitted again to the others.
"""

from typing import Any

import numpy as np

from .errors import TrainingError
from .part_graph import build
from .tfjs_graph import Graph, Node

Array = Any
_SAMPLES = 60_000
"""Places in pictures that are looked at."""
_CHAIN = ("Conv2D", "AddV2", "Relu6", "DepthwiseConv2dNative", "AddV2", "Relu6", "Conv2D", "AddV2")
"""What a block is made of: a convolution, one for each channel, and a linear layer."""


def slim(graph: Graph, block: int, channels: int, pictures: Array) -> float:
    """Leaves so many channels in a block of the graph, counted from the first; the share of variance that is lost.

    pictures: (N, S, S, 3), 0 to 1. Raises TrainingError where there is no such block.
    """
    chain = _blocks(graph)[block]
    wide, wide_bias, deep, deep_bias, linear, linear_bias = (
        next(name for name in node.inputs if name in graph.weights) for node in chain if node.op != "Relu6"
    )
    seen = _seen(graph, chain[5].name, graph.weights[linear].shape[2], pictures)
    kernel = graph.weights[linear][0, 0]
    kept, weights, bias, lost = fewer(seen, seen @ kernel + graph.weights[linear_bias], channels)
    graph.weights[wide] = graph.weights[wide][..., kept]
    graph.weights[deep] = graph.weights[deep][:, :, kept]
    for name in (wide_bias, deep_bias):
        graph.weights[name] = graph.weights[name][kept]
    graph.weights[linear], graph.weights[linear_bias] = weights[None, None].astype(np.float32), bias.astype(np.float32)
    return lost


def fewer(seen: Array, wanted: Array, count: int) -> tuple[list[int], Array, Array, float]:
    """Which `count` columns of (N, C) to keep, and (count, D), (D,) to make (N, D) of them; the share that is lost."""
    rows = np.column_stack([seen, np.ones(len(seen))]).astype(np.float64)
    gram, goal = rows.T @ rows, rows.T @ wanted.astype(np.float64)
    gram += 1e-9 * np.trace(gram) * np.eye(len(gram))

    def fitted(columns: list[int]) -> tuple[float, Array]:
        chosen = [*columns, seen.shape[1]]
        solved = np.linalg.solve(gram[np.ix_(chosen, chosen)], goal[chosen])
        return -float((solved * goal[chosen]).sum()), solved  # what is lost, but for a sum that all have

    kept = list(range(seen.shape[1]))
    while len(kept) > count:
        kept.remove(min(kept, key=lambda column: fitted([other for other in kept if other != column])[0]))
    solved = fitted(kept)[1]
    off = rows[:, [*kept, seen.shape[1]]] @ solved - wanted
    return kept, solved[:-1], solved[-1], float((off**2).mean() / wanted.var(axis=0).mean())


def _blocks(graph: Graph) -> list[tuple[Node, ...]]:
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    found = []
    for node in graph.nodes:
        chain = [node]
        while len(chain) < len(_CHAIN) and len(readers.get(chain[-1].name, [])) == 1:
            chain += readers[chain[-1].name]
        if tuple(each.op for each in chain) == _CHAIN and graph.weights[chain[-1].inputs[-1]].ndim == 1:
            found.append(tuple(chain))
    if not found:
        raise TrainingError("the graph has no block of a convolution, one for each channel, and a linear layer")
    return found


def _seen(graph: Graph, node: str, channels: int, pictures: Array) -> Array:
    """(M, channels) what the node answers at places of the pictures, chosen at random."""
    model = build(graph, pictures.shape[1], {"seen": node})
    rng = np.random.default_rng(0)
    parts = []
    for picture in pictures:
        places = np.asarray(model(picture[None], training=False)).reshape(-1, channels)
        parts.append(places[rng.permutation(len(places))[: _SAMPLES // len(pictures)]])
    return np.concatenate(parts)
