"""What somebody who writes the configuration by hand relies on."""

from pathlib import Path

import pytest

from edgepose.config import FileSource, RtspSource
from edgepose.config_yaml import Problem, load_config, parse_config
from edgepose.errors import ConfigError

SMALL = """\
node: {name: flat-12}
cameras:
  bedroom:
    source: {type: file, path: clip.mp4}
"""


def problems(text: str) -> list[str]:
    config, found = parse_config(text)
    assert config is None
    return [problem.text("f") for problem in found]


def test_a_small_file_is_enough_and_defaults_fill_the_rest():
    config, found = parse_config(SMALL)
    assert not found
    assert config is not None
    assert config.cameras["bedroom"].source == FileSource(path="clip.mp4")
    assert (config.mqtt.host, config.mqtt.effective_port, config.model.name) == ("localhost", 1883, "auto")


def test_tls_moves_the_port_unless_it_is_given():
    config, _ = parse_config(SMALL + "mqtt: {tls: {}}")
    assert config is not None and config.mqtt.effective_port == 8883
    config, _ = parse_config(SMALL + "mqtt: {tls: {}, port: 8884}")
    assert config is not None and config.mqtt.effective_port == 8884


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_name():
    assert problems(SMALL + "mqtt:\n  hots: broker\n") == ["f:6: mqtt.hots: unknown key; did you mean 'host'?"]


def test_an_unknown_key_without_a_neighbour_lists_the_keys_there_are():
    assert "the keys here are association, cameras" in problems(SMALL + "xyzzy: 1")[0]


def test_all_problems_come_at_once_in_the_order_of_their_lines():
    text = "node: {name: a b}\nmqtt: {port: 0, keep_alive_s: soon}\nlogging: {level: loud}\n"
    lines = problems(text)
    assert [line.split(": ")[:2] for line in lines] == [
        ["f:1", "node.name"],
        ["f:1", "cameras"],
        ["f:2", "mqtt.port"],
        ["f:2", "mqtt.keep_alive_s"],
        ["f:3", "logging.level"],
    ]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("{type: rtps, url: x}", "cameras.bedroom.source.type: unknown type 'rtps'; did you mean 'rtsp'?"),
        ("{url: x}", "cameras.bedroom.source.type: is missing; one of file, rtsp, http, v4l2, picamera2"),
        ("{type: rtsp}", "cameras.bedroom.source.url: is missing"),
        ("{type: rtsp, url: 5}", "cameras.bedroom.source.url: expected text (put it in quotes), got '5'"),
        ("nothing at all", "cameras.bedroom.source: expected a mapping, got 'nothing at all'"),
        ("[1, 2]", "cameras.bedroom.source: expected a mapping, got a list"),
        ("{type: file, path: a, path: b}", "cameras.bedroom.source.path: stands here twice"),
    ],
)
def test_a_wrong_source_is_explained(source: str, what: str):
    assert problems(SMALL.replace("{type: file, path: clip.mp4}", source)) == [f"f:4: {what}"]


def test_the_sources_are_told_apart_by_their_type():
    config, _ = parse_config(SMALL.replace("{type: file, path: clip.mp4}", "{type: rtsp, url: 'rtsp://cam/1'}"))
    assert config is not None
    assert config.cameras["bedroom"].source == RtspSource(url="rtsp://cam/1")


@pytest.mark.parametrize(
    "text", ["", "# nothing", "- a list", "words", "a: [", "a: \t- b", "a: &a [*a]", "\x00", "!!python/object:x {}"]
)
def test_what_is_no_configuration_is_a_problem_and_no_traceback(text: str):
    assert problems(text)


def test_an_anchor_that_contains_itself_is_a_problem():
    assert any("contains itself" in line for line in problems(SMALL + "mqtt: &m {tls: *m}"))


def test_a_polygon_needs_three_corners_inside_the_picture():
    zones = "    zones: {bed: {kind: bed, polygon: [[0, 0], [1, 1]]}}\n"
    assert "polygon: expected a list of length >= 3" in problems(SMALL + zones)[0]
    zones = "    zones: {bed: {kind: bed, polygon: [[0, 0], [1, 1], [0, 1.5]]}}\n"
    assert "expected a number <= 1.0" in problems(SMALL + zones)[0]


def test_settings_that_need_each_other_are_checked_together():
    assert problems(SMALL + "mqtt: {tls: {cert_file: a.pem}}") == [
        "f:5: mqtt.tls.key_file: cert_file and key_file go together"
    ]
    assert problems(SMALL + "mqtt: {password_file: p}") == ["f:5: mqtt.username: is missing; password_file needs it"]


@pytest.mark.parametrize("bind", ["127.0.0.1:99999", "localhost:0"])
def test_a_port_that_cannot_be_is_told(bind: str):
    assert problems(SMALL + f"http: {{bind: '{bind}'}}") == ["f:5: http.bind: the port must be one of 1 to 65535"]
    assert parse_config(SMALL + "http: {}")[0].http.address == ("127.0.0.1", 9464)
    assert parse_config(SMALL + "http: {bind: '[::1]:1'}")[0].http.address == ("::1", 1)


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path):
    with pytest.raises(ConfigError, match="can't be read: No such file"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_config(tmp_path / "bytes.yaml")


def test_loading_a_bad_file_raises_every_problem(tmp_path: Path):
    path = tmp_path / "bad.yaml"
    path.write_text("node: {nam: x}\n")
    with pytest.raises(ConfigError) as raised:
        load_config(path)
    assert raised.value.exit_code == 78
    assert len(str(raised.value).splitlines()) == 3


def test_a_problem_reads_like_a_compilers():
    assert Problem(3, "a.b", "is missing").text("x.yaml") == "x.yaml:3: a.b: is missing"
    assert Problem(1, "", "not YAML").text("x.yaml") == "x.yaml:1: not YAML"
