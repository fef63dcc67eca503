"""What goes over the wire, byte by byte."""

import json
import math
import random

import msgspec
import numpy as np
import pytest

from edgepose import wire
from edgepose.clock import Stamp
from edgepose.domain import Frame, FrameResult, Pose, StageTimes, Track
from edgepose.formats import openpose_json
from edgepose.skeleton import LAYOUTS

TOPICS = wire.Topics("edgepose", "flat-12")
STAMP = Stamp(ts=1763804400.12345, synced=True)


class NoPicture:
    width, height = 640, 480

    def rgb(self, width: int, height: int) -> np.ndarray:
        raise AssertionError("a message needs no picture")


def result(*people: np.ndarray, layout: str = "body18", scores: tuple[float, ...] = (), times=None) -> FrameResult:
    tracks = tuple(
        Track(id=place + 7, pose=Pose(keypoints, scores[place] if scores else 0.81))
        for place, keypoints in enumerate(people)
    )
    return FrameResult(
        frame=Frame(picture=NoPicture(), t_s=1.5, mono_ns=912000123, seq=8123),
        size=(640, 480),
        tracks=tracks,
        layout=layout,
        times=times or StageTimes(capture=8.0, preprocess=1.0, infer=42.0, associate=0.1),
    )


def person(layout: str = "body18", **seen: tuple[float, float, float]) -> np.ndarray:
    keypoints = np.zeros((len(LAYOUTS[layout]), 3), np.float32)
    for name, values in seen.items():
        keypoints[LAYOUTS[layout].index(name)] = values
    return keypoints


def pose_document(frame_result: FrameResult, **more) -> dict:
    return json.loads(wire.pose(TOPICS, "bedroom", frame_result, stamp=STAMP, boot="9f2c", **more).payload)


def test_a_pose_message_is_what_the_documentation_says():
    message = wire.pose(
        TOPICS,
        "bedroom",
        result(person(nose=(63.5, 47.5, 0.92), neck=(319.5, 239.5, 0.5))),
        stamp=STAMP,
        boot="9f2c",
        zones=(("door", "bed"),),
    )
    assert message.topic == "edgepose/flat-12/bedroom/pose"
    assert (message.qos, message.retain, message.expiry_s) == (0, False, 2)
    assert message.content_type == "application/json"
    assert message.payload.decode() == (
        '{"v":1,"seq":8123,"boot":"9f2c","ts":1763804400.123,"mono_ns":912000123,"clock_synced":true,'
        '"cam":"bedroom","w":640,"h":480,"layout":"body18","lat_ms":{"capture":8.0,"infer":42.0,"associate":0.1},'
        '"people":[{"id":7,"score":0.81,"box":[0.1,0.1,0.5,0.5],"kp":[0.1,0.1,0.92,0.5,0.5,0.5'
        + ",0.0,0.0,0.0" * 16
        + '],"posture":"unknown","zones":["door","bed"]}]}'
    )


def test_the_schema_reads_what_the_encoder_writes():
    message = wire.pose(TOPICS, "bedroom", result(person(nose=(1, 1, 1))), stamp=STAMP, boot="9f2c")
    read = msgspec.json.decode(message.payload, type=wire.PoseMessage)
    assert read.cam == "bedroom"
    assert read.people[0].id == 7
    assert len(read.people[0].kp) == 18 * 3


def test_an_empty_room_is_an_empty_list():
    assert pose_document(result())["people"] == []


def test_the_edges_of_the_picture_are_0_and_1():
    document = pose_document(result(person(nose=(-0.5, -0.5, 1), neck=(639.5, 479.5, 1))))
    assert document["people"][0]["kp"][:6] == [0, 0, 1, 1, 1, 1]
    assert document["people"][0]["box"] == [0, 0, 1, 1]


def test_a_keypoint_outside_of_the_picture_is_put_on_its_edge():
    document = pose_document(result(person(nose=(-80, 700, 0.5))))
    assert document["people"][0]["kp"][:3] == [0, 1, 0.5]


def test_nobody_unseen_spoils_the_box_of_another():
    document = pose_document(result(person(), person(nose=(319.5, 239.5, 1))))
    assert [found["box"] for found in document["people"]] == [[0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]]
    assert set(document["people"][0]["kp"]) == {0}


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_layout_has_three_numbers_a_keypoint(layout: str):
    names = LAYOUTS[layout]
    document = pose_document(result(np.full((len(names), 3), 0.5, np.float32), layout=layout))
    assert document["layout"] == layout
    assert len(document["people"][0]["kp"]) == 3 * len(names)


def test_whatever_comes_in_every_number_that_goes_out_is_finite_and_in_its_range():
    seed = random.randrange(2**32)
    print("seed", seed)
    rng = np.random.default_rng(seed)
    poison = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0, 1], np.float32)
    for _ in range(200):
        people = rng.uniform(-100, 900, (rng.integers(1, 6), 18, 3)).astype(np.float32)
        people[..., 2] = rng.uniform(-0.5, 1.5, people.shape[:2])
        spots = rng.random(people.shape) < 0.2
        people[spots] = rng.choice(poison, spots.sum())
        scores = tuple(float(score) for score in rng.choice(poison, len(people)))
        times = StageTimes(capture=math.nan, infer=math.inf, associate=-1)
        document = pose_document(result(*people, scores=scores, times=times))
        assert document["lat_ms"] == {"capture": 0, "infer": 0, "associate": 0}
        for found, keypoints in zip(document["people"], people, strict=True):
            numbers = [found["score"], *found["box"], *found["kp"]]
            assert all(isinstance(number, float) and 0 <= number <= 1 for number in numbers)
            triples = np.array(found["kp"]).reshape(-1, 3)
            unseen = ~(keypoints[:, 2] > 0) | ~np.isfinite(keypoints).all(axis=1)
            assert not triples[unseen].any()
            left, top, right, bottom = found["box"]
            assert left <= right
            assert top <= bottom


def test_zones_go_to_the_people_they_belong_to_and_must_be_as_many():
    two = result(person(nose=(1, 1, 1)), person(neck=(2, 2, 1)))
    document = pose_document(two, zones=((), ("bed",)))
    assert [found["zones"] for found in document["people"]] == [[], ["bed"]]
    with pytest.raises(ValueError, match="zip"):
        pose_document(two, zones=(("bed",),))


@pytest.mark.parametrize("status", ["online", "stopped", "offline"])
def test_a_node_status_is_one_retained_word(status: wire.NodeStatus):
    message = wire.node_status(TOPICS, status)
    assert (message.topic, message.payload) == ("edgepose/flat-12/status", status.encode())
    assert (message.qos, message.retain, message.content_type) == (1, True, "text/plain")


@pytest.mark.parametrize("status", ["online", "stalled", "offline", "disabled"])
def test_a_camera_status_is_one_retained_word(status: wire.CameraStatus):
    message = wire.camera_status(TOPICS, "bedroom", status)
    assert (message.topic, message.payload) == ("edgepose/flat-12/bedroom/status", status.encode())
    assert (message.qos, message.retain) == (1, True)


def test_occupancy_is_retained():
    message = wire.occupancy(TOPICS, "bedroom", 2, Stamp(ts=1.23456, synced=False), posture="lying")
    assert message.topic == "edgepose/flat-12/bedroom/occupancy"
    assert message.payload == b'{"v":1,"count":2,"ts":1.235,"clock_synced":false,"posture":"lying"}'
    assert (message.qos, message.retain, message.expiry_s) == (1, True, None)


def test_info_says_what_runs():
    model = wire.ModelInfo(name="edgepose_256x320_int8", sha256="ab", input=(256, 320), layout="body18")
    info = wire.Info(
        edgepose="0.1.0",
        python="3.11",
        machine="aarch64",
        runtime="litert 2",
        boot="9f2c",
        model=model,
        cameras=["bedroom"],
    )
    message = wire.node_info(TOPICS, info)
    assert (message.topic, message.qos, message.retain) == ("edgepose/flat-12/info", 1, True)
    document = json.loads(message.payload)
    assert document["v"] == 1
    assert document["model"] == {
        "name": "edgepose_256x320_int8",
        "sha256": "ab",
        "input": [256, 320],
        "layout": "body18",
    }
    assert document["cameras"] == ["bedroom"]


def test_the_openpose_document_goes_out_as_it_is():
    document = openpose_json.encode(result(person(nose=(1, 1, 1)))).encode()
    message = wire.openpose(TOPICS, "bedroom", document)
    assert (message.topic, message.payload) == ("edgepose/flat-12/bedroom/pose/openpose", document)
    assert (message.qos, message.retain, message.expiry_s) == (0, False, 2)


def test_a_prefix_may_have_levels():
    assert wire.Topics("home/ground", "flat").of_camera("door", "pose") == "home/ground/flat/door/pose"
