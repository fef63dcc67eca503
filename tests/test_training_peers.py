"""The decoders of other makers' networks, on maps made up from people that are known."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
pytest.importorskip("cv2", reason="the decoders look for peaks with OpenCV")

from training.layout import COCO17
from training.peers import movenet, posenet

SHAPE = np.array([
    (50, 10), (54, 6), (46, 6), (60, 9), (40, 9), (70, 40), (30, 42), (80, 70), (20, 72), (84, 100), (16, 102),
    (64, 100), (36, 100), (66, 140), (34, 142), (67, 180), (33, 182),
], float)  # fmt: skip
"""(17, 2) x, y of somebody who stands, pixels"""
PEOPLE = [SHAPE + np.array((20, 30)), SHAPE * 0.8 + np.array((250, 60))]


def near(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.hypot(*(found[:, :2] - truth).T).max())


def posenet_maps(people: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps of 20 x 28 cells: each cell knows the way to the nearest person's keypoint, and from there on."""
    rows, columns = np.mgrid[:20, :28] * posenet.STRIDE
    heats = np.full((20, 28, 17), -6.0)
    short, mid = np.zeros((20, 28, 2, 17)), np.zeros((20, 28, 2, 2, 16))
    distance = [np.hypot(rows[..., None] - p[:, 1], columns[..., None] - p[:, 0]) for p in people]
    nearest = np.argmin(distance, axis=0)
    for number, person in enumerate(people):
        for k, (x, y) in enumerate(person):
            mine = nearest[..., k] == number
            short[mine, 0, k], short[mine, 1, k] = (y - rows)[mine], (x - columns)[mine]
            heats[..., k] = np.maximum(heats[..., k], 4 - distance[number][..., k] / 5)
            for edge, (a, b) in enumerate(posenet.TREE):
                for direction, (source, target) in enumerate([(a, b), (b, a)]):
                    if COCO17.index(source) == k:
                        to_x, to_y = person[COCO17.index(target)]
                        mid[mine, direction, 0, edge] = (to_y - rows)[mine]
                        mid[mine, direction, 1, edge] = (to_x - columns)[mine]
    return heats, short.reshape(20, 28, 34), mid.reshape(20, 28, 64)


def test_posenet_finds_each_person_once_and_in_place():
    found = posenet.decode(*posenet_maps(PEOPLE))
    assert len(found) == 2
    for truth in PEOPLE:
        assert min(near(keypoints, truth) for _, keypoints in found) < 12


def test_posenet_keypoints_of_somebody_found_before_count_for_nobody_else():
    heats, short, mid = posenet_maps(PEOPLE[:1])
    short[...] = 0  # now the peaks' neighbours are people of their own, in the same place
    found = posenet.decode(heats, short, mid)
    assert sum(score > 0.5 for score, _ in found) <= 1


def test_posenet_finds_nobody_in_empty_maps():
    assert posenet.decode(np.full((5, 6, 17), -9.0), np.zeros((5, 6, 34)), np.zeros((5, 6, 64))) == []


def movenet_maps(people: list[np.ndarray], sides: tuple[int, int]) -> dict[str, np.ndarray]:
    """Maps at stride 4 with a rough skeleton at each centre, a cell beside the truth."""
    height, width = sides
    rows, columns = np.mgrid[:height, :width]
    maps = {name: np.zeros((height, width, channels), np.float32)
            for name, channels in zip(movenet.HEADS, (17, 1, 34, 34, 2, 2), strict=True)}  # fmt: skip
    maps["kpt_heatmap_0"][...] = maps["center_0"][...] = -9
    for person in people:
        cells = person / 4
        for k, (x, y) in enumerate(cells):
            distance = (rows - y) ** 2 + (columns - x) ** 2
            maps["kpt_heatmap_0"][..., k] = np.maximum(maps["kpt_heatmap_0"][..., k], 3 - 4 * distance)
            mine = distance < 3
            maps["kpt_offset_0"][mine, 2 * k] = (y - rows)[mine]
            maps["kpt_offset_0"][mine, 2 * k + 1] = (x - columns)[mine]
        middle = cells.mean(axis=0).round().astype(int)
        at = (middle[1], middle[0])
        maps["center_0"][at] = 3
        rough = cells[:, ::-1] + 1 - np.array(at)
        maps["kpt_regress_0"][at] = rough.ravel()
        maps["box_scale_0"][at] = 2.4 * np.abs(cells[:, ::-1] - np.array(at)).max(axis=0)
    return maps


def test_movenet_takes_keypoints_from_the_heat_maps_near_the_rough_skeleton():
    found = movenet.decode(movenet_maps(PEOPLE, (70, 110)))
    assert len(found) == 2
    for truth in PEOPLE:
        assert min(near(keypoints, truth) for _, keypoints in found) < 1e-3
    assert all(score > 0.7 for score, _ in found)


def test_movenet_looks_only_inside_the_persons_box():
    maps = movenet_maps(PEOPLE[:1], (70, 110))
    at = np.unravel_index(maps["center_0"].argmax(), (70, 110))
    maps["box_scale_0"][at] = 2  # a box of 2 x 2 cells: hardly anything of the heat maps is in it
    (_, keypoints), *_ = movenet.decode(maps)
    assert (keypoints[:, 2] < 0.1).sum() > 12


def test_movenet_finds_nobody_in_empty_maps():
    assert movenet.decode(movenet_maps([], (20, 30))) == []
