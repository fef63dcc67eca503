"""All 135 keypoints through the programs that people score and read them with: xtcocotools and Pose2Sim.

xtcocotools is in the extra `readers`. Pose2Sim pulls in OpenSim and much else that a reader doesn't need; these get by
with pip install --no-deps pose2sim and pip install rtoml anytree pandas scipy c3d matplotlib opencv-python-headless.
"""

import contextlib
import importlib
import io
import json
from typing import Any

import numpy as np
import pytest

from edgepose.domain import FrameResult
from edgepose.formats import Form, ImageIds, OutputFolder, openpose_json
from edgepose.formats.coco import wholebody_results
from edgepose.formats.keypoints import to_layout
from edgepose.formats.writers import CocoArray
from edgepose.skeleton import BODY25_NAMES
from tests.test_formats import everywhere, picture, result_of
from tests.test_formats_openpose import whole

KINDS = ("", "_foot", "_face", "_lefthand", "_righthand", "_wholebody")
"""What xtcocotools scores, after `keypoints`."""
PARTS = ("keypoints", "foot_kpts", "face_kpts", "lefthand_kpts", "righthand_kpts")


def reader(module: str, how: str) -> Any:
    """The module; the test is skipped where it can't be imported, also because it was built for another numpy."""
    try:
        return importlib.import_module(module)
    except (ImportError, ValueError) as exc:
        pytest.skip(f"{exc}: {how}")


@pytest.fixture
def people() -> FrameResult:
    return whole(result_of(everywhere(), everywhere(150), name="a.jpg"))


def truth_of(people: FrameResult) -> list[dict[str, Any]]:
    """Annotations in COCO-WholeBody's form that hold just what was found."""
    annotations = []
    for track in people.tracks:
        parts = track.pose.parts
        body = to_layout(track.pose.keypoints, people.layout, "coco17")
        rows = (body, parts.feet, parts.face[:68], parts.left_hand, parts.right_hand)
        flat = {}
        for name, found in zip(PARTS, rows, strict=True):
            seen = found[:, 2:] > 0
            flat[name] = np.column_stack([np.where(seen, found[:, :2], 0), 2 * seen]).ravel().tolist()
        annotation = {"id": track.id, "image_id": 7, "category_id": 1, "iscrowd": 0, "area": 4000.0, **flat}
        annotations.append(annotation | {"bbox": [0.0, 0.0, 640.0, 480.0], "num_keypoints": 17})
    return annotations


def scored(folder: Any, people: FrameResult, annotations: list[dict[str, Any]]) -> dict[str, float]:
    """AP of each kind by xtcocotools, of what we wrote against these annotations."""
    how = "pip install 'edgepose[readers]'; with numpy 2, pip install --no-binary xtcocotools xtcocotools"
    coco, scoring = (reader(f"xtcocotools.{name}", how) for name in ("coco", "cocoeval"))
    writer = CocoArray(OutputFolder(folder), ImageIds({"a.jpg": 7}), wholebody_results)
    writer.add(people, picture("a.jpg"))
    writer.close()
    truth = coco.COCO()
    images = json.loads((folder / "coco_images.json").read_text())
    truth.dataset = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    sigmas = {"": 17, "_foot": 6, "_face": 68, "_lefthand": 21, "_righthand": 21, "_wholebody": 133}
    with contextlib.redirect_stdout(io.StringIO()), pytest.warns(UserWarning, match="use 'score' instead"):
        truth.createIndex()
        found = truth.loadRes(str(folder / "coco_results.json"))
        results = {}
        for kind in KINDS:
            told = scoring.COCOeval(truth, found, f"keypoints{kind}", np.full(sigmas[kind], 0.03), use_area=True)
            told.evaluate()
            told.accumulate()
            told.summarize()
            results[kind] = float(told.stats[0])
    return results


def test_xtcocotools_scores_every_part_of_wholebody_results(tmp_path, people):
    assert scored(tmp_path, people, truth_of(people)) == dict.fromkeys(KINDS, pytest.approx(1.0))


def test_xtcocotools_tells_left_hands_from_right_ones_in_them(tmp_path, people):
    annotations = truth_of(people)
    for annotation in annotations:
        hands = annotation["lefthand_kpts"], annotation["righthand_kpts"]
        far = [np.add(np.reshape(rows, (21, 3)), (200, 0, 0)).ravel().tolist() for rows in hands]
        annotation["lefthand_kpts"], annotation["righthand_kpts"] = hands[0], far[1]
    told = scored(tmp_path, people, annotations)
    assert told["_lefthand"] == pytest.approx(1.0)
    assert told["_righthand"] == pytest.approx(0.0)


def test_pose2sim_reads_openpose_json_with_the_feet_where_it_looks_for_them(tmp_path, people):
    how = "see the top of this file"
    association, skeletons = (reader(f"Pose2Sim.{name}", how) for name in ("personAssociation", "skeletons"))
    path = tmp_path / "room_000000000000_keypoints.json"
    path.write_text(json.dumps(openpose_json.document(people, Form(layout="body25"))))
    read = [np.reshape(person, (25, 3)) for person in association.read_json(str(path))]
    assert len(read) == 2
    ours = {"R": "right", "L": "left", "BigToe": "big_toe", "SmallToe": "small_toe", "Heel": "heel"}
    theirs = {node.name: node.id for node in skeletons.BODY_25.descendants}
    for side in "RL":
        for part in ("BigToe", "SmallToe", "Heel"):
            place = BODY25_NAMES.index(f"{ours[side]}_{ours[part]}")
            assert theirs[side + part] == place
            for person, track in zip(read, people.tracks, strict=True):
                np.testing.assert_allclose(person[place], track.pose.parts.feet[place - 19], atol=1e-3)
