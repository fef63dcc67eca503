"""The kernel reads no byte beside its maps: they lie flush against memory that nobody may read.

Compilers' sanitizers don't look into gathers and other vector instructions; the processor does.
"""

import ctypes
import math
import mmap
import multiprocessing

import numpy as np
import pytest
import scenes
from test_association import SETTINGS, random

from edgepose._association import PATHS
from edgepose.association import Associator
from edgepose.skeleton import BODY18, BODY25, Skeleton

PAIR = Skeleton.of(("a", "b"), (("a", "b"),))
LIBC = ctypes.CDLL(None, use_errno=True)


class Guarded:
    """Copies of arrays that begin or end where a page begins that must not be touched. Keeps them alive."""

    def __init__(self) -> None:
        self._kept: list[mmap.mmap] = []

    def copy(self, array: np.ndarray, *, at_end: bool) -> np.ndarray:
        page = mmap.PAGESIZE
        room = math.ceil(array.nbytes / page) * page
        memory = mmap.mmap(-1, room + 2 * page)
        self._kept.append(memory)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for guard in (start, start + page + room):
            if LIBC.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(page), 0):
                raise OSError(ctypes.get_errno(), "mprotect")
        at = page + (room - array.nbytes if at_end else 0)
        copy = np.frombuffer(memory, array.dtype, array.size, at).reshape(array.shape)
        copy[:] = array
        return copy


def assert_same_people_in_guarded_memory(path: str) -> None:
    rng, guarded = random(1), Guarded()
    for skeleton in (PAIR, BODY18, BODY25):
        for shape in ((1, 1), (1, 9), (2, 2), (7, 5), (12, 40)):
            for dtype in (np.int8, np.uint8, np.float32):
                scene = scenes.garbage(rng, shape, skeleton, dtype)
                (heat, paf), quants = scene.arguments()
                associator = Associator(skeleton, **SETTINGS)
                associator.path = path
                wanted = associator(heat, paf, **quants).keypoints
                tensor, depth = np.concatenate([heat, paf], axis=2), heat.shape[2]
                for at_end in (False, True):
                    one = guarded.copy(tensor, at_end=at_end)
                    planes = guarded.copy(np.ascontiguousarray(tensor.transpose(2, 0, 1)), at_end=at_end)
                    planes = planes.transpose(1, 2, 0)
                    back = guarded.copy(np.ascontiguousarray(tensor[::-1, ::-1, ::-1]), at_end=at_end)[::-1, ::-1, ::-1]
                    for maps in (
                        [guarded.copy(each, at_end=at_end) for each in (heat, paf)],
                        *((whole[:, :, :depth], whole[:, :, depth:]) for whole in (one, planes, back)),
                    ):
                        np.testing.assert_array_equal(associator(*maps, **quants).keypoints, wanted)
                        associator.seconds_to_read(*maps, repeats=1)


@pytest.mark.parametrize("path", PATHS)
def test_nothing_beside_the_maps_is_read(path):
    child = multiprocessing.get_context("spawn").Process(target=assert_same_people_in_guarded_memory, args=(path,))
    child.start()
    child.join()
    assert child.exitcode == 0, "-11 is a read beside the maps"


def test_the_guards_are_there():
    """A copy that claims a cell more than it has must end the process."""
    child = multiprocessing.get_context("spawn").Process(target=_read_too_far)
    child.start()
    child.join()
    assert child.exitcode == -11


def _read_too_far() -> None:
    guarded = Guarded()
    scene = scenes.garbage(random(1), (7, 6), BODY18)
    heat = guarded.copy(np.ascontiguousarray(scene.heatmaps[:, 1:]), at_end=True)
    beyond = np.lib.stride_tricks.as_strided(heat, (8, 5, 18))
    Associator(BODY18, **SETTINGS).seconds_to_read(beyond, np.zeros((8, 5, 38), np.int8), repeats=1)
