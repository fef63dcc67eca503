"""The address of a camera: the password goes in for FFmpeg, and stays out of every message."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from edgepose.errors import ConfigError
from edgepose.secrets import read_secret

PLACEHOLDER = "@PASSWORD@"


@dataclass(frozen=True)
class CameraUrl:
    """A URL in two forms."""

    secret: str
    """With the password; never shown."""
    shown: str
    """Scheme, host, port and path, for messages: neither user, nor password, nor query."""

    def __repr__(self) -> str:
        return f"CameraUrl({self.shown!r})"


def camera_url(url: str, password_file: str | None, schemes: tuple[str, ...]) -> CameraUrl:
    """Put the password in the place of `@PASSWORD@`.

    Raises ConfigError when the URL is none of these schemes, or password and placeholder don't come together.
    """
    beginnings = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(url.replace(PLACEHOLDER, "PASSWORD"))
    except ValueError:  # not kept as the cause: it may quote the password
        raise ConfigError(f"a camera's url is not an address; it begins with {beginnings}") from None
    where = parts.netloc.rpartition("@")[2]
    shown = f"{parts.scheme}://{where}{parts.path}" if parts.scheme else f"{where}{parts.path}"
    if parts.scheme not in schemes or not where:
        raise ConfigError(f"{shown} is not a camera's address; it begins with {beginnings}")
    if password_file is None and PLACEHOLDER in url:
        raise ConfigError(f"{shown} has {PLACEHOLDER} in its url; name the file with the password as password_file")
    if password_file is not None and PLACEHOLDER not in url:
        raise ConfigError(f"{shown} has a password_file; write {PLACEHOLDER} where it belongs in its url")
    password = quote(read_secret(password_file), safe="") if password_file is not None else ""
    return CameraUrl(secret=url.replace(PLACEHOLDER, password), shown=shown)
