"""A cut is a cut; a light, somebody who walks by and a covered camera are none."""

import numpy as np

from edgepose.scene_cut import SceneCut
from edgepose.tracking import Tracker, TrackState
from tests.skeleton_scenes import Flaws, Performer, Scene, walk


def room(seed, size=(24, 32)):
    """A small grey picture of a room: surfaces with edges between them."""
    rng = np.random.default_rng(seed)
    picture = np.full(size, 120.0)
    for _ in range(12):
        top, left = rng.integers(0, size[0] - 6), rng.integers(0, size[1] - 6)
        picture[top : top + rng.integers(4, 16), left : left + rng.integers(4, 16)] = rng.uniform(20, 230)
    return picture


def grey(picture):
    return np.clip(picture, 0, 255).astype(np.uint8)


def test_another_room_is_a_cut():
    cuts = [SceneCut() for _ in range(10)]
    for seed, cut in enumerate(cuts):
        assert not cut.update(grey(room(seed)))
        assert cut.update(grey(room(seed + 100)))
        assert not cut.update(grey(room(seed + 100)))


def test_a_light_that_is_switched_is_none():
    for seed in range(10):
        cut, picture = SceneCut(), room(seed)
        for light in (1.0, 0.35, 0.35, 0.8, 1.2):
            noise = np.random.default_rng(seed).normal(0, 3, picture.shape)
            assert not cut.update(grey(picture * light + noise))


def test_somebody_near_who_walks_by_is_none():
    cut, picture = SceneCut(), room(3)
    for left in range(-10, 32, 4):
        frame = picture.copy()
        frame[4:, max(left, 0) : max(left + 10, 0)] = 60
        assert not cut.update(grey(frame))


def test_a_covered_camera_is_none_and_the_room_after_it_is_the_one_before():
    cut, picture = SceneCut(), grey(room(5))
    told = [cut.update(frame) for frame in (picture, np.full_like(picture, 7), picture, None, picture)]
    assert not any(told)


def test_a_picture_of_another_shape_is_another_camera():
    cut = SceneCut()
    assert not cut.update(grey(room(1)))
    assert cut.update(grey(room(1, (18, 32))))


def test_everybody_is_gone_after_a_cut_and_nobody_keeps_an_id():
    scene = Scene([Performer(walk((0, -1.0, 4), (4, 1.0, 4)))], flaws=Flaws(drop_person=0))
    tracker = Tracker("body18")
    ids = {True: set(), False: set()}
    for t_s, poses, _ in scene.frames(10, 1):
        people = tracker.update(poses, t_s, cut=abs(t_s - 2.0) < 0.01)
        if abs(t_s - 2.0) < 0.01:
            assert [person.state for person in people] == [TrackState.GONE]
        ids[t_s < 2.0] |= {person.id for person in people if person.state is not TrackState.GONE}
    assert ids[True]
    assert ids[False]
    assert not ids[True] & ids[False]
