"""Sympy's numbers of a task, and a number with its bound beside them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.errors import LimitError
from backprop_cli.operations.bounded import add_logs, bounded_reals, log2_size
from backprop_cli.operations.rationals import RationalNamespace
from backprop_cli.report import FEW_DIGITS, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.certain.task import Task
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.operations.bounded import Bounded, BoundedReals
    from backprop_cli.operations.op import Number

# A number is told where its bound is below 1e-5 of a unit of its last digit; its rounding adds half a unit.
_MARGIN = 5
# What is known beside a kink is a third of the digits computed with.
_TIMES_BESIDE, _MOST_BESIDE = 4, 200_000
BITS = math.log2(10)
"""Of a decimal digit."""


class SympySide:
    """Sympy's value and gradients of a program, in any number system."""

    def __init__(self, task: Task) -> None:
        from backprop_cli.check.cross_check import MOST_STEPS, choose_side
        from backprop_cli.check.expressions import parse_source

        self._task = task
        self._count = len(task.graph.ops)
        self._reason = f"up to {MOST_STEPS:,} nodes are compared" if self._count > MOST_STEPS else ""
        self._program = None if self._reason else parse_source(task.source)
        self._side: Any = self._program and choose_side(self._program, task.wanted, 1.0)

    def numbers(self, sweep: Sweep, m: Any) -> tuple[Mapping[str, Any], str]:
        """Return the value, under "", and the gradients; or nothing, and why there are none."""
        from backprop_cli.check.cross_check import differentiate_by_sympy
        from backprop_cli.check.formulas import NoFormulaError

        if self._program is None:
            return {}, self._reason
        try:
            self._side, value, slopes = differentiate_by_sympy(self._side, self._program, sweep, m)
        except LimitError:
            return {}, "the fractions of sympy's formula are too long"
        except (NoFormulaError, ArithmeticError, ValueError):
            kind = "fraction" if isinstance(m, RationalNamespace) else "value"
            return {}, f"sympy's formula has no {kind} here"
        return {"": value, **slopes}, ""

    def confirms(self, sweep: Sweep, name: str, slope: Bounded, digits: int = FEW_DIGITS) -> bool:
        """Tell whether sympy's slopes beside a kink come to one that was found from both sides."""
        from backprop_cli.check.beside import DIGITS_BESIDE, slope_beside

        if self._program is None or self._count * digits > _MOST_BESIDE:
            return False
        m = bounded_reals(max(DIGITS_BESIDE, _TIMES_BESIDE * digits))
        upstream: Any = self._task.upstream

        def slopes(point: Mapping[str, Any], m: BoundedReals) -> Mapping[str, Bounded]:
            return self.numbers(sweep._replace(point=point, upstream=upstream), m)[0]

        found = slope_beside(slopes, self._task.point, name, m)
        return found is not None and compare(slope, found, digits, "")[0] == Outcome.PASS


def is_zero(x: Number | None) -> bool:
    """Tell whether a number is 0 for certain. None is no number."""
    return bool(getattr(x, "value", x) == 0 and getattr(x, "is_exact", True))


def has_digits(x: Bounded | None, digits: int) -> bool:
    """Tell whether the bound of a number allows so many digits. Of None nothing is asked."""
    return x is None or x.is_exact or x.error < x.size - (digits + _MARGIN) * BITS


def compare(x: Bounded, formula: Bounded | None, digits: int, reason: str) -> tuple[Outcome, str]:
    """Return whether a number and sympy's agree to so many digits, and why not.

    reason: why there is no number of sympy's, where there is none.
    """
    if formula is None or formula.value != formula.value:
        return Outcome.SKIPPED, reason
    gap, slack = log2_size(x.value - formula.value), add_logs(x.error, formula.error)
    if gap > slack + 1:
        return Outcome.FAIL, "sympy disagrees"
    if is_zero(formula) or (has_digits(x, digits) and has_digits(formula, digits)):
        return Outcome.PASS, ""
    return Outcome.SKIPPED, "too few digits to compare"
