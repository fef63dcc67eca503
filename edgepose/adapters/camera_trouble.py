"""What FFmpeg's errors mean to somebody who has a camera that gives no picture."""

import errno
import socket
from urllib.parse import urlsplit

import av

from edgepose.adapters.camera_url import CameraUrl
from edgepose.adapters.live import CHECK_CONNECTION, Patience
from edgepose.config import V4l2Source
from edgepose.errors import SourceError


def of_network(url: CameraUrl, patience: Patience, exc: av.FFmpegError) -> SourceError:
    """For a camera with an address, that can't be opened."""
    return SourceError(f"camera {url.shown} {_of_network(url, patience, exc)}")


def of_device(source: V4l2Source, exc: av.FFmpegError) -> SourceError:
    """For a camera with a device file, that can't be opened."""
    return SourceError(f"camera {source.device} {_of_device(source, exc)}")


def when_lost(name: str, patience: Patience, exc: av.FFmpegError) -> SourceError:
    """For a camera that has given frames."""
    if isinstance(exc, av.ExitError | av.TimeoutError):
        return SourceError(f"{name} gave no frame in {patience.stall_s:g} s; {CHECK_CONNECTION}")
    return SourceError(f"{name} is lost ({exc.strerror}); {CHECK_CONNECTION}")


def without_url(exc: av.FFmpegError) -> OSError:
    """The cause, without FFmpeg's text, in which the password stands."""
    return OSError(exc.errno, exc.strerror)


def _of_network(url: CameraUrl, patience: Patience, exc: av.FFmpegError) -> str:  # noqa: PLR0911 - a table
    match exc:
        case av.HTTPUnauthorizedError() | av.HTTPForbiddenError():
            return "refuses the user name or the password; check both, and how its url and password_file give them"
        case av.HTTPNotFoundError():
            return "answers, but has nothing under this path (404); look up the path in the camera's manual"
        case av.ExitError() | av.TimeoutError():
            return f"gave no frame in {patience.opening_s:g} s; {CHECK_CONNECTION}"
        case av.ConnectionRefusedError():
            return "refuses the connection; check its port, and that it is on and its streaming is enabled"
        case av.InvalidDataError():
            return "sends something that is not video; check the path of its url"
        case _ if exc.errno in {errno.EHOSTUNREACH, errno.ENETUNREACH}:
            return "can't be reached; check its address and the network"
        case _ if not _is_known(urlsplit(url.secret).hostname):
            return "has a host name that nobody knows; check the spelling, or give its IP address"
        case _:
            return f"can't be read: {exc.strerror}; check that it is on and that its url is right"


def _of_device(source: V4l2Source, exc: av.FFmpegError) -> str:
    match exc.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return "is not there; plug it in, and look for its name with v4l2-ctl --list-devices"
        case errno.EACCES | errno.EPERM:
            return "may not be used by this user; add them to the group video: sudo usermod -aG video USER"
        case errno.EBUSY:
            return f"is used by another program; end that one, fuser {source.device} tells which it is"
        case errno.ENOTTY:
            return "is not a camera; look for the right name with v4l2-ctl --list-devices"
        case errno.EINVAL:
            kind = source.pixel_format or "any format"
            asked = f"{source.width}x{source.height} at {source.fps:g} a second in {kind}"
            return f"can't give {asked}; see what it can with v4l2-ctl --device {source.device} --list-formats-ext"
        case _:
            return f"can't be read: {exc.strerror}; unplug it and plug it in again"


def _is_known(host: str | None) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True
