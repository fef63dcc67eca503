"""The cheapest one-to-one assignment between two small sets."""

import math
from collections.abc import Sequence


def assign(costs: Sequence[Sequence[float]]) -> list[tuple[int, int]]:
    """(row, column) pairs that match every row of an (R, C) table with R <= C at the least sum of costs.

    Shortest augmenting paths with potentials (Jonker & Volgenant, Computing 38, 1987): exact, O(R² C).
    """
    rows, columns = len(costs), len(costs[0]) if costs else 0
    if rows > columns:
        return sorted((row, column) for column, row in assign(list(zip(*costs, strict=True))))
    row_price, column_price = [0.0] * rows, [0.0] * columns
    owner = [-1] * columns
    for start in range(rows):
        _augment(costs, start, owner, row_price, column_price)
    return sorted((row, column) for column, row in enumerate(owner) if row >= 0)


def _augment(
    costs: Sequence[Sequence[float]], start: int, owner: list[int], row_price: list[float], column_price: list[float]
) -> None:
    """Give row `start` a column, moving other rows along the shortest path of reduced costs."""
    columns = len(owner)
    distance, via, done = [math.inf] * columns, [-1] * columns, [False] * columns
    row, column, reached, here = start, -1, [start], 0.0
    while True:
        nearest, nearest_distance = -1, math.inf
        for other in range(columns):
            if done[other]:
                continue
            through = here + costs[row][other] - row_price[row] - column_price[other]
            if through < distance[other]:
                distance[other], via[other] = through, column
            if distance[other] < nearest_distance:
                nearest, nearest_distance = other, distance[other]
        column, here = nearest, nearest_distance
        done[column] = True
        if owner[column] < 0:
            break
        row = owner[column]
        reached.append(row)
    row_price[start] += here
    for other in range(columns):
        if done[other] and other != column:
            row_price[owner[other]] += here - distance[other]
            column_price[other] -= here - distance[other]
    while column >= 0:
        before = via[column]
        owner[column] = start if before < 0 else owner[before]
        column = before
