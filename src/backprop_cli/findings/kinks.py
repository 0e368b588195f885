"""Points where the program is not differentiable: found, and the slope on each side."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.graph.sweep import Failure, forward, forward_from, needed, partials_at
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.rules import SHARES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from backprop_cli.graph.sweep import Failures, Sweep
    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.one_sided import Series
    from backprop_cli.operations.op import Kink, Op
    from backprop_cli.operations.series import SeriesNamespace

# Digits and terms tried in turn. Limit and slope are two terms; more are for what cancels. 800 digits resolve
# the cancellation of 1 - cos(1e-300), the worst that doubles can ask for.
_LADDER = ((50, 2), (50, 4), (200, 8), (800, 8))
# Nodes whose constants are followed, 0.7 ms each where they are no fractions.
_MOST_SERIES = 5_000
# Doubles that are so near are apart by rounding.
ROUNDING = 1e-12
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
    """Return the nodes on a path to the output that are not differentiable at their operands.

    Where no slope passes, those whose value breaks are: floor(sign(x)) jumps.
    """
    kinks = nodes_at_kinks(sweep.graph, sweep.primal)
    if all(sweep.adjoint[node] is not None for node in kinks):
        return kinks
    read = needed(sweep.graph, sweep.primal)
    return [
        node for node in kinks if sweep.adjoint[node] is not None or (read[node] and _breaks(sweep, node))
    ]


def nodes_at_kinks(graph: Graph, primal: list[float]) -> list[int]:
    """Return the nodes that are not differentiable at their operands, on a path to the output or not."""
    able: dict[Op | None, Kink] = {
        op: op.kink for op in set(graph.ops) if op is not None and op.kink is not None
    }
    found = []
    for node, op in enumerate(graph.ops):
        kink = able.get(op)
        if kink is None or is_tie_with_itself(graph, node):
            continue
        xs = [primal[operand] for operand in graph.operands[node]]
        if all(map(math.isfinite, xs)) and kink.at(FLOAT, xs, graph.fixed(node)):
            found.append(node)
    return found


def _breaks(sweep: Sweep, node: int) -> bool:
    """Tell whether a node's value may jump, or be missing on a side, though no input's slope passes it."""
    op = sweep.graph.ops[node]
    return bool(op and op.kink and op.kink.breaks) and not sweep.graph.constant[node]


def is_tie_with_itself(graph: Graph, node: int) -> bool:
    """Tell whether a node compares an operand with itself, the same everywhere: max(x, x) is x."""
    op = graph.ops[node]
    if op is None or op.kink is None or len(set(graph.operands[node])) > 1:
        return False
    return op.condition or op.kink.convention == SHARES


def inputs_behind(sweep: Sweep, kinks: Sequence[int]) -> set[str]:
    """Return the inputs whose gradient depends on what is returned at a kink."""
    if not kinks:
        return set()
    graph = sweep.graph
    behind = bytearray(len(graph.ops))
    for node in kinks:
        passes = sweep.adjoint[node] is not None
        for argnum, (operand, slope) in enumerate(
            zip(graph.operands[node], partials_at(sweep, node), strict=True)
        ):
            if slope is not None and not (passes and _is_smooth(sweep, node, argnum, slope)):
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


def sides_of_gradients(sweep: Sweep, names: Iterable[str], least: int = 0) -> dict[str, Sides]:
    """Return upstream · ∂output/∂name just left and just right of the point, for each of these inputs.

    least: the digits that constants are to have at least.
    """
    beside = _Beside(sweep, least)
    return {name: beside.sides(name) for name in names}


class _Here(NamedTuple):
    """The values at the point as series. is_clean: whether all are known, and none of them decided a jump."""

    primal: list[Any]
    has_value: bool
    is_clean: bool


class _Beside:
    """The values of a program beside a point, along one input after the other.

    What an input does not move is computed once for all inputs and both sides: it takes most of the time
    where constants are no fractions.
    """

    def __init__(self, sweep: Sweep, least: int) -> None:
        self._sweep = sweep
        self._least = least
        self._namespaces: dict[tuple[int, int], SeriesNamespace] = {}
        self._here: dict[SeriesNamespace, _Here] = {}

    def sides(self, name: str) -> Sides:
        """Return the slopes along an input."""
        graph, upstream = self._sweep.graph, self._sweep.upstream

        def value(m: SeriesNamespace, side: int) -> Series:
            return self._primal(name, m, side)[graph.output] * upstream  # type: ignore[no-any-return]

        def is_smooth(m: SeriesNamespace) -> bool:
            here, left, right = (self._primal(name, m, side) for side in (0, -1, 1))
            return _is_smooth_throughout(graph, here, left, right, m)

        return _sides(value, len(graph.ops), is_smooth, self._namespace)

    def _namespace(self, digits: int, count: int) -> SeriesNamespace:
        if (digits, count) not in self._namespaces:
            self._namespaces[digits, count] = _series(max(digits, self._least), count)
        return self._namespaces[digits, count]

    def _primal(self, name: str, m: SeriesNamespace, side: int) -> list[Any]:
        if m not in self._here:
            self._here[m] = self._at_point(m)
        here = self._here[m]
        graph, point = self._sweep.graph, self._sweep.point
        if not side:
            found, has_value = here.primal, here.has_value
        else:
            x = m.beside(point[name], side)
            if here.is_clean:
                found, failures = forward_from(graph, here.primal, name, x, m)
            else:
                found, failures = forward(graph, {**point, name: x}, m)
            has_value = graph.output not in failures
        if not has_value:
            raise ValueError("no value beside the point")
        return found

    def _at_point(self, m: SeriesNamespace) -> _Here:
        """Return the values at the point. What is decided on the way says nothing of a side."""
        before = m.jumps, m.field.gave_up
        m.jumps = m.field.gave_up = False
        primal, failures = forward(self._sweep.graph, self._sweep.point, m)
        is_clean = not (failures or m.jumps or m.field.gave_up)
        m.jumps, m.field.gave_up = before
        return _Here(primal, self._sweep.graph.output not in failures, is_clean)


def _series(digits: int, count: int) -> SeriesNamespace:
    from backprop_cli.operations.series import SeriesNamespace

    return SeriesNamespace(digits, count)


def exact_value(sweep: Sweep) -> Any:
    """Return the value as a constant of series, None where none is known. acos(√10·√40/20) is 0."""
    exact = _exactly(sweep)
    if exact is None or sweep.graph.output in exact[2]:
        return None
    return exact[1][sweep.graph.output].constant


def lacks_exact_value(sweep: Sweep) -> bool:
    """Tell whether the program certainly has no value, though doubles have one: log(sin(pi*x)) at 1."""
    exact = _exactly(sweep)
    if exact is None or sweep.graph.output not in exact[2] or exact[0].field.gave_up:
        return False
    return {Failure.DOMAIN, Failure.OPERAND}.issuperset(exact[2].values())


def without_rounded(sweep: Sweep, kinks: Sequence[int]) -> list[int]:
    """Return the kinks but those that doubles certainly meet by rounding alone: abs((x + 1) - 1) at 1e-20."""
    exact = _exactly(sweep) if kinks else None
    if exact is None or sweep.graph.output in exact[2]:
        return [*kinks]
    m, primal, _ = exact
    return [node for node in kinks if not _is_away(sweep.graph, node, primal, (), m)]


def _exactly(sweep: Sweep) -> tuple[SeriesNamespace, list[Any], Failures] | None:
    """Return the values at the point as series without a step, and what has none; None if that takes long."""
    if len(sweep.graph.ops) > _MOST_SERIES:
        return None
    m = _series(*_LADDER[0])
    m.field.gave_up = False
    try:
        return m, *forward(sweep.graph, sweep.point, m)
    except (ArithmeticError, ValueError):
        return None


def _is_smooth_throughout(
    graph: Graph, here: list[Any], left: list[Any], right: list[Any], m: SeriesNamespace
) -> bool:
    """Tell whether the output is certainly differentiable along an input, by the chain rule.

    Its slopes may have constants too long to be compared. A node is differentiable whose series on both sides
    are those of one function, or that is away from its kinks and made of such nodes.
    here, left, right: the values at the point, and as series on both sides.
    """
    wanted = bytearray(len(here))
    wanted[graph.output] = 1
    for node in range(graph.output, -1, -1):
        op, operands = graph.ops[node], graph.operands[node]
        if not wanted[node] or op is None or _goes_through(here[node], left[node], right[node]):
            continue
        if not (is_tie_with_itself(graph, node) or _is_away(graph, node, here, (left, right), m)):
            return False
        for operand, is_read in zip(operands, op.read(m, [here[x] for x in operands]), strict=True):
            wanted[operand] |= bool(is_read)
    return True


def _is_away(
    graph: Graph, node: int, here: list[Any], sides: Sequence[list[Any]], m: SeriesNamespace
) -> bool:
    """Tell whether a node is certainly not at a kink, in the direction of the operands that move.

    sides: the values beside the point, if there is but one direction.
    """
    kink, operands = graph.ops[node].kink, graph.operands[node]  # type: ignore[union-attr]
    xs = [here[operand] for operand in operands]
    fixed: Sequence[bool] = graph.fixed(node)
    if sides:
        fixed = [all(getattr(side[x], "is_constant", False) for side in sides) for x in operands]
    try:
        return not (kink and kink.at(m, xs, fixed))
    except (ArithmeticError, ValueError):
        return False


def _goes_through(here: Any, left: Any, right: Any) -> bool:
    """Tell whether the series of a value are certainly those of one function with a slope at the point."""
    if not all(hasattr(x, "terms") for x in (here, left, right)):
        return tuple(left[:1]) == tuple(right[:1]) == tuple(here[:1])  # a condition: it holds or not
    from backprop_cli.operations.one_sided import FIRST, LIMIT
    from backprop_cli.operations.series import same

    if any(x.bound is not None and x.bound <= FIRST for x in (left, right)):
        return False
    before, after = ({key: c for key, c in x.terms if key <= FIRST} for x in (left, right))
    limit, slope = before.pop(LIMIT, 0), before.pop(FIRST, 0)
    return (
        not before
        and after.keys() <= {LIMIT, FIRST}
        and same(after.get(FIRST, 0), -slope)
        and all(same(limit, x) for x in (after.get(LIMIT, 0), here.constant))
    )


class _Side(NamedTuple):
    """One side: its slope as a double and as a constant, and whether the value certainly goes on into it."""

    slope: float | None
    exact: Any = None
    is_continuous: bool = False


_UNKNOWN = _Side(math.nan)


def _sides(
    value: Callable[[SeriesNamespace, int], Series],
    nodes: int,
    is_smooth: Callable[[SeriesNamespace], bool] = lambda _: False,
    namespace: Callable[[int, int], SeriesNamespace] = _series,
) -> Sides:
    """Return the slopes of a function of so many nodes.

    value(m, side): its value as a series on a side, and at the point itself for a side of 0.
    is_smooth(m): whether there certainly is a derivative, asked where equal slopes differ in their form.
    namespace(digits, count): what it is computed in.
    """
    from backprop_cli.operations.series import same

    left = right = _UNKNOWN
    for rung, (digits, count) in enumerate(_LADDER):
        if (_UNKNOWN is not left and _UNKNOWN is not right) or (rung and nodes * count**3 > _MOST_WORK):
            break
        m = namespace(digits, count)
        left, right = (_side(value, m, side) for side in (-1, 1))
    is_corner = left.is_continuous and right.is_continuous
    is_one = is_corner and (same(left.exact, right.exact) or (_are_near(left, right) and _try(is_smooth, m)))
    smooth = left.slope if is_one else None
    exact = None if smooth is None else left.exact
    return Sides(left.slope, right.slope, smooth, _edge(left, right), is_corner, exact)


def _are_near(left: _Side, right: _Side) -> bool:
    assert left.slope is not None
    assert right.slope is not None
    return math.isclose(left.slope, right.slope, rel_tol=ROUNDING)


def _try(is_smooth: Callable[[SeriesNamespace], bool], m: SeriesNamespace) -> bool:
    try:
        return is_smooth(m)
    except (ArithmeticError, ValueError):
        return False


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
