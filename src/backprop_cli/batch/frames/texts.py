"""Results as CSV, TSV and JSON Lines, a frame at a time: the same text as ``batch.writers`` writes."""

from __future__ import annotations

import codecs
import json
import math
import os
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from backprop_cli.batch.cells import JSON_NUMBER, number_as_json
from backprop_cli.batch.forms import DELIMITERS, Form
from backprop_cli.batch.frames.kept import cannot_keep
from backprop_cli.batch.frames.written import (
    as_it_is,
    float_texts,
    join,
    json_floats,
    json_texts,
    plain_texts,
)
from backprop_cli.batch.tally import STATUSES, RowResult
from backprop_cli.batch.writers import CsvWriter, JsonWriter, fold, nested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TextIO

    from backprop_cli.batch.engines.results import Results
    from backprop_cli.batch.frames.frame import Frame
    from backprop_cli.language.arrays.shapes import Shape

_LARGE = 1 << 30
"""The bytes of text in a frame from which on offsets of 32 bits may not do."""


class TextWriter:
    """Writes lines to a file.

    columns: the names of what is written for a row.  kept: those of the data that are repeated in front.
    inputs: place -> the input that is read from a column of text.  lists: of JSON, see ``fold``.
    lost: keys of later rows that had to be left out.
    """

    def __init__(
        self,
        file: TextIO,
        form: Form,
        columns: Sequence[str],
        kept: tuple[str, ...] | None,
        inputs: Mapping[int, str],
        lists: Mapping[str, Shape],
    ) -> None:
        self._file = file
        self._form = form
        self._columns = fold(columns, lists)
        self._kept = kept or ()
        self._inputs = inputs
        self._rows: CsvWriter | JsonWriter
        self._join: Callable[[Frame, Results], Any]
        if form is Form.jsonl:
            names = [self._kept[place] for place in inputs]
            self._rows = JsonWriter(file, columns, lists, keep=kept is not None, inputs=names)
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
        cells = [_quoted(texts, special) for texts in self._kept_texts(frame, plain_texts)]
        cells += self._pool.map(float_texts, results.numbers())
        return _joined([*cells, _endings("{}\n", results)], delimiter, "")

    def _json_lines(self, frame: Frame, results: Results) -> Any:
        pieces: list[Any] = []
        kept = self._kept_texts(frame, json_texts, partial(_inputs_as_json, frame))
        for name, texts in zip(self._kept, kept, strict=bool(frame.kept)):
            pieces += [f"{', ' if pieces else '{'}{json.dumps(name)}: ", texts]
        texts = list(self._pool.map(json_floats, results.numbers()))
        for name, place, shape in self._columns:
            pieces.append(f"{', ' if pieces else '{'}{json.dumps(name)}: ")
            cells = nested(texts[place : place + math.prod(shape)], shape) if shape else texts[place]
            pieces += _in_brackets(cells)
        return _joined([*pieces, _endings(', "status": "{}"}}\n', results)], "", "null")

    def _kept_texts(
        self, frame: Frame, write: Callable[[Any], Any], write_input: Callable[[str, Any], Any] | None = None
    ) -> Iterator[Any]:
        """Yield the kept columns as text. Raises UsageError for one that can't be written.

        write_input: does so for text that the numbers of an input are read from.
        """
        for place, column in enumerate(frame.kept or ()):
            try:
                if write_input is not None and place in self._inputs:
                    yield write_input(self._inputs[place], column)
                else:
                    yield write(column)
            except pa.ArrowException as error:
                told = f", which holds {column.type}: {error}"
                raise cannot_keep(self._form, self._kept[place], told) from None


def _inputs_as_json(frame: Frame, name: str, texts: Any) -> Any:
    """Return text that is read as numbers as JSON; what is no number stays text."""
    others = ~pc.match_substring_regex(texts, f"^{JSON_NUMBER}$").to_numpy(zero_copy_only=False)
    others |= np.isnan(frame.columns[name])
    if not others.any():
        return texts
    cells = [number_as_json(cell) or json.dumps(cell) for cell in texts.filter(pa.array(others)).to_pylist()]
    return pc.replace_with_mask(texts, pa.array(others), pa.array(cells, texts.type))


def _in_brackets(cells: Any) -> Iterator[Any]:
    """Yield columns of texts, and between them what makes lists of them."""
    if not isinstance(cells, list):
        yield cells
        return
    for place, cell in enumerate(cells):
        yield ", " if place else "["
        yield from _in_brackets(cell)
    yield "]"


def _endings(template: str, results: Results) -> Any:
    return pa.array([template.format(status) for status in STATUSES]).take(as_it_is(results.status))


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
    mark = pa.scalar('"', texts.type)
    return pc.if_else(marks, join([mark, doubled, mark]), texts)
