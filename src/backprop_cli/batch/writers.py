"""Results of rows as text: CSV and JSON Lines."""

from __future__ import annotations

import csv
import json
import math
from typing import TYPE_CHECKING, TextIO

from backprop_cli.batch.cells import Row, cell_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.batch.tally import RowResult

FEW_TOLD = 8
_JSON_NAMES: dict[float | None, str] = {math.inf: "Infinity", -math.inf: "-Infinity"}


def result_columns(wrt: Sequence[str], values: Sequence[str] = ()) -> list[str]:
    """Return the names of what is written for a row."""
    return ["value", *(f"grad_{name}" for name in wrt), *(f"value_{name}" for name in values), "status"]


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
    """Writes one JSON object per line. keep: whether the keys of the data stand in front of the results."""

    def __init__(self, file: TextIO, columns: Sequence[str], *, keep: bool) -> None:
        self._file = file
        self._columns = columns
        self._taken = frozenset(columns)
        self._keep = keep
        self.lost: set[str] = set()
        self._encode = json.JSONEncoder(allow_nan=False).encode

    def write_result(self, row: Row, result: RowResult) -> None:
        """Write the line of a row."""
        numbers = [_JSON_NAMES.get(x, x) for x in (result.value, *result.gradients, *result.values)]
        line = self._encode(dict(zip(self._columns, [*numbers, result.status], strict=True)))
        if self._keep and row.names:
            taken = self._taken.intersection(row.names)
            if taken:
                self.lost |= taken
            # The object itself is repeated, so that every number stays as it was written.
            elif row.text:
                line = f"{row.text[:-1].rstrip()}, {line[1:]}"
            else:
                line = f"{self._encode(dict(zip(row.names, row.cells, strict=True)))[:-1]}, {line[1:]}"
        self._file.write(line + "\n")
