"""A small network of our own for toes and heels, trained on rendered crops (render/foot_crops.py)."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from . import sidecar_file
from .errors import TrainingError
from .head_file import sha256_of
from .part_export import described, to_int8

Array = Any
SIDE, CELLS, POINTS = 96, 24, 3
_SIGMA = 1.1
"""Cells: width of a heat map's peak."""
_HELD_OUT = 8
"""Every n-th crop is kept for comparing."""


def build() -> keras.Model:
    """Crop (N, 96, 96, 3), 0 to 1, to logits (N, 24, 24, 3): right big toe, small toe, heel. 110,000 weights.

    Plain convolutions: at this size they cost little to run, and train many times faster than depthwise ones.
    """
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = _conv(image, 16, 3, 2)
    x = quarter = _conv(x, 24, 3, 2)
    x = eighth = _conv(_conv(x, 32, 3, 2), 40)
    x = _conv(_conv(x, 48, 3, 2), 56)
    x = _conv(x, 56)
    x = layers.Add()([layers.UpSampling2D(2)(_conv(x, 40, 1)), eighth])
    x = _conv(x, 40)
    x = layers.Add()([layers.UpSampling2D(2)(_conv(x, 24, 1)), quarter])
    x = _conv(x, 24)
    rare = keras.initializers.Constant(-3)  # most cells hold nothing
    return keras.Model(image, layers.Conv2D(POINTS, 1, bias_initializer=rare, name="logits")(x))


def _conv(x: Any, channels: int, size: int = 3, stride: int = 1) -> Any:
    x = layers.Conv2D(channels, size, stride, padding="same", use_bias=False)(x)
    return layers.ReLU(6.0)(layers.BatchNormalization(momentum=0.9)(x))


def targets(labels: Array) -> Array:
    """(N, 24, 24, 3) heat maps of (N, 3, 3) labels: x, y from 0 to 1, and how high the peak shall be."""
    cells = (np.arange(CELLS, dtype=np.float32) + 0.5) / CELLS
    x = np.exp(-(((cells - labels[..., :1]) * CELLS / _SIGMA) ** 2) / 2)
    y = np.exp(-(((cells - labels[..., 1:2]) * CELLS / _SIGMA) ** 2) / 2)
    maps: Array = np.einsum("nky,nkx->nyxk", y, x * labels[..., 2:]).astype(np.float32)
    return maps


def train(data: Path, out: Path, epochs: int, seed: int) -> dict[str, float]:
    """Writes edgepose_foot_int8.tflite and its sidecar into `out`; its errors on crops kept apart."""
    if not data.is_file():
        raise TrainingError(f"no {data}; make it with render/foot_crops.py")
    keras.utils.set_random_seed(seed)
    content = np.load(data)
    images, labels = content["images"], content["labels"]
    kept = np.arange(len(images)) % _HELD_OUT == 0
    model = build()
    _fit(model, images[~kept], targets(labels[~kept]), epochs, seed)
    deployed = keras.Model(model.input, layers.Activation("sigmoid", name="heats")(model.output))
    whole = _fixed(deployed)
    calibration = images[~kept][:: max(1, len(images) // 120)].astype(np.float32) / 255
    calibration[0, 0, 0], calibration[0, 0, 1] = 0.0, 1.0
    file = out / "edgepose_foot_int8.tflite"
    out.mkdir(parents=True, exist_ok=True)
    file.write_bytes(to_int8(whole, calibration))
    told = errors(file.read_bytes(), images[kept], labels[kept])
    provenance = [
        {
            "what": f"weights: {epochs} epochs on {int((~kept).sum())} rendered crops of feet, seed {seed}",
            "source": "models/training/foot.py, models/training/render/foot_crops.py (bodies: Anny, mesh CC0)",
            "sha256": sha256_of(data),
            "licence": "Apache-2.0",
            "maker": "edgepose",
        }
    ]
    sidecar_file.write(file.with_suffix(".yaml"), described("foot", file, provenance, [told]))
    return told


def _fit(model: keras.Model, images: Array, maps: Array, epochs: int, seed: int) -> None:
    batch = 32
    steps = epochs * len(images) // batch
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps, alpha=0.02)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-4), _loss)
    rng = np.random.default_rng(seed)

    def batches() -> Any:
        while True:
            order = rng.permutation(len(images))
            for start in range(0, len(order) - batch + 1, batch):
                chosen = np.sort(order[start : start + batch])
                pixels = images[chosen].astype(np.float32) / 255
                gain, shift = rng.uniform(0.7, 1.3, (batch, 1, 1, 3)), rng.uniform(-0.1, 0.1, (batch, 1, 1, 3))
                yield np.clip(pixels * gain + shift, 0, 1).astype(np.float32), maps[chosen]

    model.fit(batches(), steps_per_epoch=len(images) // batch, epochs=epochs, verbose=2)


def _loss(expected: Any, logits: Any) -> Any:
    """Cross entropy in which peaks count as much as all else together."""
    each = tf.nn.sigmoid_cross_entropy_with_logits(expected, logits)
    return tf.reduce_mean(each * (1 + 40 * expected))


def _fixed(model: keras.Model) -> keras.Model:
    """The same for one crop at a time."""
    image = keras.Input((SIDE, SIDE, 3), batch_size=1, name="image")
    return keras.Model(image, [layers.Identity(name="heats")(model(image))])


def errors(content: bytes, images: Array, labels: Array) -> dict[str, Any]:
    """How far the int8 file's peaks lie from the labels, and how high they are."""
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (image,), (heats,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero = heats["quantization"]
    away, tops = [], []
    for pixels, label in zip(images, labels, strict=True):
        interpreter.set_tensor(image["index"], pixels[None])
        interpreter.invoke()
        found = (interpreter.get_tensor(heats["index"])[0].astype(np.float32) - zero) * scale
        flat = found.reshape(-1, POINTS)
        peak = flat.argmax(0)
        uv = (np.stack([peak % CELLS, peak // CELLS], 1) + 0.5) / CELLS
        away.append(np.linalg.norm(uv - label[:, :2], axis=1))
        tops.append(flat.max(0))
    off, top = np.array(away), np.array(tops)
    seen, hidden = labels[..., 2] == 1, labels[..., 2] == 0
    return {
        "set": "rendered crops kept apart",
        "crops": len(images),
        "mean_off_percent_of_crop": round(float(100 * off[seen].mean()), 2),
        "median_off_percent_of_crop": round(float(100 * np.median(off[seen])), 2),
        "mean_confidence_seen": round(float(top[seen].mean()), 2),
        "mean_confidence_covered": round(float(top[hidden].mean()), 2) if hidden.any() else 0.0,
    }
