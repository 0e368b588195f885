"""A file of a data set, open for reading in columns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from backprop_cli.batch.forms import Form
from backprop_cli.datasets.places import is_remote
from backprop_cli.errors import FileError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from backprop_cli.batch.dialect import Dialect
    from backprop_cli.batch.frames.frame import Reader
    from backprop_cli.datasets.inputs import Input


def open_input(file: Input, dialect: Dialect, stack: ExitStack) -> Reader:
    """Return what reads a file, and what its folders say. Raises FileError."""
    from backprop_cli.datasets.keys import KeyedReader

    open_one = _open_remote if is_remote(file.source) else _open_local
    reader = open_one(file, dialect, stack)
    return KeyedReader(reader, file.keys) if file.keys else reader


def _open_local(file: Input, dialect: Dialect, stack: ExitStack) -> Reader:
    from backprop_cli.batch.frames.read import open_reader
    from backprop_cli.batch.recoded import recode

    try:
        binary: BinaryIO = stack.enter_context(Path(file.source).open("rb"))  # noqa: SIM115 - the stack closes it
    except OSError as error:
        raise FileError(f"can't read {file.source}: {error.strerror}") from None
    plain = recode(binary, file.source, file.form, dialect, sniffed=True)
    size = file.size if plain is binary else None
    return open_reader(plain, file.source, file.form, size, b"", stack, dialect)


def _open_remote(file: Input, dialect: Dialect, stack: ExitStack) -> Reader:
    from backprop_cli.batch.frames.read import open_reader
    from backprop_cli.batch.frames.tables import ParquetReader
    from backprop_cli.batch.recoded import recode
    from backprop_cli.datasets.storage import open_remote, stream_remote

    if file.form is Form.parquet and file.name.lower().endswith(".parquet"):
        return ParquetReader(stack.enter_context(open_remote(file.source)), file.source, mapped=False)
    plain = recode(stream_remote(file.source, stack), file.source, file.form, dialect, sniffed=True)
    return open_reader(plain, file.source, file.form, None, b"", stack, dialect)
