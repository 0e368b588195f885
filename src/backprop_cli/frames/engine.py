"""Engines: what computes frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from backprop_cli.batch import STATUSES
from backprop_cli.errors import UsageError
from backprop_cli.frames.frame import Engine, Floats, Results

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.batch import Batch

_CODES = {status: code for code, status in enumerate(STATUSES)}


def choose_engine(name: str, batch: Batch, start: Mapping[str, float]) -> Engine:
    """Return the engine of a name. start: the values of the inputs that no column has."""
    if name in ("numpy", "numba"):
        raise UsageError(f"the engine {name} is not there yet", hint="--engine python")
    return RowEngine(batch, start)


class RowEngine:
    """Computes row by row, as the reference for the others, and where speed is no matter."""

    def __init__(self, batch: Batch, start: Mapping[str, float]) -> None:
        self._batch = batch
        self._start = start

    def compute(self, columns: Mapping[str, Floats], count: int) -> Results:
        """Return the results of ``count`` rows."""
        batch = self._batch
        gradients = [np.full(count, np.nan) for _ in batch.wrt]
        values = [np.full(count, np.nan) for _ in batch.values]
        results = Results(
            np.full(count, np.nan), gradients, values, np.zeros(count, np.uint8), np.zeros(count, np.bool_)
        )
        point = dict(self._start)
        lists = [columns[name].tolist() for name in columns]
        for row in range(count):
            cells = [numbers[row] for numbers in lists]
            if any(x != x for x in cells):
                continue
            point.update(zip(columns, cells, strict=True))
            result = batch.evaluate(point)
            for numbers, x in zip(
                results.numbers(), (result.value, *result.gradients, *result.values), strict=True
            ):
                numbers[row] = np.nan if x is None else x
            results.status[row] = _CODES[result.status]
            results.overflows[row] = result.overflows  # type: ignore[index]
        return results
