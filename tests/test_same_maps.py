"""Every processor leaves the maps that x86-64 left: run by `make test`, and on arm64 under an emulator."""

import numpy as np
import pytest

from tests import same_maps


@pytest.fixture(scope="module")
def kept() -> dict[str, np.ndarray]:
    return dict(np.load(same_maps.KEPT))


@pytest.mark.parametrize("network", same_maps.networks(), ids=lambda path: path.stem)
def test_the_maps_are_those_of_x86_64(network, kept):
    assert str(kept.get(f"{network.stem}/sha256")) == same_maps.sha256(network), (
        f"{network.name} is new; on x86-64, python tests/same_maps.py write keeps its maps"
    )
    found = same_maps.differences(network, kept)
    assert max(found.values()) <= same_maps.TOLERANCE, found


def test_the_kept_maps_hold_somebody(kept):
    for network in same_maps.networks():
        heat = kept[f"{network.stem}/heatmaps"].astype(int) + 128
        assert heat.max() > 128, f"nothing above 0.5 in the maps of {network.stem}"
