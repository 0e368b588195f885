"""Second derivatives of one operation: the gradient of its row's derivative, as the row writes it.

The code of a partial is never differentiated: its guards hide the function, and (x²)″ at 0 would be 0.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.certain.task import kinks_in
from backprop_cli.errors import LimitError
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import forward, sweep_graph
from backprop_cli.language.source import read_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.op import Namespace, Number, Op


class Bend(NamedTuple):
    """The second partials of an operation at a point: (argnum, argnum) -> number, the first one not larger.

    What is left out is 0 everywhere.  jumps: whether one of them may jump here, as that of elu at 0.
    """

    partials: dict[tuple[int, int], Number]
    jumps: bool = False


_Second = dict[tuple[int, int], Any]
_NOTHING = Bend({})


def second_partials(op: Op, xs: Sequence[Number], fixed: Sequence[bool], m: Namespace) -> Bend:
    """Return the second partials of an operation at xs. fixed: marks the operands that are constants.

    One without a value is NaN. Raises LimitError for a function that has no second derivative here.
    """
    if op.takes_condition or op.condition:
        return _NOTHING
    if len(xs) != op.arity:
        if op.exact:
            return _NOTHING  # max and min of several are flat where they are smooth
        raise LimitError(f"{op.name} of {len(xs)} operands has no second derivative here")
    corner = CORNERS.get(op.name) if m.decides else None
    known = corner(m, xs, fixed) if corner else None
    if known is not None:
        return Bend(known)
    if op.name in SECONDS or op.name == "sinc":
        return Bend(_written(op, xs, fixed, m))
    found: dict[tuple[int, int], Number] = {}
    jumps = False
    for argnum, is_fixed in enumerate(fixed):
        graph = None if is_fixed else _slope_graph(op, argnum, tuple(fixed))
        if graph is None:
            continue
        point = {name: xs[op.args.index(name)] for name in graph.inputs}
        sweep = sweep_graph(graph, point, 1.0, m)
        if m.decides and sweep.graph.output not in sweep.failures:
            jumps = jumps or bool(kinks_in(sweep, m))
        for other in range(argnum, op.arity):
            node = graph.inputs.get(op.args[other])
            if node is not None and not fixed[other]:
                missing = sweep.graph.output in sweep.failures
                found[argnum, other] = m.nan if missing else sweep.gradient(node, m)
    if op.name == "pow" and fixed[0] and not m.decides and (1, 1) in found:
        # As ``_power_corner`` has it: 0^y is 0 for all y > 0, though log(0) in the text has no value.
        at_zero = m.where(m.gt(xs[1], m.zero), m.zero, m.nan)
        found[1, 1] = m.where(m.eq(xs[0], m.zero), at_zero, found[1, 1])
    return Bend(found, jumps)


def _written(op: Op, xs: Sequence[Number], fixed: Sequence[bool], m: Namespace) -> _Second:
    """Return the second partials that have a formula of their own."""
    if op.name == "sinc":
        return {(0, 0): _bend_of_sinc(op, xs[0], m)}
    point = dict(zip(op.args, xs, strict=True))
    found = {}
    for pair in SECONDS[op.name]:
        if not any(fixed[argnum] for argnum in pair):
            graph = _second_graph(op, pair)
            primal, failures = forward(graph, {name: point[name] for name in graph.inputs}, m)
            found[pair] = m.nan if graph.output in failures else primal[graph.output]
    return found


def _bend_of_sinc(op: Op, x: Number, m: Namespace) -> Number:
    """Return -sinc - 2·sinc'/x, which loses a bit where the text of sinc' would lose all; at 0 it is -1/3."""
    safe = x if m.decides else m.where(m.eq(x, m.zero), m.one, x)
    y = m.value(op, [safe])
    slope = m.partial(op, 0, y, [safe], [False])
    bend = -(y + (slope + slope) / safe)
    return bend if m.decides else m.where(m.eq(x, m.zero), -1 / 3, bend)


@cache
def _second_graph(op: Op, pair: tuple[int, int]) -> Graph:
    return lower_source(read_source(SECONDS[op.name][pair], notation="plain"))


@cache
def _slope_graph(op: Op, argnum: int, fixed: tuple[bool, ...]) -> Graph | None:
    """Return the graph of ∂y/∂x in the names of the row; None where no operand moves it.

    Operands that are constants of the program are constants of it.
    """
    graph = lower_source(read_source(op.derivatives[argnum], notation="plain"))
    for name, node in graph.inputs.items():
        graph.constant[node] = fixed[op.args.index(name)]
    for node, operands in enumerate(graph.operands):
        if operands:
            graph.constant[node] = all(graph.constant[operand] for operand in operands)
    return None if graph.constant[graph.output] else graph


def _power_corner(m: Namespace, xs: Sequence[Number], fixed: Sequence[bool]) -> _Second | None:
    """Return what x^0 and x^2 have, and at a base of 0 what is known of a variable exponent.

    The text of the slope of x^2 has x^0 in its own, which asks whether x is 0, and that may not be known.
    """
    base, exponent = xs
    if fixed[1]:
        numbers = m.zero, m.number(2.0)
        return next(({(0, 0): x} for x in numbers if bool(m.eq(exponent, x))), None)  # x^0 by 0, x^2 by 2
    if not bool(m.eq(base, m.zero)):
        return None
    is_positive = m.gt(exponent, m.zero)
    if fixed[0] and bool(is_positive) and getattr(is_positive, "is_exact", True):
        return {(1, 1): m.zero}  # 0^y is 0 for all y > 0
    found: dict[tuple[int, int], Number] = {(1, 1): m.nan}
    if not fixed[0]:
        found[0, 1] = m.nan
        slope = _slope_graph_of_power()
        sweep = sweep_graph(slope, {"x": base, "y": exponent}, 1.0, m)
        missing = slope.output in sweep.failures
        found[0, 0] = m.nan if missing else sweep.gradient(slope.inputs["x"], m)
    return found


@cache
def _slope_graph_of_power() -> Graph:
    return lower_source(read_source("y*x^(y - 1)", notation="plain"))


def _sinc_corner(m: Namespace, xs: Sequence[Number], _fixed: Sequence[bool]) -> _Second | None:
    """Return what sin(x)/x has at 0, where it is 1 - x²/6 + … ."""
    return {(0, 0): -m.one / m.number(3.0)} if bool(m.eq(xs[0], m.zero)) else None


SECONDS: dict[str, dict[tuple[int, int], str]] = {
    "sigmoid": {(0, 0): "-tanh(x/2)*sigmoid(x)*sigmoid(-x)"},
    "asin": {(0, 0): "x/((1 - x)*(1 + x)*sqrt((1 - x)*(1 + x)))"},
    "acos": {(0, 0): "-x/((1 - x)*(1 + x)*sqrt((1 - x)*(1 + x)))"},
    "acosh": {(0, 0): "-x/((x - 1)*(x + 1)*sqrt(x - 1)*sqrt(x + 1))"},
    "atanh": {(0, 0): "2*x/((1 - x)*(1 + x))^2"},
    "hypot": {
        (0, 0): "y/hypot(x, y)*(y/hypot(x, y))/hypot(x, y)",
        (0, 1): "-(x/hypot(x, y)*(y/hypot(x, y))/hypot(x, y))",
        (1, 1): "x/hypot(x, y)*(x/hypot(x, y))/hypot(x, y)",
    },
}
"""Second partials in the names of the row, where the derivative of its text loses digits: 1 - x² near 1."""

CORNERS: dict[str, Callable[..., _Second | None]] = {
    "pow": _power_corner,
    "sinc": _sinc_corner,
}
"""Points where the text of a derivative has no value though the function bends all the same: what it is
there, or None elsewhere. By the name of the row."""
