"""The reals to a given count of digits."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

from backprop_cli.operations import special
from backprop_cli.operations.op import Namespace, Number

if TYPE_CHECKING:
    from collections.abc import Callable

LADDER = (50, 200, 800)
"""Digits tried in turn. 800 resolve the cancellation of 1 - cos(1e-300), the worst doubles can ask for."""

# Exponents have no limit in mpmath, so a tower of exponentials, on a branch that doubles never take, would
# fill the memory. Powers end at e**(2**40) here, in both directions, so that logarithms of their sizes, which
# are doubles, are right to a thousandth; and angles at 2**20000, far beyond any product of a few doubles.
_MOST_EXPONENT_BITS = 40
_MOST_ANGLE_BITS = 20_000
_GUARDED_BITS = 8
# erfc(x) is below exp(-x²).
_ERF_IS_ONE = 2.0 ** (_MOST_EXPONENT_BITS / 2)
LEAST_BITS = -1_586_259_972_792
"""What is 0 here for being at its limit is below 2 to this power, e**(-2**40)."""


class MpmathNamespace(Namespace):
    """Real numbers to a given count of digits, with a range far beyond that of doubles."""

    def __init__(self, digits: int) -> None:
        import mpmath

        self.digits = digits
        self.mp = mp = mpmath.mp.clone()
        mp.dps = digits + 10  # guard digits for the few roundings inside one row
        self.bits = mp.prec
        self.zero, self.one, self.inf, self.nan = mp.mpf(0), mp.mpf(1), mp.inf, mp.nan
        self.pi, self.ln2, self.ln10 = +mp.pi, +mp.ln2, +mp.ln10
        self.number = mp.mpf
        self.abs, self.sign, self.floor, self.ceil = abs, mp.sign, mp.floor, mp.ceil
        self.max, self.min = max, min
        self.atan, self.atan2, self.hypot, self.asinh = mp.atan, mp.atan2, mp.hypot, mp.asinh
        for name in ("log", "log1p", "sqrt", "asin", "acos", "acosh", "atanh"):
            setattr(self, name, self._real(getattr(mp, name)))
        for name in ("sin", "cos", "tan"):
            setattr(self, name, self._angle(getattr(mp, name)))
        self.exp = self._exponential(mp.exp, below=mp.mpf(0))
        self.expm1 = self._exponential(mp.expm1, below=mp.mpf(-1))
        self.sinh, self.cosh = self._exponential(mp.sinh), self._exponential(mp.cosh)
        self.tanh = self._exponential(mp.tanh, below=mp.mpf(-1), above=mp.mpf(1))
        self.log2 = lambda x: self.log(x) / self.ln2
        self.log10 = lambda x: self.log(x) / self.ln10
        self.cbrt = lambda x: mp.sign(x) * mp.cbrt(abs(x))
        self.div = lambda x, y: x / y
        self.lt, self.le = (lambda x, y: mp.mpf(x < y)), (lambda x, y: mp.mpf(x <= y))
        self.gt, self.ge = (lambda x, y: mp.mpf(x > y)), (lambda x, y: mp.mpf(x >= y))
        self.eq = lambda x, y: mp.mpf(x == y)
        self.both = lambda p, q: mp.mpf(bool(p and q))
        self.is_integer = lambda x: mp.mpf(bool(mp.isint(x)))
        self.where = lambda condition, x, y: x if condition else y

    def _real(self, function: Callable[..., Number]) -> Callable[..., Number]:
        """Give a function of the complex numbers the real domain: no value outside it."""
        real, isfinite = self.mp.mpf, self.mp.isfinite

        def on_reals(*xs: Number) -> Number:
            y = function(*xs)
            if not isinstance(y, real) or not isfinite(y):
                raise ValueError("outside the real domain")
            return y

        return on_reals

    def _angle(self, function: Callable[[Number], Number]) -> Callable[[Number], Number]:
        def of_bounded(x: Number) -> Number:
            if x and self.mp.mag(x) > _MOST_ANGLE_BITS:
                raise OverflowError
            return function(x)

        return of_bounded

    def _exponential(
        self, function: Callable[[Number], Number], below: Number = None, above: Number = None
    ) -> Callable[[Number], Number]:
        """Give a function its limits far out; OverflowError where it has none."""

        def of_bounded(x: Number) -> Number:
            if not x or self.mp.mag(x) <= _MOST_EXPONENT_BITS:
                return function(x)
            limit = above if x > 0 else below
            if limit is None:
                raise OverflowError
            return limit

        return of_bounded

    def pow(self, x: Number, y: Number) -> Number:
        mp = self.mp
        if x < 0 and not mp.isint(y):
            raise ValueError("outside the real domain")
        if x and y and mp.mag(y) + mp.mag(mp.mag(x) or 1) > _MOST_EXPONENT_BITS - 2:
            exponent = y * mp.log(abs(x))
            if exponent and mp.mag(exponent) > _MOST_EXPONENT_BITS:
                if exponent > 0:
                    raise OverflowError
                return self.zero
        power = self._power(x, y)
        if not isinstance(power, mp.mpf) or not mp.isfinite(power):
            raise ValueError("outside the real domain")
        return power

    def _power(self, x: Number, y: Number) -> Number:
        mp = self.mp
        if x and y and mp.mag(y) + mp.mag(mp.mag(x) or 1) > _GUARDED_BITS:
            # mpmath takes the logarithm to 10 bits more than asked for, and y·log(x) magnifies its error.
            with mp.extraprec(_MOST_EXPONENT_BITS):
                power = mp.power(x, y)
            return +power
        return mp.power(x, y)

    def shifted_pow(self, x: Number, y: Number) -> Number:
        # Of so large a y, y - 1 would be rounded to an even number: (-1)**1e200 has a slope of -1e200.
        is_even = x and self.mp.mag(y) > self.bits
        return self.pow(x, y) / x if is_even else self.pow(x, y - 1)

    def erf(self, x: Number) -> Number:
        return self.mp.sign(x) if abs(x) > _ERF_IS_ONE else self.mp.erf(x)

    def erfc(self, x: Number) -> Number:
        return 1 - self.mp.sign(x) if abs(x) > _ERF_IS_ONE else self.mp.erfc(x)

    def special(self, name: str, *xs: Number) -> Number:
        if name == "gamma" and self.mp.mag(xs[0]) > _MOST_EXPONENT_BITS - _GUARDED_BITS:
            raise OverflowError
        return special.value(self.mp, name, *xs)

    def ratio(self, x: Number, y: Number) -> Number:
        if y:
            return x / y
        return self.inf * self.mp.sign(x) if x else self.nan

    def to_text(self, x: Number, most: int = 50) -> str:
        """Return up to 50 significant digits, or fewer."""
        text: str = self.mp.nstr(x, min(self.digits, 50, most))
        return text

    def to_float(self, x: Number) -> float:
        """Round to the nearest double; beyond the range of doubles, to an infinity."""
        try:
            return float(x)
        except OverflowError:
            return math.copysign(math.inf, self.mp.sign(x))


@cache
def mpmath_namespace(digits: int) -> MpmathNamespace:
    """Return the namespace of reals to ``digits`` decimal digits."""
    return MpmathNamespace(digits)
