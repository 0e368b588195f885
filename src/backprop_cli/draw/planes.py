"""What a descent and a fit look like on a plane: the cost by its step, points beside their curve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.curves.field import Side, trace_field
from backprop_cli.draw.contours import plane_of_field
from backprop_cli.draw.curves import Plane, Trace, plane_of, span_of
from backprop_cli.errors import InputError
from backprop_cli.language.source import read_source

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


def path_plane(descent: Descent) -> tuple[Plane, str] | None:
    """Return the way down over the contours of a program, None where it is not two numbers that move."""
    names = descent.names
    if len(names) != 2 or any("[" in name for name in names):
        return None
    path = [(step.point[names[0]], step.point[names[1]]) for step in descent.steps]
    sides = [Side(name, *span_of(ends)) for name, ends in zip(names, zip(*path, strict=True), strict=True)]
    source = read_source(descent.read_as or descent.program, {**descent.fixed, **descent.steps[0].point})
    try:
        field = trace_field(source, {**descent.fixed, **descent.steps[0].point}, sides[0], sides[1])
    except InputError:  # the way leads too far, or nowhere, for a picture
        return None
    plane = plane_of_field(field)
    way = [Trace("way", len(plane.traces), "slope", [path]), _scattered("steps", path)]
    return plane._replace(traces=[*plane.traces, *way]), names[0]


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
