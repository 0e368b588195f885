"""Points where the program is not differentiable: found, and the slope on each side."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.graph.sweep import forward, partials_at
from backprop_cli.operations.doubles import FLOAT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.op import Op
    from backprop_cli.operations.series import Series, SeriesNamespace

# Digits and terms tried in turn. Limit and slope are two terms; more are for what cancels. 800 digits resolve
# the cancellation of 1 - cos(1e-300), the worst that doubles can ask for.
_LADDER = ((50, 2), (50, 4), (200, 8), (800, 8))
# Nodes times terms cubed, of a rung above the first: up to some 5 s.
_MOST_WORK = 20_000


class Sides(NamedTuple):
    """The slopes on the left and on the right: infinite ones too, None where there is no value on that side.

    NaN where the slope is not known.
    A slope is that of the function on its side alone: where the value jumps, it is measured from where the
    value goes on that side. smooth: the slope of both sides where it is finite, certainly the same on both,
    and the value certainly does not jump: then it is the derivative. edge: the slope on the only side that
    has values, where it is finite and they certainly go on from the value at the point.  is_corner: the
    slopes of both sides are finite, and the value certainly does not jump.  exact: ``smooth`` as a constant
    of series: a fraction, or a number with an interval.
    """

    left: float | None
    right: float | None
    smooth: float | None = None
    edge: float | None = None
    is_corner: bool = False
    exact: Any = None


NOT_KNOWN = Sides(math.nan, math.nan)


def find_kinks(sweep: Sweep) -> list[int]:
    """Return the nodes on a path to the output that are not differentiable at their operands."""
    ops = sweep.graph.ops
    able = {op: op.kink for op in set(ops) if op is not None and op.kink is not None}
    kinks = []
    for node in [
        node for node, op in enumerate(ops) if op in able and not is_tie_with_itself(sweep.graph, node)
    ]:
        xs = sweep.operands(node)
        exists = sweep.adjoint[node] is not None and all(map(math.isfinite, xs))
        if exists and able[ops[node]].at(FLOAT, xs, sweep.graph.fixed(node)):  # type: ignore[index]
            kinks.append(node)
    return kinks


def is_tie_with_itself(graph: Graph, node: int) -> bool:
    """Tell whether a node compares an operand with itself, the same everywhere: max(x, x) is x."""
    op, operands = graph.ops[node], graph.operands[node]
    return op is not None and (op.condition or op.variadic) and len(set(operands)) == 1


def inputs_behind(sweep: Sweep, kinks: Sequence[int]) -> set[str]:
    """Return the inputs whose gradient depends on what is returned at a kink."""
    if not kinks:
        return set()
    graph = sweep.graph
    behind = bytearray(len(graph.ops))
    for node in kinks:
        for argnum, (operand, slope) in enumerate(
            zip(graph.operands[node], sweep.partials[node] or (), strict=False)
        ):
            if slope is not None and not _is_smooth(sweep, node, argnum, slope):
                behind[operand] = 1
    for node in range(graph.output, -1, -1):
        op = graph.ops[node]
        if not behind[node] or op is None:
            continue
        fixed = graph.fixed(node)
        # A kink behind a kink: max(max(x, 0), 0). Its slope of 0 is a convention too.
        at_kink = op.kink is not None and op.kink.at(FLOAT, sweep.operands(node), fixed)
        for operand, slope in zip(graph.operands[node], partials_at(sweep, node), strict=True):
            if slope is not None and (at_kink or not op.cuts_off(slope, fixed)):
                behind[operand] = 1
    return {name for name, node in graph.inputs.items() if behind[node]}


def _is_smooth(sweep: Sweep, node: int, argnum: int, slope: float) -> bool:
    """Tell whether a node at a kink is smooth all the same along one of its operands, with this slope."""
    op = sweep.graph.ops[node]
    assert op is not None
    smooth = None if op.condition else _sides_of_operand(op, tuple(sweep.operands(node)), argnum).smooth
    is_so = smooth is not None and math.isclose(smooth, slope, rel_tol=1e-14)
    # What moves two operands at once says more than each alone: clip(x, x, 1) is min(x, 1).
    return is_so and not _share_inputs(sweep.graph, node)


def _share_inputs(graph: Graph, node: int) -> bool:
    """Tell whether two operands of a node depend on one input."""
    inputs = [_inputs_of(graph, operand) for operand in graph.operands[node]]
    return sum(map(len, inputs)) > len(set().union(*inputs))


def _inputs_of(graph: Graph, node: int) -> set[int]:
    """Return the inputs that a node depends on."""
    seen, todo = {node}, [node]
    while todo:
        new = {x for x in graph.operands[todo.pop()] if not graph.constant[x]} - seen
        seen |= new
        todo += new
    return {x for x in seen if graph.ops[x] is None and not graph.constant[x]}


def sides_of_operation(sweep: Sweep, node: int) -> list[Sides]:
    """Return the partial by each operand just left and just right of it; (None, None) for a constant."""
    op = sweep.graph.ops[node]
    assert op is not None
    xs = tuple(sweep.operands(node))
    return [
        Sides(None, None) if is_fixed else _sides_of_operand(op, xs, argnum)
        for argnum, is_fixed in enumerate(sweep.graph.fixed(node))
    ]


@lru_cache(1000)
def _sides_of_operand(op: Op, xs: tuple[float, ...], argnum: int) -> Sides:
    if op.condition:
        return Sides(0.0, 0.0)

    def value(m: SeriesNamespace, side: int) -> Series:
        operands = [m.number(x) for x in xs]
        if side:
            operands[argnum] = m.beside(xs[argnum], side)
        return m.value(op, operands)  # type: ignore[no-any-return]

    return _sides(value, 1)


def sides_of_gradient(sweep: Sweep, name: str) -> Sides:
    """Return upstream · ∂output/∂name just left and just right of the point."""
    graph, x = sweep.graph, sweep.point[name]

    def value(m: SeriesNamespace, side: int) -> Series:
        point = {**sweep.point, name: m.beside(x, side)} if side else sweep.point
        primal, failures = forward(graph, point, m)
        if graph.output in failures:
            raise ValueError("no value beside the point")
        return primal[graph.output] * sweep.upstream  # type: ignore[no-any-return]

    return _sides(value, len(graph.ops))


class _Side(NamedTuple):
    """One side: its slope as a double and as a constant, and whether the value certainly goes on into it."""

    slope: float | None
    exact: Any = None
    is_continuous: bool = False


_UNKNOWN = _Side(math.nan)


def _sides(value: Callable[[SeriesNamespace, int], Series], nodes: int) -> Sides:
    """Return the slopes of a function of so many nodes.

    value(m, side): its value as a series on a side, and at the point itself for a side of 0.
    """
    from backprop_cli.operations.series import SeriesNamespace, same

    left = right = _UNKNOWN
    for rung, (digits, count) in enumerate(_LADDER):
        if (_UNKNOWN is not left and _UNKNOWN is not right) or (rung and nodes * count**3 > _MOST_WORK):
            break
        m = SeriesNamespace(digits, count)
        left, right = (_side(value, m, side) for side in (-1, 1))
    is_corner = left.is_continuous and right.is_continuous
    smooth = left.slope if is_corner and same(left.exact, right.exact) else None
    exact = None if smooth is None else left.exact
    return Sides(left.slope, right.slope, smooth, _edge(left, right), is_corner, exact)


def _edge(left: _Side, right: _Side) -> float | None:
    """Return the slope on the only side that has values, where it is one of the value at the point."""
    if (left.slope is None) == (right.slope is None):
        return None
    side = right if left.slope is None else left
    return side.slope if side.is_continuous else None


def _side(value: Callable[[SeriesNamespace, int], Series], m: SeriesNamespace, side: int) -> _Side:
    m.jumps = m.field.gave_up = False
    try:
        beside = value(m, side)
        exact = beside.slope(side)
        if isinstance(exact, float):
            return _Side(exact)
        slope = m.field.to_float(exact)
    except (ArithmeticError, ValueError):
        return _UNKNOWN if m.field.gave_up else _Side(None)
    return _Side(slope, exact, not m.jumps or _starts_at(beside, value, m))


def _starts_at(beside: Series, value: Callable[[SeriesNamespace, int], Series], m: SeriesNamespace) -> bool:
    """Tell whether the limit on a side is certainly the value at the point."""
    from backprop_cli.operations.series import same

    try:
        return same(beside.constant, value(m, 0).constant)
    except (ArithmeticError, ValueError):
        return False
