"""From a trained network to .tflite: full int8, or float with float16 weights."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from .coco import ByteArray, FloatArray, read_rgb
from .deploy import HEATMAPS, INPUT, OUTPUTS, PAFS, REGRESS
from .errors import TrainingError
from .layout import COCO17, FIELDS, HEATS
from .network_file import Network
from .pictures import pictures_in
from .quantised import quantised_function
from .steps import Ranges
from .tflite_file import check_integer_only, inputs_and_outputs, named, without_needless_relus

_UNIT_SCALE = 1 / 127.5
_NAME_OF_DEPTH = {HEATS + 1: HEATMAPS, FIELDS: PAFS, 2 * len(COCO17): REGRESS}


def calibration_paths(folder: Path, count: int = 100) -> list[Path]:
    """Every k-th picture of `folder` in name order, `count` in all; TrainingError if there are fewer."""
    paths = pictures_in(folder)
    if len(paths) < count:
        raise TrainingError(f"{folder} has {len(paths)} pictures, calibration needs {count}")
    return paths[:: len(paths) // count][:count]


def calibration_pictures(folder: Path, size: tuple[int, int]) -> FloatArray:
    """(N, H, W, 3) some pictures of `folder`, letterboxed to `size`, as -1..1."""
    return unit_pictures(calibration_paths(folder), size)


def unit_pictures(paths: Sequence[Path], size: tuple[int, int]) -> FloatArray:
    """(N, H, W, 3) pictures letterboxed to `size`, as -1..1."""
    letterboxed = [letterbox(read_rgb(path), size) for path in paths]
    return np.stack(letterboxed).astype(np.float32) * _UNIT_SCALE - 1.0


def letterbox(picture: ByteArray, size: tuple[int, int]) -> ByteArray:
    """`picture` scaled to fit `size` (height, width), at the top left, the rest black."""
    scale = min(size[0] / picture.shape[0], size[1] / picture.shape[1])
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    canvas = np.zeros((*size, 3), np.uint8)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[:height, :width] = cv2.resize(picture, (width, height), interpolation=method)
    return canvas


def to_int8(network: Network, size: tuple[int, int]) -> bytes:
    """Full int8: uint8 picture in, int8 maps out, weights per channel, ranges as trained."""
    converter = _converter(network, size, network.ranges)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.int8
    content = without_needless_relus(_named(converter.convert()))
    check_integer_only(content)
    _check_takes_bytes(content)
    return content


def to_float(network: Network, size: tuple[int, int]) -> bytes:
    """The same function in float32, its weights stored as float16."""
    converter = _converter(network, size, None)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    return _named(converter.convert())


def int8_converter(model: keras.Model, pictures: FloatArray) -> Any:
    """A converter to full int8 with uint8 input and int8 output."""

    def samples() -> Iterator[list[FloatArray]]:
        for picture in pictures:
            yield [picture[None]]

    converter = converter_of(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.int8
    return converter


def converter_of(model: keras.Model) -> Any:
    """A converter of a Keras model with its weights in it."""
    return _frozen(lambda image: model(image, training=False), model.inputs[0].shape)


def _converter(network: Network, size: tuple[int, int], ranges: Ranges | None) -> Any:
    function = quantised_function(network.steps, network.weights, ranges, OUTPUTS, network.source)
    return _frozen(function, (1, *size, 3))


def _frozen(function: Any, shape: Any) -> Any:
    """A converter of a function of an image, its weights as constants: else the file reads them from variables."""
    concrete = tf.function(function).get_concrete_function(tf.TensorSpec(shape, tf.float32))
    return tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(concrete)])


def _named(content: bytes) -> bytes:
    """The file with names of ours; the converter keeps neither names nor order, so outputs are told by their depth."""
    _, found = inputs_and_outputs(content)
    return named(content, [INPUT], [_NAME_OF_DEPTH[output.shape[-1]] for output in found])


def _check_takes_bytes(content: bytes) -> None:
    """TrainingError unless byte b means (b - 127.5) / 127.5, within half a step."""
    (image,), _ = inputs_and_outputs(content)
    if image.dtype != "uint8" or abs(image.scale - _UNIT_SCALE) > 1e-4 or image.zero_point not in (127, 128):
        raise TrainingError(
            f"calibration gave the input scale {image.scale} and zero point {image.zero_point}: this is a bug"
        )
