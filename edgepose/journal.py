"""A file of records that a power cut can't spoil: each has its length and checksum, and a torn tail is left out."""

import contextlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path

_MAGIC = b"edgepose journal 1\n"
_HEAD = struct.Struct("<II")
"""Length of the record, and CRC-32 of the length and the record: zeros, as file systems leave them, are no record."""
MAX_RECORD = 1 << 20


class Journal:
    """Appends records, and replaces all of them at once. Not thread-safe; every method but load() raises OSError."""

    def __init__(self, path: Path) -> None:
        """Opens the file only when it is first needed."""
        self._path = path
        self._file: FileIO | None = None  # not a bare descriptor: it closes with its owner
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._size

    def load(self) -> tuple[list[bytes], int]:
        """The records that are whole, and how many bytes behind them make no sense. Raises OSError."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return [], 0
        records = list(_records(data))
        end = len(_MAGIC) + sum(_HEAD.size + len(record) for record in records) if data.startswith(_MAGIC) else 0
        return records, len(data) - end

    def add(self, record: bytes, *, durable: bool) -> None:
        """Append a record; `durable` waits until it is on the disk. A failed one leaves the file as it was."""
        if self._file is None:
            raise OSError("the journal has not been written yet")
        try:
            _write_all(self._file.fileno(), _framed(record), self._size)
            if durable:
                os.fdatasync(self._file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), self._size)
            raise
        self._size += _HEAD.size + len(record)

    def replace(self, records: Iterable[bytes]) -> None:
        """Make these the only records: after a power cut there are either the old ones or these."""
        data = _MAGIC + b"".join(map(_framed, records))
        fresh = self._path.with_suffix(".new")
        file = FileIO(fresh, "w", opener=lambda name, flags: os.open(name, flags, 0o600))
        try:
            _write_all(file.fileno(), data, 0)
            os.fsync(file.fileno())
            fresh.replace(self._path)
            sync_folder(self._path.parent)
        except OSError:
            file.close()
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise
        self.close()
        self._file, self._size = file, len(data)

    def clear(self) -> None:
        """Forget all records. A power cut right after may bring them back."""
        if self._file is not None and self._size > len(_MAGIC):
            os.ftruncate(self._file.fileno(), len(_MAGIC))
            self._size = len(_MAGIC)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def sync_folder(path: Path) -> None:
    """Wait until names in a folder are on the disk (fsync(2) asks for it after a rename)."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _framed(record: bytes) -> bytes:
    length = len(record).to_bytes(4, "little")
    return _HEAD.pack(len(record), zlib.crc32(record, zlib.crc32(length))) + record


def _records(data: bytes) -> Iterator[bytes]:
    place = len(_MAGIC)
    while data.startswith(_MAGIC) and place + _HEAD.size <= len(data):
        length, crc = _HEAD.unpack_from(data, place)
        record = data[place + _HEAD.size : place + _HEAD.size + length]
        if length > MAX_RECORD or len(record) < length:
            return
        if zlib.crc32(record, zlib.crc32(length.to_bytes(4, "little"))) != crc:
            return
        yield record
        place += _HEAD.size + length


def _write_all(file: int, data: bytes, place: int) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(file, rest, place)
        rest, place = rest[written:], place + written
