"""What a camera module is asked for, and what of it libcamera grants.

Written against the picamera2 manual (https://datasheets.raspberrypi.com/camera/picamera2-manual.pdf) and libcamera's
description of its controls (https://libcamera.org/api-html/namespacelibcamera_1_1controls.html).
"""

from dataclasses import dataclass
from typing import Any

from edgepose.adapters import picamera2_library
from edgepose.adapters.picture_av import Orientation
from edgepose.config import Picamera2Source
from edgepose.errors import SourceError
from edgepose.sidecar import nearest

_BUFFERS = 4
"""One with the sensor, one with the image processor, one being copied, one to spare."""

FORMATS = {
    "YUV420": "yuv420p",
    "NV12": "nv12",
    "NV21": "nv21",
    "YUYV": "yuyv422",
    "UYVY": "uyvy422",
    "RGB888": "bgr24",
    "BGR888": "rgb24",
    "XRGB8888": "bgr0",
    "XBGR8888": "rgb0",
}
"""libcamera's pixel formats and FFmpeg's; libcamera (as DRM does) names the bytes from the last one on."""


@dataclass(frozen=True)
class Stream:
    """What is read of a camera that runs."""

    name: str
    """`main`, or `lores` where the image processor scales for the network."""
    description: dict[str, Any]
    """picamera2's, with the format, size and stride that libcamera has chosen."""
    size: tuple[int, int]
    """(width, height) that its pictures count as: that of main."""
    orientation: Orientation
    """What is left to mirror, where the camera does not do it."""


def start(camera: Any, config: Picamera2Source, fit: tuple[int, int] | None) -> Stream:
    """Begin streaming. Raises SourceError.

    fit: (width, height) into which the pictures will be scaled, or None where that isn't known.
    """
    controls = _controls(camera, config)
    small = small_size((config.width, config.height), fit)
    try:
        granted = _configure(camera, config, controls, small)
        stream = _chosen(granted, config, small)
        camera.start()
    except RuntimeError as exc:
        raise SourceError(f"{title(config)} does not start: {root(exc)}; try another width and height") from exc
    return stream


def title(config: Picamera2Source) -> str:
    """How messages call the camera."""
    return f"camera module {config.camera}"


def root(exc: BaseException) -> BaseException:
    """What it began with: picamera2 wraps libcamera's reason in its own errors."""
    while exc.__cause__ is not None:
        exc = exc.__cause__
    return exc


def small_size(size: tuple[int, int], fit: tuple[int, int] | None) -> tuple[int, int] | None:
    """The (width, height) of pictures of a size that are scaled to fit, where a second stream can be just so large.

    None where it can't: its sides are even, and it never enlarges.
    """
    if fit is None:
        return None
    scale = min(fit[0] / size[0], fit[1] / size[1])
    small = (round(size[0] * scale), round(size[1] * scale))
    return small if scale < 1 and min(small) >= 2 and small[0] % 2 == small[1] % 2 == 0 else None


def _configure(
    camera: Any, config: Picamera2Source, controls: dict[str, Any], small: tuple[int, int] | None
) -> dict[str, Any]:
    """The configuration as libcamera has adjusted it; without the small stream where it has none."""
    for lores in ([{"size": small, "format": "YUV420"}] if small else []) + [None]:
        try:
            wanted = camera.create_video_configuration(
                main={"size": (config.width, config.height), "format": "YUV420"},
                # Half the sensor's size is a mode that sees all that the lens does; small ones are often cut out of it.
                raw={"size": tuple(side // 2 for side in camera.sensor_resolution)},
                **({"lores": lores} if lores else {}),
                transform=picamera2_library.load("libcamera").Transform(
                    hflip=int(config.hflip), vflip=int(config.vflip)
                ),
                controls=controls,
                buffer_count=_BUFFERS,
                queue=False,
            )
            camera.configure(wanted)
            break
        except RuntimeError:
            if lores is None:
                raise
    granted: dict[str, Any] = camera.camera_configuration()
    return granted


def _chosen(granted: dict[str, Any], config: Picamera2Source, small: tuple[int, int] | None) -> Stream:
    lores = granted.get("lores")
    # A small stream that was adjusted is no use, since its sides are not as long as the network wants.
    name = "lores" if lores and tuple(lores["size"]) == small else "main"
    description = granted[name]
    if description["format"] not in FORMATS:
        raise SourceError(
            f"{title(config)} gives {description['format']} pixels, which edgepose can't read; report this"
        )
    done = granted.get("transform")
    return Stream(
        name=name,
        description=description,
        size=tuple(granted["main"]["size"]),
        orientation=Orientation(
            flip_x=config.hflip and not getattr(done, "hflip", False),
            flip_y=config.vflip and not getattr(done, "vflip", False),
        ),
    )


def _controls(camera: Any, config: Picamera2Source) -> dict[str, Any]:
    """What libcamera is told. Raises SourceError for one that was asked for and that the camera has not."""
    known = list(camera.camera_controls)
    frame_us = round(1e6 / config.fps)
    # A camera without control of its rate is used as it is.
    controls: dict[str, Any] = {"FrameDurationLimits": (frame_us, frame_us)} if "FrameDurationLimits" in known else {}
    asked = dict(config.controls)
    if config.exposure_us is not None:
        asked["ExposureTime"] = config.exposure_us
    if config.gain is not None:
        asked["AnalogueGain"] = config.gain
    for name in asked:
        if name not in known:
            hint = nearest(name, known) or (f"; it has {', '.join(sorted(known))}" if known else "; it has none")
            raise SourceError(f"{title(config)} has no control {name}{hint}")
    return controls | asked
