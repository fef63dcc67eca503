"""Opens inputs of FFmpeg, alike in all versions of PyAV that edgepose runs with."""

from typing import Any, BinaryIO

import av
from av.container import InputContainer

_METADATA: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.partition(".")[0]) < 19 else {}
"""Lets pass what isn't UTF-8, as in titles of old files; PyAV does so by itself since 19."""


def open_input(
    source: str | BinaryIO,
    *,
    container_format: str | None = None,
    options: dict[str, str] | None = None,
    decoder_options: dict[str, str] | None = None,
    timeout: tuple[float, float] | None = None,
) -> InputContainer:
    """A file, stream or device, from which packets can be read.

    options: FFmpeg's, for what is opened. decoder_options: for decoders too. timeout: (opening, reading), seconds.
    Raises av.FFmpegError.
    """
    container: InputContainer = av.open(
        source,
        "r",
        format=container_format,
        container_options=options,
        options=decoder_options,
        timeout=timeout,
        **_METADATA,
    )
    return container
