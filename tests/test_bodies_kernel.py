"""The kernel that compares and advances people gives what the reference gives, and refuses what doesn't fit."""

import numpy as np
import pytest
import reference_bodies as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from edgepose.known import kernel
from edgepose.skeleton import LAYOUTS
from edgepose.smoothing import OneEuroSettings

SMOOTHINGS = (OneEuroSettings(), OneEuroSettings(min_cutoff_hz=0.5, beta_hz=0.0, forget_s=0.1), None)
SEEDS = st.integers(0, 2**32 - 1)


def people(rng, count, layout):
    """What may be remembered of some people at second 10; every one has a keypoint that was seen last."""
    keypoints = len(LAYOUTS[layout])
    xy = rng.uniform(0, 640, (count, 1, 2)) + rng.normal(0, 60, (count, keypoints, 2))
    seen_s = 10 - rng.choice([0.0, 0.03, 0.2, 3.0], count)
    ages_s = rng.choice([0.0, 0.0, 0.3, 1.0, 1.6, np.inf], (count, keypoints))
    ages_s[:, 0] = 0.0
    smooth, speed = xy + rng.normal(0, 4, xy.shape), rng.normal(0, 90, xy.shape)
    memory = np.concatenate((xy, (seen_s[:, None] - ages_s)[..., None], smooth, speed), axis=2)
    return memory, np.column_stack((seen_s, rng.uniform(60, 400, count), rng.normal(0, 90, (count, 2))))


def bodies(rng, memory):
    """One body near each of them, with gaps; something of everybody is seen."""
    found = np.zeros((*memory.shape[:2], 3), np.float32)
    found[..., :2] = memory[..., :2] + rng.normal(0, 20, memory[..., :2].shape)
    found[..., 2] = rng.uniform(0.1, 1, found.shape[:2])
    missing = rng.random(found.shape[:2]) < rng.choice([0.0, 0.3, 0.9])
    missing[:, 0] = False
    found[missing] = 0.0
    return found


def standing(rng, memory):
    """The same, upright: what is below comes below."""
    found = bodies(rng, memory)
    found[..., 1] = np.where(found[..., 2] > 0, np.linspace(100, 400, found.shape[1], dtype=np.float32), 0)
    return found


@settings(deadline=None, print_blob=True)
@given(SEEDS, st.integers(0, 5), st.integers(0, 6), st.sampled_from(["body18", "body25"]))
def test_the_kernel_compares_as_the_reference_does(seed, count, others, layout):
    rng = np.random.default_rng(seed)
    memory, facts = people(rng, max(count, others), layout)
    found = bodies(rng, memory)[:others]
    memory, facts = memory[:count], facts[:count]
    table = kernel(layout, None).alike(memory, facts, found, 10.05)
    assert table.shape == (count, others)
    for row, (of_one, of_whom) in enumerate(zip(memory, facts, strict=True)):
        person = reference.Remembered.of(of_one, of_whom)
        wanted = [reference.alike(person, body, 10.05, layout) for body in found.astype(float)]
        np.testing.assert_allclose(table[row], wanted, rtol=1e-6, atol=1e-12)


@settings(deadline=None, print_blob=True)
@given(SEEDS, st.integers(0, 5), st.sampled_from(SMOOTHINGS), st.sampled_from([bodies, standing]))
def test_the_kernel_advances_as_the_reference_does(seed, count, smoothing, drawn):
    rng = np.random.default_rng(seed)
    memory, facts = people(rng, count, "body18")
    persons = [reference.Remembered.of(*pair) for pair in zip(memory, facts, strict=True)]
    for t_s in (10.02, 10.1, 10.6):
        found = drawn(rng, memory)
        told, boxes = kernel("body18", smoothing).advance(memory, facts, found, t_s)
        for place, person in enumerate(persons):
            wanted, box = reference.advance(person, found[place].astype(float), t_s, "body18", smoothing)
            of_one, of_whom = person.arrays()
            np.testing.assert_allclose(told[place], wanted, rtol=1e-5, atol=1e-3)
            np.testing.assert_allclose(memory[place], of_one, rtol=1e-5, atol=1e-3)
            np.testing.assert_allclose(facts[place], of_whom, rtol=1e-5, atol=1e-3)
            np.testing.assert_allclose(boxes[place], box, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("wrong", ["keypoints", "facts", "columns", "bodies", "kind"])
def test_arrays_of_another_shape_are_refused(wrong):
    memory, facts, found = np.zeros((2, 18, 7)), np.zeros((2, 4)), np.zeros((2, 18, 3), np.float32)
    changed = {
        "keypoints": (memory, facts, found[:, :17].copy()),
        "facts": (memory, facts[:1].copy(), found),
        "columns": (memory[..., :6].copy(), facts, found),
        "bodies": (memory, facts, found[:1].copy()),
        "kind": (memory, facts, found.astype(float)),
    }
    with pytest.raises(ValueError):
        kernel("body18", None).advance(*changed[wrong], 1.0)
