"""What holds of every scene: order, mirror, shift, instruction set, threads."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import scenes
from test_association import DTYPES, GRID, SETTINGS, assert_as_reference, associate, random

from edgepose._association import PATHS
from edgepose.association import Associator
from edgepose.skeleton import BODY18, BODY25, COCO17

SEEDS = pytest.mark.parametrize("seed", range(6))
NOISE = 0.02


def crowd(seed: int, n: int = 8, dtype=np.int8) -> scenes.Scene:
    rng = random(seed)
    scene = scenes.draw(scenes.crowd(rng, n, GRID), GRID, noise=NOISE, rng=rng)
    return scene if dtype == np.float32 else scene.quantised(dtype)


def by_place(keypoints: np.ndarray) -> np.ndarray:
    """People in an order that doesn't depend on how they were found."""
    return keypoints[np.lexsort(keypoints.reshape(len(keypoints), -1).T[::-1])]


def mirrored(scene: scenes.Scene) -> scenes.Scene:
    """The scene in a mirror: left is right, and fields point the other way along x."""
    keypoints = scenes.other_sides(scene.skeleton.names)
    limbs = [scene.skeleton.limbs.index((keypoints[a], keypoints[b])) for a, b in scene.skeleton.limbs]
    pafs = scene.pafs[:, ::-1][:, :, [channel for limb in limbs for channel in (2 * limb, 2 * limb + 1)]].copy()
    if pafs.dtype == np.float32:
        pafs[:, :, 0::2] *= -1
    else:
        info = np.iinfo(pafs.dtype)
        pafs[:, :, 0::2] = np.clip(2 * scene.paf_quant[1] - pafs[:, :, 0::2].astype(int), info.min, info.max)
    return replace(scene, heatmaps=scene.heatmaps[:, ::-1][:, :, keypoints], pafs=pafs)


@DTYPES
@SEEDS
def test_a_mirrored_map_has_the_mirrored_people(seed, dtype):
    scene = crowd(seed, dtype=dtype)
    people, other = associate(scene), associate(mirrored(scene))
    back = other.keypoints[:, scenes.other_sides(BODY18.names)]
    back[..., 0] = np.where(back[..., 2] > 0, GRID[1] - 1 - back[..., 0], 0)
    np.testing.assert_array_equal(by_place(back), by_place(people.keypoints))
    np.testing.assert_allclose(other.scores, people.scores, rtol=1e-6)


@DTYPES
@SEEDS
def test_a_shifted_map_has_the_shifted_people(seed, dtype):
    scene = crowd(seed, dtype=dtype)
    rows, columns = 5, 3
    wide = [
        np.pad(m, ((rows, 9), (columns, 7), (0, 0)), constant_values=zero_point)
        for m, (_, zero_point) in ((scene.heatmaps, scene.heat_quant), (scene.pafs, scene.paf_quant))
    ]
    inner = [np.pad(m, ((1, 1), (1, 1), (0, 0)), constant_values=w[0, 0, 0]) for m, w in
             zip((scene.heatmaps, scene.pafs), wide, strict=True)]  # fmt: skip
    before, after = (associate(replace(scene, heatmaps=heat, pafs=paf)) for heat, paf in (inner, wide))
    moved = before.keypoints + (before.keypoints[..., 2:] > 0) * np.float32([columns - 1, rows - 1, 0])
    np.testing.assert_array_equal(after.keypoints, moved)
    np.testing.assert_array_equal(after.scores, before.scores)


@SEEDS
def test_the_order_in_which_people_stand_does_not_matter(seed):
    rng = random(seed)
    people = scenes.crowd(rng, 6, GRID, gap=6)
    one = associate(scenes.draw(people, GRID).quantised(np.int8))
    other = associate(scenes.draw(people[rng.permutation(len(people))], GRID).quantised(np.int8))
    np.testing.assert_array_equal(by_place(one.keypoints), by_place(other.keypoints))


@DTYPES
@SEEDS
def test_a_keypoint_belongs_to_one_person_only(seed, dtype):
    keypoints = associate(crowd(seed, 20, dtype)).keypoints
    for k in range(18):
        seen = keypoints[keypoints[:, k, 2] > 0, k, :2]
        assert len(np.unique(seen, axis=0)) == len(seen)
    for a, b in BODY18.limbs:
        whole = keypoints[(keypoints[:, a, 2] > 0) & (keypoints[:, b, 2] > 0)]
        ends = whole[:, (a, b), :2].reshape(len(whole), 4)
        assert len(np.unique(ends, axis=0)) == len(ends), "a limb is used once"


def every_kind_of_scene():
    """(name, scene) for all skeletons, value types, crowds and layouts."""
    for skeleton, name in ((BODY18, "body18"), (BODY25, "body25"), (COCO17, "coco17")):
        for n in (1, 7, 40):
            rng = random(n)
            people = scenes.hide(rng, scenes.crowd(rng, n, (48, 64), skeleton), 0.1)
            scene = scenes.draw(people, (48, 64), skeleton, noise=0.04, rng=rng)
            yield f"{name} {n} float32", scene
            yield f"{name} {n} int8", scene.quantised(np.int8)
            yield f"{name} {n} uint8 in one tensor", scene.quantised(np.uint8).in_one_tensor()
    for dtype in (np.int8, np.uint8, np.float32):
        yield f"garbage {dtype.__name__}", scenes.garbage(random(1), GRID, BODY18, dtype)
        yield f"garbage {dtype.__name__} in one tensor", scenes.garbage(random(1), GRID, BODY18, dtype).in_one_tensor()


@pytest.mark.skipif(len(PATHS) == 1, reason="this machine runs the portable code only")
def test_every_instruction_set_gives_the_same_bytes():
    for name, scene in every_kind_of_scene():
        arrays, quants = scene.arguments()
        associator = Associator(scene.skeleton, **SETTINGS)
        results = []
        for path in PATHS:
            associator.path = path
            people = associator(*arrays, **quants)
            results.append((people.keypoints.tobytes(), people.scores.tobytes(), people.capped))
        assert all(result == results[0] for result in results), name


@DTYPES
def test_rows_and_cells_of_every_length_agree_with_the_reference(dtype):
    """Vectors end differently for every width and number of channels."""
    rng = random(2)
    for width in (1, 2, 3, 4, 5, 17, 33):
        for skeleton in (COCO17, BODY25):
            scene = scenes.garbage(rng, (6, width), skeleton, dtype)
            assert_as_reference(scene)
            assert_as_reference(scene.in_one_tensor())


@SEEDS
def test_people_who_cross_touch_and_hide_agree_with_the_reference(seed):
    rng = random(seed)
    people = np.concatenate([
        scenes.crowd(rng, 4, GRID, gap=1.2),
        scenes.cut(np.array([scenes.figure(rng, height=25, centre=(x, 20), lean_deg=d) for x, d in ((2, 5), (50, 90))]),
                   GRID),
        scenes.without(scenes.crowd(rng, 2, GRID), BODY18, "nose", "neck"),
    ])  # fmt: skip
    assert_as_reference(scenes.draw(people, GRID, noise=NOISE, rng=rng).quantised(np.int8))


@pytest.mark.parametrize("seed", [0, 1])
def test_fifty_people_are_told_apart(seed):
    rng = random(seed)
    people = scenes.crowd(rng, 50, GRID, height=(10, 16))
    assert len(people) == 50
    found = assert_as_reference(scenes.draw(people, GRID).quantised(np.int8))
    marks = scenes.marks(people, found.keypoints)
    assert marks.recall >= 0.98
    assert marks.precision >= 0.98
    assert marks.error * 8 <= 0.25, "pixels at stride 8"


def test_two_threads_do_not_disturb_one_another():
    """Neither with an associator each nor with one between them."""
    work = [crowd(seed, 10) for seed in range(2)]
    wanted = [associate(scene).keypoints.tobytes() for scene in work]
    shared = Associator(BODY18, **SETTINGS)
    wrong = []

    def run(scene, wanted, associator):
        arrays, quants = scene.arguments()
        for _ in range(300):
            if associator(*arrays, **quants).keypoints.tobytes() != wanted:
                wrong.append(wanted)

    for associators in ((Associator(BODY18, **SETTINGS), Associator(BODY18, **SETTINGS)), (shared, shared)):
        threads = [threading.Thread(target=run, args=args) for args in zip(work, wanted, associators, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_the_interpreter_is_free_while_the_kernel_works():
    scene = scenes.garbage(random(0), GRID)
    arrays, quants = scene.arguments()
    associator = Associator(BODY18, **SETTINGS)
    frames = max(10, int(1 / associator.seconds_a_frame(*arrays, **quants, repeats=3)))
    worker = threading.Thread(target=associator.seconds_a_frame, args=arrays, kwargs={**quants, "repeats": frames})
    worker.start()
    turns = 0
    while worker.is_alive():
        turns += 1
        time.sleep(0.001)
    assert turns > 5, "with the interpreter locked this thread would have had one or two turns"


def test_an_associator_that_saw_other_grids_and_kinds_gives_what_a_new_one_gives():
    used = Associator(BODY18, **SETTINGS)
    for shape, dtype in (((92, 108), np.int8), (GRID, np.uint8), ((20, 20), np.int8), ((50, 30), np.float32)):
        rng = random(5)
        scene = scenes.draw(scenes.crowd(rng, 4, shape), shape)
        scene = scene if dtype == np.float32 else scene.quantised(dtype)
        arrays, quants = scene.arguments()
        np.testing.assert_array_equal(used(*arrays, **quants).keypoints, associate(scene).keypoints)
