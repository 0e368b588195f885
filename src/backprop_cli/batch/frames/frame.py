"""Frames: rows in columns, and what an engine makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from backprop_cli.batch.tally import BAD_INPUT, FAULTS, FEW, OK, STATUSES
from backprop_cli.system.threads import map_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from backprop_cli.batch.cells import Row
    from backprop_cli.batch.engines.engine import Engine
    from backprop_cli.batch.engines.results import Floats, Results
    from backprop_cli.batch.forms import Form
    from backprop_cli.batch.points import Points
    from backprop_cli.batch.tally import Tally

ROWS = 1 << 17
"""The most rows of a frame: a column is 1 MiB then, and what a frame costs by itself is spread thin."""

_BAD_INPUT = STATUSES.index(BAD_INPUT)


@dataclass(slots=True)
class Frame:
    """Rows in order.

    columns: input -> its numbers, NaN where the data has none.  problems: row -> what is wrong with its
    input.  kept: the data, to be repeated in front of the results: the columns of Arrow in order, or
    rows as they were read.
    """

    count: int
    columns: Mapping[str, Floats]
    problems: dict[int, str] = field(default_factory=dict)
    kept: tuple[Any, ...] | list[Row] | None = None

    def point(self, row: int) -> dict[str, float]:
        """Return the numbers of a row."""
        return {name: float(column[row]) for name, column in self.columns.items()}


class Reader(Protocol):
    """Data that is read a frame at a time.

    names: of its columns, or the keys of its first row.  has_header: whether they are those of every row.
    is_text: whether the header is a line, which may be another than the options of text say.
    elements: names of what is inside of cells: x[0] of lists, at.x of objects.
    total: how much there is to read, in ``unit``; None if that is unknown.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """See above."""

    @property
    def elements(self) -> tuple[str, ...]:
        """See above."""

    has_header: bool
    is_text: bool
    total: int | None
    unit: str

    def check(self, points: Points, kept_in: Form | None) -> None:
        """Check that the inputs can be read, and all columns kept in a form, None for not at all."""

    def frames(self, points: Points, advance: Callable[[int], None], *, keep: bool) -> Iterator[Frame]:
        """Yield the data, at least one frame. advance: is told how much has been read."""


def evaluate(engine: Engine, frames: Iterable[Frame], ahead: int) -> Iterator[tuple[Frame, Results]]:
    """Yield each frame with its results, in order. ahead: see ``map_ahead``."""

    def compute(frame: Frame) -> Results:
        results = engine.compute(frame.columns, frame.count)
        for gradient in results.gradients:
            gradient += 0.0  # no -0.0, as in the report of a single point
        mark_problems(frame, results)
        return results

    return map_ahead(compute, frames, ahead)


def mark_problems(frame: Frame, results: Results) -> None:
    """Take back the results of rows with bad input."""
    if not frame.problems:
        return
    rows = np.fromiter(frame.problems, np.intp, len(frame.problems))
    for numbers in results.numbers():
        numbers[rows] = np.nan
    results.status[rows] = _BAD_INPUT
    results.overflowing = [row for row in results.overflowing if row not in frame.problems]


def count_rows(
    tally: Tally, frame: Frame, results: Results, explain: Callable[[dict[str, float]], str]
) -> None:
    """Count the rows of the next frame. explain: tells what is wrong at a point."""
    before = tally.rows
    tally.rows += frame.count
    status = results.status
    if not status.any() and not results.overflowing:
        return
    counts = np.bincount(status, minlength=len(STATUSES)).tolist()
    for code, kind in enumerate(STATUSES):
        if counts[code] and kind != OK:
            rows = np.flatnonzero(status == code)[:FEW].tolist()
            message = ""
            if kind in FAULTS and kind not in tally.met:
                first = rows[0]
                message = frame.problems[first] if kind == BAD_INPUT else explain(frame.point(first))
            tally.note(kind, counts[code], tuple(before + row + 1 for row in rows), message)
    if overflowing := results.overflowing:
        first = tuple(before + row + 1 for row in sorted(overflowing)[:FEW])
        tally.note("overflow", len(overflowing), first, "")
