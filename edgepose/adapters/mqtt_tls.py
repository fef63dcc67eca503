"""The TLS end of edgepose towards a broker."""

import ssl
from pathlib import Path

from edgepose import config
from edgepose.errors import ConfigError


def context(tls: config.Tls) -> ssl.SSLContext:
    """A context that verifies the broker's certificate and name, at least TLS 1.2.

    Raises ConfigError where a file can't be read or is not what it should be.
    """
    ca_file = None if tls.ca_file == "system" else tls.ca_file
    if ca_file is not None:
        _readable("mqtt.tls.ca_file", ca_file)
    try:
        made = ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as exc:
        raise ConfigError(f"mqtt.tls.ca_file: {ca_file} holds no PEM certificate") from exc
    if tls.key_file is not None and tls.cert_file is None:
        raise ConfigError("mqtt.tls.key_file needs mqtt.tls.cert_file, the certificate it belongs to")
    if tls.cert_file is not None:
        _readable("mqtt.tls.cert_file", tls.cert_file)
        if tls.key_file is not None:
            _readable("mqtt.tls.key_file", tls.key_file)
        try:
            made.load_cert_chain(tls.cert_file, tls.key_file, password=_no_passphrase)
        except ssl.SSLError as exc:
            raise ConfigError(
                f"mqtt.tls.cert_file: {tls.cert_file} and its key are not a certificate and an unencrypted key in PEM "
                "format that belong together"
            ) from exc
    return made


def _readable(setting: str, path: str) -> None:
    try:
        Path(path).open("rb").close()
    except OSError as exc:
        raise ConfigError(f"{setting}: {path} can't be read ({exc.strerror})") from exc


def _no_passphrase() -> str:
    return ""  # else OpenSSL asks for one on the terminal, and a daemon waits for ever
