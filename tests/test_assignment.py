"""The assignment against trying all of them."""

import itertools
import random

import pytest

from edgepose.assignment import assign


def cheapest(costs):
    rows, columns = len(costs), len(costs[0])
    if rows > columns:
        return cheapest(list(zip(*costs, strict=True)))
    return min(sum(costs[i][p[i]] for i in range(rows)) for p in itertools.permutations(range(columns), rows))


@pytest.mark.parametrize("seed", range(200))
def test_no_other_assignment_is_cheaper(seed):
    rng = random.Random(seed)
    print(f"seed {seed}")
    rows, columns = rng.randint(1, 6), rng.randint(1, 6)
    costs = [[rng.choice((rng.random(), 1.0, 0.5, 100.0)) for _ in range(columns)] for _ in range(rows)]
    pairs = assign(costs)
    assert len(pairs) == min(rows, columns)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert sum(costs[row][column] for row, column in pairs) == pytest.approx(cheapest(costs))


def test_nothing_to_assign():
    assert assign([]) == []
