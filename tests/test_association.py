"""The association finds people whose places are known."""

import sys

import numpy as np
import pytest
import reference_association as reference
import scenes

from edgepose.association import Associator, People
from edgepose.skeleton import BODY18, BODY25, Skeleton

GRID = (46, 54)
SETTINGS = {"min_keypoint": 0.1, "min_limb": 0.05, "max_people": 60}


def associate(scene: scenes.Scene, **settings) -> People:
    arrays, quants = scene.arguments()
    return Associator(scene.skeleton, **{**SETTINGS, **settings})(*arrays, **quants)


def assert_scores(found: np.ndarray, wanted: np.ndarray) -> None:
    """Equal to the last bit; on 32-bit ARM, where numpy and the compiler differ in it, to the last but one."""
    np.testing.assert_array_max_ulp(found, wanted, maxulp=0 if sys.maxsize > 2**32 else 1)


def assert_as_reference(scene: scenes.Scene, **settings) -> People:
    """The kernel's answer, which must be the reference's to the last bit (see assert_scores)."""
    arrays, quants = scene.arguments()
    wanted = reference.associate(*arrays, scene.skeleton, **{**SETTINGS, **settings}, **quants)
    people = associate(scene, **settings)
    np.testing.assert_array_equal(people.keypoints, wanted.keypoints)
    assert_scores(people.scores, wanted.scores)
    assert people.capped == wanted.capped
    return people


def random(seed: int) -> np.random.Generator:
    print(f"seed {seed}")
    return np.random.default_rng(seed)


DTYPES = pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.float32])


@DTYPES
@pytest.mark.parametrize("people", [1, 2, 5, 12])
def test_people_standing_apart_are_all_found_whole(people, dtype):
    scene = scenes.draw(scenes.crowd(random(people), people, GRID, gap=4), GRID)
    if dtype != np.float32:
        scene = scene.quantised(dtype)
    found = assert_as_reference(scene)
    marks = scenes.marks(scene.people, found.keypoints)
    assert (marks.recall, marks.precision) == (1, 1)
    assert marks.keypoint_recall > 0.97
    assert marks.error * 8 <= 0.25, "pixels at stride 8"
    assert not found.capped


def test_an_empty_room_has_nobody_in_it():
    scene = scenes.draw(np.zeros((0, 18, 3)), GRID).quantised(np.int8)
    people = assert_as_reference(scene)
    assert len(people) == 0
    assert people.keypoints.shape == (0, 18, 3)
    assert people.scores.shape == (0,)


@pytest.mark.parametrize("lean_deg", [90, -90, 180])
def test_somebody_lying_or_upside_down_is_found(lean_deg):
    rng = random(3)
    person = scenes.figure(rng, height=20, centre=(27, 23), lean_deg=lean_deg)[None]
    found = assert_as_reference(scenes.draw(person, GRID).quantised(np.int8))
    assert scenes.marks(person, found.keypoints).recall == 1


@pytest.mark.parametrize("missing", [("nose", "right_eye", "left_eye", "right_ear", "left_ear"), ("left_wrist",)])
def test_hidden_keypoints_stay_zero(missing):
    people = scenes.without(scenes.crowd(random(4), 3, GRID, gap=4), BODY18, *missing)
    found = assert_as_reference(scenes.draw(people, GRID).quantised(np.int8))
    assert scenes.marks(people, found.keypoints).recall == 1
    for name in missing:
        assert not found.keypoints[:, BODY18.names.index(name)].any()


def test_people_cut_off_by_the_edge_are_found():
    rng = random(5)
    people = scenes.cut(np.array([scenes.figure(rng, height=30, centre=(x, 30)) for x in (3, 27, 49)]), GRID)
    found = assert_as_reference(scenes.draw(people, GRID).quantised(np.int8))
    assert scenes.marks(people, found.keypoints, share=0.7).recall == 1


def test_the_best_person_comes_first_and_max_people_cuts_the_rest():
    people = scenes.crowd(random(6), 4, GRID, gap=4)
    scene = scenes.draw(people, GRID).quantised(np.int8)
    all_of_them = associate(scene)
    assert list(all_of_them.scores) == sorted(all_of_them.scores, reverse=True)
    best = assert_as_reference(scene, max_people=2)
    np.testing.assert_array_equal(best.keypoints, all_of_them.keypoints[:2])
    assert best.capped and not all_of_them.capped


def test_maps_in_one_tensor_or_of_odd_strides_give_the_same_people():
    scene = scenes.draw(scenes.crowd(random(7), 4, GRID), GRID, noise=0.02, rng=random(8)).quantised(np.int8)
    wanted = assert_as_reference(scene)
    (heat, paf), quants = scene.arguments()
    associator = Associator(BODY18, **SETTINGS)
    planar = [np.ascontiguousarray(m.transpose(2, 0, 1)).transpose(1, 2, 0) for m in (heat, paf)]
    backwards = [np.ascontiguousarray(m[::-1, ::-1])[::-1, ::-1] for m in (heat, paf)]
    spread = [np.repeat(np.repeat(m, 2, axis=1), 3, axis=2)[:, ::2, ::3] for m in (heat, paf)]
    one = scene.in_one_tensor()
    for maps in (planar, backwards, spread, (one.heatmaps, one.pafs), (one.heatmaps, paf)):
        people = associator(*maps, **quants)
        np.testing.assert_array_equal(people.keypoints, wanted.keypoints)
        np.testing.assert_array_equal(people.scores, wanted.scores)


def test_channels_in_another_order_give_the_same_people():
    rng = random(9)
    scene = scenes.draw(scenes.crowd(rng, 4, GRID), GRID).quantised(np.int8)
    wanted = associate(scene)
    heat_order, paf_order = rng.permutation(18), rng.permutation(38)
    skeleton = Skeleton(
        names=BODY18.names,
        limbs=BODY18.limbs,
        heat_channels=tuple(int(np.argwhere(heat_order == k)[0, 0]) + 1 for k in range(18)),
        paf_channels=tuple(tuple(int(np.argwhere(paf_order == c)[0, 0]) for c in pair) for pair in BODY18.paf_channels),
    )
    heat = np.concatenate([scene.heatmaps[:, :, :1], scene.heatmaps[:, :, heat_order]], axis=2)
    found = Associator(skeleton, **SETTINGS)(
        heat, scene.pafs[:, :, paf_order], heat_quant=scene.heat_quant, paf_quant=scene.paf_quant
    )
    np.testing.assert_array_equal(found.keypoints, wanted.keypoints)


def test_feet_are_found_with_a_skeleton_that_has_them():
    scene = scenes.draw(scenes.crowd(random(10), 2, (64, 80), BODY25, height=(40, 50)), (64, 80), BODY25)
    found = assert_as_reference(scene.quantised(np.int8))
    assert scenes.marks(scene.people, found.keypoints).recall == 1


def test_a_plateau_is_one_peak_in_its_middle():
    scene = scenes.draw(scenes.figure(random(11), height=25, centre=(27, 23))[None], GRID).quantised(np.int8)
    nose = scene.heatmaps[:, :, 0]
    y, x = np.unravel_index(nose.argmax(), nose.shape)
    nose[y - 1 : y + 2, x - 1 : x + 2] = 120
    found = assert_as_reference(scene)
    assert len(found) == 1
    np.testing.assert_allclose(found.keypoints[0, 0, :2], (x, y), atol=0.5)


def test_results_stay_valid_after_the_next_call():
    associator = Associator(BODY18, **SETTINGS)
    one, other = (scenes.draw(scenes.crowd(random(s), 2, GRID), GRID).quantised(np.int8) for s in (12, 13))
    first = associator(*one.arguments()[0], **one.arguments()[1])
    kept = first.keypoints.copy()
    associator(*other.arguments()[0], **other.arguments()[1])
    np.testing.assert_array_equal(first.keypoints, kept)


def test_the_result_is_frozen():
    people = associate(scenes.draw(np.zeros((0, 18, 3)), GRID))
    with pytest.raises(AttributeError):
        people.scores = None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"heatmaps": np.zeros((46, 54), np.int8)}, "three dimensions"),
        ({"heatmaps": "maps"}, "three dimensions"),
        ({"heatmaps": np.zeros((46, 54, 18), np.int16)}, "int8, uint8 or float32, not int16"),
        ({"heatmaps": np.zeros((46, 54, 18), ">f4")}, "int8, uint8 or float32"),
        ({"heatmaps": np.zeros((46, 54, 17), np.int8)}, "17 channels, but the skeleton needs 18"),
        ({"pafs": np.zeros((46, 54, 37), np.int8)}, "37 channels, but the skeleton needs 38"),
        ({"pafs": np.zeros((46, 53, 38), np.int8)}, "46 x 54 cells, but pafs 46 x 53"),
        ({"pafs": np.zeros((46, 54, 38), np.uint8)}, "both must be of one kind"),
        ({"heatmaps": np.zeros((0, 54, 18), np.int8)}, "1 to 1024 cells"),
        ({"heatmaps": np.zeros((1, 1025, 18), np.int8)}, "1 to 1024 cells"),
        ({"heat_quant": (0.0, 0)}, "scale of heatmaps must be above 0"),
        ({"heat_quant": (float("nan"), 0)}, "scale of heatmaps must be above 0"),
        ({"paf_quant": (0.01, 200)}, "zero point of pafs must be -128 to 127, not 200"),
        ({"paf_quant": (0.01,)}, r"\(scale, zero_point\)"),
    ],
)
def test_bad_maps_are_refused_in_one_sentence(change, sentence):
    call = {"heatmaps": np.zeros((46, 54, 18), np.int8), "pafs": np.zeros((46, 54, 38), np.int8), **change}
    associator = Associator(BODY18, **SETTINGS)
    with pytest.raises(ValueError, match=sentence):
        associator(call.pop("heatmaps"), call.pop("pafs"), **call)


@pytest.mark.skipif(sys.maxsize < 2**32, reason="there are no arrays of that size on 32 bits")
@pytest.mark.parametrize(
    ("shape", "sentence"),
    [((2**32 + 46, 54, 18), "not 4294967342 x 54"), ((46, 54, 2**32 + 18), "of which 4096 can be told apart")],
)
def test_sizes_beyond_32_bits_are_refused_and_not_cut_short(shape, sentence):
    maps = np.broadcast_to(np.int8(0), shape)
    with pytest.raises(ValueError, match=sentence):
        Associator(BODY18, **SETTINGS)(maps, np.zeros((46, 54, 38), np.int8))


@pytest.mark.parametrize(
    ("skeleton", "sentence"),
    [
        (Skeleton((), (), (), ()), "keypoints and limbs"),
        (Skeleton(("a", "b"), ((0, 1),), ((0, 1),), (3, 3)), "share a heat-map channel"),
        (Skeleton(("a", "b"), ((0, 1),), ((0, 1),), (0, 2**40)), "beyond 4095"),
        (Skeleton(("a", "b"), ((0, 1),), ((0, 4096),), (0, 1)), "beyond 4095"),
    ],
)
def test_a_skeleton_that_nobody_can_be_put_together_from_is_refused(skeleton, sentence):
    with pytest.raises(ValueError, match=sentence):
        Associator(skeleton, **SETTINGS)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"min_keypoint": 0.0}, "min_keypoint"),
        ({"min_keypoint": float("nan")}, "min_keypoint"),
        ({"min_limb": 1.5}, "min_limb"),
        ({"max_people": 0}, "max_people"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Associator(BODY18, **{**SETTINGS, **settings})
