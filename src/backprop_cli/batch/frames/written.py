"""Columns of Arrow of every type as text: as cells of CSV, and as strict JSON. What has no value is null.

Times and days are written as Arrow does, spans of time as ISO 8601 (PT1.5S), bytes as Base64, and what is
nested as JSON, where a NaN is "NaN".
"""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backprop_cli.batch.frames.cells import bare, is_text

if TYPE_CHECKING:
    from backprop_cli.batch.engines.results import Floats

_INFINITIES = {np.inf: '"Infinity"', -np.inf: '"-Infinity"'}

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def as_it_is(numbers: Any) -> Any:
    """Return an array in the same memory. ``pa.array`` would load the masked arrays of NumPy first: 20 ms."""
    kind = pa.from_numpy_dtype(numbers.dtype)
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(np.ascontiguousarray(numbers))])


def float_texts(numbers: Floats) -> Any:
    """Return numbers as Python writes them, null for NaN.

    Arrow writes most of them alike, five times as fast: the shortest digits that come back. It has no
    ".0" behind whole numbers, and begins with exponents elsewhere.
    """
    size = np.abs(numbers)
    with np.errstate(invalid="ignore"):
        whole = (size < 1e16) & (np.trunc(numbers) == numbers) & ((size > 0) | ~np.signbit(numbers))
        other = ~whole & (((size < 1e-4) & (size >= 1e-10)) | ((size >= 1e9) & (size < 1e16)) | (size == 0))
    has_gaps = np.isnan(numbers).any()
    texts = (pa.array(numbers, from_pandas=True) if has_gaps else as_it_is(numbers)).cast(pa.string())
    if whole.any():
        digits = pa.array(numbers[whole].astype(np.int64)).cast(pa.string())
        dotted = pc.binary_join_element_wise(digits, ".0", "")
        texts = pc.replace_with_mask(texts, pa.array(whole), dotted)
    if other.any():
        texts = pc.replace_with_mask(texts, pa.array(other), pa.array(map(repr, numbers[other].tolist())))
    return texts


def json_floats(numbers: Floats) -> Any:
    """Return numbers as JSON, null for NaN."""
    texts = float_texts(numbers)
    if np.isinf(numbers).any():
        for infinity, text in _INFINITIES.items():
            texts = pc.if_else(pa.array(numbers == infinity), text, texts)
    return texts


def plain_texts(column: Any) -> Any:
    """Return cells as text. Raises ArrowException."""
    column = bare(column)
    kind = column.type
    if is_text(kind):
        return column
    if pa.types.is_nested(kind):
        return _nested(column)
    if pa.types.is_float64(kind):
        texts = float_texts(column.fill_null(np.nan).to_numpy(zero_copy_only=False))
        return pc.if_else(pc.is_nan(column).fill_null(False), "nan", texts)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _moments(column)
    if pa.types.is_time(kind):
        return _times(column)
    if pa.types.is_duration(kind):
        return _spans(column.cast(pa.int64()).to_pylist(), _PER_SECOND[kind.unit])
    if pa.types.is_interval(kind):
        return pa.array(map(_interval, column.to_pylist()), pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.array(map(_base64, column.to_pylist()), pa.large_string())
    return column.cast(pa.string())


def json_texts(column: Any) -> Any:
    """Return cells as JSON. Raises ArrowException."""
    column = bare(column)
    kind = column.type
    if pa.types.is_floating(kind):
        numbers = column if pa.types.is_float64(kind) else column.cast(pa.float64())
        texts = json_floats(numbers.fill_null(np.nan).to_numpy(zero_copy_only=False))
        return pc.if_else(pc.is_nan(numbers).fill_null(False), '"NaN"', texts)
    texts = plain_texts(column)
    as_it_is = pa.types.is_integer, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_nested
    return texts if any(test(kind) for test in as_it_is) else _in_quotes(texts)


def _in_quotes(texts: Any) -> Any:
    quoted = join([pa.scalar('"', texts.type), texts, pa.scalar('"', texts.type)])
    odd = pc.match_substring_regex(texts, r"[^ !#-\[\]-~]").fill_null(False)
    if pc.any(odd).as_py():
        escaped = pa.array(map(json.dumps, texts.filter(odd).to_pylist()), quoted.type)
        quoted = pc.replace_with_mask(quoted, odd, escaped)
    return quoted


def join(pieces: list[Any]) -> Any:
    """Return pieces of text of one type, one behind the other in each row; null where one is null."""
    return pc.binary_join_element_wise(*pieces, pa.scalar("", pieces[0].type))


def _base64(cell: bytes | None) -> str | None:
    return None if cell is None else b64encode(cell).decode()


def _moments(column: Any) -> Any:
    """Return dates and times of day; years outside 0 to 9999, which Arrow does not write, in UTC."""
    kind = column.type
    has_zone = pa.types.is_timestamp(kind) and kind.tz is not None
    try:
        texts = column.cast(pa.string())
    except pa.ArrowInvalid:  # a time zone that this machine does not know
        texts = column.cast(pa.timestamp(kind.unit)).cast(pa.string())
        texts = pc.binary_join_element_wise(texts, "Z", "")
    unit = kind.unit if pa.types.is_timestamp(kind) else "D"
    if unit == "ns":  # all in 1677 to 2262
        return texts
    numbers = column.cast(pa.date32()).cast(pa.int32()) if unit == "D" else column.cast(pa.int64())
    moments = numbers.fill_null(0).to_numpy(zero_copy_only=False).astype(f"datetime64[{unit}]")
    far = (moments < np.datetime64("0000-01-01")) | (moments >= np.datetime64("10000-01-01"))
    if far.any():
        written = [
            moment.replace("T", " ") + "Z" * has_zone for moment in np.datetime_as_string(moments[far])
        ]
        texts = pc.replace_with_mask(texts, pa.array(far), pa.array(written))
    return texts


def _times(column: Any) -> Any:
    """Return times of day; those beyond a day, which Arrow does not write, as spans of time."""
    texts = column.cast(pa.string())
    beyond = pc.starts_with(texts, "<").fill_null(False)
    if not pc.any(beyond).as_py():
        return texts
    counts = column.filter(beyond).cast(pa.int32() if column.type.bit_width == 32 else pa.int64())
    spans = _spans(counts.to_pylist(), _PER_SECOND[column.type.unit])
    return pc.replace_with_mask(texts, beyond, spans)


def _interval(cell: Any) -> str | None:
    """Return months, days and seconds in ISO 8601; each may have a sign of its own."""
    if cell is None:
        return None
    return f"P{cell.months}M{cell.days}DT{_seconds(cell.nanoseconds, 10**9)}S"


def _spans(counts: list[int | None], unit: int) -> Any:
    """Return spans of time in ISO 8601, in seconds. unit: how many of the counts a second has."""
    texts = [
        None if count is None else f"{'-' * (count < 0)}PT{_seconds(abs(count), unit)}S" for count in counts
    ]
    return pa.array(texts, pa.string())


def _seconds(count: int, unit: int) -> str:
    whole, part = divmod(abs(count), unit)
    digits = f".{part:0{len(str(unit)) - 1}}".rstrip("0") if part else ""
    return f"{'-' * (count < 0)}{whole}{digits}"


def _nested(column: Any) -> Any:
    """Return lists, structs, maps and unions as JSON."""
    kind = column.type
    if pa.types.is_struct(kind):
        texts = _object(kind, column.flatten(), len(column))
    elif pa.types.is_union(kind):
        return _union(column)
    elif pa.types.is_map(kind):
        offsets = np.asarray(column.offsets)
        entries = [_json_pieces(part)[offsets[0] : offsets[-1]] for part in (column.keys, column.items)]
        pairs = join([_wide("["), entries[0], _wide(", "), entries[1], _wide("]")])
        texts = _list(pairs, np.diff(offsets))
    else:
        lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
        texts = _list(_json_pieces(pc.list_flatten(column)), lengths)
    return pc.if_else(column.is_null(), pa.scalar(None, texts.type), texts)


def _object(kind: pa.DataType, fields: list[Any], count: int) -> Any:
    names = [field.name for field in kind]
    if len(set(names)) < len(names):
        raise pa.ArrowInvalid("two of its fields have one name")
    pieces = [_wide("{")]
    for name, field in zip(names, fields, strict=True):
        pieces += [_wide(f"{', ' * (len(pieces) > 1)}{json.dumps(name)}: "), _json_pieces(field)]
    return join([*pieces, _wide("}")]) if names else pa.array(["{}"] * count, pa.large_string())


def _list(pieces: Any, lengths: Any) -> Any:
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), pa.int64())
    inner = pc.binary_join(pa.LargeListArray.from_arrays(offsets, pieces), _wide(", "))
    return join([_wide("["), inner, _wide("]")])


def _union(column: Any) -> Any:
    """Return the texts of the fields, each where its code stands."""
    _, codes_buffer, *offsets_buffer = column.buffers()[:3]
    rows = slice(column.offset, column.offset + len(column))  # which type_codes and offsets forget
    codes = np.frombuffer(codes_buffer, np.int8)[rows] if len(column) else np.empty(0, np.int8)
    texts = pa.nulls(len(column), pa.large_string())
    for place, code in enumerate(column.type.type_codes):
        field, mine = _json_pieces(column.field(place)), codes == code
        if column.type.mode == "dense" and len(column):
            offsets = np.frombuffer(offsets_buffer[0], np.int32)[rows]
            field = field.take(pa.array(np.where(mine, offsets, 0), mask=~mine))
        texts = pc.if_else(pa.array(mine), field, texts)
    return texts


def _json_pieces(column: Any) -> Any:
    return json_texts(column).cast(pa.large_string()).fill_null("null")


def _wide(text: str) -> Any:
    return pa.scalar(text, pa.large_string())
