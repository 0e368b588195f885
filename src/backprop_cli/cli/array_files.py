"""Arrays from files: ``W=@m.npy``, ``x=@points.csv:height``, ``X=@d.parquet:a,b,c``."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backprop_cli.batch.dialect import PLAIN
from backprop_cli.batch.forms import ENDINGS
from backprop_cli.batch.job import has_columns
from backprop_cli.batch.points import column_name
from backprop_cli.cli.data import form_of_data, load_data
from backprop_cli.errors import FileError, InputError, PackageError
from backprop_cli.language.arguments import array_from_python
from backprop_cli.language.arrays.values import Array, refuse_size
from backprop_cli.text import did_you_mean, listing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.console.environment import Environment

_ENDINGS = {*ENDINGS, ".npy", ".json"}


def load_array(environment: Environment, name: str, reference: str) -> Array:
    """Return the array that stands in a file.

    reference: the file; of one with columns, behind a colon, the names of columns, several of which make a
    matrix of a row for each row. Without names it is all columns. The forms are those of ``batch``, and an
    array as NumPy or JSON has it.

    Raises FileError, InputError or PackageError.
    """
    file, columns = _split(reference)
    form = Path(file).suffix.lower()
    if not _ENDINGS.intersection(ending.lower() for ending in Path(file).suffixes):
        hint = f"the name of one ends in {', '.join(sorted(_ENDINGS))}"
        raise InputError(f"{file or 'an empty name'} is no file of arrays", hint=hint)
    try:
        with Path(file).open("rb"):
            pass
        if form == ".npy":
            if columns:
                raise InputError(f"{file} has no columns", hint=f"write {name}=@{file}")
            return _read_npy(name, file)
        value = _read_json(file) if form == ".json" else None
    except OSError as error:
        raise FileError(f"can't read {file}: {error.strerror or error}") from None
    if form != ".json" or _is_records(value):
        return _read_columns(environment, name, file, columns)
    if columns:
        raise InputError(f"{file} has no columns", hint=f"write {name}=@{file}")
    array = array_from_python(name, value)
    if array is None:
        raise InputError(f"{file} holds no list", hint="an array is [1, 2, 3] or [[1, 2], [3, 4]]")
    return array


def _is_records(value: Any) -> bool:
    """Tell whether what is read from JSON is a row for each item, or one by its columns."""
    first = value[:1] if isinstance(value, list) else [value]
    return any(isinstance(item, dict) for item in first)


def _split(reference: str) -> tuple[str, list[str]]:
    """Return the file and the names of columns."""
    if Path(reference).is_file():  # whose name may have a colon
        return reference, []
    file, _, names = reference.partition(":")
    return file, [column.strip() for column in names.split(",") if column.strip()]


def _read_json(file: str) -> Any:
    try:
        return json.loads(Path(file).read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        raise FileError(f"{file} is no JSON that can be read") from None


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


def _read_columns(environment: Environment, name: str, file: str, wanted: Sequence[str]) -> Array:
    np = _numpy()
    if not has_columns():
        raise PackageError(f"{file} needs pyarrow", hint="pip install 'backprop_cli[batch]'")

    def choose(names: tuple[str, ...]) -> dict[str, str]:
        for column in wanted:
            if names.count(column) != 1:
                if column in names:
                    raise InputError(f"{file} has the column {column} twice")
                hint = did_you_mean(column, names) or f"it has {listing(list(names[:8]))}"
                raise InputError(f"{file} lacks the column {column}", hint=hint)
        return {column: column_name(column) for column in wanted or names}

    form = form_of_data(file)
    found, _ = load_data(environment, file, form, PLAIN, choose, "an array", file)
    columns = list(found.values())
    refuse_size(file, len(columns) * len(columns[0]))
    return _array(name, file, columns[0] if len(wanted) == 1 else np.column_stack(columns))


def _numpy() -> Any:
    try:
        import numpy as np
    except ModuleNotFoundError:
        hint = "pip install 'backprop_cli[batch]'"
        raise PackageError("an array from a file needs NumPy", hint=hint) from None
    return np
