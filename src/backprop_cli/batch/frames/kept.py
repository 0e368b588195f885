"""What is repeated of the data in front of the results, as columns that have a type; or why it can't be."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from backprop_cli.batch.cells import cell_texts, is_utf8, read_cell
from backprop_cli.batch.forms import Form
from backprop_cli.batch.frames.cells import bare
from backprop_cli.batch.frames.written import json_texts
from backprop_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backprop_cli.batch.cells import Row
    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.batch.frames.frame import Frame

# From here on a double is not every whole number.
_LARGE = 2.0**53


class Kept:
    """The data as columns that have a type: of text, the inputs are numbers, and the rest stays text.

    form: of the results.  names: of the columns, none where nothing is kept.  inputs: place -> the input that
    is read from a column of text.  home: the form that keeps all that there may be.
    """

    def __init__(
        self, form: Form, names: Sequence[str], inputs: dict[int, str], home: Form = Form.arrow
    ) -> None:
        self.names = list(names)
        self._home = home
        self.lost: set[str] = set()
        self._form = form
        self._inputs = inputs
        self._rows = 0

    def columns(self, frame: Frame) -> list[Any]:
        """Return the columns of a frame. Raises UsageError for what can't be kept."""
        kept = frame.kept
        if kept is None:
            return []
        columns = list(kept) if isinstance(kept, tuple) else self._texts(kept)
        for place, name in self._inputs.items():
            columns[place] = self._numbers(self.names[place], columns[place], frame.columns[name])
        self._rows += frame.count
        return columns

    def refuse(self, name: str, why: str, hint: str = "") -> UsageError:
        """Return the error for a column that can't be kept."""
        return cannot_keep(self._form, name, why, hint or f"--format {self._home} can; or omit --keep")

    def _numbers(self, name: str, texts: Any, numbers: Floats) -> Any:
        """Return a column of an input: what is missing is null. Raises UsageError for what is no double."""
        with np.errstate(invalid="ignore"):
            doubtful = np.flatnonzero(~(np.abs(numbers) < _LARGE)).tolist()
        numbers = numbers.copy() if doubtful else numbers
        for row in doubtful:
            cell = texts[row].as_py() or ""
            try:
                number = read_cell(name, cell) if cell.strip() else np.nan
                is_whole = cell.strip().lstrip("+-").isdecimal()
            except InputError:
                number, is_whole = np.nan, False
            if (cell.strip() and number != number) or (is_whole and Decimal(number) != Decimal(cell)):
                told = f"{cell[:40]!r} in row {self._rows + row + 1:,} is no double"
                raise self.refuse(name, f": {told}", hint="--format csv or jsonl can")
            numbers[row] = number
        return pa.array(numbers, from_pandas=True)

    def _texts(self, rows: Sequence[Row]) -> list[Any]:
        columns: list[list[str | None]] = [[] for _ in self.names]
        for row in rows:
            cells = dict(zip(row.names, cell_texts(row), strict=True))
            for name, column in zip(self.names, columns, strict=True):
                column.append(cells.pop(name, None))
            if len(self.lost) < 8:
                self.lost.update(cells)
        return [self._text(name, column) for name, column in zip(self.names, columns, strict=True)]

    def _text(self, name: str, cells: list[str | None]) -> Any:
        try:
            return pa.array(cells, pa.string())
        except UnicodeEncodeError:
            row = next(row for row, cell in enumerate(cells) if cell and not is_utf8(cell))
            told = f": row {self._rows + row + 1:,} is not UTF-8 text"
            raise self.refuse(name, told, hint="--format csv can") from None


def cannot_keep(form: Form, name: str, why: str, hint: str = "") -> UsageError:
    """Return the error for a column that a form of results can't keep."""
    return UsageError(
        f"{form} can't keep the column {name}{why}", hint=hint or "--format arrow can; or omit --keep"
    )


def as_array(column: Any) -> Any:
    """Return a column as an array of NumPy's of its own type. Raises TypeError where there is none."""
    kind = column.type
    is_floating = pa.types.is_floating(kind)
    if not (is_floating or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        raise TypeError(f"which holds {kind}")
    if column.null_count and not is_floating:
        raise TypeError(f"which holds {kind} and empty cells")
    return column.to_numpy(zero_copy_only=False)


def check_kept(fields: Iterable[pa.Field], form: Form) -> None:
    """Raise UsageError for a column that a form has no type for. Text has one for all, and so has Arrow."""
    for kind, field in {field.type: field for field in fields}.items():
        try:
            if form in (Form.npy, Form.npz):
                as_array(pa.nulls(0, kind))
            elif form is Form.parquet:
                write_alone(for_parquet(pa.nulls(1, kind)))
        except (pa.ArrowException, TypeError):
            raise cannot_keep(form, field.name, f", which holds {kind}") from None


def for_parquet(column: Any) -> Any:
    """Return a column without runs, and without a dictionary of views, which Parquet has no types for."""
    if pa.types.is_run_end_encoded(column.type):
        return pc.run_end_decode(column)
    if pa.types.is_dictionary(column.type):
        values = bare(column.dictionary)
        return pa.DictionaryArray.from_arrays(column.indices, values, ordered=column.type.ordered)
    return column


def write_alone(column: Any) -> None:
    """Try whether Parquet takes a column. Raises ArrowException."""
    parquet.write_table(pa.table([column], names=["x"]), BytesIO())


class GrowingDictionaries:
    """Makes dictionaries that differ from batch to batch grow: a file of Arrow has one for a column."""

    def __init__(self) -> None:
        self._values: dict[int, Any] = {}

    def merge(self, place: int, column: Any) -> Any:
        """Return a column with all values of the earlier ones before its own. Raises ArrowException."""
        values, before = column.dictionary, self._values.get(place)
        if before is None or not len(before) or before.equals(values):
            self._values[place] = values
            return column
        keys, keys_before = json_texts(values).cast(pa.string()), json_texts(before).cast(pa.string())
        new = pc.invert(pc.is_in(keys, keys_before))
        added = bare(values).filter(new).cast(values.type)  # of views, which have no filter
        self._values[place] = merged = pa.concat_arrays([before, added])
        places = pc.index_in(keys, pa.concat_arrays([keys_before, keys.filter(new)]))
        indices = places.take(column.indices).cast(column.type.index_type)
        return pa.DictionaryArray.from_arrays(indices, merged, ordered=column.type.ordered)
