"""The measure of kept ids, on people whose truth is plain."""

import numpy as np
import pytest

from tests.bench.identity_score import scored

BODY = np.array([[10.0 * k, 20.0 * k, 2.0] for k in range(18)])


def at(x, *, hidden=0):
    rows = BODY + np.array([x, 0.0, 0.0])
    rows[:hidden, 2] = 1
    return rows


def test_everybody_found_under_one_id_is_all_there_is():
    score = scored([({1: at(0), 2: at(500)}, {7: at(1), 9: at(501)})] * 10)
    assert (score.idf1, score.switches) == (1.0, 0)


def test_ids_that_change_hands_half_way_are_worth_half():
    before, after = ({1: at(0), 2: at(500)}, {7: at(0), 9: at(500)}), ({1: at(0), 2: at(500)}, {9: at(0), 7: at(500)})
    score = scored([before] * 5 + [after] * 5)
    assert score.idf1 == pytest.approx(0.5)
    assert score.switches == 2


def test_somebody_hidden_need_not_be_found_and_is_no_mistake_when_found():
    hidden = {1: at(0), 2: at(500, hidden=15)}
    assert scored([(hidden, {7: at(0)})] * 5).idf1 == 1.0
    assert scored([(hidden, {7: at(0), 9: at(500)})] * 5).idf1 == 1.0


def test_a_skeleton_that_lies_on_nobody_costs():
    score = scored([({1: at(0)}, {7: at(0), 9: at(900)})] * 6)
    assert score.idf1 == pytest.approx(2 * 6 / (6 + 12))
