"""CSV and TSV in columns.

A block of lines whose cells can be told without doubt is read by pyarrow, and all others as ``read_records``
reads them; numbers and messages are the same either way.
"""

from __future__ import annotations

import codecs
import math
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import csv

from backprop_cli.batch.cells import Lines, read_header, read_records, rows_below
from backprop_cli.batch.frames.blocks import Blocks, join_lines, split_lines
from backprop_cli.batch.frames.by_row import frames_of_rows
from backprop_cli.batch.frames.cells import put_column
from backprop_cli.batch.frames.frame import Frame
from backprop_cli.batch.points import HALF

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.batch.forms import Form
    from backprop_cli.batch.points import Points

_BLANK = re.compile(rb"^[\t\v\f\x1c-\x1f ]+\r?$", re.MULTILINE)
_PART = 1 << 20
"""The bytes that pyarrow gives to a thread at once."""


class CsvReader:
    """Reads cells separated by ``delimiter``, under a header. Raises InputError without a header."""

    has_header = True
    is_text = True
    elements = ()

    def __init__(self, blocks: Blocks, delimiter: str, total: int | None, *, ragged: bool = False) -> None:
        self.total = total
        self.unit = "lines" if total is None else "bytes"
        self._blocks = blocks
        self._delimiter = delimiter
        self._is_ragged = ragged
        mark = re.escape(delimiter.encode())
        # A cell in quotes, with nothing between them and what separates cells.
        self._quoted = re.compile(rb'(?:(?<=[\r\n%b])|\A)"[^"\r\n]*"(?=[\r\n%b]|\Z)' % (mark, mark))
        first = blocks.take()
        while first is not None and not "".join(split_lines(first)).strip():
            first = blocks.take()
        records = self._records(first or b"")
        self.names = read_header(records)
        records.close()

    def check(self, points: Points, kept_in: Form | None) -> None:
        """Check nothing: each cell is its own affair."""

    def frames(self, points: Points, advance: Callable[[int], None], *, keep: bool) -> Iterator[Frame]:
        """Yield the data, at least one frame."""
        columns = {name: np.empty(0) for name in _names(points)}
        yield Frame(0, columns, kept=self._nothing() if keep else None)
        while (block := self._blocks.take()) is not None:
            for frame in self._read_block(block, points, keep=keep):
                yield frame
                if self.total is None:
                    advance(frame.count)
            if self.total is not None:
                advance(len(block))

    def _read_block(self, block: bytes, points: Points, *, keep: bool) -> Iterator[Frame]:
        frame = self._read_plain(block, points, keep=keep)
        if frame is not None:
            yield frame
        else:
            rows = rows_below(self.names, self._records(block), ragged=self._is_ragged)
            yield from frames_of_rows(rows, _names(points), points, keep=keep)

    def _records(self, block: bytes) -> Generator[list[str] | str]:
        """Yield the records that begin in a block. Lines behind them that had to be read are put back."""
        done = False

        def further() -> Iterator[str]:
            while not done and (more := self._blocks.take()) is not None:
                yield from split_lines(more)

        own = list(split_lines(block))
        lines = Lines(chain(own, further()))
        try:
            for record in read_records(lines, self._delimiter):
                yield record
                if lines.taken >= len(own):
                    break
        finally:
            done = True
            self._blocks.put_back(join_lines(lines.rest()))

    def _read_plain(self, block: bytes, points: Points, *, keep: bool) -> Frame | None:
        """Return the rows of a block, or None where pyarrow might read it otherwise than ``read_records``."""
        places, dialect = points.places, points.dialect
        quotes = b'"' in block
        alone = len(self.names) == 1  # a blank line is no row, even if it has spaces
        if (
            block.startswith(codecs.BOM_UTF8)
            or (b"\r" in block and block.count(b"\r") != block.count(b"\r\n"))
            or (alone and (quotes or not block.isascii() or _BLANK.search(block)))
            or (quotes and b'"' in self._quoted.sub(b"", block))
        ):
            return None
        if not block.strip(b"\r\n"):
            return Frame(
                0, {name: np.empty(0) for name in _names(points)}, kept=self._nothing() if keep else None
            )
        columns: dict[str, Floats] = {}
        problems: dict[int, str] = {}
        try:
            texts = self._read(block, range(len(self.names)), pa.string(), quotes=quotes) if keep else None
            used = sorted({place for _, place in places}) or [0]
            numbers = places and dialect.has_plain_numbers
            try:
                cells = self._read(block, used, pa.float64() if numbers else pa.string(), quotes=quotes)
            except pa.ArrowInvalid:
                cells = self._read(block, used, pa.string(), quotes=quotes)
            for name, place in places:
                column = cells[str(place)]
                if name in points.halves or not _all_finite(column):
                    # Digits as they are written; inf and nan, which are no numbers here, or one too large.
                    column = self._read(block, [place], pa.string(), quotes=quotes)[str(place)]
                put_column(name, column, points, columns, problems)
        except pa.ArrowInvalid:
            return None
        kept = tuple(texts[str(place)] for place in range(len(self.names))) if texts else None
        return Frame(len(next(iter(cells.values()))), columns, problems, kept)

    def _read(
        self, block: bytes, places: Sequence[int], kind: pa.DataType, *, quotes: bool
    ) -> dict[str, Any]:
        """Return columns as arrays of a type. Raises ArrowInvalid."""
        used = list(map(str, places))
        table = csv.read_csv(
            pa.BufferReader(block),
            csv.ReadOptions(column_names=list(map(str, range(len(self.names)))), block_size=_PART),
            csv.ParseOptions(
                delimiter=self._delimiter,
                quote_char='"' if quotes else False,
                double_quote=False,
                escape_char=False,
            ),
            csv.ConvertOptions(
                include_columns=used,
                column_types=dict.fromkeys(used, kind),
                null_values=[],
                strings_can_be_null=False,
            ),
        )
        return {place: table.column(place).combine_chunks() for place in used}

    def _nothing(self) -> tuple[Any, ...]:
        return (pa.array([], pa.string()),) * len(self.names)


def _names(points: Points) -> list[str]:
    """Return the names of the columns of a frame."""
    read = {name for name, _ in points.places}
    return [name for name in points.names if name.removeprefix(HALF) in read]


def _all_finite(column: Any) -> bool:
    if not pa.types.is_floating(column.type):
        return True
    with np.errstate(all="ignore"):
        numbers = column.to_numpy()
        return math.isfinite(numbers.sum()) or bool(np.isfinite(numbers).all())
