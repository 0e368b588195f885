"""Fractions: what a rational program computes, exactly.

Only what leads out of the rationals has no value here: ``IrrationalError``.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from backprop_cli.errors import LimitError
from backprop_cli.operations.op import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.operations.op import Op

# A number of 100,000 bits has 30,000 digits, and a product of two takes some 20 ms, most of it for the common
# divisor. All numbers together: some 10 s at worst, and room for half a million of 100 bits.
_MOST_BITS, _MOST_BITS_IN_ALL = 100_000, 50_000_000


class IrrationalError(ValueError):
    """The result is no fraction, or is not known to be one."""


class Rational:
    """A fraction of the namespace ``m``; None where there is none, as NaN among doubles."""

    __slots__ = ("fraction", "m")

    def __init__(self, fraction: Fraction | None, m: RationalNamespace) -> None:
        self.fraction = fraction
        self.m = m

    def __add__(self, other: Any) -> Rational:
        return self.m.combined(Fraction.__add__, self, other)

    def __sub__(self, other: Any) -> Rational:
        return self.m.combined(Fraction.__sub__, self, other)

    def __mul__(self, other: Any) -> Rational:
        return self.m.combined(Fraction.__mul__, self, other)

    def __truediv__(self, other: Any) -> Rational:
        return self.m.combined(Fraction.__truediv__, self, other)

    def __rsub__(self, other: Any) -> Rational:
        return self.m.combined(Fraction.__sub__, other, self)

    def __rtruediv__(self, other: Any) -> Rational:
        return self.m.combined(Fraction.__truediv__, other, self)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Rational:
        return self.m.combined(Fraction.__neg__, self)

    def __eq__(self, other: object) -> bool:
        fraction = self.m.number(other).fraction
        return self.fraction is not None and self.fraction == fraction

    def __bool__(self) -> bool:
        return self.fraction is None or bool(self.fraction)

    def __float__(self) -> float:
        """Return the nearest double."""
        try:
            return math.nan if self.fraction is None else float(self.fraction)
        except OverflowError:
            return math.copysign(math.inf, self.fraction)  # type: ignore[arg-type]

    __hash__ = None  # type: ignore[assignment]


class RationalNamespace(Namespace):
    """Fractions of any size, up to a limit. Raises LimitError beyond it."""

    bits = 64

    def __init__(self) -> None:
        self.spent = 0
        self.zero, self.one = self.number(0), self.number(1)
        # An infinite slope is no fraction, nor is a constant of nature.
        self.inf = self.nan = self.pi = self.ln2 = self.ln10 = Rational(None, self)
        self.abs, self.sign = self._function(abs), self._function(lambda x: (x > 0) - (x < 0))
        self.floor, self.ceil = self._function(math.floor), self._function(math.ceil)
        self.is_integer = self._function(lambda x: x.denominator == 1)
        self.max, self.min = self._function(max), self._function(min)
        self.lt, self.le = self._function(Fraction.__lt__), self._function(Fraction.__le__)
        self.gt, self.ge = self._function(Fraction.__gt__), self._function(Fraction.__ge__)
        self.eq = self._function(Fraction.__eq__)
        self.both = lambda p, q: self.number(bool(p) and bool(q))
        self.where = lambda condition, x, y: x if condition else y
        self.div = lambda x, y: x / y
        for name in _IRRATIONAL:
            setattr(self, name, _refuse)

    def number(self, value: Any) -> Rational:
        """Return a number of any exact type, a double among them."""
        return value if isinstance(value, Rational) else self.weighed(Fraction(value))

    def weighed(self, fraction: Fraction) -> Rational:
        """Return a result, if it is not too long. Raises LimitError."""
        bits = fraction.numerator.bit_length() + fraction.denominator.bit_length()
        self.spent += bits
        if bits > _MOST_BITS:
            raise _too_long("a fraction on the way")
        if self.spent > _MOST_BITS_IN_ALL:
            raise _too_long("the fractions on the way, all together,", _MOST_BITS_IN_ALL)
        return Rational(fraction, self)

    def combined(self, operate: Callable[..., Any], *operands: Any) -> Rational:
        """Return an operation on fractions, which has none where an operand has none."""
        fractions = [self.number(x).fraction for x in operands]
        if None in fractions:
            return Rational(None, self)
        return self.weighed(Fraction(operate(*fractions)))

    def _function(self, operate: Callable[..., Any]) -> Callable[..., Rational]:
        return lambda *operands: self.combined(operate, *operands)

    def ratio(self, x: Rational, y: Rational) -> Rational:
        """Return x/y, which is no fraction for y = 0."""
        return x / y if y else self.inf

    def pow(self, x: Rational, y: Rational) -> Rational:
        """Return x to a whole power. Raises IrrationalError for another one."""
        return self.combined(_whole_power, x, y)

    def special(self, *_: object) -> Rational:
        """Refuse a function that has no fractions."""
        raise IrrationalError

    def partial(
        self, op: Op, argnum: int, y: Rational, xs: Sequence[Rational], fixed: Sequence[bool]
    ) -> Rational:
        """Return a partial, or what is no fraction."""
        try:
            return self.number(op.partial(self, argnum, y, xs, fixed))
        except IrrationalError:  # as by the exponent of x^n
            return Rational(None, self)


def _whole_power(x: Fraction, n: Fraction) -> Fraction:
    if n.denominator != 1:
        raise IrrationalError
    size = max(x.numerator.bit_length(), x.denominator.bit_length())
    if size > 1 and (size - 1) * abs(n) > _MOST_BITS:
        raise _too_long("a power on the way")
    return Fraction(x**n.numerator)


def _too_long(what: str, bits: int = _MOST_BITS) -> LimitError:
    digits = int(bits * math.log10(2) / 1000) * 1000
    hint = "--precision N computes N digits, of numbers up to 1.79769e308"
    return LimitError(f"{what} has more than {digits:,} digits", hint=hint)


def _refuse(*_operands: Any) -> Rational:
    raise IrrationalError


_IRRATIONAL = (
    *("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "hypot"),
    *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "erf", "erfc"),
    *("sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
)
