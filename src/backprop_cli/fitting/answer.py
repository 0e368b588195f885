"""What is told of every parameter, and of the formula at further rows, where the best descent ended."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from backprop_cli.fitting.report import Parameter, Prediction, Role
from backprop_cli.fitting.spread import curve_errors, half_width

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.fitting.rows import Curve
    from backprop_cli.fitting.solve import Place
    from backprop_cli.fitting.spread import Spread


class Answer(NamedTuple):
    """The best place that was found, and how far it is known.

    names: the parameters that were looked for.  linear: those that need no start.  start: where the descent
    began, NaN for none.  rows: how many there are.  scaled: whether errors are scaled by the residuals.
    """

    names: tuple[str, ...]
    linear: tuple[str, ...]
    start: Floats
    best: Place
    spread: Spread
    rows: int
    scaled: bool

    @property
    def found(self) -> tuple[str, ...]:
        """The parameters that no bound holds."""
        return tuple(self.names[place] for place in self._free())

    @property
    def estimates(self) -> dict[str, float]:
        """The parameters that were looked for, with their numbers."""
        return dict(zip(self.names, self.best.point.tolist(), strict=True))

    @property
    def dof(self) -> int:
        """How many rows there are beyond those that the parameters take."""
        return self.rows - len(self._free())

    def parameters(
        self, order: Sequence[str], fixed: Mapping[str, float], given: Container[str]
    ) -> tuple[Parameter, ...]:
        """Return all parameters in an order. given: those that somebody gave a start."""
        errors = self._errors()
        told = {name: Parameter(name, x, Role.FIXED) for name, x in fixed.items()}
        for place, name in enumerate(self.names):
            x, start = float(self.best.point[place]), float(self.start[place])
            error = errors.get(name)
            told[name] = Parameter(
                name,
                x,
                self._role(place),
                error,
                *self._interval(x, error),
                start=None if math.isnan(start) else start,
                chosen=not (name in given or name in self.linear),
            )
        return tuple(told[name] for name in order)

    def predictions(self, curve: Curve, columns: Mapping[str, Floats]) -> tuple[Prediction, ...]:
        """Return the formula at further rows, with the errors that follow from those of the parameters."""
        values, is_good = curve.values(self.best.point)
        root = self.spread.root
        slopes = curve.derivatives(self.best.point)[:, self._free()]
        errors = None if root is None else curve_errors(slopes, root).tolist()
        found = []
        for row, value in enumerate(values.tolist()):
            point = {name: float(column[row]) for name, column in columns.items()}
            if not is_good[row]:
                found.append(Prediction(point, None, note=curve.explain(self.best.point, row)))
                continue
            error = None if errors is None else errors[row]
            found.append(Prediction(point, value, error, *self._interval(value, error)))
        return tuple(found)

    def _free(self) -> list[int]:
        return [int(place) for place in np.flatnonzero(self.best.held == 0)]

    def _errors(self) -> dict[str, float]:
        errors = self.spread.errors
        return {} if errors is None else dict(zip(self.found, errors.tolist(), strict=True))

    def _interval(self, x: float, error: float | None) -> tuple[float | None, float | None]:
        if error is None:
            return None, None
        half = half_width(self.dof, scaled=self.scaled) * error
        return x - half, x + half

    def _role(self, place: int) -> Role:
        held = self.best.held[place]
        if held:
            return Role.LOWER if held < 0 else Role.UPPER
        return Role.LINEAR if self.names[place] in self.linear else Role.FREE
