"""Files mapped into memory."""

from __future__ import annotations

import mmap
from typing import BinaryIO

import pyarrow as pa


class MappedFile:
    """A file whose bytes are looked at where they are. Raises OSError or ValueError."""

    def __init__(self, file: BinaryIO) -> None:
        self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def reader(self) -> pa.NativeFile:
        """Return the file as pyarrow reads it, without copies."""
        return pa.BufferReader(pa.py_buffer(self.bytes))

    def forget(self) -> None:
        """Let go of what has been read; what is still in use comes back by itself."""
        if hasattr(self.bytes, "madvise"):
            self.bytes.madvise(mmap.MADV_DONTNEED)
