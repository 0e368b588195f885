"""Results of rows as CSV, TSV and JSON Lines, and the summary of what went wrong."""

from __future__ import annotations

import csv
import json
import math
from typing import TYPE_CHECKING

from backprop_cli.naming import listing
from backprop_cli.rows import cell_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from backprop_cli.batch import Faults, RowResult, Tally
    from backprop_cli.rows import Row

_MOST_LEFT_OUT = 8
_JSON_NAMES: dict[float | None, str] = {math.inf: "Infinity", -math.inf: "-Infinity"}


def result_columns(wrt: Sequence[str]) -> list[str]:
    """Return the names of what is written for a row."""
    return ["value", *(f"grad_{name}" for name in wrt), "status"]


class CsvWriter:
    """Writes cells separated by ``delimiter``, under a header.

    kept: the columns of the data that are repeated in front of the results.
    """

    def __init__(self, file: TextIO, delimiter: str, kept: tuple[str, ...], wrt: Sequence[str]) -> None:
        self._file = file
        # With this ending csv quotes a cell with either of its characters; ``write`` shortens it.
        self._write_row = csv.writer(self, delimiter=delimiter, lineterminator="\r\n").writerow
        self._kept = kept
        self._left_out: list[str] = []
        self._write_row([*kept, *result_columns(wrt)])

    def write(self, line: str) -> None:
        """Take a line from csv."""
        self._file.write(line[:-2] + "\n")

    def write_result(self, row: Row, result: RowResult) -> None:
        """Write the line of a row."""
        kept = self._kept_cells(row) if self._kept else ()
        self._write_row([*kept, result.value, *result.gradients, result.status])

    def _kept_cells(self, row: Row) -> list[str]:
        texts = cell_texts(row)
        if row.names == self._kept:
            return texts
        cells = dict(zip(row.names, texts, strict=True))
        if len(self._left_out) < _MOST_LEFT_OUT:
            self._left_out += [name for name in cells if name not in (*self._kept, *self._left_out)]
        return [cells.get(name, "") for name in self._kept]

    def warnings(self) -> Iterator[str]:
        """Tell which keys of later rows have no column."""
        if self._left_out:
            names = listing(self._left_out[:_MOST_LEFT_OUT])
            yield f"warning: {names} can't be kept: the header is made of the keys of the first row"


class JsonWriter:
    """Writes one JSON object per line. keep: whether the keys of the data stand in front of the results."""

    def __init__(self, file: TextIO, wrt: Sequence[str], *, keep: bool) -> None:
        self._file = file
        self._columns = result_columns(wrt)
        self._taken = frozenset(self._columns)
        self._encode = json.JSONEncoder(allow_nan=False).encode
        self._keep = keep

    def write_result(self, row: Row, result: RowResult) -> None:
        """Write the line of a row."""
        numbers = [_JSON_NAMES.get(x, x) for x in (result.value, *result.gradients)]
        line = self._encode(dict(zip(self._columns, [*numbers, result.status], strict=True)))
        if self._keep and not self._taken.intersection(row.names):
            # The object itself is repeated, so that every number stays as it was written.
            kept = (row.text or self._encode(dict(zip(row.names, row.cells, strict=True))))[:-1].rstrip()
            line = line if kept == "{" else f"{kept}, {line[1:]}"
        self._file.write(line + "\n")

    def warnings(self) -> Iterator[str]:
        """Tell nothing: an object keeps whatever there is."""
        return iter(())


def render_summary(tally: Tally) -> list[str]:
    """Return the lines that tell which rows have no result, are at a kink, or overflow on the way."""
    lines = []
    faults = tally.faults()
    if faults:
        count = sum(fault.total for fault in faults.values())
        told = ", ".join(f"{fault.total:,} {status} ({_rows(fault)})" for status, fault in faults.items())
        lines.append(f"{count:,} of {_counted(tally.rows)} {_are(count)} not ok: {told}")
        lines += [f"  row {fault.rows[0]:,}: {fault.message}" for fault in faults.values()]
    kinks, overflows = tally.met.get("kink"), tally.met.get("overflow")
    if kinks:
        lines.append(f"{_counted(kinks.total)} {_are(kinks.total)} at a kink ({_rows(kinks)})")
    if overflows:
        verb = "overflows" if overflows.total == 1 else "overflow"
        lines.append(
            f"{_counted(overflows.total)} {verb} on the way to the value ({_rows(overflows)}); "
            "what is computed from that may be wrong"
        )
    return lines


def _rows(fault: Faults) -> str:
    numbers = [f"{row:,}" for row in fault.rows]
    if fault.total == 1:
        return f"row {numbers[0]}"
    more = fault.total - len(numbers)
    return f"rows {', '.join(numbers)} and {more:,} more" if more else f"rows {listing(numbers)}"


def _counted(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
