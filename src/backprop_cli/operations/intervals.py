"""Intervals of doubles: what a program does over a whole stretch of an input, proved.

A number is an interval that surely holds every value over the stretch, and a grade: what is proved of the
function that came to it. Rows run on intervals as they do on doubles; their domains and kinks, asked with
intervals for operands, say where nothing can be proved. Ends are rounded outward, by more than the functions
of ``math`` are ever off.

Source: Moore, Kearfott & Cloud, Introduction to Interval Analysis, 2009.
"""

from __future__ import annotations

import math
from enum import IntEnum
from itertools import product
from typing import TYPE_CHECKING, Any

from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import Namespace
from backprop_cli.operations.reals import mpmath_namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.operations.op import Op

# The functions of math are within a few units of 2**-52 of their size; the result may be subnormal.
_SLACK, _TINY = 2.0**-48, 2.0**-1070
_LEAST = 5e-324
_TURN = 2 * math.pi
# Where a period is known to less than this many of its parts, a sine may be anything.
_MOST_ANGLE = 1e6


class Grade(IntEnum):
    """What is proved over a stretch.

    OPEN: nothing; there may be a jump, a pole, or no value.  CONTINUOUS: there are values, without a jump; an
    operation may be at a kink.  SMOOTH: there is a derivative as well.
    """

    OPEN = 0
    CONTINUOUS = 1
    SMOOTH = 2


class UndecidedError(Exception):
    """An interval has points on both sides of a decision."""


class Interval:
    """All numbers from low to high; of a function over a stretch, with what is proved of that."""

    __slots__ = ("grade", "high", "low")

    def __init__(self, low: float, high: float, grade: Grade = Grade.SMOOTH) -> None:
        self.low, self.high, self.grade = low, high, grade

    @property
    def is_point(self) -> bool:
        """Whether it is one number."""
        return self.low == self.high

    def __add__(self, other: Any) -> Interval:
        other = _interval(other)
        low, high = self.low + other.low, self.high + other.high
        wide = _outward(low, high)
        # What is not rounded stays: counts of ties are whole numbers.
        return Interval(
            low if _is_exact(low, self.low, other.low) else wide.low,
            high if _is_exact(high, self.high, other.high) else wide.high,
        )

    def __sub__(self, other: Any) -> Interval:
        if other is self:
            return Interval(0.0, 0.0)
        return self + -_interval(other)

    def __mul__(self, other: Any) -> Interval:
        if other is self:
            ends = (abs(self.low), abs(self.high))
            low = 0.0 if self.low < 0 < self.high else min(ends)
            return _outward(low * low, max(ends) ** 2 if max(ends) < 1e150 else math.inf)
        return _hull(lambda x, y: x * y if x and y else 0.0, self, _interval(other))

    def __truediv__(self, other: Any) -> Interval:
        other = _interval(other)
        if other.low <= 0 <= other.high:
            return WHOLE
        return _hull(lambda x, y: x / y, self, other)

    def __radd__(self, other: Any) -> Interval:
        return self + _interval(other)

    def __rmul__(self, other: Any) -> Interval:
        return self * _interval(other)

    def __rsub__(self, other: Any) -> Interval:
        return _interval(other) - self

    def __rtruediv__(self, other: Any) -> Interval:
        return _interval(other) / self

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    # What domains ask, in Python's own words. All but "other than" come to "less than".

    def __lt__(self, other: Any) -> bool:
        other = _interval(other)
        if self.high < other.low:
            return True
        if self.low >= other.high:
            return False
        raise UndecidedError

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __gt__(self, other: Any) -> bool:
        return _interval(other) < self

    def __le__(self, other: Any) -> bool:
        return not self > other

    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        other = _interval(other)
        if self.high < other.low or other.high < self.low:
            return False
        if self.is_point and other.is_point:
            return True
        raise UndecidedError

    def __bool__(self) -> bool:
        """Tell whether it may be other than 0."""
        return not (self.low == self.high == 0)

    def __floor__(self) -> Interval:
        return Interval(_whole(math.floor, self.low), _whole(math.floor, self.high))

    __hash__ = None  # type: ignore[assignment]


WHOLE = Interval(-math.inf, math.inf)


def _interval(x: Any) -> Interval:
    return x if isinstance(x, Interval) else Interval(float(x), float(x))


def _contains(op: Op, orders: Sequence[float], xs: Sequence[Interval]) -> bool:
    """Tell whether a domain holds all points of intervals, or none. UndecidedError: they may differ.

    What is asked of a sign is decided for each sign alone: x^2 has a value below 0, at 0 and above.
    """
    try:
        return bool(op.domain.contains(*orders, *xs))
    except UndecidedError:
        parts = {bool(op.domain.contains(*orders, *part)) for part in product(*map(_by_sign, xs))}
        if len(parts) > 1:
            raise
        return parts.pop()


def _by_sign(x: Interval) -> list[Interval]:
    """Return the parts of an interval below 0, at 0 and above."""
    parts = [(x.low, min(x.high, -_LEAST)), (max(x.low, 0.0), min(x.high, 0.0)), (max(x.low, _LEAST), x.high)]
    return [Interval(low, high) for low, high in parts if low <= high]


def _outward(low: float, high: float) -> Interval:
    """Return an interval a little wider. What is 0 is exactly that, or a lower bound of what underflows."""
    if low != low or high != high:
        return WHOLE
    if low and math.isfinite(low):
        low -= abs(low) * _SLACK + _TINY
    if high and math.isfinite(high):
        high += abs(high) * _SLACK + _TINY
    return Interval(low, high)


def _is_exact(total: float, x: float, y: float) -> bool:
    """Tell whether x + y is not rounded (Knuth's two-sum)."""
    step = total - x
    return (x - (total - step)) + (y - step) == 0


def _hull(function: Callable[..., float], *xs: Interval) -> Interval:
    """Return the values of a function that is monotonic in each operand: from one corner to another."""
    ends = [(x.low,) if x.is_point else (x.low, x.high) for x in xs]
    values = [function(*corner) for corner in product(*ends)]
    if any(y != y for y in values):
        return WHOLE
    least, most = min(values), max(values)
    if not (least and most) and all(x.low and x.high for x in xs):
        return _outward(least or -_TINY, most or _TINY)  # a zero that may be what underflowed
    return _outward(least, most)


def _join(x: Interval, y: Interval) -> Interval:
    return Interval(min(x.low, y.low), max(x.high, y.high))


def _whole(function: Callable[[float], int], x: float) -> float:
    return float(function(x)) if math.isfinite(x) else x


def _reaching(function: Callable[..., float]) -> Callable[..., Interval]:
    """Return a monotonic function of doubles as one of intervals. What overflows has no bound."""

    def bound(*xs: float) -> float:
        try:
            return function(*xs)
        except OverflowError:
            return math.copysign(math.inf, xs[0]) if function is math.sinh else math.inf

    return lambda *xs: _hull(bound, *map(_interval, xs))


_RISING = ("exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "asin", "acos", "atan",
           "sinh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc")  # fmt: skip
"""The functions of ``math`` that rise, or fall, all the way."""


class IntervalNamespace(Namespace):
    """Intervals; a condition is 0, 1 or both."""

    bits = 53

    def __init__(self) -> None:
        self.zero, self.one, self.inf, self.nan = _interval(0), _interval(1), _interval(math.inf), WHOLE
        self.pi, self.ln2, self.ln10 = _interval(FLOAT.pi), _interval(FLOAT.ln2), _interval(FLOAT.ln10)
        self.number = _interval
        for name in _RISING:
            setattr(self, name, _reaching(getattr(math, name)))
        self._cosh, self._hypot = _reaching(math.cosh), _reaching(math.hypot)
        self._pow = _reaching(math.pow)

    def value(self, op: Op, xs: Sequence[Interval]) -> Interval:
        """Return the values of an operation, with what is proved. Raises ValueError outside its domain."""
        if all(x.is_point for x in xs):
            return _interval(FLOAT.value(op, [x.low for x in xs]))  # a constant is its double
        orders = [x.low for x in xs[: op.orders] if x.is_point]
        if len(orders) < op.orders:
            return Interval(-math.inf, math.inf, Grade.OPEN)
        try:
            if not _contains(op, orders, xs[op.orders :]):
                raise ValueError(op.domain.words)
            y = _interval(op.value(self, *xs))
        except UndecidedError:
            return Interval(-math.inf, math.inf, Grade.OPEN)
        read = [x.grade for x, is_read in zip(xs, op.read(self, xs), strict=True) if is_read]
        if not math.isfinite(y.high - y.low):
            return Interval(y.low, y.high, Grade.OPEN)
        return Interval(y.low, y.high, min(*read, self._grade(op, xs), Grade.SMOOTH))

    def _grade(self, op: Op, xs: Sequence[Interval]) -> Grade:
        """Return what is proved of an operation alone."""
        kink = op.kink
        if kink is None or not kink.at(self, xs, [x.is_point for x in xs]):
            return Grade.SMOOTH
        return Grade.OPEN if kink.breaks else Grade.CONTINUOUS

    # ---- decisions ----

    def _condition(self, decide: Callable[[], bool]) -> Interval:
        try:
            return _interval(1 if decide() else 0)
        except UndecidedError:
            return Interval(0.0, 1.0)

    def lt(self, x: Any, y: Any) -> Interval:
        return self._condition(lambda: _interval(x) < y)

    def le(self, x: Any, y: Any) -> Interval:
        return self._condition(lambda: _interval(x) <= y)

    def gt(self, x: Any, y: Any) -> Interval:
        return self._condition(lambda: _interval(x) > y)

    def ge(self, x: Any, y: Any) -> Interval:
        return self._condition(lambda: _interval(x) >= y)

    def eq(self, x: Any, y: Any) -> Interval:
        return self._condition(lambda: _interval(x) == y)

    def both(self, p: Any, q: Any) -> Interval:
        p, q = _interval(p), _interval(q)
        return Interval(min(p.low, q.low), min(p.high, q.high))

    def is_integer(self, x: Any) -> Interval:
        x = _interval(x)
        if _whole(math.ceil, x.low) > _whole(math.floor, x.high):
            return _interval(0)
        return _interval(1) if x.is_point else Interval(0.0, 1.0)

    def where(self, condition: Any, x: Any, y: Any) -> Interval:
        p, x, y = _interval(condition), _interval(x), _interval(y)
        return _join(x, y) if p.low < p.high else x if p.low else y

    def max(self, *xs: Any) -> Interval:
        best = _interval(xs[0])
        for other in map(_interval, xs[1:]):
            # The one that is above is itself the best, and known to be equal to it.
            if other.low > best.high or best.low > other.high:
                best = max(best, other, key=lambda x: x.low)
            else:
                best = Interval(max(best.low, other.low), max(best.high, other.high))
        return best

    def min(self, *xs: Any) -> Interval:
        best = _interval(xs[0])
        for other in map(_interval, xs[1:]):
            if other.low > best.high or best.low > other.high:
                best = min(best, other, key=lambda x: x.low)
            else:
                best = Interval(min(best.low, other.low), min(best.high, other.high))
        return best

    # ---- functions ----

    def abs(self, x: Any) -> Interval:
        size = _interval(x)
        if size.low >= 0:
            return size
        return -size if size.high <= 0 else Interval(0.0, max(-size.low, size.high))

    def sign(self, x: Any) -> Interval:
        x = _interval(x)
        return Interval(FLOAT.sign(x.low), FLOAT.sign(x.high))

    def floor(self, x: Any) -> Interval:
        return _interval(x).__floor__()

    def ceil(self, x: Any) -> Interval:
        return -(-_interval(x)).__floor__()

    def sin(self, x: Any) -> Interval:
        x = _interval(x)
        if not -_MOST_ANGLE < x.low <= x.high < _MOST_ANGLE:
            return Interval(-1.0, 1.0)
        found = _hull(math.sin, x)
        low = -1.0 if _meets(x, -math.pi / 2, _TURN) else max(found.low, -1.0)
        return Interval(low, 1.0 if _meets(x, math.pi / 2, _TURN) else min(found.high, 1.0))

    def cos(self, x: Any) -> Interval:
        x = _interval(x)
        if not -_MOST_ANGLE < x.low <= x.high < _MOST_ANGLE:
            return Interval(-1.0, 1.0)
        found = _hull(math.cos, x)
        low = -1.0 if _meets(x, math.pi, _TURN) else max(found.low, -1.0)
        return Interval(low, 1.0 if _meets(x, 0.0, _TURN) else min(found.high, 1.0))

    def tan(self, x: Any) -> Interval:
        x = _interval(x)
        if not -_MOST_ANGLE < x.low <= x.high < _MOST_ANGLE or _meets(x, math.pi / 2, math.pi):
            return WHOLE
        return _hull(math.tan, x)

    def cosh(self, x: Any) -> Interval:
        return self._cosh(self.abs(x))

    def hypot(self, x: Any, y: Any) -> Interval:
        return self._hypot(self.abs(x), self.abs(y))

    def atan2(self, y: Any, x: Any) -> Interval:
        y, x = _interval(y), _interval(x)
        if y.low <= 0 <= y.high and x.low <= 0:
            return Interval(-4.0, 4.0)
        return _hull(math.atan2, y, x)

    def pow(self, x: Any, y: Any) -> Interval:
        x, y = _interval(x), _interval(y)
        if x.low >= 0:
            return self._pow(x, y) if x.low or y.low >= 0 else WHOLE
        if not (y.is_point and y.low.is_integer()):
            return WHOLE
        if y.low % 2 == 0:
            x = self.abs(x)
        return WHOLE if y.low < 0 and x.low <= 0 <= x.high else self._odd_power(x, y)

    def _odd_power(self, x: Interval, y: Interval) -> Interval:
        """Return a power that rises or falls all the way."""
        if x.high <= 0 and y.low % 2:
            return -self._pow(-x, y)
        if x.low >= 0:
            return self._pow(x, y)
        return _join(-self._pow(Interval(0.0, -x.low), y), self._pow(Interval(0.0, x.high), y))

    def special(self, name: str, *xs: Any) -> Interval:
        *orders, x = map(_interval, xs)
        order = [n.low for n in orders]

        def at(point: float) -> float:
            return _special(name, *order, point)

        if name.startswith("besselj"):  # its slope is between -1 and 1
            middle, half = (x.low + x.high) / 2, (x.high - x.low) / 2
            y = at(middle)
            return _outward(max(y - half, -1.0), min(y + half, 1.0))
        found = _hull(at, x)
        # Γ and log Γ fall to their one minimum at positive numbers, and rise from there.
        if name in ("gamma", "lgamma") and x.low <= _LEAST_GAMMA <= x.high:
            return _join(found, _hull(at, _interval(_LEAST_GAMMA)))
        return found

    def div(self, x: Any, y: Any) -> Interval:
        return _interval(x).__truediv__(y)

    def ratio(self, x: Any, y: Any) -> Interval:
        return _interval(x).__truediv__(y)


_LEAST_GAMMA = 1.4616321449683623  # DLMF 5.4.20


def _special(name: str, *xs: float) -> float:
    """Return a special function rounded to a double, as the rows do; an infinity where it is beyond them."""
    exact = mpmath_namespace(20)
    try:
        return exact.to_float(exact.special(name, *map(exact.number, xs)))
    except OverflowError:
        return math.inf


def _meets(x: Interval, place: float, period: float) -> bool:
    """Tell whether an interval may hold one of the places that are so far apart."""
    slack = 1e-9
    return math.floor((x.high - place) / period + slack) >= math.ceil((x.low - place) / period - slack)


INTERVALS = IntervalNamespace()
