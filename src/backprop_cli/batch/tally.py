"""What became of the rows: statuses, faults, and their counts."""

from __future__ import annotations

from bisect import bisect
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.record import Word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.batch.cells import Row


class RowStatus(Word):
    """What a row comes to. NONFINITE: its value or a gradient is infinite.  BAD_INPUT: it gives no point."""

    OK = "ok"
    KINK = "kink"
    UNDEFINED = "undefined"
    NONFINITE = "nonfinite"
    BAD_INPUT = "bad input"


STATUSES = OK, KINK, UNDEFINED, NONFINITE, BAD_INPUT = tuple(RowStatus)
"""Engines write of a row which of these it has."""
FAULTS = (UNDEFINED, NONFINITE, BAD_INPUT)
FEW = 5


class RowResult(NamedTuple):
    """What a row comes to.

    value, gradients, values: None where there is none; ``values`` are those of the wanted nodes.
    status: one of the five above.  overflows: whether a value on the way is infinite though the result is
    not.  message: what is wrong, told with bad input and with the first row of every other fault.
    """

    value: float | None
    gradients: Sequence[float | None]
    status: RowStatus
    overflows: bool = False
    message: str = ""
    values: Sequence[float | None] = ()


class Start(NamedTuple):
    """A file of a data set, and how many rows there are before it."""

    before: int
    name: str


def place_of(row: int, starts: Sequence[Start]) -> str:
    """Return where a row is, counted from 1 over all files: "3 of b.csv"; of a single file its number."""
    if not starts:
        return f"{row:,}"
    start = starts[bisect(starts, row - 1, key=lambda one: one.before) - 1]
    return f"{row - start.before:,} of {start.name}"


class Occurrence(NamedTuple):
    """What some rows come to: how many, the numbers of the first few, and what was wrong with the first."""

    rows: int
    first: tuple[int, ...]
    message: str


class Tally:
    """Counts the rows by what they come to: a status, "overflow" or "cut"."""

    def __init__(self) -> None:
        self.rows = 0
        self.met: dict[str, Occurrence] = {}

    def add(self, result: RowResult) -> None:
        """Count the next row."""
        self.rows += 1
        if result.status != OK:
            self.note(result.status, 1, (self.rows,), result.message)
        if result.overflows:
            self.note("overflow", 1, (self.rows,), "")

    def note(self, kind: str, rows: int, first: tuple[int, ...], message: str) -> None:
        """Count rows that come to the same. first: the numbers of the first few of them."""
        known, earlier, told = self.met.get(kind, Occurrence(0, (), message))
        self.met[kind] = Occurrence(known + rows, (*earlier, *first)[:FEW], told)

    def faults(self) -> dict[RowStatus, Occurrence]:
        """Return the rows that have no result, by status."""
        return {status: self.met[status] for status in FAULTS if status in self.met}


def note_cut(tally: Tally, rows: Sequence[Row]) -> None:
    """Count, of the last rows counted, those that are kept without all that the data has there."""
    before = tally.rows - len(rows)
    for number, row in enumerate(rows, before + 1):
        if row.is_cut:
            tally.note("cut", 1, (number,), "")
