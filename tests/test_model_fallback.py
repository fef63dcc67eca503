"""An accelerator that is missing, fails or comes back: a real external delegate, which does as it is told."""

import logging
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from edgepose import networks
from edgepose.adapters.model_fallback import FallbackModel
from edgepose.backoff import Backoff
from edgepose.config import Model
from edgepose.errors import ModelError
from edgepose.sidecar import load_sidecar
from tests.broker import wait_until

HERE = Path(__file__).parent
SMALLEST = "edgepose_192x256_int8"


class Stick:
    """The delegate of test_delegate.c, and what it is told."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.file = library
        self._control, self._calls = folder / "control", folder / "calls"
        self.fails_at("nothing")

    def fails_at(self, step: str) -> None:
        self._control.write_text(step)

    def calls(self, step: str) -> int:
        return self._calls.read_text().split().count(step)

    @property
    def settings(self) -> Model:
        options = {"control": str(self._control), "calls": str(self._calls)}
        return Model(name=SMALLEST, threads=1, delegate=str(self.file), delegate_options=options)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("delegate") / "libstick.so"
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, str(HERE / "test_delegate.c"), "-o", str(built)], check=True)
    return built


@pytest.fixture
def stick(library: Path, tmp_path: Path) -> Stick:
    return Stick(library, tmp_path)


@pytest.fixture(scope="module")
def network() -> networks.Network:
    return networks.load(SMALLEST)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (192, 256, 3), np.uint8)


@pytest.fixture(scope="module")
def expected(network, pixels) -> list[np.ndarray]:
    """The maps of the processor alone."""
    return maps(networks.open_plain(network, Model(threads=1)), pixels)


def maps(model, pixels) -> list[np.ndarray]:
    model.input_view()[...] = pixels
    found = model.infer()
    return [found.heatmaps.copy(), found.pafs.copy()]


def with_short_waits(network, settings) -> FallbackModel:
    return FallbackModel(
        "stick",
        fast=lambda: networks.open_delegated(network, settings),
        plain=lambda: networks.open_plain(network, settings),
        backoff=Backoff(first_s=0.01, most_s=0.02),
    )


def same(found, expected) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_delegate_runs_a_part_of_the_network_and_the_maps_are_the_same(stick, network, pixels, expected):
    model = networks.open_model(network, stick.settings)
    assert same(maps(model, pixels), expected)
    assert stick.calls("invoke") == 1
    assert (model.state().active, model.state().fallbacks, model.state().trouble) == (True, 0, "")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("create", "does not start: no stick is plugged in"),
        ("prepare", "can't take edgepose_192x256_int8.tflite: test delegate: the stick refuses the network"),
    ],
)
def test_a_delegate_that_is_missing_or_refuses_the_network(stick, network, pixels, expected, caplog, step, words):
    stick.fails_at(step)
    model = networks.open_model(network, stick.settings)
    assert same(maps(model, pixels), expected)
    state = model.state()
    assert (state.active, state.fallbacks) == (False, 1)
    assert words in state.trouble
    (warning,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert words in warning.message and "the network runs on the processor until the delegate" in warning.message


def test_a_delegate_that_fails_in_the_middle_costs_no_frame(stick, network, pixels, expected):
    model = networks.open_model(network, stick.settings)
    for number in range(6):
        if number == 3:
            stick.fails_at("invoke")
        assert same(maps(model, pixels), expected), f"frame {number}"
    state = model.state()
    assert (state.active, state.fallbacks) == (False, 1)
    assert "failed while it ran: test delegate: the stick does not answer" in state.trouble


@pytest.mark.parametrize("step", ["create", "prepare", "invoke"])
def test_a_delegate_comes_back_when_it_works_again(stick, network, pixels, expected, step):
    model = with_short_waits(network, stick.settings)
    stick.fails_at(step if step == "invoke" else "nothing")
    if step != "invoke":  # it is pulled out while it runs, and then is missing, or in another's hands
        stick.fails_at("invoke")
    assert same(maps(model, pixels), expected)
    stick.fails_at(step)
    tries = stick.calls("create")

    def tried_again() -> bool:
        assert same(maps(model, pixels), expected)
        return stick.calls("create") >= tries + 3

    wait_until(tried_again, "three attempts in vain", 60)
    assert not model.state().active
    stick.fails_at("nothing")

    def back() -> bool:
        assert same(maps(model, pixels), expected)
        return model.state().active

    wait_until(back, "the delegate to be used again", 60)
    before = stick.calls("invoke")
    assert same(maps(model, pixels), expected)
    assert stick.calls("invoke") == before + 1
    assert model.state().trouble == "" and model.state().fallbacks >= 1


def test_attempts_do_not_hold_up_frames(network, pixels, expected):
    """Setting up a stick may take seconds."""
    started = []

    def slow():
        started.append(None)
        if len(started) > 1:
            time.sleep(3600)
        raise ModelError("no stick")

    model = FallbackModel(
        "stick",
        fast=slow,
        plain=lambda: networks.open_plain(network, Model(threads=1)),
        backoff=Backoff(first_s=1e-3, most_s=1e-3),
    )
    wait_until(lambda: same(maps(model, pixels), expected) and len(started) > 1, "a second attempt")
    for _ in range(5):
        assert same(maps(model, pixels), expected)


def test_what_fails_on_the_processor_too_is_an_error(network):
    def broken():
        raise ModelError("broken")

    with pytest.raises(ModelError, match="broken"):
        FallbackModel("stick", fast=broken, plain=broken)


def test_a_delegate_whose_library_is_not_there(network, pixels, expected):
    model = networks.open_model(network, Model(delegate="/nowhere/libstick.so"))
    assert same(maps(model, pixels), expected)
    assert "the delegate's library /nowhere/libstick.so can't be loaded" in model.state().trouble


def test_an_edge_tpu_needs_a_network_compiled_for_it_which_the_sidecar_names(tmp_path, network, pixels, expected):
    with pytest.raises(ModelError, match=r"names no file that was compiled for an Edge TPU; models/MODELS.md tells"):
        networks.open_delegated(network, Model(delegate="edgetpu"))
    assert same(maps(networks.open_model(network, Model(delegate="edgetpu")), pixels), expected)

    model = tmp_path / network.path.name
    shutil.copy(network.path, model)
    sidecar = yaml.safe_load(network.path.with_suffix(".yaml").read_text())
    sidecar["edgetpu"] = {"file": f"{SMALLEST}_edgetpu.tflite", "sha256": "0" * 64}
    model.with_suffix(".yaml").write_text(yaml.safe_dump(sidecar))
    own = networks.Network(model, load_sidecar(model))
    with pytest.raises(ModelError, match=r"_edgetpu.tflite, which .* names for an Edge TPU, is not there"):
        networks.open_delegated(own, Model(delegate="edgetpu"))

    compiled = tmp_path / f"{SMALLEST}_edgetpu.tflite"
    shutil.copy(network.path, compiled)
    with pytest.raises(ModelError, match="is not the file its sidecar describes"):
        networks.open_delegated(own, Model(delegate="edgetpu"))

    sidecar["edgetpu"]["sha256"] = network.sidecar.sha256
    model.with_suffix(".yaml").write_text(yaml.safe_dump(sidecar))
    own = networks.Network(model, load_sidecar(model))
    with pytest.raises(ModelError, match=r"library libedgetpu.so.1 can't be loaded: .*; sudo apt-get install libedget"):
        networks.open_delegated(own, Model(delegate="edgetpu"))


def test_the_file_for_an_edge_tpu_is_the_one_that_is_loaded(tmp_path, network, stick, pixels, monkeypatch, expected):
    """With the stick of the test in the place of Coral's."""
    from edgepose.adapters import model_tflite

    opened = []
    plain_open = model_tflite.open_interpreter
    monkeypatch.setattr(model_tflite, "_EDGETPU_LIBRARY", str(stick.file))
    monkeypatch.setattr(
        model_tflite, "open_interpreter", lambda path, *rest: opened.append(path) or plain_open(path, *rest)
    )
    model, compiled = tmp_path / network.path.name, tmp_path / "made_for_it.tflite"
    for path in (model, compiled):
        shutil.copy(network.path, path)
    sidecar = yaml.safe_load(network.path.with_suffix(".yaml").read_text())
    sidecar["edgetpu"] = {"file": compiled.name, "sha256": network.sidecar.sha256}
    model.with_suffix(".yaml").write_text(yaml.safe_dump(sidecar))
    own = networks.Network(model, load_sidecar(model))
    fast = networks.open_model(own, Model(threads=1, delegate="edgetpu"))
    assert fast.state().active and opened == [compiled]
    assert same(maps(fast, pixels), expected)
