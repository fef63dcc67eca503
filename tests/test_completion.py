"""What limbs did not lead to is filled in from a person's centre, and says that it is a guess."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgepose.completion import GUESS_LIMIT, CentreChannels, Completer
from edgepose.domain import FloatArray, PoseMaps, Quant

K = 5
"""Of a small layout: four keypoints that the network regresses, and a last one between the first two."""
CHANNELS = CentreChannels(
    centre=K, offsets=((0, 1), (2, 3), (4, 5), (6, 7), None), heats=tuple(range(K)), between=(4, 0, 1)
)
HEIGHT, WIDTH = 40, 60
PERSON = np.array([[20, 10], [30, 10], [20, 25], [30.3, 25.4], [25, 10]], np.float32)
"""x, y in cells"""
CENTRE = (17, 25)
ASIDE = np.array([1.5, -1.0], np.float32)
"""By how many cells the regression is off."""
HEAT, OFFSET = Quant(1 / 256, -128), Quant(0.4, 3)


def maps_of(people: list[tuple[FloatArray, tuple[int, int]]], heat: float = 0.5) -> PoseMaps:
    """int8 maps with a bump at each keypoint and centre, and offsets that are 1.5 cells off."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    heats = np.zeros((HEIGHT, WIDTH, K + 1), np.float32)
    offsets = np.zeros((HEIGHT, WIDTH, 2 * (K - 1)), np.float32)
    for keypoints, (row, column) in people:
        for k, (px, py) in enumerate(keypoints):
            heats[..., k] = np.maximum(heats[..., k], heat * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 4))
        heats[..., K] = np.maximum(heats[..., K], 0.8 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 4))
        offsets[row, column] = (keypoints[: K - 1] + ASIDE - np.array([column, row])).ravel()
    return PoseMaps(
        heatmaps=as_int8(heats, HEAT),
        pafs=np.zeros((HEIGHT, WIDTH, 2), np.int8),
        heat_quant=HEAT,
        paf_quant=Quant(),
        offsets=as_int8(offsets, OFFSET),
        offset_quant=OFFSET,
    )


def as_int8(values: FloatArray, quant: Quant) -> "np.ndarray[Any, np.dtype[np.int8]]":
    return np.clip(np.rint(values / quant.scale) + quant.zero_point, -128, 127).astype(np.int8)


def found(places: FloatArray, missing: tuple[int, ...] = ()) -> FloatArray:
    """(K, 3) a person as the association gives them."""
    person = np.concatenate([places, np.full((len(places), 1), 0.7, np.float32)], axis=1)
    person[list(missing)] = 0
    return person


def test_a_missing_keypoint_is_found_near_where_the_centre_tells_and_is_marked_as_a_guess():
    keypoints = found(PERSON, missing=(3,))[None]
    completed, _ = Completer(CHANNELS)(keypoints, np.ones(1, np.float32), maps_of([(PERSON, CENTRE)]))
    np.testing.assert_allclose(completed[0, 3, :2], PERSON[3], atol=0.3)
    assert 0 < completed[0, 3, 2] <= GUESS_LIMIT
    assert keypoints[0, 3, 2] == 0, "what came in stays as it is"


def test_what_was_found_of_a_small_person_is_not_touched():
    keypoints = found(PERSON + 1, missing=(3,))[None]
    completed, _ = Completer(CHANNELS)(keypoints, np.ones(1, np.float32), maps_of([(PERSON, CENTRE)]))
    np.testing.assert_array_equal(completed[0, :3], keypoints[0, :3])


@pytest.mark.parametrize("seed", range(3))
def test_keypoints_of_a_large_person_lie_in_the_middle_of_their_noisy_spots(seed: int):
    print("seed", seed)
    rng = np.random.default_rng(seed)
    large = np.array([[8, 6], [45, 6], [8, 33], [45.4, 33.3], [26.5, 6]], np.float32)
    maps = maps_of([(large, (20, 26))])
    noisy = maps.heatmaps + rng.normal(0, 8, maps.heatmaps.shape)
    maps = replace(maps, heatmaps=np.clip(np.rint(noisy), -128, 127).astype(np.int8))
    keypoints = found(large + rng.uniform(-0.5, 0.5, large.shape).astype(np.float32))[None]
    completed, _ = Completer(CHANNELS)(keypoints, np.ones(1, np.float32), maps)
    np.testing.assert_allclose(completed[0, :4, :2], large[:4], atol=0.25)


def test_a_keypoint_astray_is_called_back_to_heat_where_the_centre_believes_it():
    maps = maps_of([(PERSON, CENTRE)])
    astray = PERSON.copy()
    astray[2] = PERSON[3]
    completed, _ = Completer(CHANNELS)(found(astray)[None], np.ones(1, np.float32), maps)
    np.testing.assert_allclose(completed[0, 2, :2], PERSON[2], atol=0.3)
    assert 0 < completed[0, 2, 2] <= GUESS_LIMIT, "limb and centre disagree"


def test_a_keypoint_astray_stays_where_nothing_nearly_as_warm_is_near_the_regressed_place():
    faint = maps_of([(PERSON, CENTRE)], heat=0.3)
    astray = PERSON.copy()
    astray[2] = PERSON[3]
    keypoints = found(astray)[None]
    completed, _ = Completer(CHANNELS)(keypoints, np.ones(1, np.float32), faint)
    np.testing.assert_array_equal(completed[0, 2], keypoints[0, 2])


def test_of_equally_sure_people_the_larger_one_and_the_one_with_more_out_of_view_are_worth_more():
    small = (PERSON - PERSON[0]) / 4 + PERSON[0]
    far_off = maps_of([(PERSON + 100, CENTRE)])
    people = np.stack([found(PERSON), found(small), found(PERSON, missing=(4,))])
    _, scores = Completer(CHANNELS)(people, np.ones(3, np.float32), far_off)
    assert scores[1] < scores[0] < scores[2]


def test_without_any_heat_the_regressed_place_itself_is_the_guess():
    cold = maps_of([(PERSON, CENTRE)])
    cold.heatmaps[..., 3] = HEAT.zero_point
    completed, _ = Completer(CHANNELS)(found(PERSON, missing=(3,))[None], np.ones(1, np.float32), cold)
    np.testing.assert_allclose(completed[0, 3, :2], PERSON[3] + ASIDE, atol=1.0)
    assert 0 < completed[0, 3, 2] < 0.02


def test_the_keypoint_between_two_others_follows_them():
    keypoints = found(PERSON, missing=(1, 4))[None]
    completed, _ = Completer(CHANNELS)(keypoints, np.ones(1, np.float32), maps_of([(PERSON, CENTRE)]))
    np.testing.assert_allclose(completed[0, 4, :2], PERSON[4], atol=0.2)
    assert completed[0, 4, 2] <= GUESS_LIMIT


def test_people_get_their_own_centre_and_those_without_one_stay_as_they_are():
    other = PERSON + np.array([22, 8], np.float32)
    stranger = PERSON + np.array([-18, 12], np.float32)
    people = np.stack([found(other, missing=(2,)), found(stranger, missing=(2,)), found(PERSON, missing=(2,))])
    maps = maps_of([(PERSON, CENTRE), (other, (CENTRE[0] + 8, CENTRE[1] + 22))])
    completed, scores = Completer(CHANNELS)(people, np.ones(3, np.float32), maps)
    np.testing.assert_allclose(completed[0, 2, :2], other[2], atol=0.2)
    np.testing.assert_allclose(completed[2, 2, :2], PERSON[2], atol=0.2)
    np.testing.assert_array_equal(completed[1], people[1])
    assert scores[1] < min(scores[0], scores[2]) <= 1, "limbs and centre agree on those two"


def test_pieces_of_one_body_are_one_person_with_what_was_found_of_each():
    pieces = np.stack([found(PERSON, missing=(2, 3)), found(PERSON, missing=(0, 1, 4))])
    scores = np.sqrt(pieces[..., 2].mean(1)).astype(np.float32)
    completed, joined = Completer(CHANNELS)(pieces, scores, maps_of([(PERSON, CENTRE)]))
    np.testing.assert_array_equal(completed, found(PERSON)[None])
    _, whole = Completer(CHANNELS)(found(PERSON)[None], np.sqrt(np.float32([0.7])), maps_of([(PERSON, CENTRE)]))
    np.testing.assert_allclose(joined, whole, rtol=1e-6)


def test_two_people_who_hold_each_other_are_two_though_the_network_saw_one_centre():
    people = np.stack([found(PERSON), found(PERSON + np.array([1.6, 0], np.float32))])
    completed, _ = Completer(CHANNELS)(people, np.ones(2, np.float32), maps_of([(PERSON, CENTRE)]))
    assert len(completed) == 2


def test_order_of_people_does_not_matter():
    other = PERSON + np.array([22, 8], np.float32)
    people = np.stack([found(other, missing=(2, 3)), found(PERSON, missing=(0,))])
    maps = maps_of([(PERSON, CENTRE), (other, (CENTRE[0] + 8, CENTRE[1] + 22))])
    forth, _ = Completer(CHANNELS)(people, np.ones(2, np.float32), maps)
    back, _ = Completer(CHANNELS)(people[::-1].copy(), np.ones(2, np.float32), maps)
    np.testing.assert_array_equal(forth, back[::-1])


@pytest.mark.parametrize("seed", range(20))
def test_garbage_neither_fails_nor_leaves_the_picture(seed: int):
    rng = np.random.default_rng(seed)
    garbage = PoseMaps(
        heatmaps=rng.integers(-128, 128, (HEIGHT, WIDTH, K + 1)).astype(np.int8),
        pafs=np.zeros((HEIGHT, WIDTH, 2), np.int8),
        heat_quant=HEAT,
        paf_quant=Quant(),
        offsets=rng.integers(-128, 128, (HEIGHT, WIDTH, 2 * (K - 1))).astype(np.int8),
        offset_quant=OFFSET,
    )
    people = found(rng.uniform(0, HEIGHT, (K, 2)).astype(np.float32), missing=(int(rng.integers(K)),))[None]
    completed, scores = Completer(CHANNELS)(people, np.ones(1, np.float32), garbage)
    assert np.isfinite(completed).all() and np.isfinite(scores).all(), f"seed {seed}"
    assert (completed[..., :2] >= -0.5).all() and (completed[..., 0] <= WIDTH).all(), f"seed {seed}"


def test_nobody_costs_nothing():
    nobody = np.zeros((0, K, 3), np.float32)
    completed, scores = Completer(CHANNELS)(nobody, np.zeros(0, np.float32), maps_of([]))
    assert completed.shape == (0, K, 3) and not len(scores)
