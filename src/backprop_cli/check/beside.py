"""Sympy's slopes beside a kink: what confirms a gradient that was found from both sides.

At the kink no formula of sympy's need have a value, but on both sides of it one has. It is evaluated at two
distances on either side, and what the four numbers come to is held against the gradient. They can confirm
it, but not refute it: the slope of abs(x)^1.001 goes to 0 so slowly that no distance tells.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from backprop_cli.check.formulas import NoFormulaError
from backprop_cli.operations.bounded import Bounded, add_logs, log2_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from backprop_cli.operations.bounded import BoundedReals

    Slopes = Callable[[Mapping[str, Any], BoundedReals], Mapping[str, Bounded]]

DIGITS_BESIDE = 200
"""Enough for a slope to a double's digits: what is known beside a kink is a third of those computed with."""
# Both distances, as shares of the digits: where a slope moves as sqrt(h) does, those of 200 digits leave 33.
_NEAR, _NEARER = Fraction(1, 3), Fraction(2, 3)
# What falls so much from the one distance to the other goes to 0. As h itself, 2**-221 falls to 2**-442.
_FALLS = -20.0


def slope_beside(slopes: Slopes, point: Mapping[str, Any], name: str, m: BoundedReals) -> Bounded | None:
    """Return the number that sympy's slopes by an input come to from both sides, None where they have none.

    slopes: point and number system -> sympy's gradients, as far as there are any.  point: exact numbers.
    m: of ``DIGITS_BESIDE`` digits or more.
    The error is how far the four are apart, with their own errors.
    """
    found = []
    for share in (_NEAR, _NEARER):
        step = Fraction(1, 1 << int(m.bits * share)) * (abs(Fraction(point[name])) or 1)
        for side in (1, -1):
            there = {**point, name: Fraction(point[name]) + side * step}
            try:
                slope = slopes(there, m).get(name)
            except (NoFormulaError, ArithmeticError, ValueError, RecursionError):
                return None
            if slope is None:
                return None
            found.append(slope)
    if all(add_logs(y.size, y.error) <= x.size + _FALLS for x, y in zip(found[:2], found[2:], strict=True)):
        return m.number(0)
    *_, last = found
    error = last.error
    for other in found:
        error = add_logs(error, add_logs(log2_size(other.value - last.value), other.error))
    return Bounded(last.value, error, m)
