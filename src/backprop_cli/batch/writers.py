"""Results of rows as text: CSV and JSON Lines."""

from __future__ import annotations

import csv
import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO, TypeVar

from backprop_cli.batch.cells import Row, cell_texts, number_as_json, written_values

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from backprop_cli.batch.tally import RowResult
    from backprop_cli.language.arrays.shapes import Shape

_T = TypeVar("_T")

FEW_TOLD = 8
_JSON_NAMES: dict[float | None, str] = {math.inf: "Infinity", -math.inf: "-Infinity"}


def result_columns(
    wrt: Sequence[str], values: Sequence[str] = (), prefix: str = "", more: Sequence[str] = ()
) -> list[str]:
    """Return the names of what is written for a row. more: those behind all other numbers."""
    steps = [f"value_{name}" for name in values]
    names = ["value", *(f"grad_{name}" for name in wrt), *steps, *more, "status"]
    return [prefix + name for name in names]


class Column(NamedTuple):
    """What is written under one name: a number, or a list of those of an array.

    place: of the first of its numbers.  shape: of the array, () for a number.
    """

    name: str
    place: int
    shape: Shape


def fold(columns: Sequence[str], lists: Mapping[str, Shape]) -> list[Column]:
    """Return what is written for a row, without its status, where arrays are lists.

    columns: the names of all numbers, and of the status.  lists: the names that lists are written under.
    """
    found: list[Column] = []
    place = 0
    while place < len(columns) - 1:
        name, bracket, _ = columns[place].partition("[")
        shape = lists.get(name, ()) if bracket else ()
        found.append(Column(name if shape else columns[place], place, shape))
        place += math.prod(shape)
    return found


def nested(texts: Sequence[_T], shape: Shape) -> list[Any]:
    """Return what is in a row of an array as lists in lists."""
    inner: list[Any] = list(texts)
    for size in reversed(shape[1:]):
        inner = [inner[start : start + size] for start in range(0, len(inner), size)]
    return inner


class CsvWriter:
    """Writes cells separated by ``delimiter``, under a header.

    kept: the columns of the data that are repeated in front of the results.
    lost: keys of later rows that had to be left out.
    """

    def __init__(self, file: TextIO, delimiter: str, kept: tuple[str, ...], columns: Sequence[str]) -> None:
        self._file = file
        self._kept = kept
        self.lost: set[str] = set()
        # With this ending csv quotes a cell that has either of its characters; ``write`` shortens it.
        self._write_row = csv.writer(self, delimiter=delimiter, lineterminator="\r\n").writerow
        self._write_row([*kept, *columns])

    def write(self, line: str) -> None:
        """Take a line from csv."""
        self._file.write(line[:-2] + "\n")

    def write_result(self, row: Row, result: RowResult) -> None:
        """Write the line of a row."""
        kept = cell_texts(row) if self._kept else []
        if self._kept and row.names != self._kept:
            cells = dict(zip(row.names, kept, strict=True))
            kept = [cells.pop(name, "") for name in self._kept]
            if len(self.lost) < FEW_TOLD:
                self.lost.update(cells)
        self._write_row([*kept, result.value, *result.gradients, *result.values, result.status])


class JsonWriter:
    """Writes one JSON object per line.

    keep: whether the keys of the data stand in front of the results.  inputs: the columns of text that are
    numbers.  lists: see ``fold``.
    """

    def __init__(
        self,
        file: TextIO,
        columns: Sequence[str],
        lists: Mapping[str, Shape],
        *,
        keep: bool,
        inputs: Collection[str] = (),
    ) -> None:
        self._file = file
        self._columns = fold(columns, lists)
        self._status = columns[-1]
        self._taken = frozenset([*(column.name for column in self._columns), self._status])
        self._keep = keep
        self._inputs = frozenset(inputs)
        self.lost: set[str] = set()
        self._encode = json.JSONEncoder(allow_nan=False).encode

    def write_result(self, row: Row, result: RowResult) -> None:
        """Write the line of a row."""
        numbers = [_JSON_NAMES.get(x, x) for x in (result.value, *result.gradients, *result.values)]
        cells: dict[str, Any] = {
            name: nested(numbers[place : place + math.prod(shape)], shape) if shape else numbers[place]
            for name, place, shape in self._columns
        }
        line = self._encode(cells | {self._status: result.status})
        kept = self._kept(row) if self._keep and row.names else ""
        self._file.write(f"{{{kept}, {line[1:]}\n" if kept else f"{line}\n")

    def _kept(self, row: Row) -> str:
        """Return the keys and values of the data, as they were written."""
        taken = self._taken.intersection(row.names)
        if row.text and not taken:
            return row.text[1:-1].strip()
        self.lost |= taken
        values = written_values(row) if row.text else map(self._cell, row.names, row.cells)
        pairs = zip(row.names, values, strict=True)
        return ", ".join(f"{self._encode(name)}: {value}" for name, value in pairs if name not in taken)

    def _cell(self, name: str, cell: object) -> str:
        number = number_as_json(cell) if name in self._inputs and isinstance(cell, str) else None
        return self._encode(cell) if number is None else number
