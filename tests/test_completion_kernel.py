"""The kernel that completes people gives what the reference gives, whatever the maps hold."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import reference_completion as reference
import scenes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from test_association import DTYPES, GRID, assert_scores, random

from edgepose.completion import GUESS_LIMIT, CentreChannels, Completer
from edgepose.domain import PoseMaps, Quant
from edgepose.skeleton import BODY18

NECK = BODY18.names.index("neck")
TOLD = [k for k in range(18) if k != NECK]
CHANNELS = CentreChannels(
    centre=18,
    offsets=tuple(None if k == NECK else (2 * TOLD.index(k), 2 * TOLD.index(k) + 1) for k in range(18)),
    heats=tuple(range(18)),
    between=(NECK, BODY18.names.index("left_shoulder"), BODY18.names.index("right_shoulder")),
)


@dataclass(frozen=True)
class Told:
    """People, and maps that tell them from their centres."""

    people: np.ndarray
    maps: PoseMaps


def told(seed: int, n: int, dtype=np.int8) -> Told:
    """n whole people; the offsets at their centres miss by up to half a cell."""
    rng = random(seed)
    people = scenes.crowd(rng, n, GRID, gap=4)
    scene = scenes.draw(people, GRID)
    centres = np.rint(people[:, :, :2].mean(axis=1)).astype(int)
    heat = np.concatenate([scene.heatmaps, np.zeros((*GRID, 1), np.float32)], axis=2)
    offsets = np.zeros((*GRID, 34), np.float32)
    ys, xs = np.mgrid[: GRID[0], : GRID[1]]
    for person, (x, y) in zip(people, centres, strict=True):
        heat[..., 18] = np.maximum(heat[..., 18], 0.8 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 2))
        offsets[y, x] = (person[TOLD, :2] - (x, y) + rng.uniform(-0.5, 0.5, (17, 2))).ravel()
    maps = PoseMaps(heat, scene.pafs, Quant(), Quant(), offsets, Quant())
    if dtype != np.float32:
        low = np.iinfo(dtype).min
        heat_quant, offset_quant = Quant(1 / 256, low), Quant(0.25, low + 128)
        maps = replace(
            maps, heatmaps=quantised(heat, heat_quant, dtype), offsets=quantised(offsets, offset_quant, dtype),
            heat_quant=heat_quant, offset_quant=offset_quant,
        )  # fmt: skip
    return Told(people.astype(np.float32), maps)


def quantised(values, quant, dtype):
    info = np.iinfo(dtype)
    return np.clip(np.rint(values / quant.scale) + quant.zero_point, info.min, info.max).astype(dtype)


def complete_as_reference(keypoints, maps, channels=CHANNELS, scores=None):
    """The kernel's answer, which must be the reference's to the last bit (see assert_scores)."""
    scores = np.linspace(0.3, 0.9, len(keypoints), dtype=np.float32) if scores is None else scores
    before = keypoints.copy(), scores.copy()
    wanted = reference.complete(keypoints, scores, maps, channels)
    completed, worth = Completer(channels)(keypoints, scores, maps)
    np.testing.assert_array_equal(completed, wanted[0])
    assert_scores(worth, wanted[1])
    np.testing.assert_array_equal(keypoints, before[0])
    np.testing.assert_array_equal(scores, before[1])
    return completed, worth


@DTYPES
@pytest.mark.parametrize("n", [1, 5, 12])
def test_what_is_missing_is_guessed_where_it_is(n, dtype):
    scene = told(n, n, dtype)
    hidden = random(n).random((n, 18)) < 0.4
    hidden[:, :3] = False
    found = np.where(hidden[..., None], np.float32(0), scene.people)
    completed, _ = complete_as_reference(found, scene.maps)
    np.testing.assert_allclose(completed[~hidden], found[~hidden], atol=0.1)  # who is large is steadied
    assert ((completed[hidden][:, 2] > 0) & (completed[hidden][:, 2] <= np.float32(GUESS_LIMIT))).all()
    apart = np.hypot(*(completed - scene.people)[hidden][:, :2].T)
    assert np.median(apart) < 0.3
    assert np.mean(apart < 2) > 0.9


def test_a_centre_completes_one_person_and_makes_them_surer_and_a_twin_is_the_same_person():
    scene = told(3, 2)
    twin = np.concatenate([scene.people, scene.people[:1] + np.float32([0.4, 0, 0])])
    twin[:, 16] = 0
    completed, worth = complete_as_reference(twin, scene.maps, scores=np.full(3, 0.6, np.float32))
    assert list(completed[:, 16, 2] > 0) == [True, True]
    alone = np.full(2, 0.6, np.float32)
    far = replace(scene.maps, offsets=np.full_like(scene.maps.offsets, 127))
    assert (worth > complete_as_reference(twin[:2], far, scores=alone)[1]).all()


def test_networks_without_centres_and_empty_rooms_change_nothing():
    scene = told(5, 1)
    for people, maps in ((scene.people, replace(scene.maps, offsets=None)), (scene.people[:0], scene.maps)):
        completed, worth = Completer(CHANNELS)(people, np.ones(len(people), np.float32), maps)
        np.testing.assert_array_equal(completed, people)
        assert (worth == 1).all()


@st.composite
def small_maps(draw):
    """Few cells, many equal, extreme and not-a-number values, and people anywhere."""
    dtype = draw(st.sampled_from([np.int8, np.uint8, np.float32]))
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    if dtype == np.float32:
        values = st.sampled_from(
            [0.0, 0.0234375, 0.5, 0.5, 1.0, -1.0, 7.5, np.nan, np.inf, -np.inf, 2.0**100, 2.0**-133]
        )
        quants = Quant(), Quant()
    else:
        info = np.iinfo(dtype)
        values = st.one_of(st.integers(info.min, info.max), st.sampled_from([info.min, info.max, 0, 5]))
        quants = Quant(1 / 256, info.min), Quant(0.1, int(draw(st.integers(info.min, info.max))))
    heat = draw(arrays.arrays(dtype, (*shape, 4), elements=values))
    offsets = draw(arrays.arrays(dtype, (*shape, 6), elements=values))
    place = st.floats(-2, 12, width=32) | st.floats(-20, 60, width=32)
    people = draw(arrays.arrays(np.float32, (draw(st.integers(0, 4)), 4, 3), elements=place))
    people[..., 2] = np.clip(people[..., 2], 0, 1)
    return people, PoseMaps(heat, offsets, quants[0], quants[1], offsets, quants[1])


SMALL = CentreChannels(centre=2, offsets=((0, 1), None, (5, 4), (2, 2)), heats=(0, 1, 3, 3), between=(1, 0, 2))


@given(small_maps())
@settings(max_examples=100, deadline=None, print_blob=True)
def test_any_map_gives_what_the_reference_gives(drawn):
    people, maps = drawn
    completed, _ = complete_as_reference(people, maps, SMALL)
    assert np.isfinite(completed).all()


@DTYPES
def test_maps_in_one_tensor_or_of_odd_strides_give_the_same(dtype):
    scene = told(6, 3, dtype)
    scene.people[:, 10:] = 0
    wanted, _ = complete_as_reference(scene.people, scene.maps)
    tensor = np.concatenate([scene.maps.heatmaps, scene.maps.offsets], axis=2)
    planes = np.ascontiguousarray(tensor[::-1].transpose(2, 0, 1)).transpose(1, 2, 0)[::-1]
    for whole in (tensor, planes):
        maps = replace(scene.maps, heatmaps=whole[:, :, :19], offsets=whole[:, :, 19:])
        completed, _ = Completer(CHANNELS)(scene.people, np.ones(3, np.float32), maps)
        np.testing.assert_array_equal(completed, wanted)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"heatmaps": np.zeros((46, 54, 18), np.int8)}, "18 channels, but the skeleton needs 19"),
        ({"offsets": np.zeros((46, 54, 33), np.int8)}, "33 channels, but the skeleton needs 34"),
        ({"offsets": np.zeros((46, 53, 34), np.int8)}, "46 x 54 cells, but offsets 46 x 53"),
        ({"offsets": np.zeros((46, 54, 34), np.int16)}, "offsets must be int8, uint8 or float32"),
    ],
)
def test_bad_maps_are_refused_in_one_sentence(change, sentence):
    scene = told(7, 1)
    with pytest.raises(ValueError, match=sentence):
        Completer(CHANNELS)(scene.people, np.ones(1, np.float32), replace(scene.maps, **change))


def test_bad_people_and_channels_are_refused_in_one_sentence():
    scene = told(8, 1)
    with pytest.raises(ValueError, match=r"keypoints must be \(P, 18, 3\)"):
        Completer(CHANNELS)(scene.people[:, :17], np.ones(1, np.float32), scene.maps)
    with pytest.raises(ValueError, match="scores"):
        Completer(CHANNELS)(scene.people, np.ones(2, np.float32), scene.maps)
    with pytest.raises(ValueError, match="at least one keypoint"):
        Completer(replace(CHANNELS, offsets=(None,) * 18))
    with pytest.raises(ValueError, match="count from 0"):
        Completer(replace(CHANNELS, centre=-1))
