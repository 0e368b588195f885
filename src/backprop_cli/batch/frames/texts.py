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
from backprop_cli.batch.frames.written import float_texts, json_floats, json_texts, plain_texts
from backprop_cli.batch.tally import STATUSES, RowResult
from backprop_cli.batch.writers import CsvWriter, JsonWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

    from backprop_cli.batch.engines.results import Results
    from backprop_cli.batch.frames.frame import Frame

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
        self._file.flush()

    def let_go(self) -> None:
        """Let go of what it holds, whether all was written or not."""
        self._pool.shutdown()

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
        cells = [_quoted(plain_texts(column), special) for column in kept]
        cells += self._pool.map(float_texts, results.numbers())
        return _joined([*cells, _endings("{}\n", results)], delimiter, "")

    def _json_lines(self, frame: Frame, results: Results) -> Any:
        pieces: list[Any] = []
        if isinstance(frame.kept, pa.RecordBatch):
            for name, column in zip(frame.kept.schema.names, frame.kept.columns, strict=True):
                pieces += [f"{', ' if pieces else '{'}{json.dumps(name)}: ", json_texts(column)]
        texts = self._pool.map(json_floats, results.numbers())
        for name, numbers in zip(self._columns, texts, strict=False):
            pieces += [f"{', ' if pieces else '{'}{json.dumps(name)}: ", numbers]
        return _joined([*pieces, _endings(', "status": "{}"}}\n', results)], "", "null")


def _endings(template: str, results: Results) -> Any:
    return pa.array([template.format(status) for status in STATUSES]).take(pa.array(results.status))


def _joined(pieces: Sequence[Any], separator: str, missing: str) -> Any:
    wide = sum(piece.nbytes for piece in pieces if not isinstance(piece, str)) > _LARGE
    kind = pa.large_string() if wide else pa.string()
    pieces = [pa.scalar(piece, kind) if isinstance(piece, str) else piece.cast(kind) for piece in pieces]
    return pc.binary_join_element_wise(
        *pieces, pa.scalar(separator, kind), null_handling="replace", null_replacement=missing
    )


def _quoted(texts: Any, special: str) -> Any:
    marks = pc.match_substring_regex(texts, special).fill_null(False)
    if not pc.any(marks).as_py():
        return texts
    doubled = pc.replace_substring(texts, '"', '""')
    return pc.if_else(marks, pc.binary_join_element_wise('"', doubled, '"', ""), texts)
