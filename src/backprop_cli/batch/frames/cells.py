"""Columns of Arrow, of any type that can hold numbers, as float64; with the words of ``read_cell``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backprop_cli.batch.cells import half_of, half_unit, read_cell
from backprop_cli.batch.dialect import PLAIN, Dialect
from backprop_cli.batch.points import HALF
from backprop_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.batch.points import Points

# What Arrow reads as ``read_cell`` does; every other cell is left to that.
_PLAIN = r"^-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_TAIL = r"\.(?P<decimals>[0-9]+)(?:[eE](?P<exponent>[+-]?[0-9]{1,3}))?[ \t]*$"
_LEAST, _MOST = -323, 300
_HALVES = np.array([half_of(exponent) for exponent in range(_LEAST, _MOST + 1)])


def check_type(name: str, kind: pa.DataType) -> None:
    """Check that a column may hold numbers. Raises InputError."""
    inner = bare(pa.nulls(0, kind)).type
    tests = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_null,
        is_text,
    )
    if not any(test(inner) for test in tests):
        raise InputError(f"the column {name} holds {inner}, not numbers")


def bare(column: Any) -> Any:
    """Return a column without what only says how it is stored: dictionaries, runs, views, extensions."""
    while True:
        kind = column.type
        if pa.types.is_dictionary(kind):
            values = bare(column.dictionary)
            column = values.take(column.indices)
        elif pa.types.is_run_end_encoded(kind):
            column = pc.run_end_decode(column)
        elif isinstance(kind, pa.BaseExtensionType):
            column = column.storage
        elif pa.types.is_string_view(kind):
            return column.cast(pa.large_string())
        elif pa.types.is_binary_view(kind):
            return column.cast(pa.large_binary())
        else:
            return column


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a type holds text."""
    tests = pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view
    return any(test(kind) for test in tests)


def read_numbers(name: str, column: Any, dialect: Dialect = PLAIN) -> tuple[Floats, dict[int, str]]:
    """Return the numbers of an array, without a copy where they are float64; and what is wrong with others.

    name: of the input, for the words.  dialect: how texts write numbers.
    """
    column = bare(column)
    kind = column.type
    if is_text(kind):
        return _read_texts(name, column, dialect)
    if pa.types.is_decimal(kind):
        column = column.cast(pa.string()).cast(pa.float64())  # by way of text it is rounded once
    elif pa.types.is_null(kind):
        column = column.cast(pa.float64())
    elif pa.types.is_float16(kind):
        column = column.cast(pa.float32())
    problems: dict[int, str] = {}
    if column.null_count:
        empty = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
        problems = dict.fromkeys(empty.tolist(), f"{name} is empty")
        column = column.fill_null(0)
    numbers = column.to_numpy(zero_copy_only=False)
    if not pa.types.is_integer(column.type):
        check_finite(name, numbers, problems)
    numbers = numbers.astype(np.float64, copy=False)
    for sentinel in dialect.sentinels():
        for row in np.flatnonzero(numbers == sentinel).tolist():
            problems.setdefault(row, f"{name} is missing")
    if problems:
        numbers = numbers.copy()
        numbers[list(problems)] = np.nan
    return numbers, problems


def distinct(name: str, column: Any) -> tuple[list[str | None], list[Any], NDArray[np.intp]]:
    """Return the different cells of a column: as texts, as arrays of one, and which of them each row has.

    Raises InputError for a type whose cells are no words or numbers.
    """
    column = bare(column)
    try:
        found = column.dictionary_encode(null_encoding="encode")
        texts = found.dictionary.cast(pa.string()).to_pylist()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError):
        raise InputError(f"the column {name} holds {column.type}, which tells no groups apart") from None
    parts = [found.dictionary.slice(place, 1) for place in range(len(texts))]
    return texts, parts, found.indices.to_numpy(zero_copy_only=False).astype(np.intp)


def join_columns(columns: Sequence[Any]) -> Any:
    """Return columns as one below the other: those of several types as text."""
    if len({column.type for column in columns}) > 1:
        columns = [column.cast(pa.string()) for column in columns]
    return pa.concat_arrays(columns)


def repeat_word(word: str | None, count: int) -> Any:
    """Return a column of text with one word in all rows."""
    return pa.repeat(pa.scalar(word, pa.string()), count)


def put_column(
    name: str, column: Any, points: Points, columns: dict[str, Floats], problems: dict[int, str]
) -> None:
    """Put the numbers of an array beside those of others. What is wrong with a claim is none of the row."""
    columns[name], found = read_numbers(name, column, points.dialect)
    if name not in points.claims:
        merge_problems(problems, found)
    if name in points.halves:
        columns[HALF + name] = _half_units(bare(column), points.dialect)


def _half_units(column: Any, dialect: Dialect) -> Floats:
    """Return half a unit of the last digit that each number has as it is stored; 0 where that is a double."""
    kind = column.type
    if is_text(kind) and dialect.has_plain_numbers:
        found = pc.extract_regex(column, _TAIL)
        length = pc.utf8_length(found.field("decimals")).fill_null(0).to_numpy(zero_copy_only=False)
        exponents = found.field("exponent").dictionary_encode()
        words = np.array([int(word or 0) for word in exponents.dictionary.to_pylist()] or [0])
        tens = words[exponents.indices.fill_null(0).to_numpy(zero_copy_only=False)] - length
        halves: Floats = np.where(length > 0, _HALVES[np.clip(tens, _LEAST, _MOST) - _LEAST], 0.0)
        return halves
    if is_text(kind):
        return np.array([half_unit(cell or "", dialect) for cell in column.to_pylist()], np.float64)
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        with np.errstate(invalid="ignore"):
            spaces: Floats = np.spacing(column.to_numpy(zero_copy_only=False)).astype(np.float64)
        return np.abs(spaces) / 2
    return np.full(len(column), half_of(-kind.scale) if pa.types.is_decimal(kind) else 0.0)


def check_finite(name: str, numbers: Any, problems: dict[int, str]) -> None:
    """Note the infinities and NaN in an array of a floating type."""
    # The sum tells in one pass, without a temporary array; the cells are looked at only if it is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        if not math.isfinite(numbers.sum(dtype=np.float64)):
            for row in np.flatnonzero(~np.isfinite(numbers)).tolist():
                problems.setdefault(row, f"{name} is {float(numbers[row])}, not a finite number")


def _read_texts(name: str, column: Any, dialect: Dialect) -> tuple[Floats, dict[int, str]]:
    pattern = _PLAIN if dialect.has_plain_numbers else f"^{dialect.number_pattern()}$"
    plain = pc.match_substring_regex(column, pattern).fill_null(False)
    texts = column
    if dialect.thousands:
        texts = pc.replace_substring(texts, dialect.thousands, "")
    if dialect.decimal != ".":
        texts = pc.replace_substring(texts, dialect.decimal, ".")
    if not dialect.has_plain_numbers:
        texts = pc.replace_substring(texts, "+", "")
    numbers = pc.if_else(plain, texts, "0").cast(pa.float64()).to_numpy(zero_copy_only=False).copy()
    odd = ~plain.to_numpy(zero_copy_only=False) | ~np.isfinite(numbers)
    others = np.flatnonzero(odd | np.isin(numbers, dialect.sentinels()))
    problems = {}
    known: dict[str | None, float | str] = {}  # what is no number is mostly one word, again and again
    for row, cell in zip(others.tolist(), column.take(pa.array(others)).to_pylist(), strict=True):
        if cell not in known:
            known[cell] = _read_odd(name, cell, dialect)
        found = known[cell]
        if isinstance(found, str):
            numbers[row], problems[row] = np.nan, found
        else:
            numbers[row] = found
    return numbers, problems


def _read_odd(name: str, cell: str | None, dialect: Dialect) -> float | str:
    """Return the number of a cell, or what is wrong with it."""
    try:
        return read_cell(name, "" if cell is None else cell, dialect)
    except InputError as error:
        return error.message


def merge_problems(target: dict[int, str], more: dict[int, str]) -> None:
    """Add the problems of a further column; of those of a row, the first is told."""
    for row, message in more.items():
        target.setdefault(row, message)
