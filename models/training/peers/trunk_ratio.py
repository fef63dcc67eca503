"""What head and fields cost: the time of our int8 networks over that of the bare int8 trunk, same size, one thread.

Two trunks are measured: one cut off behind its features and keypoint heat maps, and one with all the heads that it was
published with (centre, regression, offsets, boxes), which our fields take the place of.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..tfjs_graph import Graph
from . import files
from .multiplications import multiply_accumulates
from .networks import PafPeer, Peer, RawPeer
from .timing import Times, time_in_turns


def report(graph: Graph, ours: Sequence[Path], calibration: Path, work: Path, rounds: int) -> Iterator[str]:
    """Lines of a table: ours against both trunks."""
    trios: list[list[Peer]] = []
    for path in ours:
        own = PafPeer(path.stem, path)
        cut = RawPeer("heat maps only", files.bare_trunk(graph, own.input_size, calibration, work))
        whole = RawPeer("all heads", files.movenet_int8(graph, own.input_size, calibration, work))
        trios.append([own, cut, whole])
    times = time_in_turns([peer for trio in trios for peer in trio], rounds)
    yield "| network | ms | trunk with | ms | ratio of the shortest | median ratio of the rounds | ratio of GMAC |"
    yield "|---" * 7 + "|"
    for number, (own, *trunks) in enumerate(trios):
        mine = times[3 * number]
        for peer, its in zip(trunks, times[3 * number + 1 : 3 * number + 3], strict=True):
            yield _line(own, mine, peer, its)


def _line(own: Peer, mine: Times, trunk: Peer, its: Times) -> str:
    ratio = float(np.median(mine.rounds / its.rounds))
    work = multiply_accumulates(own.file) / multiply_accumulates(trunk.file)
    cells = [own.name, f"{mine.shortest:.2f}", trunk.name, f"{its.shortest:.2f}"]
    return f"| {' | '.join([*cells, f'{mine.shortest / its.shortest:.3f}', f'{ratio:.3f}', f'{work:.3f}'])} |"
