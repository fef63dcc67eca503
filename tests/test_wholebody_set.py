"""Hands, faces and feet of rendered people, whose places are exactly known, through the networks that ship.

The bounds are the project's own: hands within 4 %, faces within 3 % of the crop's side, feet within 6 % of the shin on
average.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from edgepose.adapters.files import FileSource
from edgepose.wholebody.networks import load_wanted
from edgepose.wholebody.settings import WholeBodySettings
from edgepose.wholebody.stage import WholeBody
from tests.wholebody_quality import FOLDER, exact, found_by, scores


@pytest.fixture(scope="module")
def where_the_body_is():
    return scores(FOLDER, exact)


def test_hands_and_faces_are_found_where_they_are(where_the_body_is):
    hand, face = where_the_body_is["hand"], where_the_body_is["face"]
    assert np.mean(hand.errors) <= 4.0
    assert np.mean(face.errors) <= 3.0
    assert np.mean(np.array(hand.sure) > 0) > 0.9
    assert np.mean(np.array(face.sure) > 0) > 0.9


def test_toes_and_heels_are_found_where_they_are(where_the_body_is):
    foot = where_the_body_is["foot"]
    assert len(foot.sure) > 20
    assert np.mean(foot.errors) <= 6.0
    assert np.mean(np.array(foot.sure) > 0) > 0.9


class Covered:
    """A picture with grey over a part of it."""

    def __init__(self, picture, middle, half):
        self.width, self.height = picture.width, picture.height
        self._picture, (self._x, self._y), self._half = picture, middle, half

    def rgb(self, width, height):
        pixels = self._picture.rgb(width, height).copy()
        scale = width / self.width
        rows, columns = (
            slice(max(0, int((place - self._half) * scale)), int((place + self._half) * scale))
            for place in (self._y, self._x)
        )
        pixels[rows, columns] = (90, 110, 100)
        return pixels


def test_a_foot_that_something_stands_before_scores_low_and_one_in_view_high():
    settings = WholeBodySettings(feet=True)
    stage = WholeBody(settings, networks=load_wanted(settings), follow=False)
    in_view, covered = [], []
    for truth in json.loads((FOLDER / "truth.json").read_text()):
        frame = next(FileSource(FOLDER / truth["file"]).frames())
        body, feet = exact(frame, truth), np.array(truth["feet"])
        for place in (slice(0, 3), slice(3, 6)):
            if feet[place, 2].sum() < 2:
                continue
            ankle = body.tracks[0].pose.keypoints[13 if place.start == 0 else 10, :2]
            points = np.vstack([feet[place, :2], ankle])
            middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
            grey = Covered(frame.picture, middle, 0.5 * np.ptp(points, axis=0).max() + 12)
            for picture, told in ((frame.picture, in_view), (grey, covered)):
                shown = stage(replace(body, frame=replace(frame, picture=picture)))
                told.append(shown.tracks[0].pose.parts.feet[place, 2].mean())
    assert len(covered) > 20
    assert np.mean(in_view) > 0.7
    assert np.mean(covered) < 0.3


def test_a_hidden_hand_scores_low_and_a_hand_in_view_high(where_the_body_is):
    hand = where_the_body_is["hand"]
    assert hand.hidden
    assert np.mean(hand.hidden) < 0.2
    assert np.mean(hand.sure) > 0.7


def test_left_and_right_are_never_swapped(where_the_body_is):
    assert all(score.swapped == 0 for score in where_the_body_is.values())


def test_it_works_from_the_body_that_a_network_finds():
    found = scores(FOLDER, found_by("auto"))
    assert np.mean(found["hand"].errors) <= 4.5
    assert np.mean(found["face"].errors) <= 3.0
    assert np.mean(found["foot"].errors) <= 6.0
    assert found["hand"].swapped == found["foot"].swapped == 0
