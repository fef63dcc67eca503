"""The command line as a user meets it: a process, its output and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edgepose import __version__
from edgepose.commands.schema import config_schema
from edgepose.config_yaml import read_config

ROOT = Path(__file__).parent.parent


def edgepose(*arguments: str | Path, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgepose", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The sentence on standard error, which must be alone there."""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("edgepose: ")
    return lines[0]


def test_help_names_every_command():
    done = edgepose("--help")
    assert done.returncode == 0
    for command in ("demo", "run", "predict", "eval", "bench", "check", "models", "schema"):
        assert f"\n    {command} " in done.stdout


@pytest.mark.parametrize("command", ["demo", "run", "predict", "eval", "bench", "setup", "check", "models", "schema"])
def test_every_command_explains_itself(command: str):
    done = edgepose(command, "--help")
    assert done.returncode == 0
    assert "--debug" in done.stdout


def test_the_version_is_told():
    assert edgepose("--version").stdout.strip() == f"edgepose {__version__}"


@pytest.mark.parametrize("arguments", [[], ["walk"], ["check"], ["predict"], ["run", "--configuration", "x"]])
def test_a_wrong_call_is_a_usage_error(arguments: list[str]):
    done = edgepose(*arguments)
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_check_finds_the_example_good():
    done = edgepose("check", ROOT / "systemd" / "edgepose.example.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert "bedroom (v4l2)" in done.stdout


def test_check_names_line_path_and_nearest_name_and_ends_with_78(tmp_path: Path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("node: {name: a}\ncameras:\n  hall:\n    source: {type: file, pth: x}\n")
    done = edgepose("check", bad)
    assert done.returncode == 78
    assert f"{bad}:4: cameras.hall.source.pth: unknown key; did you mean 'path'?" in done.stdout
    assert f"{bad}:4: cameras.hall.source.path: is missing" in done.stdout


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_configuration_that_is_not_there_ends_with_78(tmp_path: Path, command: str):
    arguments = [command, "--config", tmp_path / "no.yaml"] if command == "run" else [command, tmp_path / "no.yaml"]
    done = edgepose(*arguments)
    assert done.returncode == 78
    assert "can't be read: No such file" in one_sentence(done)


def test_models_lists_what_is_installed():
    done = edgepose("models")
    assert done.returncode == 0
    assert "edgepose_256x320_int8" in done.stdout
    assert done.stdout.count("(auto)") == 1
    rows = [json.loads(line) for line in edgepose("models", "--json").stdout.splitlines()]
    assert {row["kind"] for row in rows} == {"uint8 in, int8 out"}


def test_models_says_of_an_unknown_name_what_is_near():
    done = edgepose("models", "edgepose_256x320_int")
    assert done.returncode == 1
    assert "did you mean 'edgepose_256x320_int8'" in one_sentence(done)


def test_debug_shows_the_traceback(tmp_path: Path):
    done = edgepose("check", tmp_path / "no.yaml", "--debug")
    assert done.returncode != 0
    assert "Traceback" in done.stderr


def test_the_schema_knows_every_setting():
    assert edgepose("schema").stdout == json.dumps(config_schema(), indent=2) + "\n"
    text = msgspec.json.encode(config_schema()).decode()
    for key in ("privacy_masks", "password_file", "stall_timeout_s", "max_hz", "delegate"):
        assert f'"{key}"' in text


def test_the_example_is_a_configuration():
    config, problems = read_config(ROOT / "systemd" / "edgepose.example.yaml")
    assert not problems and config is not None
