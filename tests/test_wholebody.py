"""Hands, faces and feet: where they are looked for, whose they are, what they may cost, and what is told of them."""

import json
import math

import msgspec
import numpy as np
import pytest

from edgepose import _crop, wire
from edgepose.clock import Stamp
from edgepose.domain import Frame, FrameResult, Pose, Track
from edgepose.skeleton import BODY18_NAMES
from edgepose.wholebody import answers, crops, networks
from edgepose.wholebody.crops import Crop
from edgepose.wholebody.memory import Seen
from edgepose.wholebody.settings import WholeBodySettings
from edgepose.wholebody.sidecar import load_part_sidecar
from edgepose.wholebody.stage import WholeBody

SIZE = (640, 480)
STANDING = {
    "nose": (320, 100), "left_eye": (327, 93), "right_eye": (313, 93), "left_ear": (338, 97), "right_ear": (302, 97),
    "neck": (320, 140), "left_shoulder": (350, 140), "right_shoulder": (290, 140), "left_elbow": (362, 195),
    "right_elbow": (278, 195), "left_wrist": (368, 240), "right_wrist": (272, 240), "left_hip": (338, 230),
    "right_hip": (302, 230), "left_knee": (340, 305), "right_knee": (300, 305), "left_ankle": (342, 380),
    "right_ankle": (298, 380),
}  # fmt: skip
ALL = WholeBodySettings(hands=True, face=True, feet=True)


class Painted:
    """A picture whose red tells the column and whose green the row, so that a crop tells where it was cut."""

    width, height = SIZE

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def rgb(self, width, height):
        self.asked.append((width, height))
        pixels = np.zeros((height, width, 3), np.uint8)
        pixels[..., 0] = (np.arange(width) * 255 // width)[None]
        pixels[..., 1] = (np.arange(height) * 255 // height)[:, None]
        pixels[..., 2] = 255
        return pixels


class FakeNetwork:
    """Answers with points in the middle of the crop; remembers what it was shown."""

    def __init__(self, part: str, presence: float = 4.0) -> None:
        self.side, self.part, self.presence = 32, part, presence
        self.shown: list[np.ndarray] = []

    def __call__(self, pictures):
        self.shown += list(pictures)
        count = {"hand": 21, "face": 70, "foot": 3}[self.part]
        points = np.full((len(pictures), 2 * count), 0.5 * self.side, np.float32)
        told = 3 if self.part == "foot" else 1
        return {"points": points, "presence": np.full((len(pictures), told), self.presence, np.float32)}


class RoundFace(FakeNetwork):
    """Answers with points on a circle."""

    def __call__(self, pictures):
        answer = super().__call__(pictures)
        turn = np.linspace(0, 2 * np.pi, 70)
        away = 0.3 * self.side * np.column_stack([np.cos(turn), np.sin(turn)])
        return answer | {"points": answer["points"] + away.ravel().astype(np.float32)}


def pose(places=None, shift=(0, 0)):
    keypoints = np.zeros((18, 3), np.float32)
    for name, (x, y) in (STANDING if places is None else places).items():
        keypoints[BODY18_NAMES.index(name)] = (x + shift[0], y + shift[1], 0.9)
    return Pose(keypoints, 0.8)


def result_of(*poses, picture=None, t_s=0.0):
    frame = Frame(picture or Painted(), t_s=t_s, mono_ns=0, seq=round(t_s * 10))
    tracks = tuple(Track(n, p) for n, p in enumerate(poses, start=1))
    return FrameResult(frame=frame, size=SIZE, tracks=tracks, layout="body18")


def fakes(presence=4.0):
    return {part: FakeNetwork(part, presence) for part in ("hand", "face", "foot")}


def points(places=None):
    return {
        name: np.array((x, y, 0.9), np.float32) for name, (x, y) in (STANDING if places is None else places).items()
    }


# ---- crops


def test_a_crop_shows_what_lies_there_turned_and_mirrored():
    rng = np.random.default_rng(11)
    pixels = rng.integers(0, 255, (60, 80, 3), np.uint8)
    np.testing.assert_array_equal(Crop(30, 20, 21).pixels(pixels, 21), pixels[10:31, 20:41])
    quarter = Crop(30, 20, 21, math.pi / 2).pixels(pixels, 21)
    np.testing.assert_allclose(quarter.astype(int), np.rot90(pixels[10:31, 20:41]), atol=2)
    mirrored = Crop(30, 20, 21, mirrored=True).pixels(pixels, 21)
    np.testing.assert_array_equal(mirrored, pixels[10:31, 20:41][:, ::-1])
    assert not Crop(-40, -40, 21).pixels(pixels, 21).any(), "outside the picture it is black"


def test_a_crop_of_a_smaller_picture_shows_the_same():
    large = Painted().rgb(640, 480)
    small = Painted().rgb(320, 240)
    crop = Crop(301.3, 222.2, 200, 0.7)
    difference = crop.pixels(large, 64).astype(int) - crop.pixels(small, 64, 0.5)
    assert np.abs(difference).max() <= 2


@pytest.mark.parametrize("mirrored", [False, True])
def test_places_in_a_crop_and_in_the_frame_are_each_other(mirrored):
    crop = Crop(100, 50, 40, 0.4, mirrored)
    uv = np.array([(0, 0), (0.25, 0.9), (1, 1)], np.float32)
    np.testing.assert_allclose(crop.to_crop(crop.to_frame(uv)), uv, atol=1e-5)
    pixels = np.zeros((120, 160, 3), np.uint8)
    x, y = np.rint(crop.to_frame(np.array([0.3, 0.6], np.float32))).astype(int)
    pixels[y - 1 : y + 2, x - 1 : x + 2] = 255
    row, column = np.argwhere(crop.pixels(pixels, 40)[..., 0] > 128).mean(axis=0)
    assert abs((column + 0.5) / 40 - 0.3) < 0.04
    assert abs((row + 0.5) / 40 - 0.6) < 0.04


@pytest.mark.parametrize("seed", range(8))
def test_vectors_cut_the_same_bytes_as_numbers_one_by_one(seed):
    rng = np.random.default_rng(seed)
    for taps in (1, 2, 5, 8):
        height, width, side = rng.integers(1, 60, 3)
        packed = rng.integers(0, 256, (height, width, 3), np.uint8)
        apart = np.asfortranarray(packed)
        affine = rng.uniform(-2, 2, 6) + np.array((0, 0, rng.uniform(-20, 60), 0, 0, rng.uniform(-20, 60)))
        answers = [np.empty((side, side + 3, 3), np.uint8) for _ in range(2)]
        for picture, out in zip((packed, apart), answers, strict=True):
            _crop.cut(picture, affine, taps, out)
        np.testing.assert_array_equal(*answers, err_msg=f"seed {seed}, {taps} taps")


def test_what_cannot_be_cut_is_refused():
    picture, out = np.zeros((4, 4, 3), np.uint8), np.zeros((2, 2, 3), np.uint8)
    good = np.array([1.0, 0, 0, 0, 1, 0])
    for words in ((picture[..., :2], good, 1, out), (picture, good[:5], 1, out), (picture, good, 9, out)):
        with pytest.raises(ValueError, match="cut"):
            _crop.cut(*words)
    with pytest.raises(ValueError, match="far"):
        _crop.cut(picture, np.array([1.0, 0, 1e9, 0, 1, 0]), 1, out)
    with pytest.raises(ValueError, match="far"):
        _crop.cut(picture, np.array([1.0, 0, np.nan, 0, 1, 0]), 1, out)


def test_a_hand_is_looked_for_beyond_its_wrist_and_a_face_around_its_nose():
    hand = crops.hand(points(), "left", 300)
    along = np.array(STANDING["left_wrist"]) - STANDING["left_elbow"]
    assert np.dot((hand.x, hand.y) - np.array(STANDING["left_wrist"]), along) > 0
    up = hand.to_frame(np.array((0.5, 0.0), np.float32)) - (hand.x, hand.y)
    assert np.dot(up, along) > 0.99 * np.linalg.norm(up) * np.linalg.norm(along), "fingers point up in the crop"
    face = crops.face(points(), 300)
    places = np.array([STANDING[name] for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")])
    uv = face.to_crop(places.astype(np.float32))
    assert ((uv > 0.1) & (uv < 0.9)).all()
    foot = crops.foot(points(), "left", 300)
    assert foot.mirrored
    assert not crops.foot(points(), "right", 300).mirrored


def test_ankles_in_one_place_or_hardly_seen_place_no_foot():
    both = points()
    both["left_ankle"] = both["right_ankle"].copy()
    assert crops.foot(both, "left", 300) is crops.foot(both, "right", 300) is None
    faint = points()
    faint["left_ankle"][2] = 0.15
    assert crops.foot(faint, "left", 300) is None and crops.foot(faint, "right", 300) is not None


def test_the_crop_of_a_face_that_looks_up_stays_around_it():
    """From below the nose lies between the eyes and the ears below them; the chin is not farther down for that."""
    upwards = {"nose": (100, 101), "left_eye": (112, 100), "right_eye": (88, 100)}
    upwards |= {"left_ear": (128, 108), "right_ear": (72, 108)}
    level = upwards | {"nose": (100, 113), "left_ear": (128, 100), "right_ear": (72, 100)}
    above, below = (crops.face({n: np.array((*xy, 1.0)) for n, xy in each.items()}, 300) for each in (level, upwards))
    np.testing.assert_allclose((above.x, above.y), (below.x, below.y), atol=1)


def test_nothing_is_looked_for_where_the_body_does_not_say_where():
    assert crops.hand({"left_wrist": np.array((1, 2, 1.0))}, "left", 300) is None
    assert crops.face({name: points()[name] for name in ("nose", "left_ear")}, 300) is None, (
        "no eye: the back of a head"
    )
    assert crops.foot({}, "left", 300) is None


# ---- answers


def test_a_part_that_is_not_there_scores_low_or_is_not_told():
    crop = Crop(100, 100, 50)

    def told(logit, where=crop):
        return answers.landmarks(np.full(42, 0.5, np.float32), np.array([logit], np.float32), where, SIZE)

    assert told(4.0)[0, 2] > 0.9
    assert 0.2 < told(-1.0)[0, 2] < 0.3
    assert not told(-4.0).any()
    assert not told(4.0, Crop(-100, 100, 50)).any(), "nobody sees what is outside the picture"


def test_a_hand_that_its_network_takes_for_the_other_one_is_unsure():
    points = np.full(42, 0.5)
    for presence, sure in (([3.0, 3.0], 0.95), ([3.0, -1.0], 0.27), ([-1.0, 3.0], 0.27)):
        found = answers.landmarks(points, np.array(presence), Crop(39.5, 39.5, 80), SIZE)
        np.testing.assert_allclose(found[:, 2], sure, atol=0.01)


def test_each_point_of_a_foot_has_its_own_confidence():
    points, presence = np.array([0.25, 0.5, 0.5, 0.5, 0.5, 0.75]), np.array([3.0, -4.0, 0.0])
    found = answers.landmarks(points, presence, Crop(39.5, 39.5, 80), SIZE)
    np.testing.assert_allclose(found[0], (19.5, 39.5, 0.95), atol=0.01)
    assert not found[1].any()
    np.testing.assert_allclose(found[2], (39.5, 59.5, 0.5), atol=0.01)


# ---- the stage


def whole(settings, *, wanted=("hand", "face", "foot"), follow=False, **others):
    nets = {part: net for part, net in fakes().items() if part in wanted}
    return WholeBody(settings, networks=nets, follow=follow, **others), nets


def test_left_and_right_are_those_of_the_body():
    stage, _ = whole(ALL)
    parts = stage(result_of(pose())).tracks[0].pose.parts
    for name in ("left", "right"):
        hand = getattr(parts, f"{name}_hand")
        wrist = np.array(STANDING[f"{name}_wrist"])
        assert np.linalg.norm(hand[0, :2] - wrist) < 30
    left, right = parts.feet[:3, :2].mean(axis=0), parts.feet[3:, :2].mean(axis=0)
    assert np.linalg.norm(left - STANDING["left_ankle"]) < 30
    assert np.linalg.norm(right - STANDING["right_ankle"]) < 30
    assert parts.face.shape == (70, 3)


def test_a_left_hand_is_shown_as_a_right_one():
    assert crops.hand(points(), "left", 300).mirrored
    assert not crops.hand(points(), "right", 300).mirrored
    seen = np.column_stack([np.linspace(10, 90, 21), np.linspace(80, 20, 21), np.ones(21)]).astype(np.float32)
    assert crops.hand_seen(seen, "left").mirrored
    assert not crops.hand_seen(seen, "right").mirrored


@pytest.mark.parametrize(("presence", "looks"), [(4.0, 1), (1.0, 2)])
def test_a_face_that_is_unsure_at_first_sight_is_looked_at_again(presence, looks):
    network = RoundFace("face", presence)
    stage = WholeBody(WholeBodySettings(face=True), networks={"face": network}, follow=True)
    stage(result_of(pose(), t_s=0.0))
    assert len(network.shown) == looks
    stage(result_of(pose(), t_s=0.1))
    assert len(network.shown) == looks + 1, "in video the next frame is another look"


def test_a_left_foot_is_shown_as_a_right_one():
    stage, nets = whole(WholeBodySettings(feet=True), wanted=("foot",))
    stage(result_of(pose()))
    left, right = nets["foot"].shown
    assert left[16, -1, 0] < left[16, 0, 0], "red, which grows to the right in the picture, shrinks"
    assert right[16, -1, 0] > right[16, 0, 0]


def test_without_anybodys_hands_in_view_nothing_is_done_at_all():
    places = {name: place for name, place in STANDING.items() if "wrist" not in name}
    for people in ((), (pose(places),)):
        picture = Painted()
        stage, nets = whole(WholeBodySettings(hands=True), wanted=("hand",))
        result = stage(result_of(*people, picture=picture))
        assert picture.asked == []
        assert nets["hand"].shown == []
        for track in result.tracks:
            assert not track.pose.parts.left_hand.any()
            assert track.pose.parts.face is None, "nobody asked for it"


def test_what_does_not_fit_into_the_budget_takes_turns():
    now_s = [0.0]

    def clock():
        now_s[0] += 0.002
        return now_s[0]

    settings = WholeBodySettings(hands=True, face=True, budget_ms=12.0)
    stage, nets = whole(settings, wanted=("hand", "face"), follow=True, clock=clock)
    seen, counts = set(), []
    for step in range(8):
        before = len(nets["hand"].shown) + len(nets["face"].shown)
        result = stage(result_of(pose(), pose(shift=(150, 0)), t_s=0.1 * step))
        counts.append(len(nets["hand"].shown) + len(nets["face"].shown) - before)
        for track in result.tracks:
            seen |= {(track.id, name) for name in ("left_hand", "right_hand", "face")
                     if getattr(track.pose.parts, name).any()}  # fmt: skip
    assert len(seen) == 6, "everybody's hands and faces had their turn"
    assert max(counts[1:]) < 6, "but not all in one frame"
    assert min(counts) >= 1
    last = [track.pose.parts for track in result.tracks]
    assert all(getattr(parts, name).any() for parts in last for name in ("left_hand", "right_hand", "face")), (
        "those who wait keep what was seen of them"
    )


def test_what_was_seen_a_while_ago_is_less_sure_and_moves_with_the_body():
    keypoints = np.full((21, 3), 0.8, np.float32)
    keypoints[:, :2] = (10, 20)
    seen = Seen(keypoints, 1.0, np.array((5, 5), np.float32))
    later = seen.by_now(1.4, np.array((8, 4), np.float32))
    np.testing.assert_allclose(later[0], (13, 19, 0.8 / math.e), rtol=1e-5)
    assert not seen.by_now(2.5, np.array((8, 4), np.float32)).any()


def test_a_masked_face_is_black_for_the_network_too():
    mask = ((0.4, 0.1), (0.6, 0.1), (0.6, 0.35), (0.4, 0.35))
    stage, nets = whole(WholeBodySettings(face=True), wanted=("face",), masks=[mask])
    stage(result_of(pose()))
    assert nets["face"].shown[0][10:22, 10:22].max() == 0


def test_a_turned_camera_is_looked_at_upright():
    class Lying(Painted):
        width, height = SIZE[1], SIZE[0]

        def rgb(self, width, height):
            return np.rot90(Painted.rgb(self, height, width), 1)

    straight, seen_straight = whole(WholeBodySettings(face=True), wanted=("face",))
    turned, seen_turned = whole(WholeBodySettings(face=True), wanted=("face",), rotate=90)
    straight(result_of(pose()))
    turned(result_of(pose(), picture=Lying()))
    np.testing.assert_array_equal(seen_straight["face"].shown[0], seen_turned["face"].shown[0])


def test_nobody_is_changed_where_nothing_is_asked_for():
    stage, _ = whole(WholeBodySettings(), wanted=())
    result = result_of(pose())
    assert stage(result) is result


def test_a_pose_message_carries_the_parts_that_were_looked_for():
    stage, _ = whole(WholeBodySettings(hands=True), wanted=("hand",))
    topics, stamp = wire.Topics("edgepose", "n"), Stamp(1.0, True)
    with_hands = wire.pose(topics, "c", stage(result_of(pose())), stamp=stamp, boot="b")
    person = json.loads(with_hands.payload)["people"][0]
    assert len(person["left_hand"]) == 63
    assert "face" not in person
    assert all(0 <= number <= 1 for number in person["left_hand"])
    without = json.loads(wire.pose(topics, "c", result_of(pose()), stamp=stamp, boot="b").payload)["people"][0]
    assert "left_hand" not in without
    assert msgspec.json.decode(with_hands.payload, type=wire.PoseMessage).people[0].left_hand == person["left_hand"]


# ---- the networks that ship


@pytest.mark.parametrize("part", networks.installed())
def test_shipped_networks_answer_what_their_sidecars_say(part):
    path = networks.folder() / f"{networks.FILES[part]}.tflite"
    sidecar = load_part_sidecar(path)
    assert sidecar.part == part
    assert all({"what", "source", "licence"} <= entry.keys() for entry in sidecar.provenance)
    network = networks.load(part)
    answer = network([np.zeros((network.side, network.side, 3), np.uint8)] * 2)
    assert answer.keys() == sidecar.outputs.keys()
    assert all(len(numbers) == 2 for numbers in answer.values())
    assert answer["presence"].max() < 0, "black shows nobody"
