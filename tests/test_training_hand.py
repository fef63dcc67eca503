"""How the hand's network is made smaller: channels taken out, its end taught anew."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="models/training/requirements.txt is not installed")
pytest.importorskip("cv2", reason="models/training/requirements.txt is not installed")

import keras

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))

from training.errors import TrainingError
from training.foot_views import in_crops, in_views, random_maps
from training.hand_lessons import SIDE, Hands, Lessons, Looks
from training.hand_tail import fit, ridge, teach
from training.part_graph import build
from training.slim import fewer, slim
from training.tfjs_graph import Graph, Node


def rng_of(seed):
    print(f"seed {seed}")
    return np.random.default_rng(seed)


def test_places_in_views_and_in_crops_are_each_other():
    rng = rng_of(3)
    maps, places = random_maps(rng, 20), rng.uniform(0, 1, (20, 21, 2))
    np.testing.assert_allclose(in_crops(in_views(places, maps), maps), places, atol=1e-9)


def test_sums_are_found_again_and_what_does_not_count_teaches_nothing():
    rng = rng_of(4)
    features, kernel, bias = rng.normal(size=(400, 12)), rng.normal(size=(12, 3)), rng.normal(size=3)
    wanted = features @ kernel + bias
    counts = np.ones(400)
    wanted[:50], counts[:50] = 1e3, 0.0
    found, shift = ridge(features, wanted, counts, 1e-6)
    np.testing.assert_allclose(found, kernel, atol=1e-6)
    np.testing.assert_allclose(shift, bias, atol=1e-6)
    stiff, _ = ridge(features, wanted, counts, 1e9)
    assert np.abs(stiff).max() < 1e-3, "a penalty keeps the sums as they were"


def test_a_layer_is_fitted_to_what_counts_and_says_places_in_pixels():
    seed = 5
    rng = rng_of(seed)
    keras.utils.set_random_seed(seed)
    seen = keras.Input((16,))
    points = keras.layers.Flatten(name="points")(keras.layers.Dense(42)(seen))
    logits = [keras.layers.Flatten()(keras.layers.Dense(1)(seen)) for _ in range(2)]
    model = keras.Model(seen, [points, keras.layers.Concatenate(name="presence")(logits)])
    features = rng.normal(size=(20_000, 16)).astype(np.float32)
    places = 0.5 + 0.1 * (features @ rng.normal(size=(16, 42))).reshape(-1, 21, 2)
    logits = features @ rng.normal(size=(16, 2)) * 0.3
    fit(model, features, Lessons(features, places, logits, np.ones(20_000)))
    said = model.predict(features[:50], verbose=0)
    np.testing.assert_allclose(said[0].reshape(-1, 21, 2) / SIDE, places[:50], atol=0.05)
    np.testing.assert_allclose(said[1], logits[:50], atol=0.1)


def test_hands_are_told_from_looks_that_agree_that_there_is_one_and_where():
    rng = rng_of(8)
    hands = Hands(np.zeros((3, 4, 4, 3), np.uint8), np.zeros((3, 21, 3)))
    places = np.tile(rng.uniform(0.2, 0.8, (21, 2)), (6, 3, 1, 1)) + rng.normal(0, 0.01, (6, 3, 21, 2))
    logits = np.full((6, 3, 2), 4.0)
    places[3:, 1] += 0.2  # half of the looks see it elsewhere
    logits[:3, 2, 1] = -1.0  # half of them see a left one
    places[0, 0] += 0.5  # one look at the first is far off
    looks = Looks(hands, np.zeros((6, 3, 2, 3)), places, logits)
    assert looks.agreed.tolist() == [True, True, False]
    assert looks.steady.tolist() == [True, False, True]
    np.testing.assert_allclose(looks.middle[0], places[1:, 0].mean(axis=0), atol=0.02)


def test_a_mirrored_hand_has_no_places_and_the_chosen_keep_theirs():
    rng = rng_of(9)
    hands = Hands(rng.integers(0, 255, (4, 6, 6, 3), np.uint8), rng.uniform(size=(4, 21, 3)))
    assert not hands.mirrored().labels.any()
    np.testing.assert_array_equal(hands.mirrored().images[:, :, 0], hands.images[:, :, -1])
    np.testing.assert_array_equal(hands.part([1, 3]).labels, hands.labels[[1, 3]])


def learner():
    """A network as small as can be, of which what lies behind its maps is taught."""
    image = keras.Input((12, 12, 3))
    maps = keras.layers.Conv2D(4, 4, strides=4)(image)
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(8, 3, activation="relu6", name="last")(maps))
    points = keras.layers.Flatten(name="points")(keras.layers.Dense(42)(features))
    logits = [keras.layers.Flatten()(keras.layers.Dense(1)(features)) for _ in range(2)]
    named = [keras.layers.Flatten(name=name)(each) for name, each in (("features", features), ("maps", maps))]
    return keras.Model(image, [points, keras.layers.Concatenate(name="presence")(logits), *named])


def told(model, maps):
    """Places in shares of the crop, and logits."""
    end = keras.Model(model.get_layer("maps").input, model.outputs[:2])
    points, logits = end.predict(maps.reshape(-1, 3, 3, 4), verbose=0)
    return points.reshape(-1, 21, 2) / SIDE, logits


def test_the_end_learns_places_where_they_count_and_how_sure_to_be():
    seed = 5
    rng = rng_of(seed)
    keras.utils.set_random_seed(seed)
    model = learner()
    maps = rng.normal(size=(6_400, 36)).astype(np.float32)
    for layer in model.layers:
        layer.set_weights([each * 60 if each.shape[-1] == 42 else each for each in layer.get_weights()])
    places, logits = told(model, maps)
    last, seeing = model.get_layer("last"), model.layers[1].get_weights()
    last.set_weights([each + rng.normal(0, 0.2, each.shape) for each in last.get_weights()])
    counts = np.ones(len(maps))
    right = places.copy()
    places[::8], counts[::8] = 7.0, 0.0

    def off():
        found, sure = told(model, maps)
        return np.linalg.norm(found - right, axis=-1).mean(), np.abs(sure - logits).mean()

    before = off()
    teach(model, Lessons(maps.astype(np.float16), places, logits, counts), seed)
    after = off()
    print(f"places and logits were off by {before}, are by {after}")
    assert after[0] < 0.7 * before[0] and after[1] < 0.7 * before[1]
    for old, new in zip(seeing, model.layers[1].get_weights(), strict=True):
        np.testing.assert_array_equal(old, new, "what comes before the maps stays as it is")


def test_columns_that_others_make_up_for_are_left_out():
    rng = rng_of(6)
    own = rng.normal(size=(300, 4))
    seen = np.column_stack([own, own @ rng.normal(size=(4, 2)), np.full(300, 2.5)])
    wanted = own @ rng.normal(size=(4, 3)) + 1
    kept, kernel, bias, lost = fewer(seen, wanted, 4)
    assert lost < 1e-6
    np.testing.assert_allclose(seen[:, kept] @ kernel + bias, wanted, atol=1e-3)
    assert fewer(seen, wanted, 3)[3] > 1e-3, "and what nothing makes up for is missed"


def block(rng, channels=6):
    """A graph of one block, of which half of the channels are copies of the others."""
    weights = {
        "wide": rng.normal(size=(3, 3, 3, channels)) * 0.5, "wide_bias": rng.normal(size=channels),
        "deep": rng.normal(size=(3, 3, channels, 1)) * 0.3, "deep_bias": rng.normal(size=channels) + 1,
        "linear": rng.normal(size=(1, 1, channels, 4)), "linear_bias": rng.normal(size=4),
    }  # fmt: skip
    half = channels // 2
    for name in ("wide", "wide_bias", "deep_bias"):
        weights[name][..., half:] = weights[name][..., :half]
    weights["deep"][:, :, half:] = weights["deep"][:, :, :half]
    stride = {"strides": {"list": {"i": ["1", "1", "1", "1"]}}, "padding": {"s": "U0FNRQ=="}}
    nodes = [Node("image", "Placeholder", (), {}), *(Node(name, "Const", (), {}) for name in weights)]
    last = "image"
    for name, op in (("wide", "Conv2D"), ("deep", "DepthwiseConv2dNative"), ("linear", "Conv2D")):
        nodes += [
            Node(f"{name}_c", op, (last, name), stride),
            Node(f"{name}_a", "AddV2", (f"{name}_c", f"{name}_bias"), {}),
        ]
        last = f"{name}_a"
        if name != "linear":
            nodes.append(Node(f"{name}_r", "Relu6", (last,), {}))
            last = f"{name}_r"
    nodes.append(Node("out", "Identity", (last,), {}))
    return Graph(tuple(nodes), {name: np.float32(each) for name, each in weights.items()})


def test_a_block_without_its_copied_channels_answers_the_same():
    rng = rng_of(7)
    graph = block(rng)
    pictures = rng.uniform(0, 1, (3, 8, 8, 3)).astype(np.float32)
    before = build(graph, 8, {"out": "out"}, batch=3)(pictures)
    assert slim(graph, 0, 3, pictures) < 1e-6
    assert graph.weights["wide"].shape[-1] == graph.weights["deep"].shape[2] == graph.weights["linear"].shape[2] == 3
    np.testing.assert_allclose(build(graph, 8, {"out": "out"}, batch=3)(pictures), before, atol=1e-2)


def test_a_graph_without_such_a_block_is_refused():
    with pytest.raises(TrainingError, match="block"):
        slim(Graph((), {}), 0, 16, np.zeros((1, 8, 8, 3), np.float32))
