"""A program over a range of one input: sampled in doubles, its breaks found by the sweep in intervals."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.curves.report import Break, Curve, Sample
from backprop_cli.errors import InputError
from backprop_cli.findings.kinks import find_kinks
from backprop_cli.findings.settled import gradients_of, settle_gradients
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import forward, sweep_graph
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.intervals import INTERVALS, Grade, Interval

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.source import Source

# Cells of a range at first, and into how many one is cut where the curve bends, or where it may break.
_CELLS, _BENDS, _HALVINGS = 320, 8, 24
# Of the height of the curve: what no eye sees.  Of a value: what its rounding may be.
_FLAT, _SAME, _ROUNDING = 0.01, 1e-6, 1e-12
# Of a cell: so near to a break, doubles may have no digit left: (x^2 - 1)/(x - 1) near 1. Steps in 50 digits
# take some 0.1 ms each.
_NEAR, _MOST_DIGITS, _CERTAIN = 2**-9, 20_000, -20
# The height of a curve is finite, also where its values are not far from the largest double.
_MOST = 1e308
# Stretches that are judged, times nodes, some 2 s; but so many in any case.
_MOST_WORK, _LEAST = 40_000, _CELLS


class _Stretch(NamedTuple):
    """Two neighbouring samples, and what is proved between them."""

    left: Sample
    right: Sample
    grade: Grade


def trace_curve(
    source: Source,
    point: Mapping[str, float],
    name: str,
    low: float,
    high: float,
    tangent: float | None = None,
) -> Curve:
    """Return a program as a curve over an input from low to high, the others being as in ``point``.

    tangent: where one is asked for.  Raises InputError for a range that has nothing in it.
    """
    if not (math.isfinite(low) and math.isfinite(high) and math.isfinite(high - low)):
        raise InputError(f"the range of {name} is not finite", hint=f"{name}=-4..4")
    if not low < high:
        raise InputError(
            f"the range of {name} is empty: it goes from {low!r} to {high!r}", hint=f"{name}=-4..4"
        )
    if (high - low) / _CELLS < 4 * math.ulp(max(-low, high)):
        raise InputError(f"the range of {name} is too narrow: doubles have too few numbers in it")
    graph = lower_source(source)
    fixed = {key: x for key, x in point.items() if key != name}
    tracer = _Tracer(graph, fixed, name)
    stretches = list(tracer.stretches(low, high))
    breaks = tuple(tracer.breaks(stretches))
    return Curve(
        program=source.text,
        output=Naming(graph).output_id(),
        name=name,
        low=low,
        high=high,
        fixed=fixed,
        samples=(stretches[0].left, *(stretch.right for stretch in stretches)),
        breaks=breaks,
        is_whole=tracer.is_whole,
        tangent=None if tangent is None else tracer.sample(tangent),
        read_as=source.read_as,
    )


class _Tracer:
    """A program along one input. height: of the curve as it is seen at first."""

    def __init__(self, graph: Graph, fixed: dict[str, float], name: str) -> None:
        self._graph, self._fixed, self._name = graph, fixed, name
        self._left_over = max(_MOST_WORK // len(graph.ops), _LEAST)
        self._digits_left = _MOST_DIGITS // len(graph.ops)
        self._height = 0.0
        self.is_whole = True

    def sample(self, x: float) -> Sample:
        """Return the curve at a point. Its slope is none where it is a convention."""
        sweep = sweep_graph(self._graph, self._point(x), 1.0, FLOAT)
        value = sweep.primal[self._graph.output]
        if not math.isfinite(value):
            return Sample(x, None, None)
        if self._name not in self._graph.inputs:
            return Sample(x, value, 0.0)
        settled = settle_gradients(sweep, find_kinks(sweep), [self._name])
        slope = gradients_of(sweep, [self._name], settled)[self._name]
        found = settled.get(self._name)
        is_convention = found is not None and (bool(found.sides) or not found.origin)
        return Sample(x, value, None if is_convention or not math.isfinite(slope) else slope)

    def _point(self, x: Any) -> dict[str, Any]:
        return {**self._fixed, self._name: x} if self._name in self._graph.inputs else self._fixed

    def _near_sample(self, x: float) -> Sample:
        """Return the curve at a point near to where it may break, by 50 digits where these are certain."""
        sample = self.sample(x)
        if sample.value is None or sample.slope is None or self._digits_left <= 0:
            return sample
        from backprop_cli.operations.bounded import bounded_reals  # few curves break

        self._digits_left -= 1
        m = bounded_reals(50)
        exact = sweep_graph(self._graph, self._point(x), 1.0, m)
        if self._graph.output in exact.failures or self._name not in self._graph.inputs:
            return sample
        found = exact.primal[self._graph.output], exact.gradient(self._graph.inputs[self._name], m)
        if not all(number.is_exact or number.uncertainty < _CERTAIN for number in found):
            return sample
        value, slope = (m.base.to_float(number.value) + 0.0 for number in found)
        return Sample(x, value, slope) if math.isfinite(value) and math.isfinite(slope) else sample

    def stretches(self, low: float, high: float) -> Iterator[_Stretch]:
        """Yield the range from left to right, in stretches that tell no more when they are cut."""
        step = (high - low) / _CELLS
        grid = [self.sample(low + i * step) for i in range(_CELLS)] + [self.sample(high)]
        self._height = _height(grid)
        for left, right in pairwise(grid):
            yield from self._cut(left, right, right.x - left.x)

    def _cut(self, left: Sample, right: Sample, width: float) -> Iterator[_Stretch]:
        todo = [(left, right)]
        while todo:
            left, right = todo.pop()
            over = self._judge(left.x, right.x)
            middle = left.x + (right.x - left.x) / 2
            if left.x < middle < right.x and self._tells_more(left, right, over, width):
                is_near = right.x - left.x < _NEAR * width
                between = self._near_sample(middle) if is_near else self.sample(middle)
                todo += [(between, right), (left, between)]
            else:
                yield _Stretch(left, right, over.grade)

    def _judge(self, low: float, high: float) -> Interval:
        """Return the values over a stretch, and what is proved there."""
        self._left_over -= 1
        primal, failures = forward(self._graph, self._point(Interval(low, high)), INTERVALS)
        output = self._graph.output
        return Interval(-math.inf, math.inf, Grade.OPEN) if output in failures else primal[output]

    def _tells_more(self, left: Sample, right: Sample, over: Interval, width: float) -> bool:
        """Tell whether a stretch is worth being cut. width: of the cell that it is in."""
        if left.value is None and right.value is None:
            return False
        parts = width / (right.x - left.x)
        if over.grade is Grade.SMOOTH:
            assert left.value is not None
            assert right.value is not None
            bends = over.high - over.low > abs(right.value - left.value) + _FLAT * self._height
            return bends and parts < _BENDS and self._may_go_on()
        return parts < 2**_HALVINGS and self._may_go_on()

    def _may_go_on(self) -> bool:
        self.is_whole &= self._left_over > 0
        return self._left_over > 0

    def breaks(self, stretches: list[_Stretch]) -> Iterator[Break]:
        """Yield the breaks: neighbouring stretches that are not proved smooth, as one."""
        run: list[_Stretch] = []
        for stretch in [*stretches, None]:
            if stretch is not None and stretch.grade is not Grade.SMOOTH and _has_value(stretch):
                run.append(stretch)
                continue
            if run:
                yield from self._break(run)
            run = []

    def _break(self, run: list[_Stretch]) -> Iterator[Break]:
        """Yield what neighbouring stretches that are not proved smooth are together, if it is a break."""
        left, right = run[0].left, run[-1].right
        if self._differ(left, right):
            yield Break(left, right, all(part.grade is Grade.CONTINUOUS for part in run))
            return
        hole = next((part.right.x for part in run[:-1] if part.right.value is None), None)
        if hole is not None:
            yield Break(left, right, is_continuous=False, hole=hole)

    def _differ(self, left: Sample, right: Sample) -> bool:
        """Tell whether a curve is seen to differ on both sides of a short stretch."""
        if None in (left.value, right.value, left.slope, right.slope):
            return True
        assert left.value is not None
        assert right.value is not None
        assert left.slope is not None
        assert right.slope is not None
        least = max(abs(left.slope), abs(right.slope), self._height * 1e-3 / (1 + abs(right.x)))
        return (
            abs(right.value - left.value) > max(_SAME * self._height, _ROUNDING * abs(left.value))
            or abs(right.slope - left.slope) > 1e-3 * least
        )


def _has_value(stretch: _Stretch) -> bool:
    return stretch.left.value is not None or stretch.right.value is not None


def _height(samples: list[Sample]) -> float:
    """Return how high a curve is, without what goes off to a pole."""
    values = sorted(sample.value for sample in samples if sample.value is not None)
    if not values:
        return 0.0
    low, high = values[len(values) // 20], values[-1 - len(values) // 20]
    return min(high - low, _MOST)
