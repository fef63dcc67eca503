"""Times networks in turns on one core, so that what disturbs the machine disturbs all of them.

Counted is the processor time of the one thread that computes: on a busy machine it is what a quiet one would take, but
for caches that others have emptied.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from .networks import Peer


@dataclass(frozen=True)
class Times:
    """Of one network, milliseconds of processor time an invocation."""

    shortest: float
    median: float
    rounds: np.ndarray
    """(R,) one a round; round r of all networks lies side by side in time"""


def time_in_turns(peers: Sequence[Peer], rounds: int) -> list[Times]:
    """Times of the networks, in their order; this process stays on one core from here on."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for peer in peers:
        peer.invoke()
    taken = np.zeros((len(peers), rounds))
    for turn in tqdm(range(rounds), desc="timing", unit="round"):
        for row, peer in enumerate(peers):
            started = time.thread_time()
            peer.invoke()
            taken[row, turn] = (time.thread_time() - started) * 1e3
    return [Times(float(row.min()), float(np.median(row)), row) for row in taken]
