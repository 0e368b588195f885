"""Columns of Arrow as they are written: as text, and as JSON. What has a type of its own is kept as it is.

Times and days are written as Arrow does, spans of time as ISO 8601 (PT1.5S), bytes as Base64, and what is
nested as JSON, strictly: a NaN in it is "NaN".
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backprop_cli.batch.forms import Form
from backprop_cli.batch.frames.cells import decoded, is_text
from backprop_cli.errors import UsageError

if TYPE_CHECKING:
    from backprop_cli.batch.engines.results import Floats

_INFINITIES = {np.inf: '"Infinity"', -np.inf: '"-Infinity"'}
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def check_kept(name: str, kind: pa.DataType, form: Form) -> None:
    """Check that a column of a type can be kept in a form. Raises UsageError."""
    refused = pa.types.is_union(kind)
    if form is not Form.arrow:
        refused |= pa.types.is_interval(kind)
    if form in (Form.npy, Form.npz):
        refused |= not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))
    if refused:
        is_array = form in (Form.npy, Form.npz) and not pa.types.is_interval(kind)
        others = "parquet, arrow, csv or jsonl" if is_array else "arrow"
        hint = "leave out --keep" if pa.types.is_union(kind) else f"--format {others} can"
        raise UsageError(f"{form} can't keep the column {name}, which holds {kind}", hint=hint)


def float_texts(numbers: Floats) -> Any:
    """Return numbers as Python writes them, null for NaN.

    Arrow writes most of them alike, five times as fast: the shortest digits that come back. It has no
    ".0" behind whole numbers, and begins with exponents elsewhere.
    """
    size = np.abs(numbers)
    with np.errstate(invalid="ignore"):
        whole = (size < 1e16) & (np.trunc(numbers) == numbers) & ((size > 0) | ~np.signbit(numbers))
        other = ~whole & (((size < 1e-4) & (size >= 1e-10)) | ((size >= 1e9) & (size < 1e16)) | (size == 0))
    texts = pa.array(numbers, from_pandas=True).cast(pa.string())
    if whole.any():
        digits = pa.array(numbers[whole].astype(np.int64)).cast(pa.string())
        dotted = pc.binary_join_element_wise(digits, ".0", "")
        texts = pc.replace_with_mask(texts, pa.array(whole), dotted)
    if other.any():
        texts = pc.replace_with_mask(texts, pa.array(other), pa.array(map(repr, numbers[other].tolist())))
    return texts


def json_floats(numbers: Floats) -> Any:
    """Return numbers as JSON has them: infinities as text, null for NaN."""
    texts = float_texts(numbers)
    if np.isinf(numbers).any():
        for infinity, text in _INFINITIES.items():
            texts = pc.if_else(pa.array(numbers == infinity), text, texts)
    return texts


def plain_texts(column: Any) -> Any:
    """Return kept cells as text; those of nested types as JSON."""
    column = decoded(column)
    kind = column.type
    if is_text(kind):
        return column
    if pa.types.is_float64(kind):
        texts = float_texts(column.fill_null(np.nan).to_numpy(zero_copy_only=False))
        nan = pc.is_nan(column).fill_null(False)
        return pc.if_else(nan, "nan", texts)
    if pa.types.is_nested(kind):
        return _nested(column)
    if pa.types.is_duration(kind):
        return _spans(column)
    if _is_binary(kind):
        return pa.array([None if cell is None else b64encode(cell).decode() for cell in column.to_pylist()])
    return _in_range(column.cast(pa.string()), column)


def json_texts(column: Any) -> Any:
    """Return kept cells as JSON."""
    column = decoded(column)
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.string())
    if pa.types.is_floating(kind):
        numbers = column.cast(pa.float64()) if not pa.types.is_float64(kind) else column
        texts = json_floats(numbers.fill_null(np.nan).to_numpy(zero_copy_only=False))
        return pc.if_else(pc.is_nan(numbers).fill_null(False), '"NaN"', texts)
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    return _nested(column) if pa.types.is_nested(kind) else _json_strings(plain_texts(column))


def _json_strings(texts: Any) -> Any:
    kind = texts.type
    mark = pa.scalar('"', kind)
    quoted = pc.binary_join_element_wise(mark, texts, mark, pa.scalar("", kind))
    odd = pc.match_substring_regex(texts, r"[^ !#-\[\]-~]").fill_null(False)
    if pc.any(odd).as_py():
        escaped = pa.array(map(json.dumps, texts.filter(odd).to_pylist()), kind)
        quoted = pc.replace_with_mask(quoted, odd, escaped)
    return quoted


def _is_binary(kind: pa.DataType) -> bool:
    tests = (
        pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary
    )  # fmt: skip
    return any(test(kind) for test in tests)


def _in_range(texts: Any, column: Any) -> Any:
    """Return the texts of times and days; those that Arrow can't write are written by NumPy."""
    beyond = pc.starts_with(texts, "<value out of range").fill_null(False)
    if not pc.any(beyond).as_py():
        return texts
    numbers = column.filter(beyond)
    unit = getattr(column.type, "unit", "D" if pa.types.is_date32(column.type) else "ms")
    width = pa.int32() if pa.types.is_date32(column.type) else pa.int64()
    counts = numbers.cast(width).cast(pa.int64()).to_numpy()
    return pc.replace_with_mask(texts, beyond, pa.array(np.datetime_as_string(counts.view(f"M8[{unit}]"))))


def _spans(column: Any) -> Any:
    unit = _PER_SECOND[column.type.unit]
    counts = column.cast(pa.int64()).to_pylist()
    return pa.array([None if count is None else _span(count, unit) for count in counts], pa.string())


def _span(count: int, unit: int) -> str:
    """Return a span of time in ISO 8601, in seconds. unit: how many of ``count`` a second has."""
    whole, part = divmod(abs(count), unit)
    digits = f".{part:0{len(str(unit)) - 1}}".rstrip("0") if part else ""
    return f"{'-' if count < 0 else ''}PT{whole}{digits}S"


def _nested(column: Any) -> Any:
    try:
        cells = column.to_pylist()
    except (ValueError, OverflowError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"a column that holds {column.type} can't be kept as text: {reason}",
            hint="--format parquet and arrow can",
        ) from None
    return pa.array([None if cell is None else json.dumps(_strict(cell)) for cell in cells], pa.string())


def _strict(cell: Any) -> Any:
    """Return what JSON has for a cell, at any depth. Arrow's types are nested only so deep."""
    if isinstance(cell, dict):
        return {key: _strict(value) for key, value in cell.items()}
    if isinstance(cell, list | tuple):
        return [_strict(value) for value in cell]
    if isinstance(cell, float) and not math.isfinite(cell):
        return "NaN" if math.isnan(cell) else "Infinity" if cell > 0 else "-Infinity"
    if isinstance(cell, bytes):
        return b64encode(cell).decode()
    if isinstance(cell, timedelta):
        return _span(cell // timedelta(microseconds=1), 10**6)
    return cell if isinstance(cell, str | int | float | None) else str(cell)
