"""HOTA on clips small enough to count by hand."""

import math

import numpy as np
import pytest

from tests.bench.hota_score import ALPHAS, Hota, Likeness, hota
from tests.bench.identity_score import likenesses
from tests.test_identity_score import at


def frame(truths, tracks, table):
    return Likeness(truths, tracks, np.array(table, float).reshape(len(truths), len(tracks)))


def close(score: Hota, *expected):
    assert (score.hota, score.detection, score.association) == pytest.approx(expected)


def test_everybody_found_in_place_under_one_id_is_all_there_is():
    close(hota([frame("AB", (7, 9), [[1, 0], [0, 1]])] * 4), 1, 1, 1)


def test_an_id_that_changes_half_way_halves_the_association_alone():
    frames = [frame("A", (7,), [[1]])] * 2 + [frame("A", (9,), [[1]])] * 2
    # Each of the four has TPA 2, FNA 2 (the truth under the other id), FPA 0.
    close(hota(frames), math.sqrt(0.5), 1, 0.5)


def test_two_who_swap_ids_share_a_third_with_each():
    before, after = frame("AB", (7, 9), [[1, 0], [0, 1]]), frame("AB", (7, 9), [[0, 1], [1, 0]])
    # Each of the eight has TPA 2, FNA 2, FPA 2.
    close(hota([before] * 2 + [after] * 2), math.sqrt(1 / 3), 1, 1 / 3)


def test_a_missed_frame_and_a_ghost_cost_detection_and_what_belongs_together():
    frames = [frame("A", (7,), [[1]])] * 3 + [frame("A", (), [])] + [frame("", (8,), [])]
    # TP 3, FN 1, FP 1; each TP has TPA 3, FNA 1.
    close(hota(frames), math.sqrt(0.6 * 0.75), 0.6, 0.75)


def test_a_place_that_is_half_right_counts_up_to_that_similarity():
    frames = [frame("A", (7,), [[0.5]])] * 3
    share = sum(alpha <= 0.5 for alpha in ALPHAS) / len(ALPHAS)  # beyond it, nothing is matched
    close(hota(frames), share, share, share)
    assert share == pytest.approx(10 / 19)


def test_a_frame_is_matched_so_that_the_whole_clip_fits():
    apart = frame("AB", (7, 9), [[1, 0], [0, 1]])
    crossing = frame("AB", (7, 9), [[0.6, 0.7], [0.7, 0.6]])  # here the other ids are a little nearer
    # All keep their ids: only the place in one frame of five is worth less, from 0.65 upwards.
    score = hota([apart] * 4 + [crossing])
    assert score.association > 0.85
    close(hota([apart] * 4 + [crossing], [0.5]), 1, 1, 1)


def test_nobody_is_nothing():
    close(hota([frame("", (), [])]), 0, 0, 0)


def test_ids_of_two_clips_have_nothing_in_common():
    clip = [frame("A", (7,), [[1]])] * 2
    both = [one.of_clip("first") for one in clip] + [one.of_clip("second") for one in clip]
    close(hota(both), 1, 1, 1)


def test_somebody_hidden_need_not_be_found_and_is_no_mistake_when_found():
    hidden = {1: at(0), 2: at(500, hidden=15)}
    close(hota(likenesses([(hidden, {7: at(0)})] * 5)), 1, 1, 1)
    close(hota(likenesses([(hidden, {7: at(0), 9: at(500)})] * 5)), 1, 1, 1)
