"""What a descent and a fit look like on a plane: the cost by its step, points beside their curve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.draw.curves import Plane, Trace, plane_of, span_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.descent.report import Descent
    from backprop_cli.draw.curves import Points
    from backprop_cli.fitting.report import Fit

_MOST_POINTS = 1_000
_DECADES = 1e3
"""Costs that differ by more than this are shown by their logarithms."""


def cost_plane(descent: Descent) -> tuple[Plane, str]:
    """Return the cost at every step, or its logarithm where it is positive and falls far."""
    costs = [step.cost for step in descent.steps]
    label = descent.output
    if min(costs) > 0 and max(costs) / _DECADES > min(costs):
        costs, label = [math.log10(cost) for cost in costs], f"log10 {label}"
    line = _thinned(list(zip(map(float, range(len(costs))), costs, strict=True)))
    low, high = span_of(costs)
    plane = Plane([Trace(label, 0, "value", [line])], 0.0, max(len(costs) - 1.0, 1.0), low, high)
    return plane, descent.unit


def _thinned(line: Points) -> Points:
    """Return a line of few enough points: of many neighbours the lowest and the highest."""
    size = -(-len(line) // _MOST_POINTS)
    found: Points = []
    for first in range(0, len(line), size):
        part = line[first : first + size]
        found += sorted({min(part, key=_height), max(part, key=_height)})
    return found


def _height(point: tuple[float, float]) -> float:
    return point[1]


def fit_planes(fit: Fit) -> list[tuple[Plane, str]]:
    """Return the points with the fitted curve, and the residuals below it, over the same axis.

    Where the formula reads several columns, the axis is what it says, and the curve is where both are equal.
    """
    drawn = fit.drawn
    assert drawn is not None
    left = " ".join(fit.formula.partition("~")[0].rpartition(";")[2].split())
    axis = drawn.axis or "formula"
    across = span_of([x for x, _, _ in drawn.rows])
    points = _scattered(left, [(x, y) for x, y, _ in drawn.rows])
    if drawn.curve is not None:
        curve = plane_of([drawn.curve], slopes=False)
        traces = [points, *(trace._replace(number=1) for trace in curve.traces)]
        heights = [*(y for _, y, _ in drawn.rows), curve.low, curve.high]
    else:
        heights = [y for _, y, _ in drawn.rows]
        same = [] if drawn.axis else [Trace("formula", 1, "value", [[(x, x) for x in across]])]
        traces = [points, *same]
    less = f"(formula - ({left}))/sigma" if fit.sigma else f"formula - ({left})"
    residuals = _scattered(less, [(x, residual) for x, _, residual in drawn.rows])
    nought = Trace("0", 1, "tangent", [[(x, 0.0) for x in across]])
    below = span_of([0.0, *(residual for _, _, residual in drawn.rows)])
    return [
        (Plane(traces, *across, *span_of(heights)), axis),
        (Plane([residuals, nought], *across, *below), axis),
    ]


def _scattered(label: str, points: Sequence[tuple[float, float]]) -> Trace:
    return Trace(label, 0, "points", [[point] for point in points])
