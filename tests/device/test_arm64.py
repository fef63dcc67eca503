"""What an Arm processor makes of the networks is, number for number, what an x86-64 makes of them."""

import platform

import numpy as np
import pytest

from edgepose import networks
from edgepose.adapters.model_tflite import runtime_version
from tests.device.maps import answers

EXPECTED = "/srv/maps.npz"
"""Written by tests.device.maps on the machine that runs the test."""


def test_this_is_an_arm_processor_with_the_current_runtime():
    assert platform.machine() == "aarch64"
    assert runtime_version().startswith("ai-edge-litert")
    print(runtime_version(), np.__version__, networks.auto_name())
    assert networks.auto_name() == "edgepose_192x256_int8"


@pytest.mark.parametrize("name", [path.stem for path in networks.installed()])
def test_int8_maps_are_those_of_x86_64(name):
    kept = np.load(EXPECTED)
    network = networks.load(name)
    for number, (heat, paf) in enumerate(answers(network, kept[f"{name}/pictures"])):
        assert np.array_equal(heat, kept[f"{name}/heat"][number]), f"heat maps of picture {number}"
        assert np.array_equal(paf, kept[f"{name}/paf"][number]), f"fields of picture {number}"
        assert len(np.unique(heat)) > 20, "not an empty answer"


def test_the_optimised_kernels_are_in_effect():
    from edgepose.config import Model

    assert networks.open_plain(networks.load("auto"), Model(threads=1)).delegated, "XNNPACK"
