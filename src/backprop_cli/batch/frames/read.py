"""Opens data of every form as columns."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, BinaryIO

from backprop_cli.batch.dialect import PLAIN, Dialect, separator
from backprop_cli.batch.forms import DELIMITERS, Form
from backprop_cli.batch.frames.arrays import NpyReader, NpzReader
from backprop_cli.batch.frames.blocks import Blocks
from backprop_cli.batch.frames.by_row import JsonReader
from backprop_cli.batch.frames.delimited import CsvReader
from backprop_cli.batch.frames.tables import ArrowReader, ParquetReader
from backprop_cli.errors import FileError
from backprop_cli.system.files import open_scratch

if TYPE_CHECKING:
    from contextlib import ExitStack

    from backprop_cli.batch.frames.frame import Reader

_FILE_FORMAT = b"ARROW1"


def open_reader(
    file: BinaryIO,
    name: str,
    form: Form,
    size: int | None,
    begun: bytes,
    stack: ExitStack,
    dialect: Dialect = PLAIN,
) -> Reader:
    """Return what reads data. Raises FileError, or InputError for data without columns.

    size: in bytes, None for a stream.  begun: the beginning of a stream that has been read already.
    stack: closes what had to be opened beside.
    """
    if form in DELIMITERS:
        blocks = Blocks(file, name, begun, waits=size is None)
        return CsvReader(blocks, separator(form, dialect), size, ragged=dialect.is_ragged)
    if form is Form.jsonl:
        return JsonReader(Blocks(file, name, begun, waits=size is None), size)
    if form is Form.arrow:
        return _open_arrow(file, name, stack, stream=size is None)
    if size is None:
        file = stack.enter_context(_spool(file, name))  # what stands at the end is needed first
    if form is Form.parquet:
        return ParquetReader(file, name)
    return NpyReader(file, name) if form is Form.npy else NpzReader(file, name)


def _open_arrow(file: BinaryIO, name: str, stack: ExitStack, *, stream: bool) -> Reader:
    begin = file.peek(len(_FILE_FORMAT))  # type: ignore[attr-defined]
    in_file_format = begin.startswith(_FILE_FORMAT)
    if stream and in_file_format:
        file, stream = stack.enter_context(_spool(file, name)), False
    return ArrowReader(file, name, mapped=not stream, stream=not in_file_format)


def _spool(file: BinaryIO, name: str) -> Any:
    """Return a stream as a file without a name."""
    spool = open_scratch()
    try:
        shutil.copyfileobj(file, spool)
    except OSError as error:
        spool.close()
        raise FileError(f"can't read {name}: {error.strerror}") from None
    spool.seek(0)
    return spool
