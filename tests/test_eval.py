"""COCO average precision: what the numbers must do, then the command on the bundled networks."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from edgepose import networks, resampling
from edgepose.demo_clip import CLIP, TRUTH
from edgepose.errors import EdgeposeError
from edgepose.evaluation import AnnotatedSet, load_annotations, load_results
from edgepose.formats.keypoints import to_layout
from tests.clips import encoded

pytest.importorskip("pycocotools", reason="needs the extra `eval`")

ROOT = Path(__file__).parents[1]
SMALLEST = "edgepose_192x256_int8"
needs_network = pytest.mark.skipif(
    not any(path.stem == SMALLEST for path in networks.installed()), reason=f"the network {SMALLEST} is not installed"
)
KEYS = ["model", "AP", "AP50", "AP75", "APm", "APl", "AR", "images", "ms"]
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


# ---- what is chance


def test_scores_of_the_whole_set_are_those_of_pycocotools():
    truth, results = noisy_set(seed=1)
    ours = resampling_scores(truth, results, np.ones(12, np.int64))
    np.testing.assert_allclose(ours, six(AnnotatedSet(truth).score(results)), atol=5e-5)


@pytest.mark.parametrize("seed", range(4))
def test_a_picture_drawn_twice_counts_as_two_pictures(seed):
    truth, results = noisy_set(seed)
    draws = np.random.default_rng(seed).multinomial(12, np.full(12, 1 / 12))
    repeated = {**truth, "images": [], "annotations": []}
    found_again = []
    for image in truth["images"]:
        for again in range(draws[image["id"] - 1]):
            copy_id = (
                image["id"] * 100 + again
            )  # beside each other, since people with the same score are taken in order
            repeated["images"].append({**image, "id": copy_id})
            repeated["annotations"] += [
                {**a, "image_id": copy_id} for a in truth["annotations"] if a["image_id"] == image["id"]
            ]
            found_again += [{**r, "image_id": copy_id} for r in results if r["image_id"] == image["id"]]
    ours = resampling_scores(truth, results, draws)
    np.testing.assert_allclose(ours, six(AnnotatedSet(repeated).score(found_again)), atol=5e-5, err_msg=f"seed {seed}")


def test_the_interval_holds_the_score_and_is_the_same_again():
    truth, results = noisy_set(seed=3)
    evidence, score = AnnotatedSet(truth).evidence(results), AnnotatedSet(truth).score(results)
    spread = resampling.intervals(evidence, rounds=200)
    low, high = spread[0]
    assert low < score.AP < high
    assert spread == resampling.intervals(evidence, rounds=200)


def test_nobody_of_a_size_has_no_interval():
    evidence = AnnotatedSet(document(annotation(1), annotation(2))).evidence([found(1)])
    none = [interval is None for interval in resampling.intervals(evidence, rounds=20)]
    assert none == [False, False, False, False, True, False]


def test_a_network_that_is_better_everywhere_is_better_for_certain_and_not_better_than_itself():
    truth, results = noisy_set(seed=5)
    perfect = [found(a["image_id"], shift=shift_of(a)) for a in truth["annotations"]]
    annotated = AnnotatedSet(truth)
    better = resampling.compare(annotated.evidence(results), annotated.evidence(perfect), rounds=200)[0]
    assert better.probability == 1
    assert 0 < better.interval[0] < better.value < better.interval[1]
    same = resampling.compare(annotated.evidence(results), annotated.evidence(results), rounds=50)[0]
    assert (same.value, same.interval, same.probability) == (0, (0, 0), 0.5)


def test_nobody_found_can_be_compared_too():
    annotated = AnnotatedSet(document(annotation(1), annotation(2)))
    difference = resampling.compare(annotated.evidence([]), annotated.evidence([found(1)]), rounds=50)[0]
    assert difference.value == pytest.approx(51 / 101)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "the results .* are not JSON"),
        ('{"annotations": []}', "holds no COCO keypoint results"),
        (json.dumps([{"image_id": 1}]), "holds no COCO keypoint results: there is no 'score'"),
        (json.dumps([{**found(1), "keypoints": [1, 2, 3]}]), "holds people with 3 keypoint numbers, not 51"),
        (json.dumps([found(77)]), "holds people of picture 77, which the annotations don't name"),
    ],
)
def test_results_that_are_none_are_told_in_one_sentence(tmp_path, text, sentence):
    file = tmp_path / "r.json"
    file.write_text(text)
    with pytest.raises(EdgeposeError, match=sentence):
        load_results(file, AnnotatedSet(document(annotation(1))))


def noisy_set(seed: int) -> tuple[dict, list[dict]]:
    """12 pictures with none to three people of two sizes, and what a mediocre network might find in them."""
    random = np.random.default_rng(seed)
    people, results = [], []
    for image in range(1, 13):
        for _ in range(random.integers(0, 4)):
            shift = float(random.integers(0, 400))
            people.append(annotation(image, shift=shift, area=float(random.choice([2000, 5000, 15000]))))
            if random.random() < 0.8:
                results.append(found(image, shift=shift + random.normal(0, 9), score=random.random()))
        if random.random() < 0.3:
            results.append(found(image, shift=900.0, score=random.random()))
    return document(*people, images=12), results


def shift_of(a: dict) -> float:
    return a["keypoints"][0] - PERSON_XY[0][0]


def resampling_scores(truth: dict, results: list[dict], draws: np.ndarray) -> list[float]:
    scores = AnnotatedSet(truth).evidence(results).scores(draws)
    return np.where(np.isnan(scores), -1, scores).tolist()


def six(scores) -> list[float]:
    return [scores.AP, scores.AP50, scores.AP75, scores.APm, scores.APl, scores.AR]


# ---- the command


def evaluate(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgepose", "eval", "--model", SMALLEST, "--threads", "1", *map(str, words)]
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": paths}, check=False
    )


def sentence(run: subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in run.stderr, run.stderr
    return next(line for line in run.stderr.splitlines() if line.startswith("edgepose: "))


@pytest.fixture(scope="module")
def annotated(tmp_path_factory) -> Path:
    """a.json and images/ of the demo clip's own joints: every 60th frame, with people and without."""
    folder = tmp_path_factory.mktemp("annotated")
    (folder / "images").mkdir()
    truth = json.loads(TRUTH.read_text())
    images, annotations = [], []
    with av.open(str(CLIP)) as clip:
        for number, frame in enumerate(clip.decode(video=0)):
            if number % 60:
                continue
            name = f"{number:06d}.png"
            (folder / "images" / name).write_bytes(encoded(frame.to_ndarray(format="rgb24"), "png", "rgb24"))
            images.append({"id": number, "file_name": name, "width": frame.width, "height": frame.height})
            for person in truth["frames"][number]:
                annotations.append(joints(number, person["kp"], len(annotations) + 1))
    document = {"images": images, "annotations": annotations, "categories": [{"id": 1}]}
    (folder / "a.json").write_text(json.dumps(document))
    return folder


def joints(image_id: int, body18: list[float], number: int) -> dict:
    """A complete COCO annotation, so that pycocotools can read the file without our help."""
    keypoints = to_layout(np.array(body18, np.float32).reshape(-1, 3), "body18", "coco17")
    (left, top), (right, bottom) = keypoints[:, :2].min(axis=0).tolist(), keypoints[:, :2].max(axis=0).tolist()
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 1,
        "keypoints": keypoints.ravel().tolist(),
        "num_keypoints": int((keypoints[:, 2] > 0).sum()),
        "bbox": [left, top, right - left, bottom - top],
        "area": 0.53 * (right - left) * (bottom - top),
        "iscrowd": 0,
    }


@needs_network
def test_the_network_finds_the_people_of_the_demo_clip_and_results_say_what_was_scored(annotated, tmp_path):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    out = tmp_path / "results.json"
    run = evaluate("--annotations", annotated / "a.json", "--images", annotated / "images", "--out", out, "--json")
    assert run.returncode == 0, run.stderr
    row = json.loads(run.stdout)
    assert list(row) == [*KEYS, "interval95"]
    assert all(low <= row[key] <= high for key, (low, high) in row["interval95"].items())
    assert (row["model"], row["images"]) == (SMALLEST, len(list((annotated / "images").iterdir())))
    assert row["ms"] > 0
    assert row["AP50"] > 0.3
    again = COCO(str(annotated / "a.json"))
    scoring = COCOeval(again, again.loadRes(str(out)), "keypoints")
    scoring.evaluate()
    scoring.accumulate()
    scoring.summarize()
    np.testing.assert_allclose([row[key] for key in KEYS[1:7]], scoring.stats[:6], atol=5e-5)


@needs_network
def test_the_table_reads_well(annotated):
    run = evaluate("--annotations", annotated / "a.json", "--images", annotated / "images")
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0] == f"{SMALLEST}, 1 thread"
    assert [line.split()[0] for line in lines[1:7]] == KEYS[1:7]
    assert "median of network and association" in lines[-1]


def test_missing_pictures_are_one_sentence(annotated, tmp_path):
    run = evaluate("--annotations", annotated / "a.json", "--images", tmp_path)
    assert run.returncode == 1
    assert "annotated pictures are not in" in sentence(run)
    assert "000000.png" in sentence(run)


@needs_network
def test_pictures_of_another_size_than_was_annotated_are_told(annotated, tmp_path):
    document = json.loads((annotated / "a.json").read_text())
    document["images"][0]["width"] = 320
    (tmp_path / "a.json").write_text(json.dumps(document))
    run = evaluate("--annotations", tmp_path / "a.json", "--images", annotated / "images")
    assert run.returncode == 1
    assert "000000.png is 640x480 pixels, but was annotated at 320x480" in sentence(run)


def test_two_files_of_results_are_compared(tmp_path):
    truth, results = noisy_set(seed=7)
    for name, content in {"a.json": truth, "worse.json": results[:3], "better.json": results}.items():
        (tmp_path / name).write_text(json.dumps(content))
    words = ["--annotations", tmp_path / "a.json", "--compare", tmp_path / "worse.json", tmp_path / "better.json"]
    run = evaluate(*words, "--json")
    assert run.returncode == 0, run.stderr
    row = json.loads(run.stdout)
    assert list(row) == ["compare", *KEYS[1:8]]
    assert row["AP"]["difference"] == pytest.approx(row["AP"]["b"] - row["AP"]["a"], abs=1e-3)
    assert row["AP"]["probability"] > 0.5
    table = evaluate(*words).stdout.splitlines()
    assert [line.split()[0] for line in table[3:9]] == KEYS[1:7]


def test_comparing_needs_no_pictures_and_scoring_a_network_needs_them(tmp_path):
    assert evaluate("--annotations", tmp_path / "a.json").returncode == 2
    both = ["--images", tmp_path, "--compare", tmp_path / "a.json", tmp_path / "b.json"]
    assert evaluate("--annotations", tmp_path / "a.json", *both).returncode == 2


def test_eval_without_its_arguments_exits_with_2():
    assert evaluate().returncode == 2


@pytest.mark.shared
@needs_network
def test_the_sidecar_tells_the_ap_that_eval_measures():
    folder = Path(os.environ.get("EDGEPOSE_SHARED", ROOT.parent / "shared")) / "data" / "coco_val_dev"
    if not folder.is_dir():
        pytest.skip(f"no development pictures in {folder}; EDGEPOSE_SHARED names their folder")
    claims = [metric for metric in networks.load(SMALLEST).sidecar.metrics if metric["set"] == "coco-val-dev-160"]
    if not claims:
        pytest.skip(f"the sidecar of {SMALLEST} tells no AP for coco-val-dev-160")
    run = evaluate("--annotations", folder / "annotations_complete.json", "--images", folder / "images", "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["AP"] == pytest.approx(claims[0]["AP"], abs=0.01)
