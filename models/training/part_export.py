"""Hands and faces from published weights to small int8 files, with the loss that int8 costs measured."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from . import sidecar_file
from .coco import FloatArray
from .convert import int8_converter
from .equalise import equalise
from .errors import TrainingError
from .head_file import sha256_of
from .part_crops import crops
from .part_graph import build
from .part_sources import FACE, HAND, Source
from .tflite_file import check_integer_only, inputs_and_outputs, named, taking_signed_bytes
from .weights import PACKAGE, VERSION

SOURCES = {"hand": HAND, "face": FACE}
_CALIBRATE, _COMPARE = 80, 60


def export(part: str, weights: Path, annotations: Path, images: Path, out: Path) -> dict[str, float]:
    """Writes edgepose_PART_int8.tflite and its sidecar into `out`; what int8 costs, in per cent of the crop."""
    source = SOURCES[part]
    model = build(source.graph(weights), source.side, {"points": source.points, "presence": source.presence})
    pictures = crops(part, annotations, images, source.side, _CALIBRATE + _COMPARE)
    if len(pictures) < _CALIBRATE + _COMPARE:
        raise TrainingError(f"only {len(pictures)} crops of a {part} in {images}, {_CALIBRATE + _COMPARE} are needed")
    # Black and white belong to the range of bytes.
    pictures[0, 0, 0], pictures[0, 0, 1] = 0.0, 1.0
    held_out, calibration = pictures[:: len(pictures) // _COMPARE][:_COMPARE], pictures[1::2][:_CALIBRATE]
    expected = [np.concatenate(each) for each in zip(*(model(p[None], training=False) for p in held_out), strict=True)]
    equalise(model, calibration)
    content = to_int8(model, np.concatenate([pictures[:1], calibration]))
    loss = _loss(content, held_out, expected, source.side)
    path = out / f"edgepose_{part}_int8.tflite"
    out.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    described = describe(part, path, source, [loss])
    sidecar_file.write(path.with_suffix(".yaml"), described)
    return loss


def to_int8(model: keras.Model, pictures: FloatArray) -> bytes:
    """Full int8: crop in (b - 128 of a byte b, which means b / 255), int8 numbers out, named as the model's outputs."""
    names = {tuple(output.shape[1:]): layer for output, layer in zip(model.outputs, model.output_names, strict=True)}
    content = int8_converter(model, pictures).convert()
    _, found = inputs_and_outputs(content)
    content = taking_signed_bytes(named(content, ["image"], [names[output.shape[1:]] for output in found]))
    check_integer_only(content)
    (image,), _ = inputs_and_outputs(content)
    if image.dtype != "int8" or abs(image.scale - 1 / 255) > 1e-5 or image.zero_point != -128:
        raise TrainingError(f"the input is {image.dtype}, scale {image.scale}, zero {image.zero_point}, not b / 255")
    return content


def answers(content: bytes, pictures: Iterable[FloatArray], names: Sequence[str] = ("points", "presence")) -> list[Any]:
    """What the file answers for each picture (S, S, 3), 0 to 1, in numbers."""
    interpreter = tf.lite.Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    details = {detail["name"]: detail for detail in interpreter.get_output_details()}
    rows = []
    for picture in pictures:
        interpreter.set_tensor(image["index"], (np.rint(picture * 255) - 128).astype(np.int8)[None])
        interpreter.invoke()
        rows.append([_numbers(interpreter, details[name]) for name in names])
    return [np.concatenate(each) for each in zip(*rows, strict=True)]


def _numbers(interpreter: Any, detail: Any) -> Any:
    scale, zero = detail["quantization"]
    return (interpreter.get_tensor(detail["index"]).astype(np.float32) - zero) * scale


def _loss(content: bytes, pictures: FloatArray, expected: list[Any], side: int) -> dict[str, Any]:
    """How far int8 answers from float ones, where float sees a hand or face."""
    found = answers(content, pictures)
    there = expected[1][:, 0] > 0
    away = np.linalg.norm((found[0] - expected[0]).reshape(len(pictures), -1, 2), axis=2).mean(axis=1) / side
    sure = [1 / (1 + np.exp(-each.ravel())) for each in (found[1], expected[1])]
    return {
        "set": "int8 against float, crops of training pictures",
        "crops": int(there.sum()),
        "mean_off_percent_of_crop": round(float(100 * away[there].mean()), 2),
        "worst_off_percent_of_crop": round(float(100 * away[there].max()), 2),
        "mean_presence_off": round(float(np.abs(sure[0] - sure[1]).mean()), 3),
    }


def describe(part: str, path: Path, source: Source, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """The content of the sidecar, whose form is edgepose/wholebody/sidecar.py."""
    return described(part, path, [origin(source)], metrics)


def origin(source: Source) -> dict[str, str]:
    """Where published weights come from, for a sidecar."""
    return {
        "what": source.what,
        "source": f"npm {PACKAGE} {VERSION}, {source.name}.bin",
        "sha256": source.sha256,
        "licence": "Apache-2.0",
        "maker": "Google",
    }


def described(part: str, path: Path, provenance: list[dict[str, str]], metrics: list[dict[str, Any]]) -> dict[str, Any]:
    """The same for weights of any origin."""
    (image,), outputs = inputs_and_outputs(path.read_bytes())
    return {
        "schema": 1,
        "name": path.stem,
        "part": part,
        "sha256": sha256_of(path),
        "input": {"tensor": image.name, "side": image.shape[1]},
        "outputs": {
            output.name: {
                "tensor": output.name,
                "shape": list(output.shape[1:]),
                "scale": output.scale,
                "zero_point": output.zero_point,
            }
            for output in outputs
        },
        "licence": "Apache-2.0",
        "provenance": provenance,
        "metrics": metrics,
    }
