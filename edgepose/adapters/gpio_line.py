"""One line of a GPIO chip as an output, by the kernel's own interface (linux/gpio.h, version 2)."""

import fcntl
import os
import struct
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from edgepose.adapters.device_access import closed_to_us
from edgepose.config import IrCut
from edgepose.errors import SourceError

_LINES, _CONSUMER, _ATTRIBUTES = 64, 32, 10
REQUEST = struct.Struct(f"={_LINES}I{_CONSUMER}sQI5I{_ATTRIBUTES * 24}sII5Ii")
"""struct gpio_v2_line_request: lines, consumer, flags, number of attributes, attributes, number of lines, fd."""
ATTRIBUTE = struct.Struct("=IIQQ")
"""struct gpio_v2_line_config_attribute: id, padding, values, mask."""
GET_LINE = 3 << 30 | REQUEST.size << 16 | 0xB4 << 8 | 0x07
"""GPIO_V2_GET_LINE_IOCTL."""
ACTIVE_LOW, OUTPUT = 1 << 1, 1 << 3
OUTPUT_VALUES = 2


@contextmanager
def ir_cut(config: IrCut | None) -> Generator[None]:
    """While it lasts, the filter stands as configured; the line is let go of afterwards. Raises SourceError."""
    if config is None:
        yield
        return
    line = _taken(config)
    try:
        yield
    finally:
        os.close(line)


def request(config: IrCut) -> bytes:
    """What the kernel is asked for: the line as an output that has its value from the first moment on."""
    flags = OUTPUT | (ACTIVE_LOW if config.active_low else 0)
    attributes = ATTRIBUTE.pack(OUTPUT_VALUES, 0, int(config.block_infrared), 1)
    lines = (config.gpio, *(0,) * (_LINES - 1))
    return REQUEST.pack(*lines, b"edgepose", flags, 1, *(0,) * 5, attributes, 1, 0, *(0,) * 5, -1)


def _taken(config: IrCut) -> int:
    """The descriptor that holds the line."""
    asked = bytearray(request(config))
    try:
        chip = os.open(config.chip, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.ioctl(chip, GET_LINE, asked)
        finally:
            os.close(chip)
    except OSError as exc:
        advice = closed_to_us([Path(config.chip)]) or "see gpioinfo for the lines there are and who uses them"
        raise SourceError(
            f"ir_cut: line {config.gpio} of {config.chip} can't be used: {exc.strerror}; {advice}"
        ) from exc
    line: int = REQUEST.unpack(asked)[-1]
    return line
