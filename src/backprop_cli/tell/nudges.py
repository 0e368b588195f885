"""What a gradient means: an input moves a little, and the output moves by about gradient times nudge."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import LimitError, UsageError
from backprop_cli.findings.kinks import sides_of_gradient
from backprop_cli.findings.settled import behind_possible_kinks
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.sweep import forward, sweep_graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.bounded import Bounded, bounded_reals, log2_size
from backprop_cli.record import Record, Word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.operations.bounded import BoundedReals
    from backprop_cli.report import Report

_DIGITS = 50
# Nodes times sweeps, of some 0.1 ms each.
_MOST_STEPS = 50_000
_EQUALLY_STEEP = 1e-12
# A number is told where its bound is below 1e-12 of it.
_TOLD = -40.0
_ROUNDED = -53.0


class Way(Word):
    """Which way an input is to move for the output to fall. NEITHER: at least not to first order."""

    LOWER = "lower"
    RAISE = "raise"
    EITHER = "either"
    NEITHER = "neither"
    LEAST = "least"
    UNKNOWN = "unknown"


class Nudge(Record):
    """An input moved alone, and how far that moves the output.

    node: what the input is called among the nodes.  at: its value.  left, right: the slopes of the output on
    both sides of it, equal where there is no kink; None where it has no value, NaN where it is not known.
    value, moved: the output behind the nudge, and how far it has moved; None where it has no value there, NaN
    where no double tells.  off: what the slope on the side of the nudge, times the nudge, misses of that;
    None or NaN where it is not known.
    way: which way the output falls, unknown where its value may jump.
    """

    name: str
    node: str
    at: float
    left: float | None
    right: float | None
    value: float | None
    moved: float | None
    off: float | None
    way: Way

    @property
    def is_smooth(self) -> bool:
        """Whether the slopes on both sides are one."""
        return self.left is not None and self.left == self.right and self.way != Way.UNKNOWN

    @property
    def steepness(self) -> float | None:
        """The size of the steeper slope, None where one is not known or the value may jump."""
        sizes = [abs(slope) for slope in (self.left, self.right) if slope is not None]
        return max(sizes) if sizes and self.way != Way.UNKNOWN else None


class Nudges(Record):
    """Every input moved alone by the same ``step``. value: the output before.

    steepest: the inputs along which the output is steepest, to 12 digits; none where a slope is not known.
    """

    output: str
    value: float
    step: float
    nudges: tuple[Nudge, ...]
    steepest: tuple[str, ...]

    def slope_of(self, nudge: Nudge) -> float | None:
        """Return the slope on the side that a nudge goes to."""
        return nudge.right if self.step > 0 else nudge.left


class _Slopes(NamedTuple):
    """The slopes of the output on both sides of an input. is_certain: and its value does not jump there."""

    left: Bounded | float | None
    right: Bounded | float | None
    is_certain: bool = True


def nudge_inputs(report: Report, step: float) -> Nudges:
    """Return what a nudge of each input that is asked for does. All numbers are of 50 digits, with bounds.

    Raises UsageError for a nudge of nothing, LimitError for a program that is too long.
    """
    if not step:
        raise UsageError("a nudge of 0 moves nothing", hint="--nudge 0.001")
    if report.upstream != 1:
        raise UsageError("--nudge tells how the output itself moves", hint="leave --upstream out")
    graph = lower_source(read_source(report.read_as or report.program))
    if len(graph.ops) * (len(report.gradients) + 1) > _MOST_STEPS:
        raise LimitError(
            f"{len(report.gradients):,} nudges of {len(graph.ops):,} nodes take too long",
            hint="--wrt a,b nudges few inputs",
        )
    m = bounded_reals(_DIGITS)
    exact = sweep_graph(graph, report.inputs, 1.0, m)
    doubtful = behind_possible_kinks(exact, m)
    naming = Naming(graph)
    nudges = []
    for name in report.gradients:
        slopes = _slopes(report, name, exact, m, may_be_kink=name in doubtful)
        nudges.append(_nudged(name, naming.id(graph.inputs[name]), slopes, exact, step, m))
    value = _told(exact.primal[graph.output], m)
    return Nudges(report.output, value, step, tuple(nudges), tuple(_steepest(nudges)))


def _slopes(report: Report, name: str, exact: Sweep, m: BoundedReals, *, may_be_kink: bool) -> _Slopes:
    check = report.check.gradients[name]
    if check.at_kink:
        sides = sides_of_gradient(exact._replace(upstream=1), name)
        return _Slopes(sides.left, sides.right, sides.is_corner or sides.edge is not None)
    if check.origin:
        return _Slopes(report.gradients[name], report.gradients[name])
    if may_be_kink or exact.graph.output in exact.failures:
        return _Slopes(math.nan, math.nan, is_certain=False)
    slope = exact.gradient(exact.graph.inputs[name], m)
    return _Slopes(slope, slope)


def _nudged(name: str, node: str, slopes: _Slopes, exact: Sweep, step: float, m: BoundedReals) -> Nudge:
    graph, at = exact.graph, exact.point[name]
    primal, failures = forward(graph, {**exact.point, name: m.number(at) + m.number(step)}, m)
    left, right = (None if side is None else _told(_bounded(side, m), m) for side in slopes[:2])
    value = moved = off = None
    if graph.output not in failures:
        value = _told(primal[graph.output], m)
        difference = primal[graph.output] - exact.primal[graph.output]
        moved = _told(difference, m)
        slope, told = (slopes.right, right) if step > 0 else (slopes.left, left)
        if slopes.is_certain and slope is not None and told is not None and math.isfinite(told):
            off = _told(difference - _bounded(slope, m) * m.number(step), m)
    return Nudge(
        name, node, at, left, right, value, moved, off, _way(left, right, is_certain=slopes.is_certain)
    )


def _bounded(slope: Bounded | float, m: BoundedReals) -> Bounded:
    """Return a slope as a number with a bound: one that is a double is rounded."""
    if not isinstance(slope, float) or not math.isfinite(slope):
        return m.number(slope)
    return Bounded(m.base.number(slope), log2_size(slope) + _ROUNDED, m)


def _told(x: Bounded, m: BoundedReals) -> float:
    """Return a number as a double; NaN where its bound leaves 12 digits open, and beyond doubles."""
    if not x.is_exact and x.error >= x.size + _TOLD:
        return math.nan
    nearest = m.base.to_float(x.value) + 0.0
    is_beyond = bool(x.value) and (not nearest or (math.isinf(nearest) and x.size < math.inf))
    return math.nan if is_beyond else nearest


def _way(left: float | None, right: float | None, *, is_certain: bool) -> Way:
    """Return which way the output falls. left, right: its slopes; no way leads where it has no value."""
    if not is_certain or any(slope is not None and math.isnan(slope) for slope in (left, right)):
        return Way.UNKNOWN
    below, above = (left or 0.0) > 0, (right or 0.0) < 0
    if below or above:
        return Way.EITHER if below and above else Way.LOWER if below else Way.RAISE
    is_least = left is not None and right is not None and left < 0 < right
    return Way.LEAST if is_least else Way.NEITHER


def _steepest(nudges: Iterable[Nudge]) -> list[str]:
    sizes = {nudge.name: nudge.steepness for nudge in nudges}
    known = [size for size in sizes.values() if size is not None]
    if len(known) < len(sizes) or not any(known):
        return []
    most = max(known)
    return [n for n, size in sizes.items() if size == most or (size or 0) >= most * (1 - _EQUALLY_STEEP)]
