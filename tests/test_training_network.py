"""The network that ships answers what the network that was trained answers.

Needs TensorFlow (models/training/requirements.txt) and the trunk's weights in the development data folder.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
pytest.importorskip("tensorflow", reason="models/training/requirements.txt is not installed")
pytest.importorskip("cv2", reason="models/training/requirements.txt is not installed")
pytest.importorskip("torch", reason="models/training/requirements.txt is not installed")

import torch
from ai_edge_litert.interpreter import Interpreter
from training.assemble import TRAINED, mirror_of
from training.convert import to_float, to_int8
from training.cuts import heat_sized, joined_relus
from training.deploy import LOGITS, build_deployed_model
from training.equalise import equalise
from training.errors import TrainingError
from training.features import FloatTrunk
from training.head import build_head_model, form_of
from training.head_file import load_head, save_head
from training.mirror import Mirror
from training.network_file import Network, load_network, save_network
from training.ranges import best_ranges
from training.spread import extremes_of, spread
from training.steps import steps_of, weights_of
from training.tflite_file import check_integer_only, inputs_and_outputs, operators
from training.trunk import check_size
from training.weights import load_trunk_graph

SIZE = (64, 96)
SHARED = Path(os.environ.get("EDGEPOSE_SHARED", Path(__file__).parents[2] / "shared"))
needs_weights = pytest.mark.skipif(
    not (SHARED / "data/weights/movenet-multipose.bin").is_file(),
    reason="no trunk weights in the development data folder (EDGEPOSE_SHARED)",
)
pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def graph():
    return load_trunk_graph(SHARED / "data/weights")


@pytest.fixture(scope="module")
def head():
    return head_of(1)


def head_of(stages):
    """A head with weights of no meaning, batch norms included, so that folding has something to fold."""
    rng = np.random.default_rng(5)
    return {
        name: (weight + rng.uniform(0.05, 0.3, weight.shape) / stages).astype(np.float32)
        for name, weight in weights_of(build_head_model(stages=stages)).items()
    }


@pytest.fixture(scope="module")
def pictures():
    """Noise of several coarsenesses, black and white included, as -1..1."""
    rng = np.random.default_rng(6)
    coarse = [rng.uniform(-1, 1, (SIZE[0] // k, SIZE[1] // k, 3)) for k in (1, 2, 4, 8, 16, 32)]
    fine = [np.kron(patch, np.ones((SIZE[0] // len(patch), SIZE[0] // len(patch), 1))) for patch in coarse]
    fine[0][0, 0], fine[0][0, 1] = -1, 1
    return np.stack(fine).astype(np.float32)


@pytest.fixture(scope="module")
def network(graph, head, pictures):
    """Trunk and head put together as `assemble` does, measured on made-up pictures."""
    model = build_deployed_model(graph, head, SIZE)
    equalise(model, pictures)
    steps, weights, source = steps_of(model), weights_of(model), str(model.input.name)
    seen = [picture[None].transpose(0, 3, 1, 2).copy() for picture in pictures]
    (features,) = joined_relus(steps)
    tops = extremes_of(Mirror(steps, weights, TRAINED, source), seen)[features][1]
    weights = heat_sized(steps, weights, features, tops.clip(1e-3))
    weights = spread(steps, weights, extremes_of(Mirror(steps, weights, TRAINED, source), seen))
    ranges = best_ranges(Mirror(steps, weights, TRAINED, source), steps, seen, LOGITS, seed=1)
    return Network(source, steps, weights, ranges)


def answers(content, picture):
    """Outputs of a file by name, as real numbers."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    told = picture[None] if image["dtype"] == np.float32 else np.rint((picture[None] + 1) * 127.5).astype(np.uint8)
    interpreter.set_tensor(image["index"], told)
    interpreter.invoke()
    found = {}
    for output in interpreter.get_output_details():
        scale, zero_point = output["quantization"]
        value = interpreter.get_tensor(output["index"])[0].astype(np.float32)
        found[output["name"]] = value if output["dtype"] == np.float32 else (value - zero_point) * scale
    return found


@needs_weights
@pytest.mark.parametrize("stages", [1, 3])
def test_folding_and_splitting_keep_the_function(graph, pictures, stages):
    head = head_of(stages)
    assert form_of(head).stages == stages
    deployed = build_deployed_model(graph, head, SIZE)
    trunk, trained = FloatTrunk(graph), build_head_model(head)
    for picture in pictures:
        maps = trunk((picture[None] + 1) * 127.5)
        neck, pafs = trained(list(maps))
        heatmaps, fields, offsets = deployed(picture[None])
        np.testing.assert_allclose(heatmaps[..., :17], maps.heats, atol=1e-3)
        np.testing.assert_allclose(heatmaps[..., 17:18], neck, atol=1e-3)
        np.testing.assert_allclose(fields, pafs, atol=1e-3)
        assert (heatmaps.shape[-1], offsets.shape[-1]) == (19, 34)


@needs_weights
def test_equalising_changes_weights_but_not_answers(graph, head, pictures):
    model = build_deployed_model(graph, head, SIZE)
    before = [answer.numpy() for answer in model(pictures[:1])]
    scales = equalise(model, pictures)
    after = [answer.numpy() for answer in model(pictures[:1])]
    assert max(float(scale.max() / scale.min()) for scale in scales.values()) > 2
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(new, old, atol=2e-3)


@needs_weights
def test_the_mirror_answers_what_the_float_network_answers(graph, head, pictures):
    model = build_deployed_model(graph, head, SIZE)
    mirror = Mirror(steps_of(model), weights_of(model), TRAINED, str(model.input.name))
    with torch.no_grad():
        logits, fields, offsets = (each.numpy() for each in mirror(torch.from_numpy(pictures.transpose(0, 3, 1, 2))))
    for picture, *mirrored in zip(pictures, 1 / (1 + np.exp(-logits)), fields, offsets, strict=True):
        for expected, found in zip(model(picture[None]), mirrored, strict=True):
            np.testing.assert_allclose(found.transpose(1, 2, 0), expected[0], atol=2e-3)


@needs_weights
def test_the_mirror_keeps_its_weights(network):
    kept = mirror_of(network).weights()
    assert kept.keys() >= network.weights.keys()
    for name, weight in network.weights.items():
        np.testing.assert_allclose(kept[name], weight, rtol=1e-5, atol=1e-7, err_msg=name)


@needs_weights
def test_the_int8_file_answers_what_the_rounded_mirror_answers(network, pictures):
    content = to_int8(network, SIZE)
    mirror = mirror_of(network)
    for picture in pictures:
        with torch.no_grad():
            image = torch.from_numpy(picture[None].transpose(0, 3, 1, 2).copy())
            _, fields, _ = (each.numpy()[0].transpose(1, 2, 0) for each in mirror(image, network.ranges))
        apart = np.abs(answers(content, picture)["pafs"] - fields)
        step = (network.ranges["pafs"][1] - network.ranges["pafs"][0]) / 255
        assert np.median(apart) <= 1.0001 * step and apart.mean() <= 1.5 * step, "int8 sums round a little differently"


@needs_weights
def test_int8_file_computes_in_integers_and_takes_bytes(network):
    content = to_int8(network, SIZE)
    check_integer_only(content)
    (image,), outputs = inputs_and_outputs(content)
    assert (image.name, image.dtype, image.shape) == ("image", "uint8", (1, *SIZE, 3))
    assert {output.name: output.shape[1:] for output in outputs} == {
        "heatmaps": (16, 24, 19),
        "pafs": (16, 24, 38),
        "regress": (16, 24, 34),
    }
    heatmaps = next(output for output in outputs if output.name == "heatmaps")
    assert (heatmaps.scale, heatmaps.zero_point) == (1 / 256, -128)
    assert not {"DEQUANTIZE", "CUSTOM"} & operators(content).keys()


@needs_weights
def test_float_file_is_not_taken_for_an_integer_one(network):
    with pytest.raises(TrainingError, match="not all integer"):
        check_integer_only(to_float(network, SIZE))


@needs_weights
def test_network_survives_its_file(network, tmp_path):
    save_network(tmp_path / "network.npz", network)
    stored = load_network(tmp_path / "network.npz")
    assert (stored.source, stored.steps, stored.ranges) == (network.source, network.steps, network.ranges)
    for name, weight in network.weights.items():
        np.testing.assert_allclose(stored.weights[name], weight, rtol=1e-3, atol=1e-4)


def test_head_survives_its_file(tmp_path):
    weights = weights_of(build_head_model())
    save_head(tmp_path / "head.npz", weights)
    stored = load_head(tmp_path / "head.npz")
    assert stored.keys() == weights.keys()
    for name, weight in weights.items():
        np.testing.assert_allclose(stored[name], weight, rtol=1e-3, atol=1e-6)


def test_file_that_is_no_head_is_named(tmp_path):
    (tmp_path / "head.npz").write_bytes(b"nothing")
    with pytest.raises(TrainingError, match=r"head\.npz holds no head weights"):
        load_head(tmp_path / "head.npz")


def test_size_that_is_no_multiple_of_32_is_refused():
    with pytest.raises(TrainingError, match="100x128 is not a multiple of 32"):
        check_size(100, 128)


def test_changed_weights_are_refused(tmp_path):
    (tmp_path / "movenet-multipose.json").write_text("{}")
    (tmp_path / "movenet-multipose.bin").write_bytes(b"")
    with pytest.raises(TrainingError, match="has sha256 44136fa3"):
        load_trunk_graph(tmp_path)
