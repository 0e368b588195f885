"""One-sided series: how a value behaves as an input moves from x to x + s·t, with t → 0 from above.

A number is f = Σ c·tᵖ·Lᵠ + O(tʳ·Lʷ), where L = log(1/t) grows without bound, more slowly than any power. Its
terms are ordered by size: tᵖ·Lᵠ is larger than tʳ·Lʷ as t → 0 if p < r, or p = r and q > w. So the key of a
term is (p, -q): keys are compared and added as pairs, and the first term is the limit or what outgrows it.
Exponents are rational; factors are constants of which it is known whether they are zero (``exact``).

The rows of the table run on these numbers as on any other; only the forward sweep is needed, since the slope
on that side is the factor of t. What is unknown is never guessed: a decision that the terms kept don't allow,
or a function outside this class (log L, exp(1/t)), raises ``UndecidedError``.

The order is that of the logarithmic-exponential Hardy field (Hardy, Orders of Infinity, 1910), cut off below
its exponentials.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.operations import special
from backprop_cli.operations.exact import Constant, Field, Rational, Real, UndecidedError, divide
from backprop_cli.operations.one_sided import FIRST, FLAT, LIMIT, Key, Series, scaled, whole
from backprop_cli.operations.op import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_MOST_FACTORS = 16
# Where inverse functions end: the sign of what leads to where they have values.
_INWARDS: Mapping[str, Mapping[Rational, int]] = {"erfinv": {-1: 1, 1: -1}, "norminv": {0: 1, 1: -1}}


class Condition(NamedTuple):
    """Whether a comparison holds beside the point, and whether it may be otherwise at the point itself."""

    holds: bool
    is_boundary: bool

    def __bool__(self) -> bool:
        return self.holds


class SeriesNamespace(Namespace):
    """The functions of the table on one-sided series of up to ``count`` terms.

    jumps: set while rows run, where a decision may have made the value on this side start elsewhere than at
    the point.
    """

    zero: Series
    one: Series
    inf, nan = math.inf, math.nan

    def __init__(self, digits: int, count: int) -> None:
        self.field = Field(digits)
        self.count = count
        self.jumps = False
        self.zero, self.one = self.number(0), self.number(1)
        self.bits = 8 * count  # terms that the row of sinc's slope would sum

    # These take longer than most programs, which have none of them.

    @cached_property
    def pi(self) -> Series:
        return self.number(self.field.pi)

    @cached_property
    def ln2(self) -> Series:
        return self.number(self.field.log(2))

    @cached_property
    def ln10(self) -> Series:
        return self.number(self.field.log(10))

    # ---- making them ----

    def number(self, x: Any) -> Series:
        """Return a constant: a double is a fraction, exactly. A series is returned as it is."""
        if isinstance(x, Series):
            return x
        if isinstance(x, float | Fraction):
            x = whole(Fraction(x))
        return Series(self, ((LIMIT, x),) if isinstance(x, Real) or x else (), None)

    lift = number

    def beside(self, x: float, side: int) -> Series:
        """Return x + side·t."""
        return self.number(x) + Series(self, ((FIRST, side),), None)

    def series(self, terms: Mapping[Key, Constant], bound: Key | None) -> Series:
        """Return the sum of terms, the largest of them, and O(bound)."""
        kept = [
            (key, c) for key, c in terms.items() if (isinstance(c, Real) or c) and (not bound or key < bound)
        ]
        if len(kept) > 1:
            kept.sort(key=lambda term: term[0])
            if len(kept) > self.count:
                bound = kept[self.count][0]
        return Series(self, tuple(kept[: self.count]), bound)

    def _unknown(self, size: Key) -> Series:
        return Series(self, (), size)

    # ---- deciding ----

    def _lead(self, x: Series) -> tuple[Key, Constant, int]:
        """Return the largest term with its sign."""
        if not x.terms:
            raise self.field.undecided() if x.bound is not None else ZeroDivisionError
        key, c = x.terms[0]
        return key, c, self.field.sign(c)

    def _sign(self, x: Series) -> int:
        return 0 if x.size is None else self._lead(x)[2]

    def _vanishes(self, x: Series) -> bool:
        """Tell whether a value that is not zero goes to zero."""
        return x.size is not None and x.size > LIMIT

    def _apart(self, x: Series) -> tuple[Constant, Series]:
        """Return the limit of a finite value, and what it differs by."""
        if (x.size is not None and x.size < LIMIT) or (x.bound is not None and x.bound <= LIMIT):
            raise self.field.undecided()
        return x.constant, Series(self, tuple(term for term in x.terms if term[0] != LIMIT), x.bound)

    def _relative(self, x: Series) -> tuple[Key, Constant, int, Series]:
        """Return key and factor of the largest term, its sign, and what x/term differs from 1 by."""
        key, c, sign = self._lead(x)
        rest = Series(self, x.terms[1:], x.bound)
        return key, c, sign, rest.moved(scaled(key, -1), divide(1, c)) if rest.size else self.zero

    def sign(self, x: Series) -> Series:
        sign = self._sign(x)
        self.jumps |= self._vanishes(x)
        return self.number(sign)

    def abs(self, x: Series) -> Series:
        if not x.terms:
            return x
        return x if self._sign(x) > 0 else -x

    def max(self, x: Series, *others: Series) -> Series:
        for y in others:
            x = self._larger(x, y)
        return x

    def min(self, x: Series, *others: Series) -> Series:
        for y in others:
            x = -self._larger(-x, -y)
        return x

    def _larger(self, x: Series, y: Series) -> Series:
        difference = x - y
        if not difference.terms:
            return x if difference.bound is None else x + self._unknown(difference.bound)
        return x if self._sign(difference) > 0 else y

    def _compared(self, x: Series, y: Series, holds: Callable[[int], bool]) -> Condition:
        difference = x - y
        return Condition(holds(self._sign(difference)), self._vanishes(difference))

    def lt(self, x: Series, y: Series) -> Condition:
        return self._compared(x, y, lambda sign: sign < 0)

    def le(self, x: Series, y: Series) -> Condition:
        return self._compared(x, y, lambda sign: sign <= 0)

    def gt(self, x: Series, y: Series) -> Condition:
        return self._compared(x, y, lambda sign: sign > 0)

    def ge(self, x: Series, y: Series) -> Condition:
        return self._compared(x, y, lambda sign: sign >= 0)

    def eq(self, x: Series, y: Series) -> Condition:
        return self._compared(x, y, lambda sign: sign == 0)

    def both(self, p: Any, q: Any) -> Condition:
        is_boundary = any(isinstance(c, Condition) and c.is_boundary for c in (p, q))
        return Condition(bool(p) and bool(q), is_boundary)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        taken, other = (x, y) if condition else (y, x)
        if isinstance(condition, Condition) and condition.is_boundary:
            self.jumps |= not self._meet(taken, other)
        return taken

    def _meet(self, x: Any, y: Any) -> bool:
        """Tell whether two branches certainly have the same limit."""
        try:
            limits = [self._apart(branch)[0] for branch in (x, y) if isinstance(branch, Series)]
        except UndecidedError:
            return False
        return len(limits) == 2 and same(*limits)

    def floor(self, x: Series) -> Series:
        limit, rest = self._apart(x)
        low = self.field.floor(limit)
        if limit == low and self._sign(rest) < 0:
            self.jumps = True
            low -= 1
        return self.number(low)

    def ceil(self, x: Series) -> Series:
        return -self.floor(-x)

    def is_integer(self, x: Series) -> Condition:
        if not x.is_constant:
            raise self.field.undecided()
        return Condition(x.constant == self.field.floor(x.constant), is_boundary=False)

    # ---- powers ----

    def _sum_of_powers(self, factors: Iterable[Constant], x: Series) -> Series:
        """Return Σ aₖ·xᵏ for an x that goes to zero; factors end where no more are known."""
        if x.size is None:
            return self.number(next(iter(factors)))
        if x.size <= LIMIT:
            raise self.field.undecided()
        known: list[Constant] = []
        for c in factors:
            known.append(c)
            beyond = scaled(x.size, len(known))
            if len(known) > self.count or (x.bound is not None and beyond >= x.bound):
                break
        total = self.zero
        for c in reversed(known):
            total = total * x + self.number(c)
        return total + self._unknown(beyond)

    def div(self, x: Series, y: Series) -> Series:
        key, c, _, rest = self._relative(y)
        exact = self._exact_quotient(x, y)
        if exact is not None:
            return exact
        inverse = self.one if rest.size is None else self._binomial(rest, -1)
        return (x * inverse).moved(scaled(key, -1), divide(1, c))

    ratio = div

    def _exact_quotient(self, x: Series, y: Series) -> Series | None:
        """Return x/y where it ends and all of it is known, as y/(-y) does; None elsewhere."""
        if x is y:
            return self.one
        if x.bound is not None or y.bound is not None or not x.terms:
            return None
        last = x.terms[-1][0][0] - y.terms[-1][0][0]
        quotient = self.zero
        for _ in range(self.count):
            if not x.terms:
                return quotient
            (key, c), (by, divisor) = x.terms[0], y.terms[0]
            if key[0] - by[0] > last:
                break
            term = Series(self, (((whole(key[0] - by[0]), whole(key[1] - by[1])), divide(c, divisor)),), None)
            quotient, x = quotient + term, x - y * term
            if x.bound is not None:
                break
        return None

    def _binomial(self, x: Series, power: Rational) -> Series:
        """Return (1 + x)**power for an x that goes to zero."""

        def factors() -> Iterable[Constant]:
            c: Constant = 1
            for k in range(self.count + 2):
                yield c
                c = divide(c * (power - k), k + 1)

        return self._sum_of_powers(factors(), x)

    def _power(self, x: Series, power: Rational) -> Series:
        """Return x to a rational power other than 0."""
        if x.size is None:
            if power < 0:
                raise ZeroDivisionError
            return x
        if isinstance(power, int) and 0 < power <= _MOST_FACTORS and not x.is_constant:
            y = x
            for _ in range(power - 1):
                y = y * x
            return y
        key, c, sign, rest = self._relative(x)
        if sign < 0 and not isinstance(power, int):
            raise ValueError("outside the real domain")
        y = self._binomial(rest, power) if rest.size is not None else self.one
        if power == Fraction(1, 2) and x.bound is None:
            y = self._exact_root(y, self.one + rest)
        return y.moved(scaled(key, power), self.field.power(c, power))

    def _exact_root(self, root: Series, x: Series) -> Series:
        """Return a square root of what is known, without a bound where it ends: that of (1 + t)² is 1 + t."""
        last = x.terms[-1][0]
        ending = Series(self, tuple(term for term in root.terms if _twice(term[0]) <= last), None)
        difference = ending * ending - x
        return ending if difference.size is None else root

    def sqrt(self, x: Series) -> Series:
        return self._power(x, Fraction(1, 2))

    def cbrt(self, x: Series) -> Series:
        third = Fraction(1, 3)
        return self._power(x, third) if self._sign(x) >= 0 else -self._power(-x, third)

    def hypot(self, x: Series, y: Series) -> Series:
        if x.size is None or y.size is None:
            return self.abs(x + y)
        return self.sqrt(x * x + y * y)

    def pow(self, x: Series, y: Series) -> Series:
        """Return x**y; 0**0 is 1. See docs/decisions/0003-powers.md."""
        if y.is_constant and not isinstance(y.constant, Real):
            return self._power(x, whole(y.constant)) if y.constant else self.one
        if x.size is None:
            if self._sign(y) < 0:
                raise ZeroDivisionError
            self.jumps |= self._vanishes(y)  # 0**0 is 1, and 0 beside it
            return self.zero
        if self._sign(x) < 0:
            if y.bound is not None and all(key == LIMIT for key, _ in y.terms):
                raise self.field.undecided()  # it may be the same number everywhere: x/(-x)
            raise ValueError("outside the real domain")
        return self.exp(y * self.log(x))

    # ---- exponentials and logarithms ----

    def exp(self, x: Series) -> Series:
        limit, key = x.constant, LIMIT
        for term, c in x.terms:
            if term >= LIMIT:
                break
            if term != (0, -1):
                return self._far_exponential(x)
            if isinstance(c, Real):  # an irrational power: its size is known, its factor has no place here
                return self._unknown((Fraction(math.nextafter(self.field.to_float(-c), -math.inf)), 0))
            key = (-c, 0)
        if x.bound is not None and x.bound <= LIMIT:
            return self._far_exponential(x)
        rest = Series(self, tuple(term for term in x.terms if term[0] > LIMIT), x.bound)
        y = self._sum_of_powers((Fraction(1, math.factorial(k)) for k in range(self.count + 2)), rest)
        return y if key == LIMIT and limit == 0 else y.moved(key, self.field.exp(limit))

    def _far_exponential(self, x: Series) -> Series:
        """Return exp(x) where x falls faster than any multiple of log t."""
        key, _, sign = self._lead(x)
        if sign < 0 and key < (0, -1):
            return self._unknown(FLAT)
        raise self.field.undecided()

    def expm1(self, x: Series) -> Series:
        return self.exp(x) - 1

    def log(self, x: Series) -> Series:
        return self._log(x, self.one, lambda _: None)

    def log2(self, x: Series) -> Series:
        return self._log(x, self.ln2, lambda c: _exponent(c, 2))

    def log10(self, x: Series) -> Series:
        return self._log(x, self.ln10, lambda c: _exponent(c, 10))

    def _log(self, x: Series, unit: Series, known: Callable[[Constant], int | None]) -> Series:
        key, c, sign, rest = self._relative(x)
        if sign < 0:
            raise ValueError("outside the real domain")
        if key[1] or key == FLAT:
            raise self.field.undecided()
        factors = (Fraction((-1) ** (k + 1), k or 1) * (k > 0) for k in range(self.count + 2))
        changing = self._sum_of_powers(factors, rest) + self.series({(0, -1): -key[0]}, None)
        exponent = known(c)
        if exponent is not None:
            return changing / unit + self.number(exponent)
        return (changing + self.number(self.field.log(c))) / unit

    def log1p(self, x: Series) -> Series:
        y = self.log(x + 1)
        if (x.bound is not None and x.bound <= LIMIT) or not isinstance(y.constant, Real):
            return y
        # Beside 1 all digits of a small number may be lost.
        known = self.field.narrowed(y.constant, self.field.mp.log1p, x.constant)
        return Series(self, tuple((key, known if key == LIMIT else c) for key, c in y.terms), y.bound)

    def sinh(self, x: Series) -> Series:
        return (self.exp(x) - self.exp(-x)) / 2

    def cosh(self, x: Series) -> Series:
        return (self.exp(x) + self.exp(-x)) / 2

    def tanh(self, x: Series) -> Series:
        if x.size is not None and x.size < LIMIT:
            e = self.exp(self.abs(x) * -2)
            return (1 - e) / (1 + e) * self._sign(x)
        e = self.exp(x * -2)
        return (1 - e) / (1 + e)

    def asinh(self, x: Series) -> Series:
        if x.size is not None and x.size < LIMIT:
            size = self.abs(x)
            return self.log(size + self.sqrt(size * size + 1)) * self._sign(x)
        return self.log(x + self.sqrt(x * x + 1))

    def acosh(self, x: Series) -> Series:
        if self._sign(x - 1) < 0:
            raise ValueError("outside the real domain")
        return self.log(x + self.sqrt((x - 1) * (x + 1)))

    def atanh(self, x: Series) -> Series:
        return self.log((1 + x) / (1 - x)) / 2

    # ---- functions by their Taylor series ----

    def sin(self, x: Series) -> Series:
        return self._circular(x, 0)

    def cos(self, x: Series) -> Series:
        return self._circular(x, 1)

    def _circular(self, x: Series, turns: int) -> Series:
        """Return the sine, turned by so many quarters."""
        if x.size is not None and x.size < LIMIT:
            return self._unknown(LIMIT)  # between -1 and 1
        limit, rest = self._apart(x)
        sine, cosine = self.field.sin(limit), self.field.cos(limit)
        cycle = [sine, cosine, -sine, -cosine]
        factors = (divide(cycle[(k + turns) % 4], math.factorial(k)) for k in range(self.count + 2))
        return self._sum_of_powers(factors, rest)

    def tan(self, x: Series) -> Series:
        return self.sin(x) / self.cos(x)

    def _by_slope(
        self, x: Series, value: Callable[[Constant], Constant], slope: Callable[[Series], Series]
    ) -> Series:
        """Return f(x) from f(x₀) and f': f(x₀ + h) = f(x₀) + ∫ f'(x₀ + h) dh, in powers of h."""
        limit, rest = self._apart(x)
        if rest.size is None:
            return self.number(value(limit))
        slopes = slope(self.number(limit) + Series(self, ((FIRST, 1),), None))
        known = self.count + 1 if slopes.bound is None else slopes.bound[0]
        by_power = dict(slopes.terms)
        factors = [value(limit), *(divide(by_power.get((k, 0), 0), k + 1) for k in range(known))]
        return self._sum_of_powers(factors, rest)

    def atan(self, x: Series) -> Series:
        if x.size is not None and x.size < LIMIT:
            return self.pi * Fraction(self._sign(x), 2) - self.atan(1 / x)
        return self._by_slope(x, self.field.atan, lambda h: 1 / (1 + h * h))

    def atan2(self, y: Series, x: Series) -> Series:
        if y.size is None and x.size is None:
            return self.zero
        is_origin = all(z.size is None or z.size > LIMIT for z in (x, y))
        self.jumps |= is_origin or (self._vanishes(y) and self._sign(y) < 0 and self._sign(x) < 0)
        if x.size is None or (y.size is not None and y.size < x.size):
            return self.pi * Fraction(self._sign(y), 2) - self.atan(x / y)
        angle = self.atan(y / x)
        if self._sign(x) > 0:
            return angle
        return angle + self.pi if self._sign(y) >= 0 else angle - self.pi

    def asin(self, x: Series) -> Series:
        if x.constant in (1, -1):
            return self.pi / 2 - self.acos(x)
        self._within_one(x)
        return self._by_slope(x, self.field.asin, lambda h: 1 / self.sqrt((1 - h) * (1 + h)))

    def acos(self, x: Series) -> Series:
        # The slope at ±1 is infinite; 2·asin(√((1 - x)/2)) has a finite one there.
        if x.constant == 1:
            return self.asin(self.sqrt((1 - x) / 2)) * 2
        if x.constant == -1:
            return self.pi - self.acos(-x)
        return self.pi / 2 - self.asin(x)

    def _within_one(self, x: Series) -> None:
        if self._sign(1 - x) < 0 or self._sign(1 + x) < 0:
            raise ValueError("outside the real domain")

    def erf(self, x: Series) -> Series:
        if x.size is not None and x.size < LIMIT:
            return self.number(self._sign(x)) + self._unknown(FLAT)
        return self._by_slope(x, self.field.erf, lambda h: self.exp(-(h * h)) * 2 / self.sqrt(self.pi))

    def special(self, name: str, *xs: Series) -> Series:
        *orders, x = xs
        if not all(n.is_constant for n in orders):
            raise ValueError("no value beside a whole order")
        if name == "gamma":
            return self.exp(self.special("lgamma", x))
        if name in ("lgamma", "polygamma") and self._vanishes(x) and self._sign(x) > 0:
            return self._beside_pole(name, orders, x)
        limit, rest = self._apart(x)
        inwards = None if isinstance(limit, Real) else _INWARDS.get(name, {}).get(limit)
        if inwards and rest.size is not None and self._sign(rest) == inwards:
            raise self.field.undecided()  # it grows as the root of L, with terms of log L
        at = (*(n.constant for n in orders), limit)
        if name in special.SLOPES:
            return self._by_own_slope(self.field.special(name, *at), special.SLOPES[name], rest)
        known = (special.derivative(self.field.special, k, name, *at) for k in range(self.count + 2))
        return self._sum_of_powers((divide(c, 2**k * math.factorial(k)) for k, c in enumerate(known)), rest)

    def _beside_pole(self, name: str, orders: list[Series], x: Series) -> Series:
        """Return a function of an x that goes to 0 from above: DLMF 5.5.1 and 5.15.5."""
        beyond = self.special(name, *orders, x + 1)
        if name == "lgamma":
            return beyond - self.log(x)
        n = self.field.floor(orders[0].constant)
        return beyond - self.number((-1) ** n * math.factorial(n)) / self._power(x, n + 1)

    def _by_own_slope(
        self, value: Constant, slope: Callable[[Namespace, Series], Series], rest: Series
    ) -> Series:
        """Return f(x₀ + h) from f(x₀) and f' = slope(f), each term of the integral from those before it."""
        if rest.size is None:
            return self.number(value)
        factors = [value]
        for k in range(self.count + 1):
            so_far = Series(self, tuple(((i, 0), c) for i, c in enumerate(factors) if c), None)
            by_power = dict(slope(self, so_far).terms)
            factors.append(divide(by_power.get((k, 0), 0), k + 1))
        return self._sum_of_powers(factors, rest)

    def erfc(self, x: Series) -> Series:
        y = 1 - self.erf(x)
        if (x.size is not None and x.size < LIMIT) or not isinstance(y.constant, Real):
            return y
        # Beside 1 all digits of a small number may be lost. erfc falls, so its opposite rises.
        field = self.field
        known = -field.narrowed(-y.constant, lambda v: -field.mp.erfc(v), x.constant)
        return Series(self, tuple((key, known if key == LIMIT else c) for key, c in y.terms), y.bound)


def _twice(key: Key) -> Key:
    return (2 * key[0], 2 * key[1])


def _exponent(c: Constant, base: int) -> int | None:
    """Return n where c is baseⁿ, else None."""
    if isinstance(c, Real):
        return None
    n = 0
    while c > 1 and c.denominator == 1 and c.numerator % base == 0:
        c, n = c.numerator // base, n + 1
    while c.numerator == 1 and c.denominator % base == 0:
        c, n = whole(Fraction(1, c.denominator // base)), n - 1
    return n if c == 1 else None


def same(x: Constant, y: Constant) -> bool:
    """Tell whether two constants are equal by form, so certainly."""
    difference = x - y
    return not isinstance(difference, Real) and difference == 0
