"""OpenPose's files, read back by programs that are not ours, and what OpenPose's options mean in them.

cv2 and pose-format are not needed for anything else: pip install 'edgepose[readers]' to run those tests.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

from edgepose.domain import FrameResult, Parts, PoseMaps, Quant, Track
from edgepose.formats import PLAIN, Form, ImageIds, Origin, OutputFolder, filestorage, native, openpose_json
from edgepose.formats.coco import person_results, wholebody_results
from edgepose.formats.heatmaps import HeatMaps
from edgepose.formats.keypoints import to_layout
from edgepose.formats.writers import CocoArray, FilePerInput
from edgepose.preprocess import Letterbox
from edgepose.skeleton import BODY18, FACE70_NAMES, HAND21_NAMES, LAYOUTS, MPI15_NAMES
from tests.test_formats import CLIP, Blank, body18, everywhere, picture, result_of

READERS = "pip install 'edgepose[readers]'"


def part(count: int, offset: float) -> np.ndarray:
    k = np.arange(count, dtype=np.float32)
    return np.stack([k + offset, 2 * k + offset, 0.005 * k + 0.1], axis=1).astype(np.float32)


def whole(result: FrameResult) -> FrameResult:
    """The same people with face, hands and feet, each person's in a place of their own."""

    def parts(number: int) -> Parts:
        return Parts(*(part(count, 40 * number + place) for place, count in enumerate((70, 21, 21, 6))))

    tracks = [Track(t.id, replace(t.pose, parts=parts(t.id))) for t in result.tracks]
    return replace(result, tracks=tuple(tracks))


# ---- layouts and scales


def test_the_feet_of_a_person_fill_body25():
    person = openpose_json.document(whole(result_of(everywhere())))["people"][0]
    rows = np.reshape(person["pose_keypoints_2d"], (25, 3))
    left, right = LAYOUTS["body25"].index("left_big_toe"), LAYOUTS["body25"].index("right_heel")
    np.testing.assert_allclose(rows[left : right + 1], part(6, 43), atol=1e-4)


def test_mpi_has_a_chest_in_the_middle_and_a_crown_beyond_the_ears():
    mpi = to_layout(
        body18(
            neck=(100, 200, 0.9), left_ear=(110, 150, 0.8), right_ear=(90, 150, 0.7),
            left_hip=(110, 300, 0.6), right_hip=(90, 300, 0.5),
        ),
        "body18",
        "mpi15",
    )  # fmt: skip
    np.testing.assert_allclose(mpi[MPI15_NAMES.index("chest")], (100, 250, 0.5))
    np.testing.assert_allclose(mpi[MPI15_NAMES.index("head")], (100, 123, 0.7), atol=1e-3)
    assert not to_layout(body18(neck=(1, 2, 0.9)), "body18", "mpi15")[0].any(), "a neck alone tells no crown"


@pytest.mark.parametrize(
    ("scale", "corner", "opposite"),
    [
        ("source", (-0.5, -0.5), (639.5, 479.5)),
        ("unit", (0, 0), (1, 1)),
        ("signed", (-1, -1), (1, 1)),
        ("network", (-0.5, -0.5), (255.5, 191.5)),
    ],
)
def test_scales_reach_from_corner_to_corner(scale, corner, opposite):
    keypoints = body18(nose=(-0.5, -0.5, 0.9), neck=(639.5, 479.5, 0.9))
    form = Form(scale=scale, network=(192, 256))
    flat = openpose_json.document(result_of(keypoints), form)["people"][0]["pose_keypoints_2d"]
    np.testing.assert_allclose(flat[:6], (*corner, 0.9, *opposite, 0.9), atol=1e-6)
    assert flat[6:] == [0.0] * 48, "what was not found stays 0"


def test_the_network_scale_is_where_the_letterbox_puts_the_picture():
    xy = np.array([(17.0, 400.0)], np.float32)
    expected = Letterbox((256, 256))(Blank(), np.zeros((256, 256, 3), np.uint8)).to_input(xy)[0]
    form = Form(scale="network", network=(256, 256))
    row = form.triples(np.array([(17.0, 400.0, 1.0)], np.float32), (640, 480))[0]
    np.testing.assert_allclose(row[:2], expected, atol=0.01)


def test_a_native_line_tells_its_scale_and_scales_the_box_too():
    document = json.loads(native.encode(whole(result_of(everywhere())), CLIP, form=Form(scale="unit")))
    assert document["scale"] == "unit"
    assert document["people"][0]["box"] == pytest.approx([100.5 / 640, 50.5 / 480, 270.5 / 640, 135.5 / 480], abs=1e-6)
    assert [len(document["people"][0][name]) for name in ("face", "left_hand", "right_hand", "feet")] == [70, 21, 21, 6]


def test_ids_hold_in_clips_only():
    form = Form(tracked=True)
    clip, still = result_of(everywhere()), result_of(everywhere(), name="a.jpg")
    assert openpose_json.document(clip, form)["people"][0]["person_id"] == [1]
    assert openpose_json.document(still, form)["people"][0]["person_id"] == [-1]


# ---- readers that are not ours


@pytest.mark.parametrize(("encode", "ending"), [(filestorage.encode_xml, "xml"), (filestorage.encode_yaml, "yaml")])
@pytest.mark.parametrize("people", [0, 1, 3])
def test_cv2_reads_back_what_a_filestorage_file_holds(tmp_path, encode, ending, people):
    cv2 = pytest.importorskip("cv2", reason=READERS)
    result = whole(result_of(*(everywhere(100 * n) for n in range(people))))
    path = tmp_path / f"a.{ending}"
    path.write_text(encode(result, CLIP, form=Form(tracked=True)) + "\n")
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    if not people:
        assert storage.getNode("pose_0").mat() is None or storage.getNode("pose_0").mat().size == 0
        return
    expected = openpose_json.document(result)["people"]
    for name, key in (
        ("pose_0", "pose"), ("face", "face"), ("hand_left", "hand_left"), ("hand_right", "hand_right")
    ):  # fmt: skip
        read = storage.getNode(name).mat()
        assert read.dtype == np.float32
        flat = [person[f"{key}_keypoints_2d"] for person in expected]
        np.testing.assert_allclose(read.reshape(people, -1), flat, rtol=1e-6)
    assert storage.getNode("person_id").mat().ravel().tolist() == list(range(1, people + 1))


def test_pose_format_reads_openpose_json():
    openpose = pytest.importorskip("pose_format.utils.openpose", reason=READERS)
    frames = {}
    for seq in range(2):
        document = openpose_json.document(whole(result_of(everywhere(7 * seq), seq=seq)), Form(layout="body25"))
        frames[seq] = {"people": document["people"], "frame_id": seq}
    pose = openpose.load_openpose(frames, fps=25, width=640, height=480, num_frames=2)
    assert pose.body.data.shape == (2, 1, 137, 2), "25 + 70 + 2 x 21"
    nose = pose.body.data[:, 0, 0]
    np.testing.assert_allclose(nose, [(100, 50), (107, 50)])
    total = 25 + 70 + 21 + 21
    expected = [whole(result_of(everywhere())).tracks[0].pose.parts]
    found = {c.name: len(c.points) for c in pose.header.components}
    assert sum(found.values()) == total
    assert len(expected[0].face) == len(FACE70_NAMES)
    np.testing.assert_allclose(pose.body.confidence[0, 0, 0], 0.1, atol=1e-6)


def test_pycocotools_reads_wholebody_results(tmp_path):
    coco_module = pytest.importorskip("pycocotools.coco")
    writer = CocoArray(OutputFolder(tmp_path), ImageIds({"a.jpg": 7}), wholebody_results)
    writer.add(whole(result_of(everywhere(), name="a.jpg")), picture("a.jpg"))
    writer.add(result_of(everywhere(), name="b.jpg"), picture("b.jpg"))
    writer.close()
    truth = coco_module.COCO()
    images = json.loads((tmp_path / "coco_images.json").read_text())
    truth.dataset = {"images": images, "annotations": [], "categories": [{"id": 1}]}
    truth.createIndex()
    found = truth.loadRes(str(tmp_path / "coco_results.json")).anns
    lengths = {"keypoints": 51, "foot_kpts": 18, "face_kpts": 204, "lefthand_kpts": 63, "righthand_kpts": 63}
    for annotation in found.values():
        assert {name: len(annotation[name]) for name in lengths} == lengths
    first, second = found.values()
    np.testing.assert_allclose(first["lefthand_kpts"], part(21, 41).ravel(), atol=1e-2)
    np.testing.assert_allclose(first["righthand_kpts"], part(21, 42).ravel(), atol=1e-2)
    assert not any(second["face_kpts"])


def test_hands_have_21_names_of_their_own():
    assert len(set(HAND21_NAMES)) == 21
    assert len(set(FACE70_NAMES)) == 70


# ---- heat maps


@pytest.fixture
def maps() -> PoseMaps:
    rng = np.random.default_rng(3)
    heats = rng.integers(-128, 127, (12, 16, 18), np.int8)
    fields = rng.integers(-128, 127, (12, 16, 38), np.int8)
    return PoseMaps(heats, fields, Quant(1 / 256, -128), Quant(0.008, 2))


def test_heat_maps_are_read_as_openpose_says(tmp_path, maps):
    result = replace(result_of(everywhere()), maps=maps)
    for form in ("float", "npy"):
        HeatMaps(OutputFolder(tmp_path), BODY18, form).add(result, CLIP)
    raw = np.fromfile(tmp_path / "room_000000000012_pose_heatmaps.float", np.float32)
    assert raw[0] == 3
    shape = raw[1:4].astype(int)
    assert shape.tolist() == [18 + 1 + 38, 12, 16]
    values = raw[4:].reshape(shape)
    np.testing.assert_allclose(values[3], (maps.heatmaps[..., 3] + 128.0) / 256, atol=1e-6)
    np.testing.assert_allclose(values[18], 1 - values[:18].max(axis=0), atol=1e-6)
    np.testing.assert_allclose(values[19], (maps.pafs[..., 0] - 2.0) * 0.008, atol=1e-6)
    np.testing.assert_array_equal(values, np.load(tmp_path / "room_000000000012_pose_heatmaps.npy"))


def test_heat_maps_as_a_picture_lie_beside_each_other(tmp_path, maps):
    image = pytest.importorskip("PIL.Image", reason="needs the extra `render`")
    HeatMaps(OutputFolder(tmp_path), BODY18, "png").add(replace(result_of(everywhere()), maps=maps), CLIP)
    with image.open(tmp_path / "room_000000000012_pose_heatmaps.png") as picture:
        grey = np.asarray(picture)
    assert grey.shape == (12, 16 * 57)
    np.testing.assert_allclose(grey[:, 16 * 5 : 16 * 6], (maps.heatmaps[..., 5] + 128.0) * 255 / 256, atol=0.51)


# ---- going on where an earlier run stopped


def test_a_line_cut_off_is_written_again(tmp_path):
    def origin(seq: int) -> Origin:
        return Origin("room.mp4", "room", f"room_{seq:012d}", seq=seq)

    def writer() -> FilePerInput:
        return FilePerInput(OutputFolder(tmp_path), native.encode, ".jsonl", resume=True)

    first = writer()
    for seq in range(3):
        first.add(result_of(everywhere(), seq=seq), origin(seq))
    first.close()
    path = tmp_path / "room.jsonl"
    path.write_text(path.read_text()[:-20])
    second = writer()
    assert [second.has(origin(seq)) for seq in range(4)] == [True, True, False, False]
    for seq in range(4):
        second.add(result_of(everywhere(), seq=seq), origin(seq))
    second.close()
    assert [json.loads(line)["seq"] for line in path.read_text().splitlines()] == [0, 1, 2, 3]


def test_coco_arrays_cut_off_by_a_crash_are_mended(tmp_path):
    def writer() -> CocoArray:
        return CocoArray(OutputFolder(tmp_path), ImageIds(), person_results, resume=True)

    first = writer()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        first.add(result_of(everywhere(), everywhere(9), name=name), picture(name))
    first.close()
    images, results = (tmp_path / name for name in ("coco_images.json", "coco_results.json"))
    images.write_text("\n".join(images.read_text().splitlines()[:3]))  # a and b; the third was never told of
    second = writer()
    assert [second.has(picture(name)) for name in ("a.jpg", "b.jpg", "c.jpg")] == [True, True, False]
    for name in ("b.jpg", "c.jpg", "d.jpg"):
        second.add(result_of(everywhere(), name=name), picture(name))
    second.close()
    ids = {image["file_name"]: image["id"] for image in json.loads(images.read_text())}
    assert len(set(ids.values())) == 4
    counts = [entry["image_id"] for entry in json.loads(results.read_text())]
    assert [counts.count(ids[name]) for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg")] == [2, 2, 1, 1]


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path):
    folder = OutputFolder(tmp_path)

    def stopped(path):
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.put("a.json", stopped)
    assert not folder.holds("a.json")
    folder.put("a.json", lambda path: path.write_text("whole") and None)
    assert (tmp_path / "a.json").read_text() == "whole"
    assert PLAIN.layout is None
