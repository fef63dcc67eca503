"""What FFmpeg doesn't tell of a JPEG file: whether all of it is there, and which way up it was taken."""

import struct
from collections.abc import Iterator

SOI = b"\xff\xd8"
_EOI = b"\xff\xd9"
_SOS, _APP1 = 0xDA, 0xE1
"""Markers of ITU-T T.81, table B.1: start and end of the image, start of a scan, and the segment that EXIF uses."""
_ORIENTATION = 0x0112
"""Tag of EXIF 2.32, section 4.6.4."""


def is_whole(jpeg: bytes) -> bool:
    """Whether an end marker follows the first scan; FFmpeg fills what is missing with grey and doesn't say so."""
    # Only after the segments: a thumbnail within one has an end of its own.
    return any(marker == _SOS and jpeg.find(_EOI, place) >= 0 for marker, place, _ in _segments(jpeg))


def exif_orientation(jpeg: bytes) -> int:
    """1 to 8, as EXIF numbers them; 1, which is upright, where the file doesn't say."""
    for marker, place, length in _segments(jpeg):
        if marker == _APP1 and jpeg.startswith(b"Exif\0\0", place):
            return _tiff_orientation(jpeg[place + 6 : place + length])
    return 1


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, where its payload begins, its length) up to the first scan."""
    place, marker = len(SOI), 0
    while marker != _SOS and place + 4 <= len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        length = int.from_bytes(jpeg[place + 2 : place + 4]) - 2
        yield marker, place + 4, length
        place += 4 + length


def _tiff_orientation(tiff: bytes) -> int:
    order = "<" if tiff.startswith(b"II") else ">"
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(directory + 2, directory + 2 + 12 * entries, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == _ORIENTATION and 1 <= value <= 8:
                return int(value)
    except struct.error:  # a damaged EXIF block doesn't make the picture unusable
        pass
    return 1
