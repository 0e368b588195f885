"""The residuals of a formula at rows of data and their exact derivatives, by the engines of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backprop_cli.batch.engines.engine import choose_engine
from backprop_cli.batch.program import Batch
from backprop_cli.batch.tally import FAULTS, KINK, STATUSES
from backprop_cli.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from backprop_cli.batch.engines.results import Floats, Results
    from backprop_cli.language.source import Source

ROUNDING = 16 * float(np.finfo(float).eps)
"""What a residual may be off by rounding alone, relative to the largest left side."""
_KINK = STATUSES.index(KINK)
_FIRST_FAULT = min(map(STATUSES.index, FAULTS))


_BLOCK = 1 << 15
"""Rows at a time: what is known of them stays in the cache, and the memory is that of the data."""


class Here(NamedTuple):
    """What a search knows at a point: residuals and their derivatives, turned until few rows are not 0.

    All lengths and angles are those of the rows: of the residuals, of the derivatives by each parameter, and
    between these. So is what follows from them, a step of least squares or a covariance.
    """

    residuals: Floats
    jacobian: Floats


class Curve:
    """A program at rows of data, as a function of its parameters.

    names: the parameters, in the order of every point.  fixed: the other inputs that are no columns.
    columns: input -> finite numbers.
    """

    def __init__(
        self,
        source: Source,
        names: Sequence[str],
        fixed: Mapping[str, float],
        columns: Mapping[str, Floats],
        count: int,
    ) -> None:
        self.names = tuple(names)
        self.count = count
        self._fixed = dict(fixed)
        self._columns = {name: column for name, column in columns.items() if name in source.inputs}
        self._batch = Batch(source, list(names), 1.0)
        self.graph = self._batch.graph
        every = (*self._columns, *names)
        self._engine = choose_engine("auto", self._batch, {**dict.fromkeys(every, 0.0), **fixed}, every)
        self._moving = np.empty((len(names), min(count, _BLOCK)))

    def blocks(self, point: Floats) -> Iterator[tuple[slice, Results]]:
        """Yield the results at a point for some rows at a time. The numbers of the point are finite."""
        self._moving[...] = point[:, np.newaxis]
        for start in range(0, self.count, _BLOCK):
            rows = slice(start, min(start + _BLOCK, self.count))
            size = rows.stop - start
            columns = {name: column[rows] for name, column in self._columns.items()}
            columns |= {name: moving[:size] for name, moving in zip(self.names, self._moving, strict=True)}
            yield rows, self._engine.compute(columns, size)

    def values(self, point: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the values at a point, and whether each row has one, and derivatives."""
        values, is_good = np.empty(self.count), np.empty(self.count, bool)
        for rows, results in self.blocks(point):
            values[rows], is_good[rows] = results.value, results.status < _FIRST_FAULT
        return values, is_good

    def derivatives(self, point: Floats) -> Floats:
        """Return a row of derivatives by the parameters for each row of data."""
        found = np.empty((self.count, len(self.names)))
        for rows, results in self.blocks(point):
            for place, slopes in enumerate(results.gradients):
                found[rows, place] = slopes
        return found

    def kinks(self, point: Floats) -> list[int]:
        """Return the rows that have no derivative at a point, but slopes on both sides, from 0 on."""
        return [
            rows.start + int(row)
            for rows, results in self.blocks(point)
            for row in np.flatnonzero(results.status == _KINK)
        ]

    def explain(self, point: Floats, row: int) -> str:
        """Return why a row has no value or no derivative at a point."""
        values = {name: float(column[row]) for name, column in self._columns.items()}
        moving = dict(zip(self.names, point.tolist(), strict=True))
        return f"row {row + 1}: {self._batch.explain({**self._fixed, **values, **moving})}"


class Residuals:
    """(f − y)/σ at every row, as a function of the parameters.

    advance: is told of each point that it is computed at.  count: how many these were.  best: the least sum
    of squares since this was emptied, and its point.
    """

    def __init__(
        self, curve: Curve, response: Floats, sigma: Floats | None, advance: Callable[[int], None]
    ) -> None:
        self.curve = curve
        self.response = response
        self.sigma = sigma
        self.count = 0
        self.best: tuple[float, Floats] | None = None
        self._advance = advance

    @property
    def roundings(self) -> Floats:
        """What each residual may be by rounding alone."""
        largest = np.abs(self.response).max(initial=0.0)
        return np.full(len(self.response), ROUNDING * largest) / (1.0 if self.sigma is None else self.sigma)

    def each(self, point: Floats) -> Floats:
        """Return the residual of every row."""
        residuals = self.curve.values(point)[0] - self.response
        return residuals if self.sigma is None else residuals / self.sigma

    def at(self, point: Floats) -> Here | None:
        """Return what is known at a point, None where a row has no value or no derivative."""
        self.count += 1
        self._advance(1)
        if not np.isfinite(point).all():
            return None
        size = len(point) + 1
        found = np.empty((0, size))
        for rows, results in self.curve.blocks(point):
            if results.has_faults():
                return None
            # Householder's reflections keep lengths and angles: of so many rows the triangle is all.
            table = np.empty((size, len(found) + len(results.value)))
            table[:, : len(found)] = found.T
            part = table[:, len(found) :]
            part[:-1] = results.gradients if size > 1 else 0.0
            np.subtract(results.value, self.response[rows], out=part[-1])
            if self.sigma is not None:
                part /= self.sigma[rows]
            found = np.asarray(np.linalg.qr(table.T, mode="r")) if len(table.T) > size else table.T.copy()
        if not np.isfinite(found).all():
            return None
        here = Here(found[:, -1], found[:, :-1])
        total = float(here.residuals @ here.residuals)
        if self.best is None or total < self.best[0]:
            self.best = total, point.copy()
        return here

    def explain(self, point: Floats) -> str:
        """Return why there is none at a point."""
        _, is_good = self.curve.values(point)
        bad = np.flatnonzero(~is_good)
        return self.curve.explain(point, int(bad[0])) if bad.size else "a residual overflows"


def evaluate_columns(source: Source, columns: Mapping[str, Floats], count: int, what: str) -> Floats:
    """Return a program of columns at every row. what: it is, for the message. Raises DomainError."""
    curve = Curve(source, (), default_values(source), columns, count)
    nowhere = np.empty(0)
    values, is_good = curve.values(nowhere)
    bad = np.flatnonzero(~is_good)
    if bad.size:
        raise DomainError(f"{what}: {curve.explain(nowhere, int(bad[0]))}")
    return values


def default_values(source: Source) -> dict[str, float]:
    """Return the constants of a program by their names."""
    from backprop_cli.language.source import choose_point

    zeros = {name: 0.0 for name in source.inputs if name not in source.defaults}
    point = choose_point(source, zeros)
    return {name: point[name] for name in source.defaults}
