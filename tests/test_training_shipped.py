"""The networks in models/ are what their sidecars say: whole, integer only, with a known origin."""

from pathlib import Path

import numpy as np
import pytest

from edgepose.adapters.model_tflite import TfliteModel
from edgepose.sidecar import load_sidecar
from edgepose.skeleton import BODY18

MODELS = Path(__file__).parents[1] / "models"
SHIPPED = sorted(MODELS.glob("*.tflite"))
REFERENCES = sorted((MODELS / "float").glob("*.tflite"))


def named(path):
    return path.stem


def test_networks_ship():
    assert [path.stem for path in SHIPPED] == [
        "edgepose_160x288_int8",
        "edgepose_192x256_int8",
        "edgepose_192x320_int8",
        "edgepose_256x320_int8",
        "edgepose_288x512_int8",
        "edgepose_384x512_int8",
    ]


@pytest.mark.parametrize("path", SHIPPED + REFERENCES, ids=named)
def test_sidecar_describes_its_network(path):
    sidecar = load_sidecar(path)
    assert sidecar.name == path.stem
    assert (sidecar.input.height, sidecar.input.width) == tuple(map(int, path.stem.split("_")[1].split("x")))
    skeleton = sidecar.to_skeleton()
    assert (skeleton.names, skeleton.limbs) == (BODY18.names, BODY18.limbs)
    TfliteModel(path, sidecar)


@pytest.mark.parametrize("path", SHIPPED + REFERENCES, ids=named)
def test_origin_and_licence_of_every_weight_and_picture_are_known(path):
    for entry in load_sidecar(path).provenance:
        assert {"what", "source", "licence"} <= entry.keys()
        assert "unknown" not in entry.values(), entry


@pytest.mark.parametrize("path", SHIPPED, ids=named)
def test_figures_in_the_sidecar_were_measured(path):
    sets = [entry["set"] for entry in load_sidecar(path).metrics]
    assert sets
    assert all(0 < entry["AP"] < 1 for entry in load_sidecar(path).metrics)


@pytest.mark.parametrize("path", SHIPPED, ids=named)
def test_shipped_network_computes_in_integers_only(path):
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    # The default delegates would hide what the file itself holds.
    plain = litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = litert.Interpreter(str(path), experimental_op_resolver_type=plain)
    kinds = {np.dtype(tensor["dtype"]) for tensor in interpreter.get_tensor_details()}
    assert kinds <= {np.dtype(kind) for kind in (np.int8, np.uint8, np.int32)}


@pytest.mark.parametrize("path", SHIPPED, ids=named)
def test_black_picture_shows_nobody(path):
    sidecar = load_sidecar(path)
    network = TfliteModel(path, sidecar)
    network.input_view()[:] = 0
    maps = network.infer()
    quant = maps.heat_quant
    heats = (np.asarray(maps.heatmaps, np.float32) - quant.zero_point) * quant.scale
    assert heats.max() < 0.3
