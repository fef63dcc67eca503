"""A network is only used with a sidecar that describes exactly this file."""

import copy
import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgepose.config import Camera, Mount, Picamera2Source, RtspSource, V4l2Source
from edgepose.errors import ModelError
from edgepose.networks import find, installed, load, load_for
from edgepose.sidecar import load_sidecar

FORM: dict[str, Any] = {
    "schema": 1,
    "name": "tiny",
    "sha256": "0" * 64,
    "input": {"tensor": "image", "height": 32, "width": 32, "dtype": "uint8"},
    "outputs": {
        "heatmaps": {"tensor": "h", "dtype": "int8", "shape": [8, 8, 18], "scale": 0.004, "zero_point": -128},
        "pafs": {"tensor": "p", "dtype": "int8", "shape": [8, 8, 2], "scale": 0.01, "zero_point": 0},
    },
    "grid": {"stride": 4},
    "skeleton": {
        "layout": "body18",
        "heat_channels": list(range(18)),
        "limbs": [["neck", "nose"]],
        "paf_channels": [[0, 1]],
    },
    "thresholds": {"min_keypoint": 0.1, "min_limb": 0.05},
    "licence": "Apache-2.0",
}


def written(folder: Path, change: dict[str, Any] | None = None) -> Path:
    """A file and a sidecar that fits it, but for the changed dotted keys."""
    model = folder / "tiny.tflite"
    model.write_bytes(b"weights")
    form = copy.deepcopy(FORM) | {"sha256": hashlib.sha256(b"weights").hexdigest()}
    for path, value in (change or {}).items():
        *parents, last = path.split(".")
        part = form
        for name in parents:
            part = part[name]
        part[last] = value
    model.with_suffix(".yaml").write_text(yaml.safe_dump(form))
    return model


def test_a_sidecar_that_fits_is_read(tmp_path: Path):
    sidecar = load_sidecar(written(tmp_path))
    assert sidecar.grid.centre == 0.5
    assert sidecar.to_skeleton().limbs == ((1, 0),)


OFFSETS = {"tensor": "o", "dtype": "int8", "shape": [8, 8, 34], "scale": 0.4, "zero_point": 0}
CENTRES = {
    "outputs.heatmaps.shape": [8, 8, 19],
    "outputs.offsets": OFFSETS,
    "skeleton.centre_channel": 18,
    "skeleton.offset_channels": [None, *([2 * k, 2 * k + 1] for k in range(17))],
}


def test_a_sidecar_may_tell_of_centres(tmp_path: Path):
    sidecar = load_sidecar(written(tmp_path, CENTRES))
    assert sidecar.skeleton.centre_channel == 18 and sidecar.skeleton.offset_channels[0] is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"skeleton.centre_channel": None}, "belong together"),
        ({"skeleton.offset_channels": [[0, 1]]}, "belong together"),
        ({"skeleton.centre_channel": 19}, "is not in outputs.heatmaps"),
        ({"outputs.offsets": {**OFFSETS, "shape": [8, 8, 30]}}, "doesn't fit"),
        ({"outputs.offsets": {**OFFSETS, "scale": 0.0}}, "must be above 0"),
    ],
)
def test_centres_that_contradict_the_rest_are_refused(tmp_path: Path, change: dict[str, Any], words: str):
    with pytest.raises(ModelError, match=words):
        load_sidecar(written(tmp_path, CENTRES | change))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sha256": "1" * 64}, "is not the file its sidecar describes"),
        ({"sha": 1}, "unknown field `sha`"),
        ({"skeleton.layout": "body19"}, "'body19' is none of body18"),
        ({"skeleton.limbs": [["neck", "noze"]]}, "did you mean 'nose'"),
        ({"skeleton.heat_channels": [0, 1]}, "18 keypoints need as many heat_channels, not 2"),
        ({"skeleton.heat_channels": list(range(1, 19))}, "has 18 channels from 0 on, but the skeleton wants 19"),
        ({"skeleton.paf_channels": [[1, 2]]}, "but the skeleton wants 3"),
        ({"outputs.pafs.dtype": "float32"}, "differ in size or dtype"),
        ({"outputs.pafs.scale": 0.0}, "scale must be above 0"),
        ({"input.height": 0}, "Expected `int` >= 1"),
    ],
)
def test_a_sidecar_that_contradicts_itself_is_refused_in_one_sentence(tmp_path: Path, change: Any, words: str):
    with pytest.raises(ModelError) as raised:
        load_sidecar(written(tmp_path, change))
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_files_are_named(tmp_path: Path):
    with pytest.raises(ModelError, match="no network at"):
        load_sidecar(tmp_path / "none.tflite")
    model = written(tmp_path)
    model.with_suffix(".yaml").write_text("{")
    with pytest.raises(ModelError, match="can't be used"):
        load_sidecar(model)
    model.with_suffix(".yaml").unlink()
    with pytest.raises(ModelError, match=r"has no sidecar tiny\.yaml"):
        load_sidecar(model)


def test_a_network_is_found_by_name_or_path_and_a_misspelt_one_gets_a_hint():
    assert find("./x/y.tflite") == Path("x/y.tflite")
    with pytest.raises(ModelError, match="did you mean 'edgepose_256x320_int8'"):
        find("edgepose_256x320_int")


WIDE = V4l2Source(width=1280, height=720)


@pytest.mark.parametrize(
    ("camera", "wide"),
    [
        (Camera(source=WIDE), True),
        (Camera(source=Picamera2Source(width=1536, height=864)), True),
        (Camera(source=WIDE, mount=Mount(rotate=180)), True),
        (Camera(source=WIDE, mount=Mount(rotate=90)), False),
        (Camera(source=V4l2Source()), False),
        (Camera(source=RtspSource(url="rtsp://192.0.2.7/")), False),
        (None, False),
    ],
)
def test_auto_follows_the_shape_of_the_cameras_picture(camera: Camera | None, wide: bool):
    shape = load(str(find("auto", camera))).sidecar.input
    assert (shape.width > 1.6 * shape.height) == wide
    assert find("edgepose_192x256_int8", camera).stem == "edgepose_192x256_int8", "a name is a name"


def test_cameras_get_their_own_networks_and_those_of_one_shape_share_one():
    wide, plain = Camera(source=WIDE), Camera(source=V4l2Source())
    loaded = load_for("auto", {"door": wide, "bed": plain, "hall": wide})
    assert loaded["door"] is loaded["hall"]
    assert loaded["door"].path != loaded["bed"].path


def test_every_installed_network_fits_its_sidecar():
    assert installed()
    for path in installed():
        network = load(path.stem)
        assert network.sidecar.name == path.stem
        assert network.sidecar.licence
        assert network.sidecar.provenance
