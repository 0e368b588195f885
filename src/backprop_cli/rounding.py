"""Numbers that know how far rounding may have carried them.

The namespace of ``Bounded`` numbers runs the same rows and sweeps as the one it is built on, and returns
with every result a bound on its error: running error analysis (Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., section 3.3), to first order. For functions the bound is taken from their values at
both ends of the operand's interval, so no row needs a rule of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.namespaces import FLOAT, MpmathNamespace, Namespace, Number, mpmath_namespace

if TYPE_CHECKING:
    from collections.abc import Callable


# A value within a few of its error bounds is at the rounding level: most of its digits are noise.
_LEVEL = 4


class Bounded:
    """A value, a bound on its error, and its scale, all numbers of the namespace below.

    scale: the size of the terms that the value was summed from, as long as it is not told from zero;
    else the size of the value.  unit: the rounding of the namespace.
    """

    __slots__ = ("error", "scale", "unit", "value")

    def __init__(self, value: Number, error: Number, unit: Number, scale: Number = 0) -> None:
        self.value = value
        self.error = error
        self.unit = unit
        self.scale = scale if abs(value) <= _LEVEL * error else abs(value)

    @property
    def is_rounding(self) -> bool:
        """Tell whether nothing but rounding is left of the terms that the value was summed from."""
        return bool(abs(self.value) <= _LEVEL * self.error <= 1e-10 * self.scale)

    def _lift(self, other: Any) -> Bounded:
        return other if isinstance(other, Bounded) else Bounded(other, 0, self.unit)

    def _rounded(self, value: Number, carried: Number, scale: Number) -> Bounded:
        return Bounded(value, carried + abs(value) * self.unit, self.unit, scale)

    def __add__(self, other: Any) -> Bounded:
        other = self._lift(other)
        return self._rounded(self.value + other.value, self.error + other.error, self.scale + other.scale)

    def __sub__(self, other: Any) -> Bounded:
        return self + -self._lift(other)

    def __mul__(self, other: Any) -> Bounded:
        other = self._lift(other)
        return self._rounded(
            self.value * other.value,
            abs(self.value) * other.error + abs(other.value) * self.error + self.error * other.error,
            self.scale * other.scale,
        )

    def __truediv__(self, other: Any) -> Bounded:
        other = self._lift(other)
        quotient = self.value / other.value
        nearest = abs(other.value) - other.error
        if not nearest > 0:
            return Bounded(quotient, math.inf, self.unit)
        return self._rounded(
            quotient,
            (self.error + abs(quotient) * other.error) / nearest,
            self.scale / abs(other.value),
        )

    def __rsub__(self, other: Any) -> Bounded:
        return self._lift(other) - self

    def __rtruediv__(self, other: Any) -> Bounded:
        return self._lift(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self.error, self.unit, self.scale)

    def __abs__(self) -> Bounded:
        return Bounded(abs(self.value), self.error, self.unit, self.scale)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == (other.value if isinstance(other, Bounded) else other))

    def __bool__(self) -> bool:
        return bool(self.value)

    __hash__ = None  # type: ignore[assignment]


class RoundingNamespace(Namespace):
    """The functions of another namespace, on Bounded numbers."""

    def __init__(self, base: Namespace, unit: Number) -> None:
        self.base = base
        self.unit = unit
        for name in ("zero", "one", "inf", "nan"):
            setattr(self, name, Bounded(getattr(base, name), 0, unit))
        for name in ("pi", "ln2", "ln10"):
            value = getattr(base, name)
            setattr(self, name, Bounded(value, value * unit, unit))
        for name in _FUNCTIONS:
            setattr(self, name, self._function(getattr(base, name)))

    def number(self, value: Any) -> Bounded:
        return Bounded(self.base.number(value), 0, self.unit)

    def where(self, condition: Bounded, x: Number, y: Number) -> Number:
        return x if condition else y

    def div(self, x: Bounded, y: Bounded) -> Bounded:
        return x / y

    def ratio(self, x: Bounded, y: Bounded) -> Bounded:
        return x / y if y else Bounded(self.base.ratio(x.value, y.value), 0, self.unit)

    def gaussian(self, x: Bounded, scale: float) -> Bounded:
        return self._function(lambda value: self.base.gaussian(value, scale))(x)

    def _function(self, function: Callable[..., Number]) -> Callable[..., Bounded]:
        unit = self.unit

        def bounded(*operands: Any) -> Bounded:
            xs = [x.value if isinstance(x, Bounded) else x for x in operands]
            y = function(*xs)
            error = abs(y) * unit * 4  # a function of a library may be off by more than half a unit
            scale: Number = 0
            for argnum, operand in enumerate(operands):
                if isinstance(operand, Bounded) and operand.error:
                    spread = _spread(function, xs, argnum, operand.error, y)
                    error += spread
                    scale += spread / operand.error * operand.scale
            return Bounded(y, error, unit, scale)

        return bounded


def _spread(
    function: Callable[..., Number], xs: list[Number], argnum: int, error: Number, y: Number
) -> Number:
    """Return how far the function moves when one operand moves by its error."""
    worst: Number = 0
    for step in (error, -error):
        moved = xs.copy()
        moved[argnum] = xs[argnum] + step
        try:
            worst = max(worst, abs(function(*moved) - y))
        except (ArithmeticError, ValueError):
            return math.inf  # the interval reaches beyond the domain
    return worst


_FUNCTIONS = (
    *("abs", "sign", "floor", "ceil", "max", "min", "lt", "le", "gt", "ge", "eq", "both", "is_integer"),
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "hypot", "pow", "shifted_pow"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "erf", "erfc", "normal_cdf"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
)


def bounded_reals(digits: int) -> RoundingNamespace:
    """Return the reals to ``digits`` digits, with bounds."""
    base: MpmathNamespace = mpmath_namespace(digits)
    return RoundingNamespace(base, base.mp.mpf(10) ** (-digits - 9))


def bounded_floats() -> RoundingNamespace:
    """Return binary64 with bounds: what the float sweep may be off by."""
    return RoundingNamespace(FLOAT, 2.0**-53)
