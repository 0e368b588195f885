"""Numbers that know how far rounding may have carried them.

The namespace of ``Bounded`` numbers runs the same rows and sweeps as the one it is built on, and returns
with every result a bound on its error: running error analysis (Higham, Accuracy and Stability of Numerical
Algorithms, 2nd ed., section 3.3), to first order. For functions the bound is taken from their values at
both ends of the operand's interval, so no row needs a rule of its own.

Bounds are kept as binary logarithms in doubles: they never overflow, and cost a fifth of what they would
cost as numbers of many digits.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import Namespace, Number
from backprop_cli.operations.reals import mpmath_namespace

if TYPE_CHECKING:
    from collections.abc import Callable

_NONE = -math.inf  # the logarithm of no error at all
# A value within a few of its error bounds is at the rounding level: most of its digits are noise.
_LEVEL = 2.0
_NEGLIGIBLE = math.log2(1e-10)


def log2_size(x: Any) -> float:
    """Return log2 |x| of a float or an mpf, -inf for 0."""
    if not x:
        return _NONE
    if isinstance(x, float | int):
        return math.log2(abs(x)) if math.isfinite(x) else math.inf
    _, mantissa, exponent, _ = x._mpf_
    return math.log2(mantissa) + exponent if mantissa else math.inf


def add_logs(a: float, b: float) -> float:
    """Return log2(2**a + 2**b)."""
    if a < b:
        a, b = b, a
    # 60 bits below, the smaller one changes nothing.
    return a if b == _NONE or b < a - 60 or a == math.inf else a + math.log2(1.0 + 2.0 ** (b - a))


class Bounded:
    """A value of the namespace below, with binary logarithms of three sizes.

    size: of the value.  error: of the bound on its error.  scale: of the terms that the value was summed
    from, as long as it is at the rounding level; else its size.  unit: of the rounding of the namespace.
    """

    __slots__ = ("error", "scale", "size", "unit", "value")

    def __init__(self, value: Number, error: float, unit: float, scale: float = _NONE) -> None:
        self.value = value
        self.error = error
        self.unit = unit
        self.size = size = log2_size(value)
        self.scale = scale if size <= error + _LEVEL else size

    @property
    def is_rounding(self) -> bool:
        """Tell whether nothing but rounding is left of the terms that the value was summed from."""
        return self.size <= self.error + _LEVEL <= self.scale + _NEGLIGIBLE

    def _lift(self, other: Any) -> Bounded:
        return other if isinstance(other, Bounded) else Bounded(other, _NONE, self.unit)

    def _rounded(self, value: Number, carried: float, scale: float) -> Bounded:
        result = Bounded(value, carried, self.unit, scale)
        result.error = add_logs(carried, result.size + self.unit)
        return result

    def __add__(self, other: Any) -> Bounded:
        other = self._lift(other)
        return self._rounded(
            self.value + other.value, add_logs(self.error, other.error), add_logs(self.scale, other.scale)
        )

    def __sub__(self, other: Any) -> Bounded:
        return self + -self._lift(other)

    def __mul__(self, other: Any) -> Bounded:
        other = self._lift(other)
        if other.size == 0.0 and other.error == _NONE and other.value == 1:
            return self
        carried = add_logs(self.size + other.error, other.size + self.error)
        return self._rounded(
            self.value * other.value,
            add_logs(carried, self.error + other.error),
            self.scale + other.scale,
        )

    def __truediv__(self, other: Any) -> Bounded:
        other = self._lift(other)
        quotient = self.value / other.value
        if other.size <= other.error + 1:
            return Bounded(quotient, math.inf, self.unit)
        # The divisor is at least half its size.
        carried = add_logs(self.error, log2_size(quotient) + other.error) - other.size + 1
        return self._rounded(quotient, carried, self.scale - other.size)

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
    """The functions of another namespace, on Bounded numbers. ``unit`` is log2 of its rounding."""

    def __init__(self, base: Any, unit: float, step: Callable[[int], Number]) -> None:
        self.base = base
        self.bits = base.bits
        self.unit = unit
        self._power_of_two = step
        for name in ("zero", "one", "inf", "nan"):
            setattr(self, name, Bounded(getattr(base, name), _NONE, unit))
        for name in ("pi", "ln2", "ln10"):
            value = getattr(base, name)
            setattr(self, name, Bounded(value, log2_size(value) + unit, unit))
        for name in _FUNCTIONS:
            setattr(self, name, self._function(getattr(base, name)))

    def number(self, value: Any) -> Bounded:
        return Bounded(self.base.number(value), _NONE, self.unit)

    def where(self, condition: Bounded, x: Number, y: Number) -> Number:
        return x if condition else y

    def div(self, x: Bounded, y: Bounded) -> Bounded:
        return x / y

    def ratio(self, x: Bounded, y: Bounded) -> Bounded:
        return x / y if y else Bounded(self.base.ratio(x.value, y.value), _NONE, self.unit)

    def gaussian(self, x: Bounded, scale: float) -> Bounded:
        return self._function(lambda value: self.base.gaussian(value, scale))(x)

    def _function(self, function: Callable[..., Number]) -> Callable[..., Bounded]:
        unit = self.unit

        def bounded(*operands: Any) -> Bounded:
            xs = [x.value if isinstance(x, Bounded) else x for x in operands]
            y = function(*xs)
            # A function of a library may be off by some units.
            error, scale = log2_size(y) + unit + 2, _NONE
            for argnum, operand in enumerate(operands):
                if isinstance(operand, Bounded) and operand.error > _NONE:
                    spread = self._spread(function, xs, argnum, operand.error, y)
                    error = add_logs(error, spread)
                    scale = add_logs(scale, spread - operand.error + operand.scale)
            return Bounded(y, error, unit, scale)

        return bounded

    def _spread(
        self, function: Callable[..., Number], xs: list[Number], argnum: int, error: float, y: Number
    ) -> float:
        """Return how far the function moves when one operand moves by its error, as a logarithm."""
        if not math.isfinite(error):
            return math.inf
        step = self._power_of_two(math.ceil(error))
        worst = _NONE
        for moved in (xs[argnum] + step, xs[argnum] - step):
            try:
                value = function(*xs[:argnum], moved, *xs[argnum + 1 :])
            except (ArithmeticError, ValueError):
                return math.inf  # the interval reaches beyond the domain
            worst = max(worst, log2_size(value - y))
        return worst


_FUNCTIONS = (
    *("abs", "sign", "floor", "ceil", "max", "min", "lt", "le", "gt", "ge", "eq", "both", "is_integer"),
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "hypot", "pow", "shifted_pow"),
    *(
        "sin",
        "cos",
        "tan",
        "asin",
        "acos",
        "atan",
        "atan2",
        "erf",
        "erfc",
        "normal_cdf",
        "inverse_cbrt_squared",
    ),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
)


def bounded_reals(digits: int) -> RoundingNamespace:
    """Return the reals to ``digits`` digits, with bounds."""
    base = mpmath_namespace(digits)
    return RoundingNamespace(
        base, -(digits + 9) * math.log2(10), lambda exponent: base.mp.ldexp(base.one, exponent)
    )


def bounded_floats() -> RoundingNamespace:
    """Return binary64 with bounds: what the float sweep may be off by."""
    return RoundingNamespace(FLOAT, -53.0, lambda exponent: math.ldexp(1.0, max(exponent, -1074)))
