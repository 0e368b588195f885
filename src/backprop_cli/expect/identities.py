"""Two formulas of a program: are they the same function? Settled by sympy, or sampled at further points."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import sympy
from sympy import S

from backprop_cli.check.formulas import Elementary, measure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.check.expressions import Program

# Sympy is asked where it answers in some 50 ms: the size of both sides, and the terms of the difference when
# it is multiplied out.
_MOST_SIZE, _MOST_TERMS = 120, 400


class _TooLargeError(Exception):
    """Sympy would take too long."""


class Identities:
    """What sympy finds of the formulas of a program."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def holds(self, node: Any, formula: Any, upstream: float, *, gradient: bool) -> bool:
        """Tell whether upstream · ∂output/∂node, or the value of the node, is found to be the formula.

        node, formula: expressions of the program. False where sympy finds no answer, too.
        """
        sides = (self._program.output, formula) if gradient else (node, formula)
        if sum(measure(side).size for side in sides) > _MOST_SIZE:
            return False
        try:
            found = sympy.Rational(upstream) * self._slope(node) if gradient else self._elementary(node)
            return _is_zero(found - self._elementary(formula))
        except (_TooLargeError, TypeError, ValueError, RecursionError):
            return False

    @cached_property
    def _output(self) -> Any:
        return self._elementary(self._program.output)

    def _elementary(self, expr: Any, held: Mapping[int, Any] | None = None) -> Any:
        elementary = Elementary(self._program._replace(output=expr), held)
        if elementary.placeholders:
            raise _TooLargeError
        return elementary.expr

    def _slope(self, node: Any) -> Any:
        """Return ∂output/∂node as a formula of the inputs."""
        if node.is_Symbol:
            return self._output.diff(node)
        held = sympy.Dummy(real=True)
        slope = self._elementary(self._program.output, {id(node): held}).diff(held)
        return slope.subs(held, self._elementary(node))


def _is_zero(expr: Any) -> bool:
    """Tell whether an expression is zero in exponentials, once it is multiplied out."""
    if expr is S.Zero:
        return True
    if expr.has(sympy.Piecewise, sympy.Abs, sympy.sign):
        return False
    functions = (sympy.sin, sympy.cos, sympy.tan, sympy.sinh, sympy.cosh, sympy.tanh)
    expr = expr.rewrite(functions, sympy.exp)
    if _terms(expr) > _MOST_TERMS:
        raise _TooLargeError
    numerator = sympy.together(expr).as_numer_denom()[0]
    if _terms(numerator) > _MOST_TERMS:
        raise _TooLargeError
    return bool(sympy.expand(numerator) is S.Zero)


def _terms(expr: Any) -> int:
    """Return a bound on the terms that an expression has when it is multiplied out."""
    if expr.is_Add:
        return sum(map(_terms, expr.args))
    if expr.is_Mul:
        return math.prod(map(_terms, expr.args))
    if expr.is_Pow and expr.exp.is_Integer:
        count: int = min(_terms(expr.base), _MOST_TERMS + 1) ** min(abs(int(expr.exp)), 10)
        return count
    return 1
