"""A number with its bound beside sympy's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.operations.bounded import add_logs, log2_size
from backprop_cli.report import Outcome

if TYPE_CHECKING:
    from backprop_cli.operations.bounded import Bounded
    from backprop_cli.operations.op import Number

# A number is told where its bound is below 1e-5 of a unit of its last digit; its rounding adds half a unit.
_MARGIN = 5
BITS = math.log2(10)
"""Of a decimal digit."""


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
