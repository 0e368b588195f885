"""Streams, which give what they have when they have it."""

from __future__ import annotations

import os
import select
import signal
from io import BufferedReader, RawIOBase
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO


def outlive_readers() -> None:
    """Have an error where a pipe or a connection is closed at its other end, which else ends a command."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)


class Portion(NamedTuple):
    """What a stream had. ended: whether that was the last of it."""

    data: bytes
    ended: bool


def read_portion(file: BinaryIO, enough: int, patience: float = 0.0) -> Portion:
    """Wait for data of a stream, and return what is there.

    enough: the most bytes to read.  patience: the seconds to wait for more once there is some.
    Raises OSError.
    """
    if isinstance(file, ChunkedFile):
        return file.read_portion(enough)
    descriptor = file.fileno()
    parts = [os.read(descriptor, enough)]
    size = len(parts[0])
    while parts[-1] and size < enough and select.select([descriptor], [], [], patience)[0]:
        parts.append(os.read(descriptor, enough - size))
        size += len(parts[-1])
    return Portion(b"".join(parts), not parts[-1])


class ChunkedFile(BufferedReader):
    """A file made of chunks. source: where they come from.  is_live: whether that is a stream."""

    def __init__(self, chunks: Iterator[bytes], source: BinaryIO, *, is_live: bool) -> None:
        super().__init__(_Chunks(chunks, source))
        self._is_live = is_live

    def read_portion(self, enough: int) -> Portion:
        """Return the next bytes: of a stream what is there."""
        parts = [self.read1(enough)]
        size = len(parts[0])
        while parts[-1] and size < enough and not self._is_live:
            parts.append(self.read1(enough - size))
            size += len(parts[-1])
        return Portion(b"".join(parts), not parts[-1])


class _Chunks(RawIOBase):
    def __init__(self, chunks: Iterator[bytes], source: BinaryIO) -> None:
        self._chunks = chunks
        self._source = source
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._source.fileno()

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(filter(None, self._chunks), b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
