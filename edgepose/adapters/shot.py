"""What decoders of files share: a picture before it is counted and stamped, and why a file can't be read."""

from dataclasses import dataclass
from pathlib import Path

from edgepose.domain import Picture
from edgepose.errors import SourceError


@dataclass(frozen=True)
class Shot:
    """A picture of a file."""

    picture: Picture
    t_s: float
    """Seconds from the first one."""
    name: str = ""
    """The file name of a still picture."""


def unreadable(path: Path, exc: OSError) -> SourceError:
    """Why the system doesn't give us a file or folder."""
    if isinstance(exc, FileNotFoundError):
        return SourceError(f"{path} does not exist; check the path")
    if isinstance(exc, PermissionError):
        return SourceError(f"{path} may not be read by this user; check its permissions with ls -ld")
    return SourceError(f"{path} can't be read: {exc.strerror}; check the disk that it is on")
