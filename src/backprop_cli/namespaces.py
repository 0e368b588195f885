"""The number systems that a row of the operation table can be evaluated in.

A row is written against a namespace ``m``: ``+ - *`` are the operators of the numbers themselves, and
everything else is a function of ``m``. ``m.div`` is the division of a program: dividing by zero has no value.
``m.ratio`` is the division inside a derivative: 1/0 is a slope of infinity.

FLOAT is binary64 and raises what Python raises. ``mpmath_namespace(digits)`` are the reals to that
many digits. ``sympy_namespace()`` are formulas.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.ops import Op, Partial

Number = Any  # float, mpf, sympy.Expr: whatever the namespace works on


class Namespace:
    """What a row may call. Subclasses give the functions; the composite ones have a definition here."""

    zero: Number
    one: Number
    inf: Number
    nan: Number
    pi: Number
    ln2: Number
    ln10: Number

    abs: Callable[[Number], Number]
    sign: Callable[[Number], Number]
    floor: Callable[[Number], Number]
    ceil: Callable[[Number], Number]
    max: Callable[..., Number]
    min: Callable[..., Number]
    exp: Callable[[Number], Number]
    expm1: Callable[[Number], Number]
    log: Callable[[Number], Number]
    log1p: Callable[[Number], Number]
    log2: Callable[[Number], Number]
    log10: Callable[[Number], Number]
    sqrt: Callable[[Number], Number]
    cbrt: Callable[[Number], Number]
    sin: Callable[[Number], Number]
    cos: Callable[[Number], Number]
    tan: Callable[[Number], Number]
    asin: Callable[[Number], Number]
    acos: Callable[[Number], Number]
    atan: Callable[[Number], Number]
    atan2: Callable[[Number, Number], Number]
    sinh: Callable[[Number], Number]
    cosh: Callable[[Number], Number]
    tanh: Callable[[Number], Number]
    asinh: Callable[[Number], Number]
    acosh: Callable[[Number], Number]
    atanh: Callable[[Number], Number]
    erf: Callable[[Number], Number]
    erfc: Callable[[Number], Number]
    hypot: Callable[[Number, Number], Number]
    pow: Callable[[Number, Number], Number]
    div: Callable[[Number, Number], Number]
    ratio: Callable[[Number, Number], Number]
    lt: Callable[[Number, Number], Number]
    le: Callable[[Number, Number], Number]
    gt: Callable[[Number, Number], Number]
    ge: Callable[[Number, Number], Number]
    eq: Callable[[Number, Number], Number]
    both: Callable[[Number, Number], Number]
    is_integer: Callable[[Number], Number]
    where: Callable[[Number, Number, Number], Number]
    number: Callable[[float], Number]

    def either(self, p: Number, q: Number) -> Number:
        """Tell whether one of two conditions holds, or both."""
        return self.where(p, True, q)

    def gaussian(self, x: Number, scale: float) -> Number:
        """Return exp(-scale·x²), for a scale of 1 or 1/2."""
        return self.exp(-(x * x) * scale)

    def normal_cdf(self, x: Number) -> Number:
        """Return the probability that a standard normal variable is below x."""
        return self.erfc(-x / self.sqrt(self.number(2.0))) / 2

    def shifted_pow(self, x: Number, y: Number) -> Number:
        """Return x**(y - 1)."""
        return self.pow(x, y - 1)

    def inverse_cbrt_squared(self, x: Number) -> Number:
        """Return |x|**(-2/3), for x other than 0."""
        root = self.cbrt(x)
        return self.one / (root * root)

    def value(self, op: Op, xs: Sequence[Number]) -> Number:
        """Evaluate one primitive. Raises ArithmeticError or ValueError where it has no value."""
        return op.value(self, *xs)

    def plain_value(self, op: Op) -> Callable[..., Number] | None:  # noqa: ARG002
        """Return the value of a primitive as a function where ``value`` only calls it, None elsewhere."""
        return None

    def partial(self, op: Op, argnum: int, y: Number, xs: Sequence[Number], fixed: Sequence[bool]) -> Number:
        """Return ∂y/∂x of one primitive at y = f(xs). ``fixed`` marks the operands that are constants."""
        return op.partial(self, argnum, y, xs, fixed)

    def plain_partials(self, op: Op) -> tuple[Partial, ...] | None:  # noqa: ARG002
        """Return the partials of a primitive where ``partial`` only calls them, None elsewhere."""
        return None


# --------------------------------------------------------------------------------------------------
# FLOAT

# Products of two numbers of this range neither overflow nor lose digits to underflow. A partial with an
# operand or a result outside it is evaluated again with mpmath, which knows neither.
_SAFE_OPERAND = (1e-100, 1e100)
_SAFE_RESULT = (1e-280, 1e280)

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

    def gaussian(self, x: Number, scale: float) -> Number:
        # The rounding of x² alone would cost 512 ulp of exp(-x²) at x = 27; its rest puts that right.
        # Beyond 1e3 it is 0 in any case, and far out the rest would overflow.
        size = self.min(self.abs(x), 1e3)
        square, rest = _two_product(size, size)
        return self.exp(-square * scale) * (1.0 - rest * scale)

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
        if y:
            return x / y
        return math.copysign(math.inf, x) * math.copysign(1.0, y) if x else math.nan

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
        y: float = op.value(self, *xs)
        if op.composite and not _SAFE_RESULT[0] < abs(y) < _SAFE_RESULT[1]:
            exact = mpmath_namespace(40)
            return exact.to_float(op.value(exact, *map(exact.number, xs)))
        return y

    def plain_value(self, op: Op) -> Callable[..., float] | None:
        return None if op.composite else op.value

    def plain_partials(self, op: Op) -> tuple[Partial, ...] | None:
        return op.partials if op.exact and isinstance(op.partials, tuple) else None

    def partial(self, op: Op, argnum: int, y: float, xs: Sequence[float], fixed: Sequence[bool]) -> float:
        try:
            slope: float = op.partial(self, argnum, y, xs, fixed)
            if op.exact:
                return slope
            if _SAFE_RESULT[0] < abs(slope) < _SAFE_RESULT[1]:
                low, high = _SAFE_OPERAND
                for x in xs:
                    if x and not low < abs(x) < high:
                        break
                else:
                    return slope
        except (ArithmeticError, ValueError):
            pass
        return _partial_of_extremes(op, argnum, y, xs, fixed)


def _partial_of_extremes(op: Op, argnum: int, y: float, xs: Sequence[float], fixed: Sequence[bool]) -> float:
    """Evaluate a partial where doubles overflow or underflow on the way, and round the result once."""
    if not all(map(math.isfinite, xs)):
        try:
            return float(op.partial(FLOAT, argnum, y, xs, fixed))
        except (ArithmeticError, ValueError):
            return math.nan
    exact = mpmath_namespace(40)
    try:
        exact_xs = [exact.number(x) for x in xs]
        exact_y = op.value(exact, *exact_xs)
        return exact.to_float(op.partial(exact, argnum, exact_y, exact_xs, fixed))
    except (ArithmeticError, ValueError):
        return math.nan


FLOAT = _Float()


# --------------------------------------------------------------------------------------------------
# MPMATH


# Exponents have no limit in mpmath, so a tower of exponentials, on a branch that doubles never take, would
# fill the memory. Powers end at e**(2**24) here, in both directions, and angles at 2**20000: far beyond any
# product of a few doubles, which end at 2**1024.
_MOST_EXPONENT_BITS = 24
_MOST_ANGLE_BITS = 20_000
# erfc(1e4) is 1e-43429453.
_ERF_IS_ONE = 1e4


class MpmathNamespace(Namespace):
    """Real numbers to a given count of digits, with a range far beyond that of doubles."""

    def __init__(self, digits: int) -> None:
        import mpmath

        self.digits = digits
        self.mp = mp = mpmath.mp.clone()
        mp.dps = digits + 10  # guard digits for the few roundings inside one row
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
        if x and y and mp.mag(y) + mp.mag(mp.mag(x) or 1) > _MOST_EXPONENT_BITS - 2:
            exponent = y * mp.log(abs(x))
            if exponent and mp.mag(exponent) > _MOST_EXPONENT_BITS:
                if exponent > 0:
                    raise OverflowError
                return self.zero
        power = mp.power(x, y)
        if not isinstance(power, mp.mpf) or not mp.isfinite(power):
            raise ValueError("outside the real domain")
        return power

    def erf(self, x: Number) -> Number:
        return self.mp.sign(x) if abs(x) > _ERF_IS_ONE else self.mp.erf(x)

    def erfc(self, x: Number) -> Number:
        return 1 - self.mp.sign(x) if abs(x) > _ERF_IS_ONE else self.mp.erfc(x)

    def ratio(self, x: Number, y: Number) -> Number:
        if y:
            return x / y
        return self.inf * self.mp.sign(x) if x else self.nan

    def to_text(self, x: Number) -> str:
        """Return up to 50 significant digits."""
        text: str = self.mp.nstr(x, min(self.digits, 50))
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


# --------------------------------------------------------------------------------------------------
# SYMPY


class SympyNamespace(Namespace):
    """Formulas: sympy expressions in real symbols. Decisions become Piecewise."""

    def __init__(self) -> None:
        import sympy as s

        self.zero, self.one, self.inf, self.nan = s.S.Zero, s.S.One, s.oo, s.nan
        self.pi, self.ln2, self.ln10 = s.pi, s.log(2), s.log(10)
        self.number = lambda x: x if isinstance(x, s.Basic) else s.Rational(x)
        self.abs, self.sign, self.floor, self.ceil = s.Abs, s.sign, s.floor, s.ceiling
        self.max, self.min, self.exp, self.log, self.sqrt = s.Max, s.Min, s.exp, s.log, s.sqrt
        self.expm1, self.log1p = (lambda x: s.exp(x) - 1), (lambda x: s.log(1 + x))
        self.log2, self.log10 = (lambda x: s.log(x) / s.log(2)), (lambda x: s.log(x) / s.log(10))
        self.cbrt = lambda x: s.sign(x) * s.Abs(x) ** s.Rational(1, 3)
        self.sin, self.cos, self.tan = s.sin, s.cos, s.tan
        self.asin, self.acos, self.atan, self.atan2 = s.asin, s.acos, s.atan, s.atan2
        self.sinh, self.cosh, self.tanh = s.sinh, s.cosh, s.tanh
        self.asinh, self.acosh, self.atanh = s.asinh, s.acosh, s.atanh
        self.erf, self.erfc, self.pow = s.erf, s.erfc, s.Pow
        self.hypot = lambda x, y: s.sqrt(x * x + y * y)
        self.div = self.ratio = lambda x, y: x / y
        self.lt, self.le, self.gt, self.ge = s.Lt, s.Le, s.Gt, s.Ge
        self.eq, self.both = s.Eq, s.And
        self.is_integer = lambda x: s.Eq(s.floor(x), x)
        self.where = lambda condition, x, y: s.Piecewise((x, condition), (y, True))

    def gaussian(self, x: Number, scale: float) -> Number:
        return self.exp(-(x * x) * self.number(scale))


@cache
def sympy_namespace() -> SympyNamespace:
    """Return the namespace of formulas."""
    return SympyNamespace()
