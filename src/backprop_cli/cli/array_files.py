"""Arrays from files: ``W=@m.npy``, ``x=@points.csv:height``, ``X=@d.parquet:a,b,c``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backprop_cli.errors import FileError, InputError, PackageError
from backprop_cli.language.arguments import array_from_python
from backprop_cli.language.arrays.values import Array, refuse_size
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMS = ("npy", "json", "csv", "tsv", "parquet", "arrow", "feather")


def load_array(name: str, reference: str) -> Array:
    """Return the array that stands in a file.

    reference: the file; of one with columns, behind a colon, the names of columns, several of which make a
    matrix of a row for each row. Without names it is all columns.

    Raises FileError, InputError or PackageError.
    """
    file, columns = _split(reference)
    form = Path(file).suffix.lstrip(".").lower()
    if form not in _FORMS:
        hint = f"it ends in .{', .'.join(_FORMS)}"
        raise InputError(f"{file or 'an empty name'} is no file of arrays", hint=hint)
    if columns and form in ("npy", "json"):
        raise InputError(f"{file} has no columns", hint=f"write {name}=@{file}")
    try:
        with Path(file).open("rb"):
            pass
        if form == "json":
            return _read_json(name, file)
        if form == "npy":
            return _read_npy(name, file)
        return _read_columns(name, file, form, columns)
    except OSError as error:
        raise FileError(f"can't read {file}: {error.strerror or error}") from None


def _split(reference: str) -> tuple[str, list[str]]:
    """Return the file and the names of columns."""
    if Path(reference).is_file():  # whose name may have a colon
        return reference, []
    file, _, names = reference.partition(":")
    return file, [column.strip() for column in names.split(",") if column.strip()]


def _read_json(name: str, file: str) -> Array:
    try:
        value = json.loads(Path(file).read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        raise FileError(f"{file} is no JSON that can be read") from None
    array = array_from_python(name, value)
    if array is None:
        raise InputError(f"{file} holds no list", hint="an array is [1, 2, 3] or [[1, 2], [3, 4]]")
    return array


def _read_npy(name: str, file: str) -> Array:
    np = _numpy()
    try:
        array = np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise FileError(f"can't read {file}: {error}") from None
    if not hasattr(array, "shape"):
        raise FileError(f"{file} holds several arrays, not one")
    if array.dtype.kind not in "fiu" or array.ndim == 0:
        raise InputError(f"{file} holds {array.dtype}, not an array of numbers")
    refuse_size(file, array.size)
    return _array(name, file, array.astype(float))


def _array(name: str, file: str, numbers: Any) -> Array:
    if not numbers.size:
        raise InputError(f"{file} has no elements")
    flat = numbers.ravel().tolist()
    wrong = next((x for x in flat if not math.isfinite(x)), None)
    if wrong is not None:
        raise InputError(f"an element of {name} is {wrong} in {file}", hint="elements are finite numbers")
    return Array(tuple(map(int, numbers.shape)), tuple(flat))


def _read_columns(name: str, file: str, form: str, wanted: Sequence[str]) -> Array:
    np = _numpy()
    table = _read_table(file, form)
    names = list(table.column_names)
    for column in wanted:
        if names.count(column) != 1:
            how = "lacks the column" if column not in names else "has twice the column"
            hint = did_you_mean(column, names) or f"it has {listing(names[:8])}"
            raise InputError(f"{file} {how} {column}", hint=hint)
    from backprop_cli.batch.frames.cells import check_type, read_numbers

    chosen = list(wanted) or names
    refuse_size(file, table.num_rows * len(chosen))
    columns = []
    for column in chosen:
        place = names.index(column)
        check_type(column, table.field(place).type)
        numbers, problems = read_numbers(column, table.column(place).combine_chunks())
        if problems:
            row = min(problems)
            told = f"row {row + 1} of {file}: {problems[row]}"
            raise InputError(told, hint="every cell is a finite number")
        columns.append(numbers)
    return _array(name, file, columns[0] if len(wanted) == 1 else np.column_stack(columns))


def _read_table(file: str, form: str) -> Any:
    try:
        import pyarrow as pa
        from pyarrow import csv, feather, parquet
    except ModuleNotFoundError:
        raise PackageError(f"{file} needs pyarrow", hint="pip install 'backprop_cli[batch]'") from None
    try:
        if form in ("csv", "tsv"):
            options = csv.ParseOptions(delimiter="," if form == "csv" else "\t")
            return csv.read_csv(file, parse_options=options)
        return parquet.read_table(file) if form == "parquet" else feather.read_table(file)
    except pa.ArrowInvalid as error:
        raise FileError(f"can't read {file}: {str(error).splitlines()[0]}") from None


def _numpy() -> Any:
    try:
        import numpy as np
    except ModuleNotFoundError:
        hint = "pip install 'backprop_cli[batch]'"
        raise PackageError("an array from a file needs NumPy", hint=hint) from None
    return np
