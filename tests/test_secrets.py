"""Secrets in files of their own."""

from pathlib import Path

import pytest

from edgepose.errors import ConfigError
from edgepose.secrets import read_secret


@pytest.mark.parametrize("content", ["correct horse", "correct horse\n", "correct horse\r\n"])
def test_a_secret_is_the_files_text_without_the_newline_at_its_end(tmp_path: Path, content: str):
    (tmp_path / "password").write_text(content, newline="")
    assert read_secret(str(tmp_path / "password")) == "correct horse"


def test_blanks_are_part_of_a_secret(tmp_path: Path):
    (tmp_path / "password").write_text("  päss wörd \n", encoding="utf-8")
    assert read_secret(str(tmp_path / "password")) == "  päss wörd "


def test_a_credential_comes_from_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "mqtt-password").write_text("secret\n")
    assert read_secret("credential:mqtt-password") == "secret"


def test_a_credential_without_systemd_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigError, match="start edgepose as a service with LoadCredential=mqtt-password:FILE"):
        read_secret("credential:mqtt-password")


@pytest.mark.parametrize("name", ["", "../shadow", "a/b", ".."])
def test_a_credential_is_a_plain_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(ConfigError, match="a credential is called by its name alone"):
        read_secret(f"credential:{name}")


def test_a_missing_an_empty_and_a_binary_file_are_one_sentence_without_their_content(tmp_path: Path):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfehunter2")
    for name, why in (("none", "can't be read"), ("empty", "is empty"), ("binary", "is not UTF-8")):
        with pytest.raises(ConfigError, match=why) as refused:
            read_secret(str(tmp_path / name))
        assert "hunter2" not in str(refused.value)
