"""Secrets that stand in files of their own, never in the configuration."""

import os
from pathlib import Path

from edgepose.errors import ConfigError

CREDENTIAL = "credential:"


def read_secret(spec: str) -> str:
    """The text of a file, less the newline at its end. `credential:NAME` is a file of systemd's LoadCredential=.

    Raises ConfigError, which names the file and never its content.
    """
    path = _path(spec)
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as exc:
        raise ConfigError(
            f"password file {path} can't be read ({exc.strerror}); check that it exists and who may"
        ) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(
            f"password file {path} is not UTF-8 text; write the password into it, and nothing else"
        ) from exc
    if not secret:
        name = spec.removeprefix(CREDENTIAL)
        which = f"password file {path}" if name == spec else f"the file that LoadCredential={name} of the unit names"
        raise ConfigError(f"{which} is empty; write the password into it, and nothing else")
    return secret


def _path(spec: str) -> Path:
    if not spec.startswith(CREDENTIAL):
        return Path(spec)
    name = spec.removeprefix(CREDENTIAL)
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        raise ConfigError(
            f"{spec} needs systemd: start edgepose as a service with LoadCredential={name}:FILE, or name a file instead"
        )
    if not name or "/" in name or name == "..":
        raise ConfigError(f"{spec}: a credential is called by its name alone, such as {CREDENTIAL}mqtt-password")
    return Path(folder) / name
