"""Numbers that know how far rounding may have carried them.

The reals of many digits run rows and sweeps on ``Bounded`` numbers, and every result comes with a bound on
its error: running error analysis (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section
3.3). For functions the bound is taken from their values at the corners of the operands' intervals, so no row
needs a rule of its own. A bound of nothing means proved exact: sums and products whose digits all fit, values
at special points.

A decision counts only where its bounds allow: a condition that they leave open is 0 ± 1 or 1 ± 1, and what is
chosen by it may be either branch. Where not even the existence of a value is sure, it is NaN ± infinity.

Doubles with bounds are what FLOAT computes, compared node by node with the reals: so underflow, overflow on
the way and the roundings inside a row are in the bound, whatever they are.

Bounds are kept as binary logarithms in doubles: they never overflow, and cost a fifth of what they would
cost as numbers of many digits.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import product as combinations
from typing import TYPE_CHECKING, Any

from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import Namespace, Number
from backprop_cli.operations.reals import LEAST_BITS, MpmathNamespace, mpmath_namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.operations.op import Op

_NONE = -math.inf  # the logarithm of no error at all
_DOUBLES = (float, int)  # in a tuple: a union is made anew each time, here some 100,000 times
# A value within a few of its error bounds is at the rounding level: most of its digits are noise.
_LEVEL = 2.0
_FINE_BITS = 24
_FINE = 2.0**_FINE_BITS
# The ends of an interval have so many bits beyond those of a number; a bound below that is taken for larger.
_MOST_BEYOND = 256
NEGLIGIBLE = math.log2(1e-10)
"""What is beside something else no more than the last of ten digits, as a logarithm."""


def log2_size(x: Any) -> float:
    """Return log2 |x| of a float or an mpf: -inf for 0, inf for what is not finite."""
    if isinstance(x, _DOUBLES):
        return (math.log2(abs(x)) if math.isfinite(x) else math.inf) if x else _NONE
    _, mantissa, exponent, _ = x._mpf_
    # Where gmpy2 is installed a mantissa is not an int, and of 800 digits too large for math.log2.
    size: float = math.inf if exponent else _NONE
    return math.log2(int(mantissa)) + exponent if mantissa else size


def add_logs(a: float, b: float) -> float:
    """Return log2(2**a + 2**b)."""
    if a < b:
        a, b = b, a
    # 60 bits below, the smaller one changes nothing.
    return a if b == _NONE or b < a - 60 or a == math.inf else a + math.log2(1.0 + 2.0 ** (b - a))


class Bounded:
    """A value of the namespace ``m``, with binary logarithms of three sizes.

    size: of the value.  error: of the bound on its error; -inf where it is proved exact.
    scale: of its size; at the rounding level, of the terms that cancelled, never magnified since.
    """

    __slots__ = ("error", "m", "scale", "size", "value")

    def __init__(self, value: Number, error: float, m: RoundingNamespace, scale: float = _NONE) -> None:
        self.value = value
        self.size = log2_size(value)
        self.error = error if self.size < math.inf or value == value else math.inf
        self.m = m
        self.scale = scale if self.is_noise else self.size

    @property
    def is_exact(self) -> bool:
        """Tell whether the value is proved exact."""
        return self.error == _NONE

    @property
    def uncertainty(self) -> float:
        """Return the binary logarithm of the bound on the relative error."""
        return self.error - self.size if self.size > _NONE else math.inf if self.error > _NONE else _NONE

    @property
    def is_noise(self) -> bool:
        """Tell whether the value is at the rounding level."""
        return self.size <= self.error + _LEVEL

    @property
    def is_rounding(self) -> bool:
        """Tell whether nothing is left of the terms that the value was summed from, to ten digits of them."""
        return self.size <= self.error + _LEVEL <= self.scale + NEGLIGIBLE

    def __add__(self, other: Any) -> Bounded:
        other = self.m.number(other)
        value = self.value + other.value
        carried = add_logs(self.error, other.error)
        return self.m.rounded(
            value, carried, _scale_of_sum(self, other), self.m.sum_rounds(value, self, other)
        )

    def __sub__(self, other: Any) -> Bounded:
        if other is self:  # whatever it is; a row asks so whether it is finite
            return Bounded(self.value - self.value, _NONE, self.m)
        return self + -self.m.number(other)

    def __mul__(self, other: Any) -> Bounded:
        other = self.m.number(other)
        if other.size == 0.0 and other.is_exact and other.value == 1:
            return self
        carried = add_logs(_times(self.size, other.error), _times(other.size, self.error))
        carried = add_logs(carried, _times(self.error, other.error))
        scale = _damped(_times(self.scale, other.scale), self, other)
        value = self.value * other.value
        return self.m.rounded(value, carried, scale, self.m.product_rounds(value, self, other))

    def __truediv__(self, other: Any) -> Bounded:
        other = self.m.number(other)
        if other.size <= other.error + 1 and not other.is_exact:
            return self.m.undecided()
        value = self.value / other.value
        # The divisor is at least half its size.
        carried = add_logs(self.error, _times(log2_size(value), other.error)) - other.size + 1
        scale = _damped(self.scale - other.size, self)
        return self.m.rounded(value, carried, scale, self.m.quotient_rounds(value, self, other))

    def __rsub__(self, other: Any) -> Bounded:
        return self.m.number(other) - self

    def __rtruediv__(self, other: Any) -> Bounded:
        return self.m.number(other) / self

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Bounded:
        return Bounded(-self.value, self.error, self.m, self.scale)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == (other.value if isinstance(other, Bounded) else other))

    def __bool__(self) -> bool:
        """Tell whether it may be other than 0."""
        return not self.is_exact or bool(self.value)

    __hash__ = None  # type: ignore[assignment]


def _times(a: float, b: float) -> float:
    """Return log2(2**a · 2**b), 0 times infinity being 0."""
    return _NONE if a == _NONE or b == _NONE else a + b


def _scale_of_sum(x: Bounded, y: Bounded) -> float:
    """Return the scale of x + y: noise can't hide beside a term that is none."""
    if x.is_noise == y.is_noise:
        return add_logs(x.scale, y.scale)
    return y.scale if x.is_noise else x.scale


def _damped(scale: float, *operands: Bounded) -> float:
    """Return the scale, no larger than that of any noise in it.

    1 - cos(x) divided by x³ is at the rounding level of 1/x³; but 1e11 of noise are no zero.
    """
    return min(scale, *(x.scale if x.is_noise else math.inf for x in operands), math.inf)


class RoundingNamespace(Namespace):
    """What both kinds of bounded numbers have in common."""

    def __init__(self, base: Any) -> None:
        self.base = base
        self.bits = base.bits
        for name in ("zero", "one", "inf", "nan"):
            setattr(self, name, Bounded(getattr(base, name), _NONE, self))

    def number(self, value: Any) -> Bounded:
        return value if isinstance(value, Bounded) else Bounded(self.base.number(value), _NONE, self)

    def undecided(self) -> Bounded:
        """Return what may be any number, or none."""
        return Bounded(self.base.nan, math.inf, self)

    def rounded(self, value: Number, carried: float, scale: float, rounding: float) -> Bounded:
        """Return a result. carried: the error that its operands bring.  rounding: its own."""
        return Bounded(value, add_logs(carried, rounding), self, scale)

    def sum_rounds(self, total: Number, x: Bounded, y: Bounded) -> float:
        """Return the logarithm of the rounding error of x + y."""
        raise NotImplementedError

    def product_rounds(self, product: Number, x: Bounded, y: Bounded) -> float:
        """Return the logarithm of the rounding error of x·y."""
        raise NotImplementedError

    def quotient_rounds(self, quotient: Number, x: Bounded, y: Bounded) -> float:
        """Return the logarithm of the rounding error of x/y."""
        raise NotImplementedError

    # ---- decisions ----

    def condition(self, holds: object, *, sure: bool) -> Bounded:
        """Return a condition, 0 ± 1 or 1 ± 1 where it may be the other way."""
        return Bounded(self.base.one if holds else self.base.zero, _NONE if sure else 0.0, self)

    def _as_condition(self, p: Any) -> Bounded:
        return p if isinstance(p, Bounded) else self.condition(p, sure=True)

    def where(self, condition: Any, x: Any, y: Any) -> Bounded:
        decided = self._as_condition(condition)
        branches = self._as_number(x), self._as_number(y)
        chosen, other = branches if decided.value else branches[::-1]
        if decided.is_exact:
            return chosen
        # Either branch may be the true one.
        away = log2_size(chosen.value - other.value)
        error = max(chosen.error, add_logs(away, other.error))
        return Bounded(chosen.value, error, self, max(chosen.scale, other.scale))

    def _as_number(self, x: Any) -> Bounded:
        return self.condition(x, sure=True) if isinstance(x, bool) else self.number(x)


class BoundedReals(RoundingNamespace):
    """The reals to a count of digits, with bounds."""

    base: MpmathNamespace

    def __init__(self, digits: int) -> None:
        base = mpmath_namespace(digits)
        super().__init__(base)
        self.unit = -(digits + 9) * math.log2(10)
        self._fractions: dict[Any, Bounded] = {}
        for name in ("pi", "ln2", "ln10"):
            value = getattr(base, name)
            setattr(self, name, Bounded(value, log2_size(value) + self.unit, self))
        for name in ("lt", "le", "gt", "ge", "eq"):
            setattr(self, name, self._comparison(getattr(base, name)))
        for name in Namespace.__annotations__:
            if not hasattr(self, name):
                setattr(self, name, self._function(name, getattr(base, name)))

    def number(self, value: Any) -> Bounded:
        if isinstance(value, Bounded):
            return value
        if isinstance(value, _DOUBLES) or not hasattr(value, "denominator"):
            return super().number(value)
        if value not in self._fractions:  # one number for each, since a number is known to be equal to itself
            y = self.base.number(value.numerator) / value.denominator
            error = _NONE if _is_ratio(y, value) else log2_size(y) + self.unit + 2
            self._fractions[value] = Bounded(y, error, self)
        return self._fractions[value]

    def certain_text(self, x: Bounded) -> str | None:
        """Return a number to as many digits as are certain to a unit of the last, and no more than 50."""
        if x.is_exact:
            return self.base.to_text(x.value)
        certain = -x.uncertainty * math.log10(2) - 1
        return self.base.to_text(x.value, math.floor(certain)) if certain >= 1 else None

    # ---- arithmetic ----

    def sum_rounds(self, total: Number, x: Bounded, y: Bounded) -> float:
        _, man_x, low_x, bits_x = x.value._mpf_
        _, man_y, low_y, bits_y = y.value._mpf_
        if not (man_x and man_y):
            return _NONE
        high = max(low_x + bits_x, low_y + bits_y)
        # All digits from the highest to the lowest, and a carry, fit: nothing is rounded.
        if high - min(low_x, low_y) < self.bits:
            return _NONE
        return log2_size(total) + self.unit

    def product_rounds(self, product: Number, x: Bounded, y: Bounded) -> float:
        bits = x.value._mpf_[3] + y.value._mpf_[3]
        return log2_size(product) + self.unit if bits > self.bits else _NONE

    def quotient_rounds(self, quotient: Number, x: Bounded, y: Bounded) -> float:
        bits = quotient._mpf_[3] + y.value._mpf_[3]
        if bits <= self.bits and quotient * y.value == x.value:
            return _NONE
        return log2_size(quotient) + self.unit

    def div(self, x: Bounded, y: Bounded) -> Bounded:
        return x / y

    def ratio(self, x: Bounded, y: Bounded) -> Bounded:
        return x / y if y else Bounded(self.base.ratio(x.value, y.value), x.error, self)

    # ---- functions ----

    def special(self, name: str, *xs: Any) -> Bounded:
        return self._function(name, partial(self.base.special, name))(*xs)

    def _function(self, name: str, function: Callable[..., Number]) -> Callable[..., Bounded]:
        def bounded(*operands: Any) -> Bounded:
            ops = [self.number(x) for x in operands]
            xs = [x.value for x in ops]
            corners = self._corners(function, ops)
            try:
                y = function(*xs)
            except (ArithmeticError, ValueError):
                if corners and (
                    any(corner is not None for corner in corners) or self._may_be_whole(name, ops)
                ):
                    return self.undecided()  # within the bounds there are points of the domain
                raise
            spread = _spread(name, ops, y, corners)
            scale = _NONE
            if log2_size(y) <= spread + _LEVEL:
                scale = self._scale(function, ops, y, spread)
            return self.rounded(y, spread, scale, self._rounding(name, ops, y))

        return bounded

    def _scale(self, function: Callable[..., Number], ops: list[Bounded], y: Number, spread: float) -> float:
        """Return how far a function moves with the operands, or the terms that cancelled in them.

        Noise is passed on, and at most as large as it comes. What underflows is no noise of terms: there the
        slope alone tells.
        """
        scale, underflows = _NONE, spread <= LEAST_BITS
        for place, x in enumerate(ops):
            if not x.is_exact and x.scale < math.inf:
                moved = [other.value for other in ops]
                moved[place] = x.value + self._power(x.scale)
                there = _try(function, moved)
                far = _NONE if there is None or underflows else log2_size(there - y)
                scale = add_logs(scale, min(x.scale, max(far, x.scale + spread - x.error)))
        return scale

    def _power(self, exponent: float) -> Number:
        """Return a number of few bits that is not below 2**exponent, and hardly above it.

        A whole power of two would double the bound at each step: after 200 of them nothing would be known.
        """
        if exponent == _NONE:
            return self.base.zero
        whole = math.floor(exponent)
        return self.base.mp.ldexp(math.ceil(2.0 ** (exponent - whole) * _FINE) + 1, whole - _FINE_BITS)

    def _corners(self, function: Callable[..., Number], ops: list[Bounded]) -> list[Number | None]:
        """Return the values of a function at the corners of its operands' intervals, None where none is.

        No corners at all where the operands are exact; one without a value where they may be anything.
        """
        if all(x.is_exact for x in ops):
            return []
        if not all(x.error < math.inf for x in ops):
            # Nothing is known of the operand, so there may be a value or none.
            return [None, self.base.nan]
        with self.base.mp.extraprec(max(map(self._bits_beyond, ops))):
            ends = [(x.value,) if x.is_exact else self._ends(x) for x in ops]
            return [_try(function, xs) for xs in combinations(*ends)]

    def _bits_beyond(self, x: Bounded) -> int:
        """Return how many more bits than there are the ends of an interval take.

        Its bound may be far below the last bit of a number: 1 ± 1e-125, of which the logarithm is not 0.
        """
        beyond = x.size - x.error - self.bits + _FINE_BITS
        return math.ceil(min(beyond, _MOST_BEYOND)) if 0 < beyond < math.inf else 0

    def _ends(self, x: Bounded) -> tuple[Number, Number]:
        least = x.size - self.bits - _MOST_BEYOND + _FINE_BITS if x.size < math.inf else _NONE
        step = self._power(max(x.error, least))
        return x.value - step, x.value + step

    def _rounding(self, name: str, ops: list[Bounded], y: Number) -> float:
        """Return the error that a function makes by itself."""
        # exp(0 ± 1e-70) is 1 at the corners too, to 60 digits: only of exact operands is it exact.
        may_be_special = not y or all(x.is_exact for x in ops)
        if name in _STEPS or (may_be_special and self._is_special(name, [x.value for x in ops], y)):
            return _NONE
        # A function of the library may be off by some units; one that ends at its limit is off by that.
        return log2_size(y) + self.unit + 2 if y else float(LEAST_BITS)

    def _is_special(self, name: str, xs: list[Number], y: Number) -> bool:
        """Tell whether a function of exact operands is known to be exact here."""
        x = xs[0]
        if name == "pow":
            n = xs[1]
            return (
                x in (0, 1)
                or n in (0, 1)
                or bool(1 < n < 100 and n == int(n) and x._mpf_[3] * int(n) <= self.bits)
            )
        if name == "sqrt":
            return bool(2 * y._mpf_[3] <= self.bits and y * y == x)
        if name in ("exp", "cos", "cosh", "erfc"):
            return not x
        return not y or (name == "hypot" and 0 in xs)

    # ---- decisions ----

    def _comparison(self, compare: Callable[[Number, Number], Number]) -> Callable[..., Bounded]:
        def bounded(left: Any, right: Any) -> Bounded:
            x, y = self.number(left), self.number(right)
            # A number is equal to itself, whatever its error: max of one best operand is that operand.
            return self.condition(compare(x.value, y.value), sure=x is y or _is_apart(x, y))

        return bounded

    def both(self, p: Any, q: Any) -> Bounded:
        p, q = self._as_condition(p), self._as_condition(q)
        settled = any(x.is_exact and not x.value for x in (p, q))
        return self.condition(p.value and q.value, sure=settled or (p.is_exact and q.is_exact))

    def _may_be_whole(self, name: str, ops: list[Bounded]) -> bool:
        """Tell whether a power may be a whole one, at which a negative base has a value."""
        return name == "pow" and (not ops[1].size < math.inf or not self.is_integer(ops[1]).is_exact)

    def is_integer(self, x: Bounded) -> Bounded:
        whole = self.base.mp.nint(x.value) if x.size < math.inf else x.value
        sure = x.is_exact or _is_apart(x, self.number(whole))
        return self.condition(self.base.is_integer(x.value), sure=sure)

    def max(self, *xs: Any) -> Bounded:
        return self._extremum(max, xs)

    def min(self, *xs: Any) -> Bounded:
        return self._extremum(min, xs)

    def _extremum(self, choose: Callable[..., Bounded], operands: Sequence[Any]) -> Bounded:
        xs = [self.number(x) for x in operands]
        best = choose(xs, key=lambda x: x.value)
        # It moves no further than that operand which moves furthest, of those that may be the best.
        rivals = [x for x in xs if x is not best and not _is_apart(x, best)]
        if not rivals:
            return best
        either = (best, *rivals)
        return Bounded(best.value, max(x.error for x in either), self, max(x.scale for x in either))


def _is_ratio(y: Any, fraction: Any) -> bool:
    """Tell whether an mpf is a fraction exactly."""
    _, mantissa, exponent, _ = y._mpf_
    top, bottom = abs(fraction.numerator), int(mantissa) * fraction.denominator
    return bool(bottom << exponent == top if exponent >= 0 else bottom == top << -exponent)


def _try(function: Callable[..., Number], xs: Sequence[Number]) -> Number | None:
    try:
        return function(*xs)
    except (ArithmeticError, ValueError):
        return None


def _is_apart(x: Bounded, y: Bounded) -> bool:
    """Tell whether the order of two numbers is sure."""
    slack = add_logs(x.error, y.error)
    return slack == _NONE or log2_size(x.value - y.value) > slack


def _spread(name: str, ops: list[Bounded], y: Number, corners: list[Number | None]) -> float:
    """Return how far a function moves within the bounds of its operands, as a logarithm.

    Most functions are monotone or convex in each operand, or so within a short interval, and go furthest at a
    corner.
    """
    if not corners:
        return _NONE
    if any(corner is None for corner in corners) or _may_jump(name, ops, y, corners):
        return math.inf
    if name == "abs":
        return ops[0].error
    if name.startswith("besselj"):
        return ops[1].error  # its slope is between -1 and 1: DLMF 10.14.1 and 10.6.1
    if name in _STEPS and all(corner == y for corner in corners):
        return _NONE  # they rise, so between equal corners they are constant
    if name == "pow" and not ops[0].value and ops[0].is_exact:
        return _NONE  # zero to any power above 0 (``_may_jump``) is zero
    # What is at its limit in the reals has not quite reached it.
    spread = max(*(log2_size(corner - y) for corner in corners), float(LEAST_BITS))
    # Over more than a part of a turn the corners say nothing.
    return 1.0 if name in ("sin", "cos") and ops[0].error >= 0 else spread


def _may_jump(name: str, ops: list[Bounded], y: Number, corners: list[Any]) -> bool:
    """Tell whether there may be a pole or a jump between the corners."""
    x = ops[0]
    if name == "tan":
        # It rises from pole to pole.
        return x.error >= 0 or not corners[0] <= y <= corners[1]
    if name == "pow" and x.value < 0 and not ops[1].is_exact:
        return True  # of a whole exponent the last digit decides the sign
    if name == "pow":
        return x.size <= x.error and not (ops[1].value > 0 and ops[1].size > ops[1].error)
    if name == "atan2":
        reaches_axis = x.size <= x.error
        return reaches_axis and not (ops[1].value > 0 and ops[1].size > ops[1].error)
    return False


_STEPS = frozenset({"abs", "sign", "floor", "ceil"})

_UNIT_OF_DOUBLES, _LEAST_DOUBLE = -53.0, -1074.0
# The digits of the reals that doubles are compared with.
_DIGITS = 40
_ARITHMETIC = frozenset({"add", "sub", "mul", "div", "neg"})


class BoundedFloats(RoundingNamespace):
    """binary64 as FLOAT computes it, with bounds: what the float sweep may be off by."""

    def __init__(self) -> None:
        super().__init__(FLOAT)
        self.pi = Bounded(math.pi, log2_size(math.pi) + _UNIT_OF_DOUBLES, self)
        self.reals = bounded_reals(_DIGITS)

    # ---- the operators of the sweep ----

    def sum_rounds(self, total: Number, x: Bounded, y: Bounded) -> float:  # noqa: ARG002
        size = log2_size(total)
        # Sums of doubles below 2**-1022 are exact, and those that vanish.
        return size + _UNIT_OF_DOUBLES if size > -1022 else _NONE

    def product_rounds(self, product: Number, x: Bounded, y: Bounded) -> float:
        return self._rounds(product) if x.value and y.value else _NONE

    def quotient_rounds(self, quotient: Number, x: Bounded, y: Bounded) -> float:  # noqa: ARG002
        return self._rounds(quotient) if x.value else _NONE

    @staticmethod
    def _rounds(y: float) -> float:
        """Return the error of a rounding to y, underflow included."""
        return max(log2_size(y) + _UNIT_OF_DOUBLES, _LEAST_DOUBLE - 1)

    def div(self, x: Bounded, y: Bounded) -> Bounded:
        return x / y

    # ---- rows ----

    def value(self, op: Op, xs: Sequence[Number]) -> Bounded:
        if op.name in _ARITHMETIC:
            result: Bounded = op.value(self, *xs)
            return result
        y = FLOAT.value(op, [x.value for x in xs])
        return self._against(y, lambda: op.value(self.reals, *map(self._real, xs)))

    def partial(self, op: Op, argnum: int, y: Number, xs: Sequence[Number], fixed: Sequence[bool]) -> Bounded:
        slope = FLOAT.partial(op, argnum, y.value, [x.value for x in xs], fixed)

        def true() -> Bounded:
            reals = [self._real(x) for x in xs]
            return self.reals.number(
                op.partial(self.reals, argnum, op.value(self.reals, *reals), reals, fixed)
            )

        return self._against(slope, true)

    def partials(
        self, op: Op, y: Number, xs: Sequence[Number], fixed: Sequence[bool]
    ) -> Sequence[Bounded | None]:
        if op.at_once is None:
            return super().partials(op, y, xs, fixed)
        doubles = FLOAT.partials(op, y.value, [x.value for x in xs], fixed)
        reals = [self._real(x) for x in xs]
        slopes = self.reals.partials(op, op.value(self.reals, *reals), reals, fixed)
        return [
            None if double is None else self._against(double, partial(self.reals.number, slope))
            for double, slope in zip(doubles, slopes, strict=True)
        ]

    def _real(self, x: Bounded) -> Bounded:
        return Bounded(self.reals.base.number(x.value), x.error, self.reals, x.scale)

    def _against(self, y: float, true: Callable[[], Bounded]) -> Bounded:
        """Return a double with the bound that its distance from the true value gives."""
        try:
            real = true()
        except (ArithmeticError, ValueError):
            return Bounded(y, math.inf, self)  # the bounds reach beyond the domain
        if real.value == y:  # infinities too
            return Bounded(y, real.error, self, real.scale)
        distance = log2_size(self.reals.base.number(y) - real.value)
        return Bounded(y, add_logs(real.error, distance), self, real.scale)


def bounded_reals(digits: int) -> BoundedReals:
    """Return the reals to ``digits`` digits, with bounds."""
    return BoundedReals(digits)


def bounded_floats() -> BoundedFloats:
    """Return binary64 with bounds: what the float sweep may be off by."""
    return BoundedFloats()
