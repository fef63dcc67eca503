"""`edgepose setup`: what is answered, what comes of it, and what stays."""

import io
import json
from pathlib import Path

import pytest
import yaml

from edgepose import setup_answers
from edgepose.cli import main
from edgepose.config_yaml import load_config
from edgepose.errors import ConfigError
from tests.broker import PASSWORD, USER


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run setup with these lines as answers; its exit code and what it wrote."""

    def run(*answers: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{answer}\n" for answer in answers)))
        code = main(["setup", "--config", str(tmp_path / "edgepose.yaml")])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def kept(folder: Path) -> dict:
    return yaml.safe_load((folder / "edgepose.yaml").read_text())


@pytest.mark.broker
def test_five_answers_make_a_configuration_that_works(ask, tmp_path, start_mosquitto, read):
    broker = start_mosquitto(login=True)
    reader = read(broker.port, "edgepose/#", login=True)
    camera = "rtsp://viewer:geheim%21@192.0.2.7/stream"
    code, said = ask(camera, "Bad & WC", f"mqtt://{USER}@127.0.0.1:{broker.port}", PASSWORD, "yes", "yes")
    assert code == 0, said
    assert "/setup arrived with MQTT 5 after" in said
    config = load_config(tmp_path / "edgepose.yaml")
    assert list(config.cameras) == ["bad_wc"]
    assert config.cameras["bad_wc"].source.url == "rtsp://viewer:@PASSWORD@@192.0.2.7/stream"
    assert set(config.cameras["bad_wc"].zones) == {"bed", "door"}
    secrets = tmp_path / "secrets"
    assert (secrets / "mqtt-password").read_text() == f"{PASSWORD}\n"
    assert (secrets / "camera" / "bad_wc").read_text() == "geheim!\n"
    assert [oct(path.stat().st_mode & 0o777) for path in (secrets, secrets / "mqtt-password")] == ["0o700", "0o600"]
    text = (tmp_path / "edgepose.yaml").read_text()
    assert PASSWORD not in text and "geheim" not in text
    topic = f"edgepose/{config.node.name}/setup"
    reader.wait_for(topic)
    assert "reaches this broker" in json.loads(reader.payloads(topic)[0])["text"]


def test_a_second_run_changes_what_is_answered_and_keeps_the_rest(ask, tmp_path):
    assert ask("/dev/video2", "bedroom", "broker.example:1884", "no", "no")[0] == 0
    path = tmp_path / "edgepose.yaml"
    path.write_text(path.read_text() + "# mine\ncare: {fall: {down_s: 2.5}}\n")
    before = path.read_text()
    code, said = ask("", "", "", "no", "no")
    assert code == 0 and "stays as it is" in said
    assert path.read_text() == before, "with the owner's comment"

    document = kept(tmp_path)
    document["cameras"]["bedroom"]["source"]["width"] = 1280
    document["cameras"]["kitchen"] = {"source": {"type": "picamera2"}}
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    assert ask("", "parlour", "", "yes", "no")[0] == 0
    after = kept(tmp_path)
    assert list(after["cameras"]) == ["parlour", "kitchen"]
    assert after["cameras"]["parlour"]["source"] == {"type": "v4l2", "device": "/dev/video2", "width": 1280}
    assert after["cameras"]["parlour"]["zones"]["bed"]["kind"] == "bed"
    assert after["care"] == {"fall": {"down_s": 2.5}}
    assert after["mqtt"] == {"host": "broker.example", "port": 1884}
    assert (tmp_path / "edgepose.yaml.before-setup").exists()


def test_answers_that_can_not_be_used_change_nothing(ask, tmp_path):
    code, said = ask("webcam", "room", "localhost")
    assert code == 78 and "'webcam' is no camera: give /dev/video0, picamera2, a file, or rtsp://" in said
    code, said = ask("/dev/video0", "room")
    assert code == 78 and "setup was left before its last question; nothing has been changed" in said
    assert list(tmp_path.iterdir()) == []


def test_a_broken_configuration_is_left_to_its_owner(ask, tmp_path):
    (tmp_path / "edgepose.yaml").write_text("node: {name: a}\ncameras: {}\n")
    code, said = ask()
    assert code == 78 and "mend it first, or move it away" in said


def test_a_broker_that_is_away_is_told_and_the_configuration_stays(ask, tmp_path):
    code, said = ask("picamera2:1", "room", "127.0.0.1:9", "no", "yes")
    assert code == 0 and "It did not arrive: " in said
    assert kept(tmp_path)["cameras"]["room"]["source"] == {"type": "picamera2", "camera": 1}


@pytest.mark.parametrize(
    ("text", "section", "password"),
    [
        ("localhost", {"host": "localhost"}, None),
        ("10.0.0.2:1884", {"host": "10.0.0.2", "port": 1884}, None),
        ("mqtts://a@b", {"host": "b", "username": "a", "tls": {"ca_file": "system"}}, None),
        ("mqtt://a%40c:p%2Fq@b:7", {"host": "b", "port": 7, "username": "a@c"}, "p/q"),
    ],
)
def test_brokers_as_people_write_them(text, section, password):
    assert setup_answers.broker_of(text) == setup_answers.Broker(section, password)


@pytest.mark.parametrize("text", ["", "http://b", "b:port", "mqtt://b/topic"])
def test_what_is_no_broker(text):
    with pytest.raises(ConfigError, match="is no broker: give HOST"):
        setup_answers.broker_of(text)


@pytest.mark.parametrize("text", ["ftp://a/b", "room", ""])
def test_what_is_no_camera(text):
    with pytest.raises(ConfigError):
        setup_answers.source_of(text)


def test_rooms_become_names():
    assert [setup_answers.camera_name(room) for room in ("Küche", "Zimmer 12", "living-room")] == [
        *("kueche", "zimmer_12", "living-room")
    ]
    with pytest.raises(ConfigError, match="has no letter or digit"):
        setup_answers.camera_name("???")
