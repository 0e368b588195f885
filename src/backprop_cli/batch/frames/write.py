"""Results as Parquet, Arrow, NPY and NPZ, a frame at a time."""

from __future__ import annotations

import math
import shutil
import zipfile
from contextlib import ExitStack
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
from pyarrow import ipc, parquet

from backprop_cli.batch.forms import Form
from backprop_cli.batch.frames.kept import GrowingDictionaries, as_array, for_parquet, write_alone
from backprop_cli.batch.frames.written import as_it_is
from backprop_cli.batch.tally import STATUSES
from backprop_cli.batch.writers import fold
from backprop_cli.system.files import open_scratch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import BinaryIO

    from backprop_cli.batch.engines.results import Results
    from backprop_cli.batch.frames.frame import Frame
    from backprop_cli.batch.frames.kept import Kept
    from backprop_cli.language.arrays.shapes import Shape

_DIGITS = 20
"""Room for the count of rows in a header."""


class Writer(Protocol):
    """Writes frames."""

    @property
    def lost(self) -> set[str]:
        """The keys of later rows that had to be left out."""

    def write(self, frame: Frame, results: Results) -> None:
        """Write a frame."""

    def close(self) -> None:
        """Write what stands at the end."""

    def let_go(self) -> None:
        """Let go of what it holds, whether all was written or not."""


class TableWriter:
    """Writes Parquet or Arrow IPC to a file, or to what can only be written on."""

    def __init__(
        self, file: BinaryIO, form: Form, columns: Sequence[str], kept: Kept, lists: Mapping[str, Shape]
    ) -> None:
        self._file = file
        self._form = form
        self._columns = fold(columns, lists)
        self._status = columns[-1]
        self._kept = kept
        self.lost = kept.lost
        self._writer: Any = None
        self._dictionaries = GrowingDictionaries()

    def write(self, frame: Frame, results: Results) -> None:
        """Write a frame. Raises UsageError for what can't be kept."""
        kept = self._kept.columns(frame)
        # NaN becomes null. Only faults bring some; and steps may have no value where the output needs none.
        lacks = results.has_faults()
        as_numbers = partial(pa.array, from_pandas=True) if lacks else as_it_is
        numbers = [as_numbers(x) for x in (results.value, *results.gradients)]
        numbers += [pa.array(x, from_pandas=True) for x in results.values]
        status = pa.DictionaryArray.from_arrays(as_it_is(results.status.view(np.int8)), pa.array(STATUSES))
        if self._form is Form.parquet:
            kept = list(map(for_parquet, kept))
        else:
            kept = [self._with_dictionary(place, column) for place, column in enumerate(kept)]
        cells = [_in_lists(numbers, place, shape) for _, place, shape in self._columns]
        names = [*self._kept.names, *(column.name for column in self._columns), self._status]
        batch = pa.RecordBatch.from_arrays([*kept, *cells, status], names=names)
        if self._writer is None:
            self._writer = self._open(batch.schema)
        if not batch.num_rows:
            return
        if self._form is Form.parquet:
            # A group of rows for each frame: larger ones are put together in memory, and take 10 % longer.
            try:
                self._writer.write_table(pa.Table.from_batches([batch]), row_group_size=batch.num_rows)
            except pa.ArrowException:
                self._refuse_culprit(kept)
                raise
        else:
            self._writer.write_batch(batch)

    def close(self) -> None:
        """Write what stands at the end."""
        if self._writer is not None:
            self._writer.close()

    def let_go(self) -> None:
        """Let go of the writer, which would at the end of its life write on to a file that is closed."""
        if self._form is Form.parquet and self._writer is not None:
            self._writer.is_open = False

    def _refuse_culprit(self, kept: Sequence[Any]) -> None:
        """Raise UsageError for a column whose cells Parquet does not take."""
        for name, column in zip(self._kept.names, kept, strict=True):
            try:
                write_alone(column)
            except pa.ArrowException as error:
                raise self._kept.refuse(name, f", which holds {column.type}: {error}") from None

    def _with_dictionary(self, place: int, column: Any) -> Any:
        """Return a column with a dictionary that begins as in the batches before."""
        if not pa.types.is_dictionary(column.type):
            return column
        try:
            return self._dictionaries.merge(place, column)
        except pa.ArrowException:
            told = f", which holds {column.type}: its dictionary grows from batch to batch"
            hint = "--format parquet, csv or jsonl can"
            raise self._kept.refuse(self._kept.names[place], told, hint) from None

    def _open(self, schema: pa.Schema) -> Any:
        if self._form is Form.parquet:
            # Doubles hardly repeat: a dictionary takes six times as long, and snappy saves some per cent.
            texts = [field.name for field in schema if not pa.types.is_primitive(field.type)]
            return parquet.ParquetWriter(
                self._file,
                schema,
                compression="none",
                use_dictionary=texts,
                write_statistics=False,
                write_page_checksum=True,
            )
        # A pipe is read from its beginning; a file may be read from any place.
        kind = ipc.new_file if self._file.seekable() else ipc.new_stream
        return kind(self._file, schema, options=ipc.IpcWriteOptions(emit_dictionary_deltas=True))


class NpyWriter:
    """Writes an array of records."""

    def __init__(self, file: BinaryIO, columns: Sequence[str], kept: Kept) -> None:
        self._target = file
        # The header, which says how many rows there are, is put right at the end.
        self._file: IO[bytes] = file if file.seekable() else open_scratch()
        self._columns = columns
        self._kept = kept
        self.lost = kept.lost
        self._count = 0
        self._kind: np.dtype[Any] | None = None

    def write(self, frame: Frame, results: Results) -> None:
        """Write a frame. Raises UsageError for what can't be kept."""
        arrays = _arrays(frame, results, self._columns, self._kept)
        if self._kind is None:
            self._kind = np.dtype([(name, array.dtype) for name, array in arrays.items()])
            _write_header(self._file, self._kind, 0)
        records = np.empty(frame.count, self._kind)
        for name, array in arrays.items():
            records[name] = array
        self._file.write(records.data if frame.count else b"")
        self._count += frame.count

    def close(self) -> None:
        """Write what stands at the end."""
        if self._kind is not None:
            self._file.seek(0)
            _write_header(self._file, self._kind, self._count)
        if self._file is not self._target:
            self._file.seek(0)
            shutil.copyfileobj(self._file, self._target)

    def let_go(self) -> None:
        """Let go of the file that was written in between."""
        if self._file is not self._target:
            self._file.close()


class NpzWriter:
    """Writes an archive with an array for each column. Until the end each is in a file of its own."""

    def __init__(self, file: BinaryIO, columns: Sequence[str], kept: Kept) -> None:
        self._file = file
        self._columns = columns
        self._kept = kept
        self.lost = kept.lost
        self._count = 0
        self._parts: dict[str, tuple[IO[bytes], np.dtype[Any]]] = {}
        self._stack = ExitStack()

    def write(self, frame: Frame, results: Results) -> None:
        """Write a frame. Raises UsageError for what can't be kept."""
        arrays = _arrays(frame, results, self._columns, self._kept)
        for name, array in arrays.items():
            if name not in self._parts:
                self._parts[name] = self._stack.enter_context(open_scratch()), array.dtype
            file, kind = self._parts[name]
            file.write(np.ascontiguousarray(array, kind).data if frame.count else b"")
        self._count += frame.count

    def close(self) -> None:
        """Write what stands at the end."""
        with zipfile.ZipFile(self._file, "w") as archive:
            for name, (part, kind) in self._parts.items():
                part.seek(0)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    _write_header(member, kind, self._count)
                    shutil.copyfileobj(part, member, 1 << 20)

    def let_go(self) -> None:
        """Let go of the files that were written in between."""
        self._stack.close()


def _in_lists(columns: Sequence[Any], place: int, shape: Shape) -> Any:
    """Return a column, or those of an array as one of lists of its size."""
    if not shape:
        return columns[place]
    count = math.prod(shape)
    rows = len(columns[place])
    whole = pa.concat_arrays(columns[place : place + count])
    # Arrow has one column behind the other, and lists one row behind the other.
    found = whole.take(pa.array(np.arange(count * rows).reshape(count, rows).T.ravel()))
    for size in reversed(shape):
        found = pa.FixedSizeListArray.from_arrays(found, size)
    return found


def _arrays(frame: Frame, results: Results, columns: Sequence[str], kept: Kept) -> dict[str, Any]:
    """Return what is written for a frame as arrays. Raises UsageError for what NumPy has no type for."""
    arrays = {}
    for name, column in zip(kept.names, kept.columns(frame), strict=bool(frame.kept)):
        try:
            arrays[name] = as_array(column)
        except TypeError as error:
            raise kept.refuse(name, f", {error}") from None
    arrays.update(zip(columns, results.numbers(), strict=False))
    arrays[columns[-1]] = np.array(STATUSES)[results.status]
    return arrays


def _write_header(file: IO[bytes], kind: np.dtype[Any], count: int) -> None:
    """Write the header of an array. NumPy leaves room for the count to grow."""
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": (count,)}
    try:
        np.lib.format.write_array_header_1_0(file, header)
    except UnicodeEncodeError:
        file.write(_header_in_utf8(header, count))
    except ValueError:  # more than 64 KiB of names
        np.lib.format.write_array_header_2_0(file, header)


def _header_in_utf8(header: dict[str, Any], count: int) -> bytes:
    """Return a header of version 3.0, which NumPy writes nowhere by itself."""
    text = f"{header!r}{'':{_DIGITS - len(str(count))}}".encode()
    magic = np.lib.format.magic(3, 0)
    text += b" " * (-(len(magic) + 4 + len(text) + 1) % np.lib.format.ARRAY_ALIGN) + b"\n"
    return magic + len(text).to_bytes(4, "little") + text
