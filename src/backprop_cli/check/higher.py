"""Sympy's derivatives of second order and above, for the check of a Hessian and of third derivatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy

from backprop_cli.check.expressions import parse_source
from backprop_cli.check.formulas import Elementary, NoFormulaError, evaluate, formula_text, measure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from backprop_cli.language.source import Source
    from backprop_cli.operations.bounded import Bounded, BoundedReals

Inputs = tuple[str, ...]
"""What an output is differentiated by, in turn."""
# Sizes of expressions whose second derivatives take up to a second.
_MOST_SIZE, _MOST_WORK, _MOST_DECISIONS, _MOST_DEPTH = 200, 2_000, 3, 40


class HigherFormulas:
    """∂²output/∂a∂b and so on by sympy, for the inputs a, b, … of each derivative that is asked for."""

    def __init__(self, source: Source, wanted: Iterable[Inputs]) -> None:
        self._program = parse_source(source)
        self._elementary = Elementary(self._program)
        self._known: dict[Inputs, Any] = {}
        self.formulas = {inputs: _off_points(self._derivative(inputs)) for inputs in wanted}

    def _derivative(self, inputs: Inputs) -> Any:
        if inputs not in self._known:
            *before, last = inputs
            symbol = self._program.inputs[last]
            if not before:
                found = self._elementary.derivative(symbol)
            else:
                lower = self._derivative(tuple(before))
                # Of nan sympy's derivative is 0: where the lower one has it, there is no higher.
                lacks = lower.has(sympy.S.NaN, sympy.S.ComplexInfinity)
                found = sympy.S.NaN if lacks else _off_steps(lower.diff(symbol))
            self._known[inputs] = found
        return self._known[inputs]

    def text(self, inputs: Inputs) -> str:
        """Return a formula as text."""
        return formula_text(self.formulas[inputs])

    def values(self, point: Mapping[str, float], upstream: float, m: BoundedReals) -> dict[Inputs, Bounded]:
        """Return upstream · derivative where the formula has a value."""
        try:
            known = self._elementary.constants(m)
        except (NoFormulaError, ArithmeticError, ValueError):
            return {}
        known |= {symbol: m.number(point[name]) for name, symbol in self._program.inputs.items()}
        memo: dict[Any, Any] = {}
        found = {}
        for inputs, formula in self.formulas.items():
            try:
                found[inputs] = m.number(upstream) * evaluate(formula, known, m, memo)
            except (NoFormulaError, ArithmeticError, ValueError):
                continue
        return found


def higher_formulas(source: Source, wanted: Collection[Inputs]) -> HigherFormulas | None:
    """Return sympy's derivatives by these inputs, None where they would take too long."""
    extent = measure(parse_source(source).output)
    if (
        extent.size > _MOST_SIZE
        or extent.size * len(wanted) > _MOST_WORK
        or extent.decisions > _MOST_DECISIONS
        or extent.depth > _MOST_DEPTH
    ):
        return None
    try:
        return HigherFormulas(source, wanted)
    except (TypeError, ValueError, RecursionError, NoFormulaError):
        return None


def _off_steps(formula: Any) -> Any:
    """Return a formula without the impulses of sign, which are 0 off its step; only there it is compared."""
    return formula.replace(sympy.DiracDelta, lambda *_: sympy.S.Zero)


def _off_points(formula: Any) -> Any:
    """Return a formula without what sympy has at single points: 0 for sinc'' at 0, where it is -1/3.

    Of a value that holds at one point alone, such as that of sinc at 0, it derives the constant.
    """
    return formula.replace(
        lambda part: isinstance(part, sympy.Piecewise) and isinstance(part.args[0][1], sympy.Ne),
        lambda part: sympy.Piecewise(part.args[0], (sympy.S.NaN, True)),
    )
