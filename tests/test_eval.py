"""COCO average precision: what the numbers must do, then the command on the bundled networks."""

import copy
import json

import pytest

from edgepose.errors import EdgeposeError
from edgepose.evaluation import AnnotatedSet, load_annotations

pytest.importorskip("pycocotools", reason="needs the extra `eval`")

PERSON_XY = [(50 + 7 * k % 90, 40 + 11 * k) for k in range(17)]


def annotation(image_id: int, *, shift: float = 0.0, **more) -> dict:
    keypoints = [number for x, y in PERSON_XY for number in (x + shift, y, 2)]
    box = [50 + shift, 40, 90, 180]
    return {"image_id": image_id, "category_id": 1, "keypoints": keypoints, "num_keypoints": 17, "bbox": box, **more}


def document(*annotations: dict, images: int = 2) -> dict:
    return {
        "images": [{"id": i, "file_name": f"{i}.jpg", "width": 640, "height": 480} for i in range(1, images + 1)],
        "annotations": [{"id": i, **a} for i, a in enumerate(annotations)],
        "categories": [{"id": 1, "name": "person"}],
    }


def found(image_id: int, *, shift: float = 0.0, score: float = 0.9) -> dict:
    keypoints = [number for x, y in PERSON_XY for number in (x + shift, y, 0.8)]
    return {"image_id": image_id, "category_id": 1, "keypoints": keypoints, "score": score}


def test_people_found_where_they_are_score_one():
    scores = AnnotatedSet(document(annotation(1), annotation(2))).score([found(1), found(2)])
    assert (scores.AP, scores.AP50, scores.AP75, scores.AR) == (1, 1, 1, 1)


def test_nobody_found_scores_nothing():
    scores = AnnotatedSet(document(annotation(1))).score([])
    assert (scores.AP, scores.AR) == (0, 0)


def test_a_person_found_in_a_picture_without_people_costs_precision():
    truth = AnnotatedSet(document(annotation(1), images=2))
    ghost = found(2, score=0.95)
    assert truth.score([found(1), ghost]).AP < truth.score([found(1)]).AP


def test_a_person_found_beside_the_place_scores_less():
    truth = AnnotatedSet(document(annotation(1)))
    assert truth.score([found(1, shift=12)]).AP < truth.score([found(1, shift=3)]).AP < 1.001


def test_people_in_a_crowd_region_are_neither_right_nor_wrong():
    crowd = annotation(2, iscrowd=1)
    crowd.update(keypoints=[0] * 51, num_keypoints=0, bbox=[0, 0, 400, 400])
    assert AnnotatedSet(document(annotation(1), crowd)).score([found(1), found(2, score=0.95)]).AP == 1


def test_an_annotation_without_keypoints_is_a_region_that_is_not_scored():
    box_only = {"image_id": 2, "category_id": 1, "bbox": [0, 0, 400, 400]}
    assert AnnotatedSet(document(annotation(1), box_only)).score([found(1), found(2, score=0.95)]).AP == 1


def test_the_first_annotation_may_have_id_0():
    assert AnnotatedSet(document(annotation(1))).score([found(1)]).AP == 1


def test_area_and_outline_may_be_missing():
    whole = AnnotatedSet(document(annotation(1, area=90 * 180 * 0.53, segmentation=[[0, 0, 1, 1, 0, 1]], iscrowd=0)))
    bare = AnnotatedSet(document(annotation(1)))
    assert whole.score([found(1, shift=9)]) == bare.score([found(1, shift=9)])


def test_scoring_leaves_results_and_annotations_as_they_are(capfd):
    truth, results = document(annotation(1)), [found(1)]
    before = copy.deepcopy((truth, results))
    first = AnnotatedSet(truth)
    assert first.score(results) == first.score(results)
    assert (truth, results) == before
    assert capfd.readouterr() == ("", ""), "pycocotools keeps quiet"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "are not JSON"),
        ("[]", "are not a COCO keypoint file"),
        ("{}", "are not a COCO keypoint file: there is no 'images'"),
        (json.dumps(document()), "hold nobody with keypoints"),
        (json.dumps(document({**annotation(1), "keypoints": [1, 2, 3]})), "has 3 keypoint numbers, not 51"),
    ],
)
def test_annotations_that_are_none_are_told_in_one_sentence(tmp_path, text, sentence):
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(EdgeposeError, match=sentence):
        load_annotations(file)


def test_annotations_that_are_not_there_are_told_by_name(tmp_path):
    with pytest.raises(EdgeposeError, match=r"can't read the annotations .*none\.json: No such file"):
        load_annotations(tmp_path / "none.json")
