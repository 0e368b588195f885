"""The engine of single points: as ``gradient`` computes them, one after the other, to the bit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backprop_cli.batch.engines.results import Results
from backprop_cli.batch.tally import BAD_INPUT, STATUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.batch.program import Batch

_CODES = {status: code for code, status in enumerate(STATUSES)}


class SingleEngine:
    """Computes row by row. constants: the inputs that are the same in every row."""

    def __init__(self, batch: Batch, constants: Mapping[str, float]) -> None:
        self._batch = batch
        self._constants = dict(constants)

    def compute(self, columns: Mapping[str, Floats], count: int) -> Results:
        """Return the results of ``count`` rows."""
        results = Results.empty(self._batch, count)
        results.status[...] = 0
        for numbers in results.numbers():
            numbers[...] = np.nan
        rows = zip(*(numbers.tolist() for numbers in columns.values()), strict=True)
        for row, cells in enumerate(rows if columns else [()] * count):
            if all(map(math.isfinite, cells)):
                self.compute_row(dict(zip(columns, cells, strict=True)), results, row)
            else:
                results.status[row] = _CODES[BAD_INPUT]
        return results

    def compute_in_threads(self, columns: Mapping[str, Floats], results: Results) -> None:
        """Compute many rows; threads would be no faster."""
        computed = self.compute(columns, len(results.status))
        for numbers, new in zip(results.numbers(), computed.numbers(), strict=True):
            numbers[...] = new
        results.status[...] = computed.status
        results.overflowing = computed.overflowing

    def compute_row(self, cells: Mapping[str, float], results: Results, row: int) -> None:
        """Compute one row of the results."""
        single = self._batch.evaluate({**self._constants, **cells})
        for numbers, x in zip(
            results.numbers(), (single.value, *single.gradients, *single.values), strict=True
        ):
            numbers[row] = np.nan if x is None else x
        results.status[row] = _CODES[single.status]
        if single.overflows:
            results.overflowing.append(row)
