"""Files that other programs read: checked with their readers, or against their published form."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

from edgepose.domain import Frame, FrameResult, Pose, Track
from edgepose.errors import EdgeposeError, UsageError
from edgepose.formats import (
    FORMATS,
    PLAIN,
    Form,
    ImageIds,
    Origin,
    OutputFolder,
    Stems,
    native,
    openpose_json,
    without_credentials,
)
from edgepose.formats.coco import person_results
from edgepose.formats.keypoints import to_layout
from edgepose.formats.writers import CocoArray, Lines
from edgepose.skeleton import BODY18_NAMES, COCO17_NAMES, LAYOUTS

OPENPOSE_PARTS = tuple(
    f"{part}_keypoints_{axes}" for axes in ("2d", "3d") for part in ("pose", "face", "hand_left", "hand_right")
)


class Blank:
    """A picture whose pixels nobody asks for."""

    width, height = 640, 480

    def rgb(self, width, height):
        return np.zeros((height, width, 3), np.uint8)


def body18(**places: tuple[float, float, float]) -> np.ndarray:
    keypoints = np.zeros((18, 3), np.float32)
    for name, place in places.items():
        keypoints[BODY18_NAMES.index(name)] = place
    return keypoints


def result_of(*people: np.ndarray, seq: int = 0, name: str = "", layout: str = "body18") -> FrameResult:
    return FrameResult(
        frame=Frame(Blank(), t_s=seq / 25, mono_ns=0, seq=seq, name=name),
        size=(640, 480),
        tracks=tuple(Track(i, Pose(k, 0.25 * i)) for i, k in enumerate(people, start=1)),
        layout=layout,
    )


def everywhere(offset: float = 0.0) -> np.ndarray:
    """All 18 keypoints, each at a place of its own."""
    k = np.arange(18, dtype=np.float32)
    return np.stack([10 * k + 100 + offset, 5 * k + 50, 0.05 * k + 0.1], axis=1).astype(np.float32)


CLIP = Origin(source="clips/room.mp4", input_stem="room", frame_stem="room_000000000012")


def picture(path: str) -> Origin:
    return Origin(source=path, input_stem=Path(path).stem, frame_stem=Path(path).stem, still=True)


def test_every_layout_keeps_a_keypoint_at_the_place_of_its_name():
    keypoints = everywhere()
    for layout in ("body18", "body25", "coco17"):
        converted = to_layout(keypoints, "body18", layout)
        for place, name in enumerate(LAYOUTS[layout]):
            if name in BODY18_NAMES:
                np.testing.assert_array_equal(converted[place], keypoints[BODY18_NAMES.index(name)])


def test_a_neck_and_a_mid_hip_that_a_layout_lacks_lie_between_both_sides():
    coco = np.zeros((17, 3), np.float32)
    coco[COCO17_NAMES.index("left_shoulder")] = (10, 20, 0.9)
    coco[COCO17_NAMES.index("right_shoulder")] = (30, 40, 0.5)
    coco[COCO17_NAMES.index("left_hip")] = (10, 90, 0.9)
    body25 = to_layout(coco, "coco17", "body25")
    np.testing.assert_allclose(body25[LAYOUTS["body25"].index("neck")], (20, 30, 0.5))
    assert not body25[LAYOUTS["body25"].index("mid_hip")].any(), "one hip alone tells no middle"


def test_an_unknown_layout_is_told_with_those_there_are():
    with pytest.raises(EdgeposeError, match="'body19'; there are body18"):
        to_layout(everywhere(), "body18", "body19")


def test_native_lines_hold_pixels_ids_and_where_the_frame_came_from():
    document = json.loads(native.encode(result_of(everywhere(), seq=12), CLIP))
    assert list(document) == ["source", "seq", "t_s", "w", "h", "layout", "people"]
    assert (document["source"], document["seq"], document["t_s"]) == ("clips/room.mp4", 12, 0.48)
    person = document["people"][0]
    assert person["id"] == 1
    assert person["box"] == [100.0, 50.0, 270.0, 135.0]
    assert person["keypoints"][3] == [130.0, 65.0, 0.25]
    assert json.loads(native.encode(result_of(name="a.jpg"), picture("x/a.jpg")))["file"] == "x/a.jpg"


def test_openpose_json_has_the_fields_of_version_1_3_in_their_order():
    document = json.loads(openpose_json.encode(result_of(everywhere(), body18(nose=(5, 6, 0.5)))))
    assert list(document) == ["version", "people"]
    assert document["version"] == 1.3
    first, second = document["people"]
    assert tuple(first) == ("person_id", *OPENPOSE_PARTS)
    assert first["person_id"] == [-1]
    assert len(first["pose_keypoints_2d"]) == 54
    assert first["pose_keypoints_2d"][9:12] == [130.0, 65.0, 0.25]
    assert second["pose_keypoints_2d"] == [5.0, 6.0, 0.5] + [0.0] * 51
    assert all(first[part] == [] for part in OPENPOSE_PARTS[1:])


def test_openpose_json_can_be_body25_and_carry_ids():
    document = openpose_json.document(result_of(everywhere(), everywhere(3)), Form(layout="body25", tracked=True))
    assert [person["person_id"] for person in document["people"]] == [[1], [2]]
    flat = document["people"][0]["pose_keypoints_2d"]
    assert len(flat) == 75
    middle = LAYOUTS["body25"].index("mid_hip")
    np.testing.assert_allclose(flat[3 * middle : 3 * middle + 2], [(180 + 210) / 2, (90 + 105) / 2])


def test_openpose_json_of_a_coco_network_is_in_openpose_order():
    coco = to_layout(everywhere(), "body18", "coco17")
    flat = openpose_json.document(result_of(coco, layout="coco17"))["people"][0]["pose_keypoints_2d"]
    right_wrist = BODY18_NAMES.index("right_wrist")
    assert flat[3 * right_wrist : 3 * right_wrist + 2] == [140.0, 70.0]


def test_coco_results_are_read_by_pycocotools():
    coco_module = pytest.importorskip("pycocotools.coco")
    stream = io.StringIO()
    writer = CocoArray(stream, ImageIds({"a.jpg": 7}), person_results)
    writer.add(result_of(everywhere(), everywhere(3), name="a.jpg"), picture("pictures/a.jpg"))
    writer.add(result_of(body18(neck=(1, 1, 0.9)), name="b.jpg"), picture("pictures/b.jpg"))
    writer.close()
    truth = coco_module.COCO()
    truth.dataset = {"images": [{"id": 7}], "annotations": [], "categories": [{"id": 1}]}
    truth.createIndex()
    found = truth.loadRes(json.loads(stream.getvalue()))
    assert found.getAnnIds(imgIds=[7], catIds=[1]) == [1, 2]
    assert found.anns[1]["keypoints"][:3] == [100.0, 50.0, 0.1], "the nose comes first"
    assert len(found.anns) == 2, "COCO knows no neck, so a neck alone is nobody"


def test_an_empty_coco_array_is_an_array():
    stream = io.StringIO()
    CocoArray(stream, ImageIds(), person_results).close()
    assert json.loads(stream.getvalue()) == []


def test_coco_pixels_are_ours_without_a_shift():
    entry = person_results(result_of(body18(nose=(0, 0, 0.9), left_eye=(639, 479, 0.9))), 1)[0]
    assert entry["keypoints"][:5] == [0.0, 0.0, 0.9, 639.0, 479.0]


def test_image_ids_are_the_annotated_ones_then_the_number_in_the_name_then_new_ones():
    ids = ImageIds({"kitchen.jpg": 2})
    assert ids.of("pictures/kitchen.jpg") == 2
    assert ids.of("COCO_val2014_000000397133.jpg") == 397133
    assert ids.of("000000000001.jpg") == 1
    assert ids.of("hall.jpg") == 3, "1 is taken and 2 is annotated"
    assert ids.of("other/000000000001.jpg") == 4, "another picture has number 1"
    assert (ids.of("hall.jpg"), ids.of("000000000001.jpg")) == (3, 1), "the same picture keeps its id"
    assert ids.of("9" * 30 + ".jpg") < 100, "a number that JSON readers would round is no id"


def test_two_files_of_one_name_get_two_stems():
    stems = Stems()
    assert [stems.of(path) for path in ("x/a.jpg", "y/a.jpg", "y/a.png", "x/a.jpg")] == ["a", "a-2", "a-3", "a"]
    assert stems.of("rtsp://user:secret@10.0.0.7:554/live/1") == "10.0.0.7_live_1"
    assert stems.of("..") == Path("..").resolve().stem


@pytest.mark.parametrize(
    "source", ["rtsp://u:p@cam/1", "http://u@cam/1?pwd=p", "rtsp://u:p%40x@cam/1", "rtsp://u:p@x@cam/1"]
)
def test_files_never_carry_a_password(source):
    assert re.fullmatch(r"(rtsp|http)://cam/1", without_credentials(source))


def test_a_file_name_with_an_at_sign_stays():
    assert without_credentials("a@b.jpg") == "a@b.jpg"


def test_openpose_files_are_one_a_frame(tmp_path):
    writer = FORMATS["openpose-json"].to_folder(OutputFolder(tmp_path), ImageIds(), PLAIN, False)
    for seq in (0, 1):
        writer.add(result_of(everywhere(), seq=seq), Origin("room.mp4", "room", f"room_{seq:012d}"))
    writer.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["room_000000000000_keypoints.json", "room_000000000001_keypoints.json"]
    assert json.loads((tmp_path / names[1]).read_text())["version"] == 1.3


def test_native_files_are_one_an_input(tmp_path):
    writer = FORMATS["native"].to_folder(OutputFolder(tmp_path), ImageIds(), PLAIN, False)
    for clip, seq in (("a", 0), ("a", 1), ("b", 0)):
        writer.add(result_of(seq=seq), Origin(f"{clip}.mp4", clip, f"{clip}_{seq:012d}", seq=seq))
    writer.close()
    lines = {path.name: len(path.read_text().splitlines()) for path in tmp_path.iterdir()}
    assert lines == {"a.jsonl": 2, "b.jsonl": 1}


def test_coco_files_tell_which_picture_an_id_means(tmp_path):
    writer = FORMATS["coco"].to_folder(OutputFolder(tmp_path), ImageIds(), PLAIN, False)
    writer.add(result_of(everywhere(), name="hall.jpg"), picture("hall.jpg"))
    writer.add(result_of(everywhere(), seq=12), CLIP)
    writer.close()
    assert json.loads((tmp_path / "coco_results.json").read_text())[0]["image_id"] == 1
    images = json.loads((tmp_path / "coco_images.json").read_text())
    assert images == [
        {"id": 1, "file_name": "hall.jpg", "width": 640, "height": 480},
        {"id": 12, "file_name": "room_000000000012", "width": 640, "height": 480},
    ]


def test_lines_reach_the_reader_frame_by_frame():
    flushed = []
    stream = io.StringIO()
    stream.flush = lambda: flushed.append(stream.getvalue())
    Lines(stream, native.encode).add(result_of(), CLIP)
    assert len(flushed) == 1
    assert flushed[0].endswith("}\n")


def test_an_input_is_never_overwritten(tmp_path):
    file = tmp_path / "a_rendered.png"
    file.write_bytes(b"picture")
    with pytest.raises(EdgeposeError, match="is one of the inputs"):
        OutputFolder(tmp_path, [file]).fresh("a_rendered.png")
    assert file.read_bytes() == b"picture"


def test_a_link_in_the_folder_is_replaced_and_not_followed(tmp_path):
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    folder = OutputFolder(tmp_path / "out")
    (folder.path / "a.json").symlink_to(outside)
    folder.fresh("a.json").write_text("new")
    assert outside.read_text() == "mine"
    assert (folder.path / "a.json").read_text() == "new"


@pytest.mark.parametrize("name", ["../a.json", "/etc/a.json", "x/a.json", ".."])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, name):
    with pytest.raises(EdgeposeError, match="is not the name of a file"):
        OutputFolder(tmp_path).fresh(name)


def test_a_file_in_the_place_of_the_folder_is_a_usage_error(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="is a file; name a folder"):
        OutputFolder(tmp_path / "out")
