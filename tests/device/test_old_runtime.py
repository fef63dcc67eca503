"""tflite-runtime with numpy 1: what it makes of the networks, and whether its optimised kernels are in effect."""

import numpy as np
import pytest

from edgepose import networks
from edgepose.adapters.model_tflite import runtime_version
from edgepose.adapters.picture_av import picture_from_rgb
from edgepose.config import Model
from edgepose.demo_clip import CLIP
from edgepose.domain import Frame
from tests.clips import frames_of


def test_this_is_the_old_runtime_with_an_old_numpy():
    assert runtime_version().startswith("tflite-runtime 2.")
    assert np.__version__.startswith("1.")


@pytest.mark.parametrize("name", [path.stem for path in networks.installed()])
def test_people_are_found(name):
    network = networks.load(name)
    pipeline = networks.build_pipeline(network, Model(threads=1))
    found = [pipeline(Frame(picture_from_rgb(p), 0.0, 0, 0)).tracks for p in frames_of(CLIP, 60, 4)]
    assert all(len(tracks) >= 1 for tracks in found)


def test_whether_xnnpack_is_in_effect_can_be_told():
    print("XNNPACK in effect:", networks.open_plain(networks.load("auto"), Model(threads=1)).delegated)
