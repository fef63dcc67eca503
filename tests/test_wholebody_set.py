"""Hands and faces of rendered people, whose places are exactly known, through the networks that ship.

The bounds are the project's own: hands within 4 %, faces within 3 % of the crop's side on average.
"""

import numpy as np
import pytest

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
    assert found["hand"].swapped == 0
