"""The residuals of a formula at rows of data and their exact derivatives, by the engines of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backprop_cli.batch.engines.engine import choose_engine
from backprop_cli.batch.program import Batch
from backprop_cli.batch.tally import FAULTS, KINK, STATUSES
from backprop_cli.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from backprop_cli.batch.engines.results import Floats, Results
    from backprop_cli.language.source import Source

ROUNDING = 16 * float(np.finfo(float).eps)
"""What a residual may be off by rounding alone, relative to the largest left side."""
_KINK = STATUSES.index(KINK)
_FIRST_FAULT = min(map(STATUSES.index, FAULTS))


class Here(NamedTuple):
    """What is known at a point. jacobian: a row of derivatives by the parameters for each row of data."""

    residuals: Floats
    jacobian: Floats


class Curve:
    """A program at rows of data, as a function of its parameters.

    names: the parameters, in the order of every point.  fixed: the other inputs that are no columns.
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
        self._engine = choose_engine(
            "auto", self._batch, {**dict.fromkeys(every, 0.0), **fixed}, every, check_inputs=True
        )

    def at(self, point: Floats) -> tuple[Here, NDArray[np.bool_]]:
        """Return values and derivatives at a point, and whether each row has them."""
        results = self._results(point)
        jacobian = np.array(results.gradients).reshape(len(self.names), self.count).T
        return Here(results.value, jacobian), results.status < _FIRST_FAULT

    def kinks(self, point: Floats) -> list[int]:
        """Return the rows that have no derivative at a point, but slopes on both sides, from 0 on."""
        return [int(row) for row in np.flatnonzero(self._results(point).status == _KINK)]

    def _results(self, point: Floats) -> Results:
        moving = {name: np.full(self.count, x) for name, x in zip(self.names, point.tolist(), strict=True)}
        return self._engine.compute({**self._columns, **moving}, self.count)

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

    def at(self, point: Floats) -> Here | None:
        """Return residuals and derivatives at a point, None where a row has none."""
        self.count += 1
        self._advance(1)
        if not np.isfinite(point).all():
            return None
        (values, jacobian), is_good = self.curve.at(point)
        if not is_good.all():
            return None
        residuals = values - self.response
        if self.sigma is not None:
            residuals, jacobian = residuals / self.sigma, jacobian / self.sigma[:, np.newaxis]
        if not (np.isfinite(residuals).all() and np.isfinite(jacobian).all()):
            return None
        total = float(residuals @ residuals)
        if self.best is None or total < self.best[0]:
            self.best = total, point.copy()
        return Here(residuals, jacobian)

    def explain(self, point: Floats) -> str:
        """Return why there is none at a point."""
        _, is_good = self.curve.at(point)
        bad = np.flatnonzero(~is_good)
        return self.curve.explain(point, int(bad[0])) if bad.size else "a residual overflows"


def evaluate_columns(source: Source, columns: Mapping[str, Floats], count: int, what: str) -> Floats:
    """Return a program of columns at every row. what: it is, for the message. Raises DomainError."""
    curve = Curve(source, (), default_values(source), columns, count)
    nowhere = np.empty(0)
    (values, _), is_good = curve.at(nowhere)
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
