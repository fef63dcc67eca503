"""The training scripts and the daemon mean the same by a channel."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from training import layout

from edgepose.skeleton import BODY18


def test_training_layout_is_the_skeleton_of_the_daemon():
    assert BODY18.names == layout.BODY18
    assert tuple((BODY18.names.index(a), BODY18.names.index(b)) for a, b in layout.LIMBS) == BODY18.limbs


def test_heat_channels_name_the_same_keypoints():
    assert tuple(layout.KEYPOINTS[channel] for channel in layout.HEAT_CHANNELS) == BODY18.names


def test_mirroring_twice_changes_nothing():
    assert [layout.MIRROR[layout.MIRROR[k]] for k in range(layout.HEATS)] == list(range(layout.HEATS))
    assert layout.KEYPOINTS[layout.MIRROR[layout.KEYPOINTS.index("left_knee")]] == "right_knee"
    assert layout.MIRROR[layout.NECK] == layout.NECK
