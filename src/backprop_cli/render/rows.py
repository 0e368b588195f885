"""Results of rows as CSV, TSV and JSON Lines, and the summary of what went wrong."""

from __future__ import annotations

import csv
import json
import math
from typing import TYPE_CHECKING

from backprop_cli.naming import listing
from backprop_cli.rows import cell_texts

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import TextIO

    from backprop_cli.batch import Occurrence, RowResult, Tally
    from backprop_cli.rows import Row

_FEW = 8
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
            if len(self.lost) < _FEW:
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


def render_summary(tally: Tally, lost: Collection[str] = ()) -> list[str]:
    """Return the lines that tell which rows are not ok, at a kink or in doubt, and which keys were lost."""
    lines = []
    faults = tally.faults()
    if faults:
        count = sum(met.rows for met in faults.values())
        told = ", ".join(f"{met.rows:,} {status} ({_which(met)})" for status, met in faults.items())
        lines.append(f"{count:,} of {_rows(tally.rows)} {_are(count)} not ok: {told}")
        lines += [f"  row {met.first[0]:,}: {met.message}" for met in faults.values()]
    if met := tally.met.get("kink"):
        lines.append(f"{_rows(met.rows)} {_are(met.rows)} at a kink ({_which(met)})")
    if met := tally.met.get("overflow"):
        lines.append(
            f"{_rows(met.rows)} {_are(met.rows)} computed from a value that overflows, "
            f"and may be wrong ({_which(met)})"
        )
    if lost:
        lines.append(f"keys of later rows could not be kept: {listing(sorted(lost))}")
    return lines


def render_check(rows: int, checked: int, seed: int, differences: Sequence[str]) -> list[str]:
    """Return the lines that tell how the rows that were computed once more came out."""
    told = f"checked {checked:,} of {_rows(rows)} with sympy (--seed {seed}): "
    if not differences:
        return [told + "all agree" if checked else told + "there is nothing to compare"]
    more = len(differences) - _FEW
    count = len(differences)
    return [
        told + ("1 differs" if count == 1 else f"{count:,} differ"),
        *(f"  {difference}" for difference in differences[:_FEW]),
        *([f"  and {more:,} more"] if more > 0 else []),
    ]


def _which(met: Occurrence) -> str:
    numbers = [f"{row:,}" for row in met.first]
    if met.rows == 1:
        return f"row {numbers[0]}"
    more = met.rows - len(numbers)
    return f"rows {', '.join(numbers)} and {more:,} more" if more else f"rows {listing(numbers)}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
