"""People keep their ids: synthetic scenes with noise, gaps, crossings, at any frame rate."""

from collections import Counter

import numpy as np
import pytest

from edgepose.domain import Pose
from edgepose.tracking import Tracker, TrackerSettings, TrackState
from tests.skeleton_scenes import (
    ON_SIDE,
    SITTING,
    STANDING,
    SUPINE,
    Camera,
    Flaws,
    Key,
    Performer,
    Scene,
    walk,
)

RATES = (5, 10, 15, 30)
ROUGH = Flaws(noise=0.012, drop_keypoint=0.12, drop_person=0.08, split=0.3, ghosts=1.5)


def crossing():
    """Two people who pass each other at nearly the same distance, and one who stands by."""
    return Scene(
        [
            Performer(walk((0, -2.0, 4.5), (6, 2.0, 4.6))),
            Performer(walk((0, 2.0, 4.0), (6, -2.0, 4.1)), stature_m=1.6),
            Performer([Key(0, STANDING, 0.3, 6.0), Key(6, STANDING, 0.3, 6.0)]),
        ],
        flaws=ROUGH,
    )


def crowd():
    """Five people who walk here and there."""
    rng = np.random.default_rng(5)
    people = []
    for lane in range(5):
        stops = [(t, float(rng.uniform(-1.8, 1.8)), 3.2 + lane * 0.9) for t in (0, 4, 8, 12)]
        people.append(Performer(walk(*stops), stature_m=float(rng.uniform(1.5, 1.9)), gait_hz=rng.uniform(0.8, 1.1)))
    return Scene(people, flaws=ROUGH)


def lying_down_and_up():
    """Somebody who falls, lies, and gets up, while somebody else sits."""
    return Scene(
        [
            Performer(
                [
                    *walk((0, -1.5, 4), (3, 0, 4)),
                    Key(3.8, ON_SIDE, 0.3, 4, 90),
                    Key(8, ON_SIDE, 0.3, 4, 90),
                    Key(10, STANDING, 0.3, 4, 90),
                    *walk((11, 0.3, 4), (13, 1.5, 4)),
                ]
            ),
            Performer([Key(0, SITTING, 1.4, 5, -30), Key(13, SITTING, 1.4, 5, -30)]),
        ],
        flaws=ROUGH,
    )


class Mixing(Scene):
    """While two people overlap each of both bodies that are found has keypoints of either, as networks do it."""

    def frames(self, fps, seed, end_s=None):
        rng = np.random.default_rng(seed)
        for t_s, poses, owners in super().frames(fps, seed, end_s):
            if len(poses) == 2 and np.linalg.norm(centre_of(poses[0]) - centre_of(poses[1])) < 22:
                shares = [rng.random(18) < rng.uniform(0.3, 0.7) for _ in poses]
                rows = [np.where(share[:, None], *(pose.keypoints for pose in poses)) for share in shares]
                poses = [Pose(row, 0.5) for row in rows]  # noqa: PLW2901
            yield t_s, poses, owners


def centre_of(pose):
    return pose.keypoints[pose.seen, :2].mean(axis=0)


def mixed_in_passing():
    """One stands, another passes in front of them."""
    return Mixing(
        [
            Performer([Key(0, STANDING, 0.0, 4.6), Key(6, STANDING, 0.0, 4.6)]),
            Performer(walk((0, -2.0, 3.9), (6, 2.0, 3.9))),
        ],
        flaws=Flaws(drop_person=0.0),
    )


SCENES = {"crossing": crossing, "crowd": crowd, "lying down and up": lying_down_and_up}


def followed(scene, fps, seed, settings=None):
    """For each performer, the id that each of their frames got (None: none)."""
    tracker = Tracker("body18", settings)
    camera = scene.camera
    ids = {number: [] for number in range(len(scene.performers))}
    for t_s, poses, _ in scene.frames(fps, seed):
        people = [person for person in tracker.update(poses, t_s) if person.visible]
        for number, performer in enumerate(scene.performers):
            body = performer.skeleton(t_s)
            if body is not None:
                ids[number].append(nearest(camera.project(body)[0], people))
    return ids


def nearest(truth, people):
    """The id of the person whose keypoints lie on the truth, None where nobody's do."""
    size = np.ptp(truth, axis=0).max()
    best = None
    for person in people:
        seen = person.pose.seen
        gap = float(np.median(np.linalg.norm(person.pose.keypoints[seen, :2] - truth[seen], axis=1)))
        if gap < 0.12 * size and (best is None or gap < best[0]):
            best = gap, person.id
    return best[1] if best else None


def continuity(ids):
    """Share of the frames with an id in which it is the one that this person mostly has."""
    right = total = 0
    for of_one in ids.values():
        given = [number for number in of_one if number is not None]
        if given:
            right += Counter(given).most_common(1)[0][1]
            total += len(given)
    return right / total


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("name", SCENES)
def test_people_keep_their_ids(name, fps):
    kept = []
    for seed in range(4):
        print(f"seed {seed}")
        ids = followed(SCENES[name](), fps, seed)
        kept.append(continuity(ids))
        assert len({Counter(i for i in of_one if i).most_common(1)[0][0] for of_one in ids.values()}) == len(ids)
    assert np.mean(kept) >= 0.95, kept


@pytest.mark.parametrize("fps", RATES)
def test_people_are_found_in_nearly_every_frame_that_shows_them(fps):
    for seed in range(3):
        print(f"seed {seed}")
        for of_one in followed(crowd(), fps, seed).values():
            assert sum(number is not None for number in of_one) >= 0.8 * len(of_one)


@pytest.mark.parametrize("fps", RATES)
def test_nobody_is_made_of_parts_of_somebody(fps):
    scene = Scene([Performer(walk((0, -1.5, 4), (8, 1.5, 4)))], flaws=Flaws(split=0.5, drop_person=0.05))
    tracker = Tracker("body18")
    seen = set()
    for t_s, poses, _ in scene.frames(fps, 1):
        seen |= {person.id for person in tracker.update(poses, t_s)}
    assert len(seen) == 1


@pytest.mark.parametrize("fps", RATES)
def test_an_id_survives_a_missing_second(fps):
    scene = Scene([Performer(walk((0, -1.5, 4), (8, 1.5, 4)))], flaws=Flaws(drop_person=0))
    tracker = Tracker("body18")
    ids, states = set(), []
    for t_s, poses, _ in scene.frames(fps, 1):
        for person in tracker.update([] if 3.0 <= t_s < 4.0 else poses, t_s):
            ids.add(person.id)
            states.append((round(t_s, 3), person.state))
    assert len(ids) == 1
    assert {state for t_s, state in states if 3.0 <= t_s < 4.0} == {TrackState.LOST}
    assert {state for t_s, state in states if t_s >= 4.0} == {TrackState.CONFIRMED}


@pytest.mark.parametrize("fps", RATES)
def test_who_passes_in_front_of_somebody_keeps_their_id_though_bodies_are_mixed_meanwhile(fps):
    kept = []
    for seed in range(6):
        print(f"seed {seed}")
        kept.append(continuity(followed(mixed_in_passing(), fps, seed)))
    assert np.mean(kept) >= 0.95, kept


def test_somebody_who_stays_away_is_gone_once_and_comes_back_as_somebody_new():
    scene = Scene([Performer(walk((0, -1.5, 4), (20, 1.5, 4)))], flaws=Flaws(drop_person=0))
    tracker = Tracker("body18", TrackerSettings(max_lost_s=3))
    gone, ids = [], set()
    for t_s, poses, _ in scene.frames(10, 1):
        for person in tracker.update([] if 5.0 <= t_s < 12.0 else poses, t_s):
            ids.add(person.id)
            gone += [t_s] if person.state is TrackState.GONE else []
    assert len(gone) == 1
    assert 7.9 < gone[0] < 8.2
    assert len(ids) == 2


def test_a_flash_is_nobody():
    tracker = Tracker("body18")
    body = np.random.default_rng(0).uniform(100, 200, (18, 2))
    rows = np.concatenate((body, np.full((18, 1), 0.5)), 1).astype(np.float32)
    told = [tracker.update([Pose(rows, 0.5)] if t_s < 0.15 else [], t_s) for t_s in np.arange(0, 2, 0.1)]
    assert not any(told)


@pytest.mark.parametrize("fps", RATES)
def test_how_somebody_was_seen_before_they_were_believed_is_told_once(fps):
    scene = Scene([Performer(walk((0, -1.5, 4), (4, 1.5, 4)))], flaws=Flaws(noise=0, drop_keypoint=0, drop_person=0))
    tracker = Tracker("body18")
    frames = list(scene.frames(fps, 1))
    told = [person for t_s, poses, _ in frames for person in tracker.update(poses, t_s)]
    assert told[0].earlier and not any(person.earlier for person in told[1:])
    times = [t_s for t_s, _, _ in frames]
    assert [sight.seen_s for sight in told[0].earlier] == times[: times.index(told[0].seen_s)]
    assert {(sight.id, sight.state) for sight in told[0].earlier} == {(told[0].id, TrackState.TENTATIVE)}


def test_a_clip_that_begins_again_begins_with_nobody():
    scene = Scene([Performer(walk((0, -1.5, 4), (4, 1.5, 4)))])
    tracker = Tracker("body18")
    frames = list(scene.frames(10, 1))
    first = {person.id for t_s, poses, _ in frames for person in tracker.update(poses, t_s)}
    again = [tracker.update(poses, t_s) for t_s, poses, _ in frames]
    assert [person.state for person in again[0]] == [TrackState.GONE]
    assert first.isdisjoint({person.id for people in again[1:] for person in people})


def test_the_stature_is_that_of_the_standing_person_also_when_lying():
    camera = Camera(height_m=1.6, tilt_deg=8)
    keys = [*walk((0, -1.0, 5), (3, 0, 5)), Key(4, SUPINE, 0.5, 5, 90), Key(8, SUPINE, 0.5, 5, 90)]
    scene = Scene([Performer(keys)], camera, Flaws(drop_person=0))
    tracker = Tracker("body18")
    standing = lying = 0.0
    for t_s, poses, _ in scene.frames(15, 1):
        for person in tracker.update(poses, t_s):
            if t_s < 3:
                standing = person.stature_px
            lying = person.stature_px
    assert lying == pytest.approx(standing, rel=0.15)


def test_guessed_keypoints_are_not_seen():
    """Networks may complete a body from the keypoints they saw; such guesses are told with hardly any confidence."""
    rng = np.random.default_rng(4)
    scene = Scene([Performer(walk((0, -1.5, 4), (4, 1.5, 4)))], flaws=Flaws(drop_keypoint=0.3))
    with_guesses, without = Tracker("body18"), Tracker("body18")
    for t_s, poses, _ in scene.frames(10, 1):
        guessed = []
        for pose in poses:
            rows = pose.keypoints.copy()
            hidden = rows[:, 2] == 0
            rows[hidden, :2] = rng.uniform(0, 480, (hidden.sum(), 2))
            rows[hidden, 2] = rng.uniform(0.01, 0.09, hidden.sum())
            guessed.append(Pose(rows, pose.score))
        for one, other in zip(with_guesses.update(guessed, t_s), without.update(poses, t_s), strict=True):
            assert one.id == other.id
            np.testing.assert_array_equal(one.pose.keypoints, other.pose.keypoints)


def test_a_pose_of_nothing_but_guesses_is_nobody():
    tracker = Tracker("body18")
    for t_s, poses, _ in Scene([Performer(walk((0, -1.5, 4), (4, 1.5, 4)))]).frames(10, 1):
        guessed = []
        for pose in poses:
            rows = pose.keypoints.copy()
            rows[:, 2] *= 0.1
            guessed.append(Pose(rows, pose.score))
        people = tracker.update([*poses, *guessed], t_s)
        assert len(people) <= 1
        assert all(person.pose.keypoints[person.pose.seen, 2].min() >= 0.3 for person in people)


def test_garbage_is_survived():
    tracker = Tracker("body18")
    rng = np.random.default_rng(3)
    for frame in range(50):
        rows = rng.uniform(-1e6, 1e6, (20, 18, 3)).astype(np.float32)
        rows[..., 2] = rng.random((20, 18)) < 0.5
        tracker.update([Pose(row, 1.0) for row in rows], frame / 10)
    assert isinstance(tracker.update([], 10.0), tuple)
