"""Whatever the maps hold, the association ends soon, reads no byte beside them, and agrees with the reference."""

import numpy as np
import pytest
import scenes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from test_association import assert_as_reference, associate, random

from edgepose.skeleton import BODY18, Skeleton

SMALL = Skeleton.of(("a", "b", "c", "d"), (("a", "b"), ("b", "c"), ("c", "d"), ("a", "c")))


@st.composite
def small_maps(draw):
    """Grids of a few cells with many equal, extreme and not-a-number values."""
    dtype = draw(st.sampled_from([np.int8, np.uint8, np.float32]))
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    if dtype == np.float32:
        values = st.sampled_from([0.0, 0.1875, 0.5, 0.5, 1.0, -1.0, np.nan, np.inf, -np.inf, 2.0**100, 2.0**-133])
        quants = (1.0, 0), (1.0, 0)
    else:
        info = np.iinfo(dtype)
        values = st.one_of(st.integers(info.min, info.max), st.sampled_from([info.min, info.max, 0, 5]))
        quants = (1 / 256, info.min), (1 / 100, int(draw(st.integers(info.min, info.max))))
    heat = draw(arrays.arrays(dtype, (*shape, 4), elements=values))
    paf = draw(arrays.arrays(dtype, (*shape, 8), elements=values))
    return scenes.Scene(heat, paf, np.zeros((0, 4, 3)), SMALL, *quants)


@given(small_maps())
@settings(max_examples=150, deadline=None, print_blob=True)
def test_any_map_gives_what_the_reference_gives(scene):
    people = assert_as_reference(scene)
    assert np.isfinite(people.keypoints).all()
    assert (people.keypoints[..., 2] <= 1).all()


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.float32])
def test_noise_gives_what_the_reference_gives_and_says_that_it_was_capped(dtype):
    scene = scenes.garbage(random(1), (40, 48), SMALL, dtype)
    assert assert_as_reference(scene).capped


PAIR = Skeleton.of(("a", "b"), (("a", "b"),))


def columns_of_peaks(n: int) -> scenes.Scene:
    """n left ends, n right ends, and a field that allows every pair of them."""
    heat = np.zeros((100, 100, 2), np.float32)
    for i in range(n):
        heat[2 * (i // 8), 2 * (i % 8), 0] = heat[2 * (i // 8), 80 + 2 * (i % 8), 1] = 0.5 + i / 1000
    field = np.zeros((100, 100, 2), np.float32)
    field[..., 0] = 1
    return scenes.Scene(heat, field, np.zeros((0, 2, 3)), PAIR).quantised(np.int8)


@pytest.mark.parametrize(
    ("peaks", "capped"),
    [(64, False), (65, True), (128, True), (200, True)],  # 64 squared is the most pairs, 128 the most peaks
)
def test_too_many_pairs_or_peaks_are_cut_and_told_of(peaks, capped):
    assert assert_as_reference(columns_of_peaks(peaks)).capped == capped


def test_too_many_peaks_alone_are_told_of():
    scene = columns_of_peaks(129)
    scene.pafs[:] = scene.paf_quant[1]
    assert assert_as_reference(scene).capped
    few = columns_of_peaks(128)
    few.pafs[:] = few.paf_quant[1]
    assert not assert_as_reference(few).capped


@pytest.mark.parametrize("seed", range(4))
def test_people_among_values_that_are_no_numbers_agree_with_the_reference(seed):
    rng = random(seed)
    scene = scenes.draw(scenes.crowd(rng, 6, (46, 54)), (46, 54), noise=0.02, rng=rng)
    for maps in (scene.heatmaps, scene.pafs):
        for value in (np.nan, np.inf, -np.inf):
            maps[rng.random(maps.shape) < 0.01] = value
    assert np.isfinite(assert_as_reference(scene).keypoints).all()


def test_no_peak_belongs_to_two_people():
    people = associate(scenes.garbage(random(2), (46, 54)))
    for k in range(18):
        seen = people.keypoints[people.keypoints[:, k, 2] > 0, k, :2]
        assert len(np.unique(seen, axis=0)) == len(seen)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, 1.0])
def test_a_map_of_one_value_has_nobody_in_it(value):
    heat, paf = (np.full((46, 54, n), value, np.float32) for n in (18, 38))
    assert len(associate(scenes.Scene(heat, paf, np.zeros((0, 18, 3)), BODY18))) == 0
