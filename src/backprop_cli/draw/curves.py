"""Curves as lines on a plane: what is drawn in a terminal and as SVG alike.

A line ends where the curve breaks: none goes across a pole, a jump or a gap, and a kink stays a corner.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from backprop_cli.curves.report import Break, Curve, Sample

# What of a curve is looked at for its height: points, and values whose differences are doubles, too.
_FEW, _MOST = 640, 8e307
Points = list[tuple[float, float]]
_ONE = re.compile(r"\w+(\([^()]*\))?")  # a name or a call, whose derivative needs no parentheses


class Trace(NamedTuple):
    """Lines that belong together. number: of the curve.  kind: "value", "slope", "tangent" or "points"."""

    label: str
    number: int
    kind: str
    lines: list[Points]


class Plane(NamedTuple):
    """Traces, and what of the plane is shown. up: the name of what goes up, where that is an input."""

    traces: list[Trace]
    left: float
    right: float
    low: float
    high: float
    up: str = ""


def plane_of(curves: Sequence[Curve], *, slopes: bool, height: tuple[float, float] | None = None) -> Plane:
    """Return curves over one range. slopes: whether f' is drawn too.  height: what of y is shown."""
    traces = [trace for number, curve in enumerate(curves) for trace in _traces(curve, number, slopes=slopes)]
    left, right = curves[0].low, curves[0].high
    low, high = height or _height([t for t in traces if t.kind != "tangent"], curves)
    return Plane(traces, left, right, low, high)


def _traces(curve: Curve, number: int, *, slopes: bool) -> Iterator[Trace]:
    label = " ".join((curve.read_as or curve.program).split())
    jumps = [found for found in curve.breaks if not found.is_continuous]
    yield Trace(label, number, "value", _lines(curve.samples, jumps, lambda sample: sample.value))
    if slopes:
        slope = _lines(curve.samples, curve.breaks, lambda sample: sample.slope)
        operand = label if _ONE.fullmatch(label) else f"({label})"
        yield Trace(f"∂/∂{curve.name} {operand}", number, "slope", slope)
    at = curve.tangent
    if at is not None and at.value is not None and at.slope is not None:
        ends = [(x, at.value + at.slope * (x - at.x)) for x in (curve.low, curve.high)]
        yield Trace(f"tangent at {curve.name} = {at.x:g}", number, "tangent", [ends, [(at.x, at.value)]])


def _lines(
    samples: Sequence[Sample], breaks: Sequence[Break], y_of: Callable[[Sample], float | None]
) -> list[Points]:
    """Return what of a curve hangs together."""
    lines: list[Points] = [[]]
    begun = {found.left.x: found for found in breaks}
    last: Break | None = None
    for sample in samples:
        y = y_of(sample)
        is_within = last is not None and sample.x < last.right.x
        if is_within and not _stands_alone(last):
            continue
        if y is None or is_within or (last is not None and sample.x == last.right.x):
            lines.append([])
        if y is not None:
            lines[-1].append((sample.x, y))
        last = begun.get(sample.x, last)
    return [line for line in lines if line]


def _stands_alone(found: Break | None) -> bool:
    """Tell whether a point within a break has no values beside it, as that of x^x at -1."""
    return found is not None and found.left.value is None and found.right.value is None


def _height(traces: Sequence[Trace], curves: Sequence[Curve]) -> tuple[float, float]:
    """Return from where to where the values go; where there are breaks, without what goes off to a pole."""
    apart = (curves[0].high - curves[0].low) / _FEW
    values = sorted(y for trace in traces for line in trace.lines for y in _spread(line, apart))
    if not values:
        return -1.0, 1.0
    low, high = values[0], values[-1]
    if any(not found.is_continuous for curve in curves for found in curve.breaks):
        few = len(values) // 12
        inner, outer = values[few], values[-1 - few]
        low, high = max(low, 2 * inner - outer), min(high, 2 * outer - inner)
    return span_of((low, high))


def span_of(values: Sequence[float]) -> tuple[float, float]:
    """Return from where to where an axis goes that shows these numbers, with some room."""
    low, high = max(min(values), -_MOST), min(max(values), _MOST)
    room = 0.05 * (high - low) or abs(low) or 1.0
    return low - room, high + room


def _spread(line: Points, apart: float) -> Iterator[float]:
    """Yield the values of a line at points that are not much nearer than this: breaks have many."""
    last = -math.inf
    for x, y in line:
        if x - last >= apart:
            last = x
            yield y


def tick_text(x: float, step: float) -> str:
    """Return a tick as text, rounded to the step between ticks."""
    if abs(x) < step / 2:
        return "0"
    if step >= 1e-4 and abs(x) < 1e6:
        text = f"{x:.{max(0, math.ceil(-math.log10(step) - 1e-9))}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    digits = max(1, math.floor(math.log10(abs(x))) - math.floor(math.log10(step)) + 2)
    return f"{x:.{digits}g}".replace("e+0", "e").replace("e-0", "e-").replace("e+", "e")
