"""Sympy's second derivatives, for the check of a Hessian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sympy

from backprop_cli.check.expressions import parse_source
from backprop_cli.check.formulas import Elementary, NoFormulaError, evaluate, formula_text, measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from backprop_cli.language.source import Source
    from backprop_cli.operations.bounded import Bounded, BoundedReals

# Sizes of expressions whose second derivatives take up to a second.
_MOST_SIZE, _MOST_WORK, _MOST_DECISIONS, _MOST_DEPTH = 200, 2_000, 3, 40


class SecondFormulas:
    """∂²output/∂a∂b by sympy, for pairs of inputs. None where the formulas would be too large."""

    def __init__(self, source: Source, pairs: Iterable[tuple[str, str]]) -> None:
        self._program = parse_source(source)
        self._elementary = Elementary(self._program)
        symbols = self._program.inputs
        first: dict[str, Any] = {}
        self.formulas: dict[tuple[str, str], Any] = {}
        for a, b in pairs:
            if a not in first:
                first[a] = self._elementary.derivative(symbols[a])
            # Of nan sympy's derivative is 0: where the first one has it, there is no second.
            lacks = first[a].has(sympy.S.NaN, sympy.S.ComplexInfinity)
            self.formulas[a, b] = sympy.S.NaN if lacks else _off_steps(first[a].diff(symbols[b]))

    def text(self, pair: tuple[str, str]) -> str:
        """Return a formula as text."""
        return formula_text(self.formulas[pair])

    def values(
        self, point: Mapping[str, float], upstream: float, m: BoundedReals
    ) -> dict[tuple[str, str], Bounded]:
        """Return upstream · second derivative of the pairs whose formula has a value."""
        try:
            known = self._elementary.constants(m)
        except (NoFormulaError, ArithmeticError, ValueError):
            return {}
        known |= {symbol: m.number(point[name]) for name, symbol in self._program.inputs.items()}
        memo: dict[Any, Any] = {}
        found = {}
        for pair, formula in self.formulas.items():
            try:
                found[pair] = m.number(upstream) * evaluate(formula, known, m, memo)
            except (NoFormulaError, ArithmeticError, ValueError):
                continue
        return found


def second_formulas(source: Source, pairs: list[tuple[str, str]]) -> SecondFormulas | None:
    """Return sympy's second derivatives, None where they would take too long."""
    extent = measure(parse_source(source).output)
    if (
        extent.size > _MOST_SIZE
        or extent.size * len(pairs) > _MOST_WORK
        or extent.decisions > _MOST_DECISIONS
        or extent.depth > _MOST_DEPTH
    ):
        return None
    try:
        return SecondFormulas(source, pairs)
    except (TypeError, ValueError, RecursionError, NoFormulaError):
        return None


def _off_steps(formula: Any) -> Any:
    """Return a formula without the impulses of sign, which are 0 off its step; only there it is compared."""
    return formula.replace(sympy.DiracDelta, lambda *_: sympy.S.Zero)
