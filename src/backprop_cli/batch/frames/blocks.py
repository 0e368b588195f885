"""Text in blocks of whole lines: large ones of a file, and of a stream what is there."""

from __future__ import annotations

import codecs
from io import StringIO
from typing import TYPE_CHECKING, BinaryIO

from backprop_cli.errors import FileError
from backprop_cli.system.pipes import read_portion

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 1 << 22
"""The bytes of a block. Twice as many are no faster, and take twice the memory."""


class Blocks:
    """Blocks of whole lines; only the last may lack the end of its last line.

    begun: what has been read already.  waits: whether the data is a stream, of which is read what is there.
    """

    def __init__(self, file: BinaryIO, name: str, begun: bytes = b"", *, waits: bool) -> None:
        self._file = file
        self._name = name
        self._waits = waits
        self._rest = b""
        self._again: list[bytes] = []
        self._begun = begun
        self._at_start = True

    def take(self) -> bytes | None:
        """Return the next block, None at the end. Raises FileError."""
        if self._again:
            return self._again.pop()
        while True:
            data = self._read()
            if not data:
                block, self._rest = self._rest, b""
                return block or None
            end = data.rfind(b"\n") + 1
            if not end and b"\n" not in self._rest:
                end = data.rfind(b"\r", 0, -1) + 1  # lines may end like this, too
            if end:
                block, self._rest = self._rest + data[:end], data[end:]
                return block
            self._rest += data

    def _read(self) -> bytes:
        if self._begun:
            data, self._begun = self._begun, b""
        else:
            try:
                data = read_portion(self._file, SIZE).data if self._waits else self._file.read(SIZE)
            except OSError as error:
                raise FileError(f"can't read {self._name}: {error.strerror}") from None
        if self._at_start and data:
            self._at_start = False
            if data == codecs.BOM_UTF8:
                return self._read()
            data = data.removeprefix(codecs.BOM_UTF8)
        return data

    def put_back(self, block: bytes) -> None:
        """Have a block taken once more."""
        if block:
            self._again.append(block)


def split_lines(block: bytes) -> Iterator[str]:
    """Yield the lines of a block. Bytes that are not UTF-8 stay as they are, and spoil their row at most."""
    return iter(StringIO(block.decode("utf-8", "surrogateescape"), newline=""))


def join_lines(lines: list[str]) -> bytes:
    """Return the block that lines come from."""
    return "".join(lines).encode("utf-8", "surrogateescape")
