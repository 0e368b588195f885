"""The mean of a program over rows of data as what is made small: training."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from backprop_cli.batch.engines.engine import choose_engine
from backprop_cli.batch.program import Batch
from backprop_cli.batch.sums import ExactSum
from backprop_cli.batch.tally import FAULTS, KINK, STATUSES
from backprop_cli.descent.cost import Place
from backprop_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.batch.frames.frame import Reader
    from backprop_cli.batch.points import Points
    from backprop_cli.language.source import Source

_FIRST_FAULT = min(map(STATUSES.index, FAULTS))
_KINK = STATUSES.index(KINK)


class RowsCost:
    """The mean over rows, times the sign; exact sums, rounded once. See ``Cost``.

    columns: input -> its numbers.  fixed: the inputs that are the same in every row and don't move.
    """

    def __init__(
        self,
        source: Source,
        names: Sequence[str],
        fixed: Mapping[str, float],
        columns: Mapping[str, Floats],
        sign: int,
    ) -> None:
        self.names = tuple(names)
        self.fixed = dict(fixed)
        self.sign = sign
        self.source = source
        self.size = sys.maxsize  # second derivatives are those of one row
        self.rows = len(next(iter(columns.values())))
        self._columns = columns
        self._batch = Batch(source, list(names), float(sign))
        zeros = dict.fromkeys((*columns, *names), 0.0)
        self._engine = choose_engine(
            "auto", self._batch, {**zeros, **fixed}, [*columns, *names], check_inputs=True
        )

    def at(self, point: Mapping[str, float], rows: Any = None) -> Place:
        """Return the mean over all rows, or over these by their numbers, at a point, and its gradient."""
        columns, count = self._columns, self.rows
        if rows is not None:
            columns, count = {name: column[rows] for name, column in columns.items()}, len(rows)
        moving = {name: np.full(count, point[name]) for name in self.names}
        results = self._engine.compute({**columns, **moving}, count)
        bad = np.flatnonzero(results.status >= _FIRST_FAULT)
        if bad.size:
            row = int(bad[0] if rows is None else rows[bad[0]])
            values = {name: float(column[row]) for name, column in self._columns.items()}
            told = self._batch.explain({**self.fixed, **values, **point})
            return Place(math.inf, None, note=f"row {row + 1}: {told}")
        value, *slopes = (_mean(numbers) for numbers in (results.value, *results.gradients))
        known = dict(zip(self.names, slopes, strict=True))
        return Place(self.sign * value, known, bool((results.status == _KINK).any()))

    def batches(self, size: int, seed: int, epoch: int) -> list[Any]:
        """Return the rows of each batch of an epoch: all rows once, in an order by seed and epoch."""
        order = np.random.default_rng([seed, epoch]).permutation(self.rows)
        return [order[first : first + size] for first in range(0, self.rows, size)]


def _mean(numbers: Floats) -> float:
    total = ExactSum()
    total.add_array(numbers)
    return total.value(len(numbers))


def load_columns(
    reader: Reader, points: Points, needs: str, of: str = "", *, allow_bad: bool = False
) -> tuple[dict[str, Floats], int]:
    """Return the inputs that are columns of data, all rows of them, and how many rows were left out.

    needs: what needs all rows, of: the data, for the message.  allow_bad: leave rows out that can't be read.

    Raises InputError for bad input.
    """
    parts: dict[str, list[Floats]] = {}
    done = skipped = 0
    for frame in reader.frames(points, lambda _: None, keep=False):
        if frame.problems and not allow_bad:
            first = min(frame.problems)
            raise InputError(
                f"row {done + first + 1}{of and f' of {of}'}: {frame.problems[first]}",
                hint=f"{needs} needs all rows",
            )
        bad = list(frame.problems)
        for name, column in frame.columns.items():
            parts.setdefault(name, []).append(np.delete(column, bad) if bad else column)
        skipped += len(bad)
        done += frame.count
    if done == skipped:
        raise InputError("the data has no rows" if not done else f"none of the {done:,} rows can be read")
    return {name: np.concatenate(columns) for name, columns in parts.items()}, skipped
