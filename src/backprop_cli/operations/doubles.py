"""Doubles: FLOAT is binary64 and raises what Python raises.

What doubles have in common one by one, in arrays and as registers of a kernel is ``Binary64``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.operations.op import Namespace, Number
from backprop_cli.operations.reals import mpmath_namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.operations.op import Op


# Products of two numbers of this range neither overflow nor lose digits to underflow. A partial with an
# operand or a result outside it is evaluated again with mpmath, which knows neither.
SAFE_OPERAND = (1e-100, 1e100)
SAFE_RESULT = (1e-280, 1e280)

_DIGITS = 40  # of what is evaluated in reals; Bessel functions lose 17 of them at their zeros
_SPLITTER = 134217729.0  # 2**27 + 1
_SQRT1_2 = math.sqrt(0.5)
_SQRT1_2_REST = -4.833646656726457e-17  # sqrt(1/2) less the double nearest to it
_MINUS_TWO_THIRDS_REST = -(2.0**-54) * 2 / 3  # -2/3 less the double nearest to it
_TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)
_MOST_WHOLE = 2.0**53  # from here on doubles are whole, and y - 1 is rounded


def _two_product(a: Number, b: Number) -> tuple[Number, Number]:
    """Return a·b as the sum of two doubles, exactly (Dekker 1971). |a|, |b| < 1e150."""
    high = a * b
    shifted = a * _SPLITTER
    a1 = shifted - (shifted - a)
    a2 = a - a1
    shifted = b * _SPLITTER
    b1 = shifted - (shifted - b)
    b2 = b - b1
    return high, a2 * b2 - (((high - a1 * b1) - a2 * b1) - a1 * b2)


class Binary64(Namespace):
    """What is common to doubles one by one, in arrays and as registers of a kernel.

    The composite functions put right the rounding of an argument that the result would magnify.
    """

    bits = 53

    def difference(self, x: Number, y: Number) -> tuple[Number, Number]:
        # Knuth's two-sum. Where the difference is far out, or overflows, nothing depends on the rest.
        total = x - y
        taken = total - x
        rest = (x - (total - taken)) - (y + taken)
        return total, self.where(self.lt(self.abs(total), 1e3), rest, 0.0)

    def gaussian(self, x: Number, scale: float) -> Number:
        # The rounding of x² alone would cost 512 ulp of exp(-x²) at x = 27; its rest puts that right.
        # Beyond 1e3 it is 0 in any case, and far out the rest would overflow.
        size = self.min(self.abs(x), 1e3)
        square, rest = _two_product(size, size)
        power = self.exp(-square * scale)
        return power - power * rest * scale

    def normal_cdf(self, x: Number) -> Number:
        x = self.max(-1e3, self.min(x, 1e3))
        # As in gaussian: the rounding of x/√2 would cost 700 ulp of the tail at x = -37.
        z, rest = _two_product(x, -_SQRT1_2)
        rest = rest - x * _SQRT1_2_REST
        return 0.5 * (self.erfc(z) - _TWO_OVER_SQRT_PI * self.gaussian(z, 1.0) * rest)

    def shifted_pow(self, x: Number, y: Number) -> Number:
        if isinstance(y, float) and y.is_integer() and abs(y) < _MOST_WHOLE:
            return self.pow(x, y - 1.0)
        # Below 1/2, y - 1 is rounded, which would cost up to 350 ulp of the power; its rest (Knuth's
        # two-sum) puts that right.
        exponent = y - 1.0
        step = exponent - y
        rest = (y - (exponent - step)) - (1.0 + step)
        size = self.abs(x)
        power = self.pow(size, exponent)
        if not isinstance(rest, float) or rest:
            power = power * (1.0 + rest * self.log(self.where(self.gt(size, 0.0), size, 1.0)))
        # Above 2**53 the rounded exponent is even, whatever y - 1 is.
        return self.where(self.both(self.lt(x, 0.0), self.is_integer(y / 2)), -power, power)

    def inverse_cbrt_squared(self, x: Number) -> Number:
        # pow is right to 0.52 ulp, but -2/3 is not a double: its rest puts that right.
        size = self.abs(x)
        return self.pow(size, -2 / 3) * (1.0 + _MINUS_TWO_THIRDS_REST * self.log(size))


class _Float(Binary64):
    """binary64, with Python's own operators and the functions of ``math``, bit for bit."""

    def __init__(self) -> None:
        self.zero, self.one, self.inf, self.nan, self.pi = 0.0, 1.0, math.inf, math.nan, math.pi
        self.ln2, self.ln10 = math.log(2.0), math.log(10.0)
        self.number, self.abs, self.max, self.min = float, abs, max, min
        self.exp, self.expm1, self.log, self.log1p = math.exp, math.expm1, math.log, math.log1p
        self.log2, self.log10, self.sqrt, self.cbrt = math.log2, math.log10, math.sqrt, math.cbrt
        self.sin, self.cos, self.tan = math.sin, math.cos, math.tan
        self.asin, self.acos, self.atan, self.atan2 = math.asin, math.acos, math.atan, math.atan2
        self.sinh, self.cosh, self.tanh = math.sinh, math.cosh, math.tanh
        self.asinh, self.acosh, self.atanh = math.asinh, math.acosh, math.atanh
        self.erf, self.erfc, self.hypot, self.pow = math.erf, math.erfc, math.hypot, math.pow

    @staticmethod
    def floor(x: float) -> float:
        return float(math.floor(x))

    @staticmethod
    def ceil(x: float) -> float:
        return float(math.ceil(x))

    @staticmethod
    def sign(x: float) -> float:
        return 1.0 if x > 0 else -1.0 if x < 0 else 0.0

    @staticmethod
    def div(x: float, y: float) -> float:
        return x / y

    @staticmethod
    def ratio(x: float, y: float) -> float:
        # Of sqrt(-0.0) too the slope is that on the side where there is a value.
        if y:
            return x / y
        return math.copysign(math.inf, x) if x else math.nan

    @staticmethod
    def lt(x: float, y: float) -> float:
        return 1.0 if x < y else 0.0

    @staticmethod
    def le(x: float, y: float) -> float:
        return 1.0 if x <= y else 0.0

    @staticmethod
    def gt(x: float, y: float) -> float:
        return 1.0 if x > y else 0.0

    @staticmethod
    def ge(x: float, y: float) -> float:
        return 1.0 if x >= y else 0.0

    @staticmethod
    def eq(x: float, y: float) -> float:
        return 1.0 if x == y else 0.0

    @staticmethod
    def both(p: float, q: float) -> float:
        return 1.0 if p and q else 0.0

    @staticmethod
    def is_integer(x: float) -> float:
        return 1.0 if x.is_integer() else 0.0

    @staticmethod
    def where(condition: float, x: float, y: float) -> float:
        return x if condition else y

    def value(self, op: Op, xs: Sequence[float]) -> float:
        if op.special:
            return _value_in_reals(op, xs)
        y: float = op.value(self, *xs)
        if op.composite and not SAFE_RESULT[0] < abs(y) < SAFE_RESULT[1]:
            return _value_in_reals(op, xs)
        return y

    def plain_value(self, op: Op) -> Callable[..., float] | None:
        return None if op.composite or op.special else op.value

    def calls_plainly(self, op: Op) -> bool:
        return op.exact

    def partial(self, op: Op, argnum: int, y: float, xs: Sequence[float], fixed: Sequence[bool]) -> float:
        if op.special:
            return _partial_of_extremes(op, argnum, y, xs, fixed)
        try:
            slope: float = op.partial(self, argnum, y, xs, fixed)
            if op.exact:
                return slope
            if SAFE_RESULT[0] < abs(slope) < SAFE_RESULT[1]:
                low, high = SAFE_OPERAND
                for x in xs:
                    if x and not low < abs(x) < high:
                        break
                else:
                    return slope
        except (ArithmeticError, ValueError):
            pass
        return _partial_of_extremes(op, argnum, y, xs, fixed)


def _value_in_reals(op: Op, xs: Sequence[float]) -> float:
    """Evaluate a primitive in many digits, and round the result once. Raises as Python's functions do."""
    exact = mpmath_namespace(_DIGITS)
    return exact.to_float(op.value(exact, *map(exact.number, xs)))


def _partial_of_extremes(op: Op, argnum: int, y: float, xs: Sequence[float], fixed: Sequence[bool]) -> float:
    """Evaluate a partial where doubles overflow or underflow on the way, and round the result once."""
    if not all(map(math.isfinite, xs)):
        try:
            return float(op.partial(FLOAT, argnum, y, xs, fixed))
        except (ArithmeticError, ValueError):
            return math.nan
    exact = mpmath_namespace(_DIGITS)
    try:
        exact_xs = [exact.number(x) for x in xs]
        exact_y = op.value(exact, *exact_xs)
        return exact.to_float(op.partial(exact, argnum, exact_y, exact_xs, fixed))
    except (ArithmeticError, ValueError):
        return math.nan


FLOAT = _Float()
