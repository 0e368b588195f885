"""The proof that a strict local minimum of the sum of squares lies beside the estimates.

Rows are the doubles that were read; the formula, the left side and sigma are taken without rounding.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.calculus.proved import enclose
from backprop_cli.certain.critical import BITS, prove_critical
from backprop_cli.fitting.report import Certificate, Enclosed
from backprop_cli.fitting.rows import default_values
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import forward
from backprop_cli.operations.balls import BALLS, Ball, UndecidedError, arb, ctx

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.fitting.formula import Formula
    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.source import Source

_MOST = 300_000
"""Rows times nodes of the formula: some 60 s."""
_UNDECIDED = "no box around these estimates was found that surely holds one"


class Squares:
    """Half the sum of squares over boxes. names: the parameters that move; the others have these values."""

    def __init__(
        self,
        formula: Formula,
        columns: Mapping[str, Floats],
        sigma: Source | None,
        names: Sequence[str],
        fixed: Mapping[str, float],
    ) -> None:
        self.names = list(names)
        self._fixed = fixed
        self._graph = lower_source(formula.program)
        _hold(self._graph, {*columns, *fixed})
        self._columns = columns
        self._responses = _over_rows(formula.response, columns)
        self._sigmas = _over_rows(sigma, columns) if sigma else []

    def slopes(self, place: Sequence[Ball]) -> tuple[list[Ball], list[list[Ball]]]:
        """Return the gradient over a box, and the Hessian."""
        zero: Ball = BALLS.zero
        slopes = [zero for _ in place]
        bends = [[zero for _ in place] for _ in place]
        moving = dict(zip(self.names, place, strict=True))
        for row, response in enumerate(self._responses):
            values = {name: float(column[row]) for name, column in self._columns.items()}
            found = enclose(self._graph, self.names, {**values, **self._fixed, **moving})
            weight = BALLS.one / (self._sigmas[row] * self._sigmas[row]) if self._sigmas else BALLS.one
            residual = (found.value - response) * weight
            for i, slope in enumerate(found.slopes):
                slopes[i] = slopes[i] + residual * slope
                weighed = slope * weight
                for j in range(i, len(place)):
                    bends[i][j] = bends[i][j] + weighed * found.slopes[j] + residual * found.bends[i][j]
        for i, bent in enumerate(bends):
            for j in range(i):
                bent[j] = bends[j][i]
        return slopes, bends


def certify(
    formula: Formula,
    columns: Mapping[str, Floats],
    sigma: Source | None,
    estimates: Mapping[str, float],
    held: Mapping[str, int],
    fixed: Mapping[str, float],
) -> Certificate:
    """Return the proof that a minimum lies beside estimates, or why there is none.

    held: -1 for each parameter that its lower bound holds, 1 for the upper.  fixed: the other parameters.
    """
    size = len(lower_source(formula.program).ops) * len(next(iter(columns.values())))
    if size > _MOST:
        return Certificate(reason=f"rows times operations are {size:,}, up to {_MOST:,} are taken")
    free = [name for name in estimates if not held[name]]
    known = {**fixed, **{name: x for name, x in estimates.items() if held[name]}}
    with ctx.workprec(BITS):
        try:
            squares = Squares(formula, columns, sigma, free, known)
            proof = prove_critical(squares.slopes, [estimates[name] for name in free])
            if proof is None or not proof.is_minimum:
                return Certificate(reason=_UNDECIDED)
            place = dict(zip(free, proof.place, strict=True))
            pushed = {name: arb(x) for name, x in estimates.items() if held[name]}
            whole = Squares(formula, columns, sigma, list(estimates), fixed)
            if pushed and not _are_pushed(whole, held, place | pushed):
                return Certificate(reason="the bounds are not sure to hold what they hold")
        except (UndecidedError, ArithmeticError, ValueError):
            return Certificate(reason=_UNDECIDED)
        return Certificate(tuple(_enclosed(name, ball, estimates[name]) for name, ball in place.items()))


def _are_pushed(squares: Squares, held: Mapping[str, int], place: Mapping[str, Any]) -> bool:
    """Tell whether the sum of squares surely grows from each bound that holds a parameter."""
    slopes, _ = squares.slopes([Ball(place[name]) for name in squares.names])
    by_name = dict(zip(squares.names, slopes, strict=True))
    return all(by_name[name].value * -side > 0 for name, side in held.items() if side)


def _over_rows(source: Source, columns: Mapping[str, Floats]) -> list[Ball]:
    """Return a program of columns at every row. Raises UndecidedError where it may have no value."""
    graph = lower_source(source)
    found = []
    for row in range(len(next(iter(columns.values())))):
        point = {name: BALLS.number(float(columns[name][row])) for name in graph.inputs if name in columns}
        primal, failures = forward(graph, {**point, **default_values(source)}, BALLS)
        if graph.output in failures:
            raise UndecidedError
        found.append(primal[graph.output])
    return found


def _hold(graph: Graph, names: Container[str]) -> None:
    """Make inputs of a graph constants of it, and what is made of these alone."""
    for name, node in graph.inputs.items():
        graph.constant[node] = name in names
    for node, operands in enumerate(graph.operands):
        if operands:
            graph.constant[node] = all(graph.constant[operand] for operand in operands)


def _enclosed(name: str, ball: Any, estimate: float) -> Enclosed:
    return Enclosed(name, -_up(-ball.lower()), _up(ball.upper()), _up((arb(estimate) - ball).abs_upper()))


def _up(x: Any) -> float:
    """Return the least double that is surely not below a number."""
    nearest = float(x)
    return nearest if arb(nearest) >= x else math.nextafter(nearest, math.inf)
