"""Results as CSV, TSV and JSON Lines, a frame at a time: the same text as ``batch.writers`` writes."""

from __future__ import annotations

import codecs
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backprop_cli.batch.forms import DELIMITERS, Form
from backprop_cli.batch.frames.cells import is_text
from backprop_cli.batch.tally import STATUSES, RowResult
from backprop_cli.batch.writers import CsvWriter, JsonWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from backprop_cli.batch.engines.results import Floats, Results
    from backprop_cli.batch.frames.frame import Frame

_INFINITIES = {np.inf: '"Infinity"', -np.inf: '"-Infinity"'}
_LARGE = 1 << 30
"""The bytes of text in a frame from which on offsets of 32 bits may not do."""


class TextWriter:
    """Writes lines to a file.

    columns: the names of what is written for a row.  kept: those of the data that are repeated in front.
    lost: keys of later rows that had to be left out.
    """

    def __init__(
        self, file: TextIO, form: Form, columns: Sequence[str], kept: tuple[str, ...] | None
    ) -> None:
        self._file = file
        self._columns = columns
        self._rows: CsvWriter | JsonWriter
        self._join: Callable[[Frame, Results], Any]
        if form is Form.jsonl:
            self._rows = JsonWriter(file, columns, keep=kept is not None)
            self._join = self._json_lines
        else:
            self._rows = CsvWriter(file, DELIMITERS[form], kept or (), columns)
            self._join = partial(self._csv_lines, delimiter=DELIMITERS[form])
        self._pool = ThreadPoolExecutor(os.cpu_count())  # most of the time goes into digits, without the lock
        self._is_utf8 = codecs.lookup(file.encoding).name == "utf-8"

    @property
    def lost(self) -> set[str]:
        """The keys that were left out."""
        return self._rows.lost

    def write(self, frame: Frame, results: Results) -> None:
        """Write the lines of a frame."""
        if isinstance(frame.kept, list):
            self._write_rows(frame, results)
        elif frame.count:
            lines = self._join(frame, results)
            # The lines stand in one buffer, one behind the other.
            _, offsets, data = lines.buffers()
            wide = pa.types.is_large_string(lines.type)
            bounds = np.frombuffer(offsets, np.int64 if wide else np.int32)
            text = memoryview(data)[bounds[lines.offset] : bounds[lines.offset + len(lines)]]
            if self._is_utf8:
                self._file.flush()
                self._file.buffer.write(text)
            else:
                self._file.write(str(text, "utf-8"))

    def close(self) -> None:
        """Bring what was written to its place."""
        self._pool.shutdown()
        self._file.flush()

    def _write_rows(self, frame: Frame, results: Results) -> None:
        columns = [[None if x != x else x for x in numbers.tolist()] for numbers in results.numbers()]
        behind = 1 + len(results.gradients)
        rows: Sequence[Any] = frame.kept  # type: ignore[assignment]
        for row, code, *numbers in zip(rows, results.status.tolist(), *columns, strict=True):
            result = RowResult(numbers[0], numbers[1:behind], STATUSES[code], values=numbers[behind:])
            self._rows.write_result(row, result)

    def _csv_lines(self, frame: Frame, results: Results, delimiter: str) -> Any:
        special = f'[{re.escape(delimiter)}"\\r\\n]'
        kept = frame.kept.columns if isinstance(frame.kept, pa.RecordBatch) else []
        cells = [_quoted(_plain_texts(column), special) for column in kept]
        cells += self._pool.map(float_texts, results.numbers())
        return _joined([*cells, _endings("{}\n", results)], delimiter, "")

    def _json_lines(self, frame: Frame, results: Results) -> Any:
        pieces: list[Any] = []
        if isinstance(frame.kept, pa.RecordBatch):
            for name, column in zip(frame.kept.schema.names, frame.kept.columns, strict=True):
                pieces += [f"{', ' if pieces else '{'}{json.dumps(name)}: ", _json_texts(column)]
        texts = self._pool.map(_json_floats, results.numbers())
        for name, numbers in zip(self._columns, texts, strict=False):
            pieces += [f"{', ' if pieces else '{'}{json.dumps(name)}: ", numbers]
        return _joined([*pieces, _endings(', "status": "{}"}}\n', results)], "", "null")


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


def _json_floats(numbers: Floats) -> Any:
    texts = float_texts(numbers)
    if np.isinf(numbers).any():
        for infinity, text in _INFINITIES.items():
            texts = pc.if_else(pa.array(numbers == infinity), text, texts)
    return texts


def _endings(template: str, results: Results) -> Any:
    return pa.array([template.format(status) for status in STATUSES]).take(pa.array(results.status))


def _joined(pieces: Sequence[Any], separator: str, missing: str) -> Any:
    wide = sum(piece.nbytes for piece in pieces if not isinstance(piece, str)) > _LARGE
    kind = pa.large_string() if wide else pa.string()
    pieces = [pa.scalar(piece, kind) if isinstance(piece, str) else piece.cast(kind) for piece in pieces]
    return pc.binary_join_element_wise(
        *pieces, pa.scalar(separator, kind), null_handling="replace", null_replacement=missing
    )


def _plain_texts(column: Any) -> Any:
    """Return kept cells as text; those of nested types as JSON."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if is_text(kind):
        return column
    if pa.types.is_float64(kind):
        texts = float_texts(column.fill_null(np.nan).to_numpy(zero_copy_only=False))
        nan = pc.is_nan(column).fill_null(False)
        return pc.if_else(nan, "nan", texts)
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        cells = column.to_pylist()
        return pa.array([None if cell is None else json.dumps(cell, default=str) for cell in cells])


def _quoted(texts: Any, special: str) -> Any:
    marks = pc.match_substring_regex(texts, special).fill_null(False)
    if not pc.any(marks).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(marks, pc.binary_join_element_wise('"', doubled, '"', ""), texts)


def _json_texts(column: Any) -> Any:
    """Return kept cells as JSON."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if is_text(kind):
        quoted = pc.binary_join_element_wise('"', column, '"', "")
        odd = pc.match_substring_regex(column, r"[^ !#-\[\]-~]").fill_null(False)
        if pc.any(odd).as_py():
            escaped = pa.array(map(json.dumps, column.filter(odd).to_pylist()), quoted.type)
            quoted = pc.replace_with_mask(quoted, odd, escaped)
        return quoted
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.string())
    if pa.types.is_floating(kind):
        numbers = column.cast(pa.float64()) if not pa.types.is_float64(kind) else column
        texts = _json_floats(numbers.fill_null(np.nan).to_numpy(zero_copy_only=False))
        return pc.if_else(pc.is_nan(numbers).fill_null(False), '"NaN"', texts)
    cells = column.to_pylist()
    return pa.array([None if cell is None else json.dumps(cell, default=str) for cell in cells], pa.string())
