"""Real numbers of some 300 digits that know how far off they may be: a middle and a bound of its error.

What is exact stays exact: sums, products and whole powers of doubles, and functions at the points where
they have a rational value. So a tie, a pole or a corner is met for sure, missed for sure, or neither is said.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import mpmath

mp = mpmath.mp.clone()
DIGITS = 300
mp.dps = DIGITS

# Sums and products are exact up to so many bits: 1e308 + 5e-324 has 2,099, its square 4,198.
_EXACT_BITS = 9_000
# exp of an angle or exponent beyond 2**1000 has an exponent that no double holds.
MOST_EXPONENT_BITS = 1_000
_MOST_ANGLE_BITS = 20_000
_ERF_IS_ONE = 10_000
_EXACT = -math.inf


class UnsureError(Exception):
    """All digits do not tell which case holds."""


class NoValueError(ArithmeticError):
    """The point is outside the domain."""


@contextmanager
def digits(count: int) -> Iterator[None]:
    """Compute with so many digits for a while."""
    before = mp.dps
    mp.dps = count
    try:
        yield
    finally:
        mp.dps = before


def magnitude(x: Any) -> float:
    """Return the k with 2**(k-1) <= |x| < 2**k; minus infinity for 0."""
    _, mantissa, exponent, bits = x._mpf_
    return exponent + bits if mantissa else -math.inf


def joined(*errors: float) -> float:
    """Return the binary logarithm of a sum of errors, which are logarithms."""
    most = max(errors)
    return most if most == _EXACT else most + math.log2(sum(2.0 ** max(e - most, -60.0) for e in errors))


class Ball:
    """A real number. mid: an mpf.  error: binary logarithm of the bound of |true - mid|."""

    __slots__ = ("error", "mid")

    def __init__(self, mid: Any, error: float = _EXACT) -> None:
        self.mid = mid if isinstance(mid, mp.mpf) else mp.mpf(mid)  # mpf(mpf) is rounded
        self.error = error

    def __repr__(self) -> str:
        return f"Ball({mp.nstr(self.mid, 20)}, 2^{self.error:.0f})"

    @property
    def sign(self) -> int:
        """-1, 0 or 1. Raises UnsureError, also where the error is more than a thousandth."""
        if magnitude(self.mid) - 11 > self.error:
            return 1 if self.mid > 0 else -1
        if self.error == _EXACT:
            return 0
        raise UnsureError

    @property
    def is_exact(self) -> bool:
        """Tell whether the middle is the number."""
        return self.error == _EXACT

    @property
    def is_zero(self) -> bool:
        """Tell whether this is exactly 0."""
        return not self.mid and self.error == _EXACT

    def __neg__(self) -> Ball:
        return Ball(mp.fneg(self.mid, exact=True), self.error)  # -x alone is rounded

    def __abs__(self) -> Ball:
        return -self if self.mid < 0 else self

    def __add__(self, other: Ball | float) -> Ball:
        other = ball(other)
        a, b = self.mid, other.mid
        sizes = [magnitude(x) for x in (a, b) if x]
        span = max(sizes, default=0) - min((x._mpf_[2] for x in (a, b) if x), default=0)
        if span <= _EXACT_BITS:
            return Ball(mp.fadd(a, b, exact=True), joined(self.error, other.error))
        total = mp.fadd(a, b)
        return Ball(total, joined(self.error, other.error, _rounding(total)))

    def __sub__(self, other: Ball | float) -> Ball:
        return self + -ball(other)

    def __rsub__(self, other: float) -> Ball:
        return ball(other) - self

    def __mul__(self, other: Ball | float) -> Ball:
        other = ball(other)
        a, b = self.mid, other.mid
        spread = [_EXACT] if self.is_exact and other.is_exact else [
            magnitude(a) + other.error, magnitude(b) + self.error, self.error + other.error
        ]  # fmt: skip
        if a._mpf_[3] + b._mpf_[3] <= _EXACT_BITS:
            return Ball(mp.fmul(a, b, exact=True), joined(*spread))
        product = mp.fmul(a, b)
        return Ball(product, joined(*spread, _rounding(product)))

    def __truediv__(self, other: Ball | float) -> Ball:
        other = ball(other)
        if other.sign == 0:
            raise NoValueError
        if self.is_zero:
            return ball(0)
        q = mp.fdiv(self.mid, other.mid)
        if self.is_exact and other.is_exact and _fits(q) and mp.fmul(q, other.mid, exact=True) == self.mid:
            return Ball(q)
        size = magnitude(other.mid)
        if other.error > size - 20:
            raise UnsureError
        spread = joined(self.error, magnitude(q) + other.error) - size + 2
        return Ball(q, joined(spread, _rounding(q)))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rtruediv__(self, other: float) -> Ball:
        return ball(other) / self


def ball(x: Ball | float) -> Ball:
    """Return a number as a ball."""
    return x if isinstance(x, Ball) else Ball(x)


def _rounding(x: Any) -> float:
    return magnitude(x) - mp.prec + 4


def _fits(x: Any) -> bool:
    """Tell whether a result has so many zeros at its end that it may be exact."""
    return x._mpf_[3] < mp.prec - 40


def pi() -> Ball:
    """Return π."""
    return Ball(+mp.pi, 2.0 - mp.prec)


def image(function: Callable[[Any], Any], x: Ball, slope: Callable[[Ball, Ball], Ball]) -> Ball:
    """Return f(x), where slope(y, x) is f' there, at a point that is far from those without a derivative."""
    mid = function(x.mid)
    if not isinstance(mid, mp.mpf) or not mp.isfinite(mid):
        raise UnsureError
    y = Ball(mid, _rounding(mid))
    if not x.is_exact:
        by_x = slope(Ball(mid), Ball(x.mid))
        y.error = joined(y.error, magnitude(by_x.mid) + x.error + 2)
    return y


# ---- functions that need more than a line ----


def exp(x: Ball) -> Ball:
    """Return e**x."""
    hold_below(x, MOST_EXPONENT_BITS)
    return ball(1) if x.is_zero else image(mp.exp, x, lambda y, _: y)


def hold_below(x: Ball, bits: int) -> None:
    """Raise UnsureError where x is too large, or known too badly, to take an exponential or angle of."""
    if magnitude(x.mid) > bits or x.error > -20:
        raise UnsureError


def angle(function: Callable[[Any], Any], slope: Callable[[Ball, Ball], Ball]) -> Callable[[Ball], Ball]:
    """Return sin, cos or tan of a ball."""

    def of(x: Ball) -> Ball:
        hold_below(x, _MOST_ANGLE_BITS)
        return Ball(function(mp.mpf(0))) if x.is_zero else image(function, x, slope)

    return of


def log(x: Ball) -> Ball:
    """Return the natural logarithm."""
    if x.sign <= 0:
        raise NoValueError
    return ball(0) if x.is_exact and x.mid == 1 else image(mp.log, x, lambda _, x: 1 / x)


def log_of_base(base: int) -> Callable[[Ball], Ball]:
    """Return the logarithm to a base, exact at whole powers of it."""

    def of(x: Ball) -> Ball:
        y = log(x) / log(ball(base))
        whole = mp.nint(y.mid)
        if x.is_exact and abs(whole) < 2_000 and mp.mpf(base) ** int(abs(whole)) in (x.mid, 1 / x.mid):
            return Ball(whole)
        return y

    return of


def root(x: Ball, degree: int) -> Ball:
    """Return the real root of an odd or even degree."""
    sign = x.sign
    if sign < 0 and degree % 2 == 0:
        raise NoValueError
    if sign == 0:
        return ball(0)
    size = abs(x).mid  # abs(x.mid) is rounded
    y = mp.root(size, degree)
    if x.is_exact and _fits(y) and _repeated_product(Ball(y), degree).mid == size:
        return Ball(sign * y)
    y = image(lambda a: mp.root(a, degree), abs(x), lambda y, x: y / (x * degree))
    return Ball(sign * y.mid, y.error)


def whole_power(x: Ball, n: int) -> Ball:
    """Return x**n for a whole n."""
    if n < 0:
        return 1 / whole_power(x, -n)
    if n <= 64:
        return _repeated_product(x, n)
    sign = x.sign
    if sign == 0:
        return ball(0)
    y = exp(n * log(abs(x)))
    return -y if sign < 0 and n % 2 else y


def _repeated_product(x: Ball, n: int) -> Ball:
    y, square = ball(1), x
    while n:
        y = y * square if n & 1 else y
        n >>= 1
        square = square * square if n else square
    return y


def whole(x: Ball) -> int | None:
    """Return the number as an int, None if it is not whole. Raises UnsureError."""
    near = mp.nint(x.mid)
    if x.is_exact:
        return int(near) if near == x.mid else None
    if magnitude(x.mid - near) - 1 > x.error:
        return None
    raise UnsureError


def power(x: Ball, n: Ball) -> Ball:
    """Return x**n by Python's corners: 0**0 is 1, a negative base takes whole exponents only."""
    if n.is_exact:
        if n.is_zero:
            return ball(1)
        if mp.isint(n.mid) and magnitude(n.mid) < 40:
            if n.mid < 0 and x.sign == 0:
                raise NoValueError
            return whole_power(x, int(n.mid))
        if n.mid in (0.5, -0.5) and x.sign > 0:
            y = root(x, 2)
            return y if n.mid > 0 else 1 / y
    sign = x.sign
    if sign == 0:
        if n.sign < 0:
            raise NoValueError
        return ball(1) if n.sign == 0 else ball(0)
    if sign < 0:
        exponent = whole(n)
        if exponent is None:
            raise NoValueError
        y = exp(n * log(-x))
        return -y if exponent % 2 else y
    return exp(n * log(x))


def erf(x: Ball) -> Ball:
    """Return the error function."""
    if x.is_zero:
        return ball(0)
    if abs(x.mid) > _ERF_IS_ONE:
        return Ball(mp.sign(x.mid), -(float(_ERF_IS_ONE) ** 2))
    return image(mp.erf, x, bell)


def erfc(x: Ball) -> Ball:
    """Return one less the error function."""
    if x.is_zero:
        return ball(1)
    if x.mid > _ERF_IS_ONE:
        raise UnsureError
    if x.mid < -_ERF_IS_ONE:
        return Ball(2, -(float(_ERF_IS_ONE) ** 2))
    return image(mp.erfc, x, lambda y, x: -bell(y, x))


def bell(_: Ball, x: Ball) -> Ball:
    """Return the derivative of the error function."""
    return exp(-(x * x)) * 2 / root(pi(), 2)


def atan2(y: Ball, x: Ball) -> Ball:
    """Return the angle of the point (x, y), from -π to π."""
    above, right = y.sign, x.sign
    if above == 0:
        return pi() if right < 0 else ball(0)
    if right == 0:
        return pi() * (0.5 * above)
    turn = pi() * above if right < 0 else ball(0)
    return image(mp.atan, y / x, lambda _, q: 1 / (1 + q * q)) + turn


def floor(x: Ball) -> Ball:
    """Return the largest whole number that is not above x."""
    exact = whole(x)
    return Ball(mp.floor(x.mid) if exact is None else exact)
