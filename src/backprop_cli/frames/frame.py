"""Frames: rows in columns, and what an engine makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from backprop_cli.batch import BAD_INPUT, FAULTS, FEW, OK, STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from backprop_cli.batch import Points, Tally
    from backprop_cli.rows import Row

Floats: TypeAlias = "NDArray[np.float64]"

ROWS = 1 << 17
"""The most rows of a frame: a column is 1 MiB then, and what a frame costs by itself is spread thin."""

_BAD_INPUT = STATUSES.index(BAD_INPUT)
_FIRST_FAULT = min(map(STATUSES.index, FAULTS))


@dataclass(slots=True)
class Frame:
    """Rows in order.

    columns: input -> its numbers, NaN where the data has none.  problems: row -> what is wrong with its
    input.  kept: the data, to be repeated in front of the results: columns, or rows as they were read.
    """

    count: int
    columns: Mapping[str, Floats]
    problems: dict[int, str] = field(default_factory=dict)
    kept: pa.RecordBatch | Sequence[Row] | None = None

    def point(self, row: int) -> dict[str, float]:
        """Return the numbers of a row."""
        return {name: float(column[row]) for name, column in self.columns.items()}


@dataclass(slots=True)
class Results:
    """What the rows of a frame come to, in arrays of its length.

    gradients: in the order of the wanted inputs.  values: of the wanted nodes.  Numbers that do not exist are
    NaN.  status: indices into ``STATUSES``.  overflows: whether a value on the way is infinite though the
    result is not; None if none is.
    """

    value: Floats
    gradients: Sequence[Floats]
    values: Sequence[Floats]
    status: NDArray[np.uint8]
    overflows: NDArray[np.bool_] | None = None

    def numbers(self) -> list[Floats]:
        """Return all columns of numbers, in the order in which they are written."""
        return [self.value, *self.gradients, *self.values]

    def has_faults(self) -> bool:
        """Tell whether there is a row that is neither ok nor at a kink."""
        return bool(self.status.size) and int(self.status.max()) >= _FIRST_FAULT


class Engine(Protocol):
    """Computes frames."""

    def compute(self, columns: Mapping[str, Floats], count: int) -> Results:
        """Return the results of ``count`` rows. Rows with a NaN in a column have bad input: any will do."""


class Reader(Protocol):
    """Data that is read a frame at a time.

    names: of its columns, or the keys of its first row.  has_header: whether they are those of every row.
    total: how much there is to read, in ``unit``; None if that is unknown.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """See above."""

    has_header: bool
    total: int | None
    unit: str

    def frames(self, points: Points, advance: Callable[[int], None], *, keep: bool) -> Iterator[Frame]:
        """Yield the data, at least one frame. advance: is told how much has been read."""


def evaluate(engine: Engine, frames: Iterable[Frame]) -> Iterator[tuple[Frame, Results]]:
    """Yield each frame with its results, in order."""
    for frame in frames:
        results = engine.compute(frame.columns, frame.count)
        mark_problems(frame, results)
        yield frame, results


def mark_problems(frame: Frame, results: Results) -> None:
    """Take back the results of rows with bad input."""
    if not frame.problems:
        return
    rows = np.fromiter(frame.problems, np.intp, len(frame.problems))
    for numbers in results.numbers():
        numbers[rows] = np.nan
    results.status[rows] = _BAD_INPUT
    if results.overflows is not None:
        results.overflows[rows] = False


def count_rows(
    tally: Tally, frame: Frame, results: Results, explain: Callable[[dict[str, float]], str]
) -> None:
    """Count the rows of the next frame. explain: tells what is wrong at a point."""
    before = tally.rows
    tally.rows += frame.count
    status = results.status
    counts = np.bincount(status, minlength=len(STATUSES)).tolist()
    for code, kind in enumerate(STATUSES):
        if counts[code] and kind != OK:
            rows = np.flatnonzero(status == code)[:FEW].tolist()
            message = ""
            if kind in FAULTS and kind not in tally.met:
                first = rows[0]
                message = frame.problems[first] if kind == BAD_INPUT else explain(frame.point(first))
            tally.note(kind, counts[code], tuple(before + row + 1 for row in rows), message)
    if results.overflows is not None and results.overflows.any():
        rows = np.flatnonzero(results.overflows).tolist()
        tally.note("overflow", len(rows), tuple(before + row + 1 for row in rows[:FEW]), "")
