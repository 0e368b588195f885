"""What a gradient means: an input moves a little, and the output moves by about gradient times nudge."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.errors import LimitError, UsageError
from backprop_cli.graph.naming import Naming
from backprop_cli.record import Record, Word
from backprop_cli.tell.slopes import Surroundings, told

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backprop_cli.report import Report

# Nodes times sweeps, of some 0.1 ms each.
_MOST_STEPS = 50_000
_EQUALLY_STEEP = 1e-12


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


def nudge_inputs(report: Report, step: float) -> Nudges:
    """Return what a nudge of each input that is asked for does.

    Raises UsageError for a nudge of nothing, LimitError for a program that is too long.
    """
    if not step:
        raise UsageError("a nudge of 0 moves nothing", hint="--nudge 0.001")
    if report.upstream != 1:
        raise UsageError("--nudge tells how the output itself moves", hint="leave --upstream out")
    nodes = len(report.nodes)
    if nodes * (len(report.gradients) + 1) > _MOST_STEPS:
        raise LimitError(
            f"{len(report.gradients):,} nudges of {nodes:,} nodes take too long",
            hint="--wrt a,b nudges few inputs",
        )
    around = Surroundings(report)
    naming = Naming(around.graph)
    nudges = [
        _nudged(name, naming.id(around.graph.inputs[name]), report.inputs[name], around, step)
        for name in report.gradients
    ]
    value = told(around.value)
    assert value is not None
    return Nudges(report.output, value, step, tuple(nudges), tuple(_steepest(nudges)))


def _nudged(name: str, node: str, at: float, around: Surroundings, step: float) -> Nudge:
    slopes, value = around.slopes(name), around.moved(name, step)
    difference = off = None
    if value is not None:
        difference = value - around.value
        slope = slopes.on_side(step)
        if slopes.is_certain and slope is not None and slope.size < math.inf:
            off = difference - slope * around.m.number(step)
    left, right = told(slopes.left), told(slopes.right)
    way = _way(left, right, is_certain=slopes.is_certain)
    return Nudge(name, node, at, left, right, told(value), told(difference), told(off), way)


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
