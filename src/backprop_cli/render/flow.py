"""The size of the gradient along a path, as bars, and as JSON."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.console.strict_json import maybe_number, number
from backprop_cli.notation.pretty import pretty
from backprop_cli.render.pens import Line
from backprop_cli.text import listing, number_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.render.pens import TextPen
    from backprop_cli.tell.flow import Flow, Station

_LONGEST, _LEAST_FACTOR = 24, 1.1
_MOST, _ENDS = 48, 20
_NAME = 24
_MOST_CHOICES = 8


def flow_lines(flow: Flow, pen: TextPen) -> Iterator[Line]:
    """Yield a bar for each station, and what becomes of the gradient."""
    first, last = flow.stations[0], flow.stations[-1]
    path = f"{flow.operations:,} operation{'s' * (flow.operations != 1)}"
    yield Line("heading", f"The gradient from {first.node} back to {last.node}, {path}")
    sizes = [abs(s.gradient) for s in flow.stations if s.gradient and math.isfinite(s.gradient)]
    low, factor = min(sizes, default=1.0), _factor(sizes)
    names, numbers = ([text(s, pen) for s in flow.stations] for text in (_name, _number))
    widths = max(map(len, names)), max(map(len, numbers))
    stations = list(zip(names, numbers, flow.stations, strict=True))
    hidden = len(stations) - 2 * _ENDS if len(stations) > _MOST else 0
    for place, (name, text, station) in enumerate(stations):
        if hidden and _ENDS <= place < len(stations) - _ENDS:
            if place == _ENDS:
                yield Line("words", f"{hidden:,} more are not shown")
            continue
        bar = _bar(station, low, factor, pen)
        ratio = "" if station.ratio is None else f"  {_times(station.ratio, pen)}"
        yield Line("words", f"{name:{widths[0]}}  {text:>{widths[1]}}  {bar}{ratio}".rstrip())
    if len(set(sizes)) > 1:
        yield Line("words", f"each block more stands for a factor of {number_text(factor, 3)}, rounded")
    for choice in flow.choices[:_MOST_CHOICES]:
        expr = pretty(choice.expr, unicode=pen.unicode)
        yield Line("words", f"{choice.node} = {expr}: {choice.told}")
    if len(flow.choices) > _MOST_CHOICES:
        yield Line("words", f"{len(flow.choices) - _MOST_CHOICES:,} more choices are not shown")
    if flow.sums:
        one = len(flow.sums) == 1
        several = "the gradient is a sum" if one else "the gradients are sums"
        yield Line("words", f"at {listing(list(flow.sums))} other paths come in: {several}")
    if flow.found:
        yield Line("words", f"{last.node}: {flow.found}")
    for name, bound in flow.bounds if flow.has_vanished else ():
        yield Line("words", f"{name} is nowhere steeper than {number_text(bound, None)}")
    yield Line("words", _verdict(flow, pen))


def _factor(sizes: list[float]) -> float:
    """Return what a block stands for: of three digits, so that it is what is told."""
    if not sizes:
        return _LEAST_FACTOR
    logarithm = (math.log(max(sizes)) - math.log(min(sizes))) / (_LONGEST - 1)
    return max(float(number_text(math.exp(logarithm), 3)), _LEAST_FACTOR)


def _name(station: Station, pen: TextPen) -> str:
    name = station.node
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}{'…' if pen.unicode else '~'}"


def _number(station: Station, pen: TextPen) -> str:
    return number_text(station.gradient, pen.digits)


def _bar(station: Station, low: float, factor: float, pen: TextPen) -> str:
    size = abs(station.gradient)
    if not size or not math.isfinite(size):
        return ""
    return ("█" if pen.unicode else "#") * (1 + round((math.log(size) - math.log(low)) / math.log(factor)))


def _times(ratio: float, pen: TextPen) -> str:
    return f"{'×' if pen.unicode else '*'}{number_text(ratio, 3)}"


def _verdict(flow: Flow, pen: TextPen) -> str:
    first, last = flow.stations[0], flow.stations[-1]
    if len(flow.stations) == 1:
        return "the output has no operation between it and an input"
    if flow.closed and not last.gradient:
        return f"no gradient passes {flow.closed} on this path"
    zeros = [station for station in flow.stations if not station.gradient]
    if zeros:
        return f"in doubles the gradient is 0 at {zeros[0].node}"
    if flow.mean is None or flow.total is None:
        return "not all gradients on the way are finite"
    steps = len(flow.stations) - 1
    mean = f"{_times(flow.mean, pen)} a step on average, in {steps:,} step{'s' * (steps > 1)}"
    ends = (
        f"from {number_text(abs(first.gradient), 3)} to {number_text(abs(last.gradient), 3)} in size, {mean}"
    )
    if flow.has_vanished:
        return f"it vanishes: {ends}"
    return f"it explodes: {ends}" if flow.has_exploded else f"it neither vanishes nor explodes: {ends}"


def flow_json(flow: Flow) -> dict[str, Any]:
    """Return a flow as JSON has it."""
    return {
        "operations": flow.operations,
        "mean": maybe_number(flow.mean),
        "stations": [
            {"node": station.node, "gradient": number(station.gradient), "ratio": maybe_number(station.ratio)}
            for station in flow.stations
        ],
        "choices": [choice._asdict() for choice in flow.choices],
        "sums": list(flow.sums),
        "closed": flow.closed,
        "found": flow.found,
        "bounds": dict(flow.bounds),
    }
