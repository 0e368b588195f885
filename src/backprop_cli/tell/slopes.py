"""The slopes of the output on both sides of an input, as certain as bounded reals of 50 digits make them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.differentiate import graph_of
from backprop_cli.findings.kinks import sides_of_gradients
from backprop_cli.findings.settled import behind_possible_kinks
from backprop_cli.graph.sweep import forward, sweep_graph
from backprop_cli.operations.bounded import Bounded, bounded_reals, log2_size

if TYPE_CHECKING:
    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.bounded import BoundedReals
    from backprop_cli.report import Report

_DIGITS = 50
# A number is told where its bound is below 1e-12 of it.
_TOLD = -40.0
_ROUNDED = -53.0
# Nodes that are computed in many digits, in some 0.5 s.
_MOST_STEPS = 5_000


class Slopes(NamedTuple):
    """Slopes on both sides, None where there is no value. is_certain: and the value does not jump."""

    left: Bounded | None
    right: Bounded | None
    is_certain: bool = True

    def on_side(self, step: float) -> Bounded | None:
        """Return the slope on the side that a step goes to."""
        return self.right if step > 0 else self.left


def has_lost_digits(report: Report) -> bool:
    """Tell whether the value or a gradient of a report that was not checked may have few right digits."""
    graph = graph_of(report)
    if len(graph.ops) > _MOST_STEPS:
        return False
    m = bounded_reals(_DIGITS)
    exact = sweep_graph(graph, report.inputs, report.upstream, m)
    if graph.output in exact.failures:
        return True
    pairs = [(report.value, exact.primal[graph.output])]
    for name, found in report.check.gradients.items():
        if not (found.at_kink or found.origin) and math.isfinite(report.gradients[name]):
            pairs.append((report.gradients[name], exact.gradient(graph.inputs[name], m)))
    return any(log2_size(true.value - double) > true.size + _TOLD for double, true in pairs)


class Surroundings:
    """A program around the point of a report, in reals of 50 digits with bounds, for an upstream of 1."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self.graph: Graph = graph_of(report)
        self.m: BoundedReals = bounded_reals(_DIGITS)
        self._exact = sweep_graph(self.graph, report.inputs, 1.0, self.m)
        self._doubtful = behind_possible_kinks(self._exact, self.m)

    @property
    def value(self) -> Bounded:
        """The output at the point."""
        found: Bounded = self._exact.primal[self.graph.output]
        return found

    def moved(self, name: str, step: float) -> Bounded | None:
        """Return the output with an input moved, None where it has no value."""
        at = self.m.number(self._report.inputs[name]) + self.m.number(step)
        primal, failures = forward(self.graph, {**self._report.inputs, name: at}, self.m)
        return None if self.graph.output in failures else primal[self.graph.output]

    def slopes(self, name: str) -> Slopes:
        """Return the slopes of the output on both sides of an input."""
        check = self._report.check.gradients[name]
        if check.at_kink:
            sides = sides_of_gradients(self._exact, [name])[name]
            left, right = (bounded_slope(side, self.m) for side in (sides.left, sides.right))
            return Slopes(left, right, sides.is_corner or sides.edge is not None)
        if check.origin and self._report.upstream == 1:
            slope = bounded_slope(self._report.gradients[name], self.m)
            return Slopes(slope, slope)
        if name in self._doubtful or self.graph.output in self._exact.failures:
            return Slopes(self.m.undecided(), self.m.undecided(), is_certain=False)
        found = self._exact.gradient(self.graph.inputs[name], self.m)
        return Slopes(found, found)


def bounded_slope(slope: float | None, m: BoundedReals) -> Bounded | None:
    """Return a slope that is a double, rounded if it is not whole, as a number with a bound."""
    if slope is None:
        return None
    if not math.isfinite(slope) or slope == round(slope):
        return m.number(slope)
    return Bounded(m.base.number(slope), log2_size(slope) + _ROUNDED, m)


def told(x: Bounded | None) -> float | None:
    """Return a number as a double; NaN where its bound leaves 12 digits open, and beyond doubles."""
    if x is None:
        return None
    if not x.is_exact and x.error >= x.size + _TOLD:
        return math.nan
    nearest: float = x.m.base.to_float(x.value) + 0.0
    is_beyond = bool(x.value) and (not nearest or (math.isinf(nearest) and x.size < math.inf))
    return math.nan if is_beyond else nearest
