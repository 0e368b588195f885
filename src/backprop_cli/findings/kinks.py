"""Points where the program is not differentiable: found, and the slope on each side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.graph.sweep import partials_at, sweep_graph
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import MpmathNamespace, mpmath_namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.operations.op import Number

Sides = tuple[float | None, float | None]
"""The slope on the left and on the right; None where the function has no value on that side."""

# Slopes are taken at two small distances. Between them a finite slope changes by less than 1e-20
# relative, one that grows without bound by 1e10 (a square root) or more, one that is 0 in the limit
# shrinks likewise.
_DIGITS, _NEAR, _NEARER = 100, -20, -40
_GROWTH = 1e5


def find_kinks(sweep: Sweep) -> list[int]:
    """Return the nodes on a path to the output that are not differentiable at their operands."""
    ops = sweep.graph.ops
    able = {op: op.kink for op in set(ops) if op is not None and op.kink is not None}
    kinks = []
    for node in [node for node, op in enumerate(ops) if op in able]:
        xs = sweep.operands(node)
        exists = sweep.adjoint[node] is not None and all(map(math.isfinite, xs))
        if exists and able[ops[node]].at(FLOAT, xs, sweep.graph.fixed(node)):  # type: ignore[index]
            kinks.append(node)
    return kinks


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
    """Tell whether a node at a kink is smooth all the same along one of its operands."""
    op = sweep.graph.ops[node]
    assert op is not None
    if op.condition:
        return False
    m, slope_at, value_at, x = _along(sweep, node, argnum)
    if _sides(slope_at, x, m) != (slope, slope):
        return False
    step = (abs(x) or m.one) * m.mp.mpf(10) ** _NEARER
    return all(abs(value_at(x + side * step) - value_at(x)) < 1e-10 for side in (-1, 1))


def _along(
    sweep: Sweep, node: int, argnum: int
) -> tuple[MpmathNamespace, Callable[[Number], Number], Callable[[Number], Number], Number]:
    """Return the slope and the value of a node as functions of one operand, and that operand."""
    op = sweep.graph.ops[node]
    assert op is not None
    m = mpmath_namespace(_DIGITS)
    fixed = sweep.graph.fixed(node)
    xs = [m.number(x) for x in sweep.operands(node)]

    def value(x: Number) -> Number:
        return m.value(op, [*xs[:argnum], x, *xs[argnum + 1 :]])

    def slope(x: Number) -> Number:
        moved = [*xs[:argnum], x, *xs[argnum + 1 :]]
        return op.partial(m, argnum, m.value(op, moved), moved, fixed)

    return m, slope, value, xs[argnum]


def sides_of_operation(sweep: Sweep, node: int) -> list[Sides]:
    """Return the partial by each operand just left and just right of it; (None, None) for a constant."""
    sides: list[Sides] = []
    for argnum, is_fixed in enumerate(sweep.graph.fixed(node)):
        m, slope, _, x = _along(sweep, node, argnum)
        sides.append((None, None) if is_fixed else _sides(slope, x, m))
    return sides


def sides_of_gradient(sweep: Sweep, name: str) -> Sides:
    """Return upstream · ∂output/∂name just left and just right of the point."""
    graph = sweep.graph
    m = mpmath_namespace(_DIGITS)

    def slope(x: Number) -> Number:
        moved = sweep_graph(graph, {**sweep.point, name: x}, sweep.upstream, m)
        if graph.output in moved.failures:
            raise ValueError("no value beside the point")
        return moved.gradient(graph.inputs[name], m)

    return _sides(slope, m.number(sweep.point[name]), m)


def _sides(slope: Callable[[Number], Number], x: Number, m: MpmathNamespace) -> Sides:
    return _limit(slope, x, -1, m), _limit(slope, x, 1, m)


def _limit(slope: Callable[[Number], Number], x: Number, side: int, m: MpmathNamespace) -> float | None:
    """Return the limit of the slope as its argument goes to x from one side."""
    scale = abs(x) or m.one
    try:
        near, nearer = (slope(x + side * scale * m.mp.mpf(10) ** power) for power in (_NEAR, _NEARER))
    except (ArithmeticError, ValueError):
        return None
    if not (m.mp.isfinite(near) and m.mp.isfinite(nearer)):
        return None if m.mp.isnan(nearer) else m.to_float(nearer)
    if abs(nearer) > _GROWTH * abs(near) and abs(nearer) > _GROWTH:
        return math.copysign(math.inf, nearer)
    if abs(nearer) < abs(near) / _GROWTH:
        return 0.0
    return m.to_float(nearer)
