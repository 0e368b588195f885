"""Frames of rows that are read one by one: JSON Lines, and CSV where quotes make it more than lines."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from backprop_cli.batch.cells import read_flat_objects, read_jsonl
from backprop_cli.batch.frames.blocks import Blocks, split_lines
from backprop_cli.batch.frames.frame import Frame
from backprop_cli.batch.frames.objects import read_objects
from backprop_cli.batch.points import column_name
from backprop_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from backprop_cli.batch.cells import Row
    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.batch.forms import Form
    from backprop_cli.batch.points import Points

# Rows are objects of some kB; a frame of them is shorter than others.
_ROWS = 1 << 13


def frames_of_rows(
    rows: Iterable[Row], names: Sequence[str], points: Points, *, keep: bool
) -> Iterator[Frame]:
    """Yield frames. names: of the inputs that are columns."""
    source = iter(rows)
    while some := list(islice(source, _ROWS)):
        yield _frame(some, names, points, keep=keep)


def _frame(rows: list[Row], names: Sequence[str], points: Points, *, keep: bool) -> Frame:
    problems: dict[int, str] = {}
    nothing = dict.fromkeys(names, np.nan)
    found = []
    for number, row in enumerate(rows):
        try:
            found.append(points.read(row))
        except InputError as error:
            problems[number] = error.message
            found.append(nothing)
    columns = {name: np.array([point[name] for point in found], np.float64) for name in names}
    return Frame(len(rows), columns, problems, rows if keep else None)


class JsonReader:
    """Reads one JSON object per line. Every input that is not given may be a column."""

    has_header = False
    is_text = True

    def __init__(self, blocks: Blocks, total: int | None) -> None:
        self.total = total
        self.unit = "lines" if total is None else "bytes"
        self._blocks = blocks
        self.names: tuple[str, ...] = ()
        self.elements: tuple[str, ...] = ()
        while (block := blocks.take()) is not None:
            table = read_jsonl(split_lines(block))
            if next(table.rows, None) is not None:
                self.names, self.elements = table.names, table.elements
                blocks.put_back(block)
                break

    def check(self, points: Points, kept_in: Form | None) -> None:
        """Check nothing: each cell is its own affair."""

    def frames(self, points: Points, advance: Callable[[int], None], *, keep: bool) -> Iterator[Frame]:
        """Yield the data, at least one frame."""
        names = points.names
        yield _frame([], names, points, keep=keep)
        while (block := self._blocks.take()) is not None:
            for frame in self._read_block(block, points, names, keep=keep):
                yield frame
                if self.total is None:
                    advance(frame.count)
            if self.total is not None:
                advance(len(block))

    def _read_block(
        self, block: bytes, points: Points, names: Sequence[str], *, keep: bool
    ) -> Iterator[Frame]:
        frame = None if keep else self._read_plain(block, points, names)
        if frame is not None:
            yield frame
        else:
            yield from frames_of_rows(read_jsonl(split_lines(block)).rows, names, points, keep=keep)

    def _read_plain(self, block: bytes, points: Points, names: Sequence[str]) -> Frame | None:
        """Return the rows of a block whose objects are like the first one, None for any other."""
        if b"\r" in block or not block.isascii() or points.dialect.missing or points.claims:
            return None
        keys: dict[str, list[str]] = {}
        for key in self.names:
            keys.setdefault(column_name(key), []).append(key)
        found = {name: keys.get(points.column(name), []) for name in names}
        if any(len(same) != 1 for same in found.values()):
            return None
        wanted = {name: key for name, (key,) in found.items()}
        read = read_objects(block, self.names, wanted.values())
        if read is None:
            return _frame_of_objects(read_flat_objects(block.decode(), self.names), wanted)
        count, numbers = read
        return Frame(count, {name: numbers[key] for name, key in wanted.items()})


def _frame_of_objects(
    objects: Sequence[Mapping[str, object]] | None, wanted: Mapping[str, str]
) -> Frame | None:
    """Return objects as a frame. wanted: input -> key, whose cells are all to be finite numbers."""
    if not objects:
        return None
    columns: dict[str, Floats] = {}
    for name, key in wanted.items():
        cells = [item.get(key) for item in objects]
        if not all(type(cell) is float for cell in cells):
            return None
        columns[name] = np.array(cells, np.float64)
        if not np.isfinite(columns[name]).all():
            return None
    return Frame(len(objects), columns)
