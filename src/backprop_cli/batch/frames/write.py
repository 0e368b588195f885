"""Results as Parquet, Arrow, NPY and NPZ, a frame at a time."""

from __future__ import annotations

import shutil
import zipfile
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc, parquet

from backprop_cli.batch.cells import cell_texts
from backprop_cli.batch.forms import Form
from backprop_cli.batch.frames.written import check_kept
from backprop_cli.batch.points import column_name
from backprop_cli.batch.tally import STATUSES
from backprop_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from backprop_cli.batch.cells import Row
    from backprop_cli.batch.engines.results import Results
    from backprop_cli.batch.frames.frame import Frame
    from backprop_cli.batch.points import Points


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


class Kept:
    """The data as columns that have a type: of text, the inputs are numbers, and the rest stays text.

    names: of the columns of text; None where the data has types of its own.
    """

    def __init__(self, names: Sequence[str] | None, points: Points) -> None:
        self._names = names
        inputs = {points.column(name): name for name in points.inputs if name not in points.given}
        self._inputs = [inputs.get(column_name(name)) for name in names or ()]
        self.lost: set[str] = set()

    def columns(self, frame: Frame) -> tuple[list[Any], list[str]]:
        """Return the columns of a frame, and their names."""
        kept = frame.kept
        if kept is None:
            return [], []
        if self._names is None:
            assert isinstance(kept, pa.RecordBatch)
            return [pc.run_end_decode(x) if _has_runs(x) else x for x in kept.columns], kept.schema.names
        texts = self._texts(kept) if isinstance(kept, list) else kept.columns  # type: ignore[union-attr]
        return [
            texts[place] if name is None else pa.array(frame.columns[name], from_pandas=True)
            for place, name in enumerate(self._inputs)
        ], list(self._names)

    def _texts(self, rows: Sequence[Row]) -> list[Any]:
        columns: list[list[str | None]] = [[] for _ in self._inputs]
        names = self._names or ()
        for row in rows:
            cells = dict(zip(row.names, cell_texts(row), strict=True))
            for name, column in zip(names, columns, strict=True):
                cell = cells.pop(name, None)
                column.append(None if cell is None else cell.encode("utf-8", "backslashreplace").decode())
            if len(self.lost) < 8:
                self.lost.update(cells)
        return [pa.array(column, pa.string()) for column in columns]


def _has_runs(column: Any) -> bool:
    """Tell whether a column tells runs of equal cells, which Parquet has no type for."""
    return bool(pa.types.is_run_end_encoded(column.type))


class TableWriter:
    """Writes Parquet or Arrow IPC to a file, or to what can only be written on."""

    def __init__(self, file: BinaryIO, form: Form, columns: Sequence[str], kept: Kept) -> None:
        self._file = file
        self._form = form
        self._columns = columns
        self._kept = kept
        self.lost = kept.lost
        self._writer: Any = None

    def write(self, frame: Frame, results: Results) -> None:
        """Write a frame."""
        kept, names = self._kept.columns(frame)
        # NaN becomes null. Only faults bring some; and steps may have no value where the output needs none.
        lacks = results.has_faults()
        numbers = [pa.array(x, from_pandas=lacks) for x in (results.value, *results.gradients)]
        numbers += [pa.array(x, from_pandas=True) for x in results.values]
        status = pa.DictionaryArray.from_arrays(pa.array(results.status.view(np.int8)), pa.array(STATUSES))
        batch = pa.RecordBatch.from_arrays([*kept, *numbers, status], names=[*names, *self._columns])
        if self._writer is None:
            self._writer = self._open(batch.schema)
        if not batch.num_rows:
            return
        if self._form is Form.parquet:
            # A group of rows for each frame: larger ones are put together in memory, and take 10 % longer.
            self._writer.write_table(pa.Table.from_batches([batch]), row_group_size=batch.num_rows)
        else:
            self._writer.write_batch(batch)

    def close(self) -> None:
        """Write what stands at the end."""
        if self._writer is not None:
            self._writer.close()

    def let_go(self) -> None:
        """Let go of nothing: the file is the caller's."""

    def _open(self, schema: pa.Schema) -> Any:
        if self._form is Form.parquet:
            # Doubles hardly repeat: a dictionary takes six times as long, and snappy saves some per cent.
            texts = [field.name for field in schema if not pa.types.is_primitive(field.type)]
            return parquet.ParquetWriter(
                self._file, schema, compression="none", use_dictionary=texts, write_statistics=False
            )
        # A pipe is read from its beginning; a file may be read from any place.
        return (ipc.new_file if self._file.seekable() else ipc.new_stream)(self._file, schema)


class NpyWriter:
    """Writes an array of records."""

    def __init__(self, file: BinaryIO, columns: Sequence[str], kept: Kept) -> None:
        self._target = file
        # The header, which says how many rows there are, is put right at the end.
        self._file: IO[bytes] = file if file.seekable() else TemporaryFile()  # noqa: SIM115
        self._columns = columns
        self._kept = kept
        self.lost = kept.lost
        self._count = 0
        self._kind: np.dtype[Any] | None = None

    def write(self, frame: Frame, results: Results) -> None:
        """Write a frame."""
        arrays = _arrays(frame, results, self._columns, self._kept, Form.npy)
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
        """Write a frame."""
        for name, array in _arrays(frame, results, self._columns, self._kept, Form.npz).items():
            if name not in self._parts:
                self._parts[name] = self._stack.enter_context(TemporaryFile()), array.dtype  # noqa: SIM115
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


def _arrays(frame: Frame, results: Results, columns: Sequence[str], kept: Kept, form: Form) -> dict[str, Any]:
    """Return what is written for a frame as arrays. Raises UsageError for what an array can't hold."""
    arrays: dict[str, Any] = {}
    for column, name in zip(*kept.columns(frame), strict=True):
        check_kept(name, column.type, form)
        if column.null_count and not pa.types.is_floating(column.type):
            raise UsageError(
                f"{form} can't keep the column {name}, which holds {column.type} and empty cells",
                hint="--format parquet, arrow, csv or jsonl can",
            )
        arrays[name] = column.to_numpy(zero_copy_only=False)
    arrays.update(zip(columns, results.numbers(), strict=False))
    arrays[columns[-1]] = np.array(STATUSES)[results.status]
    return arrays


def _write_header(file: IO[bytes], kind: np.dtype[Any], count: int) -> None:
    """Write the header of an array. NumPy leaves room for the count to grow."""
    header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": (count,)}
    try:
        np.lib.format.write_array_header_1_0(file, header)
    except ValueError:  # more than 64 KiB of names
        np.lib.format.write_array_header_2_0(file, header)
