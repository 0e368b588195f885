"""Real constants of which it is known whether they are zero.

A rational is an int or a Fraction. An irrational is a ``Real``: a sum of rational multiples of products of a
square root and of *atoms*, which stand for exp(1), log(2), sin(3/4) and whatever else has no better name. Two
constants made in the same way have the same form, so their difference is exactly zero; and every constant
lies between two bounds of many digits, so one that is not near zero is known to differ from it. Between the
two (sin(1)^2 + cos(1)^2 - 1) nothing is said: ``UndecidedError`` is raised.

Forms follow exp(a)·exp(b) = exp(a + b), log(a·b) = log(a) + log(b) and (√a)² = a. Every law decides more
cases; none is needed for what is decided to be right. Bounds are interval arithmetic (Moore, Interval
Analysis, 1966), rounded outwards by mpmath.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache, cached_property, partial
from typing import TYPE_CHECKING, Any

from backprop_cli.operations import special

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Rational = int | Fraction
# Fractions of doubles grow with every product, and sums of atoms faster. Beyond this a constant goes on as
# one atom: equal to what is computed in the same way, and known by its bounds. With sums of 24 terms a chain
# of 300 sines took 500 s, with these 1 s.
_MOST_BITS, _MOST_TERMS, _MOST_PRODUCTS, _MOST_ATOMS = 4_000, 4, 6, 3
# A tower of exponentials would fill the memory; one of a double's square is an exponent of 2,100 bits.
_MOST_EXPONENT = 2**2200
_SMALL_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)


class UndecidedError(ArithmeticError):
    """Neither of two cases is certain, at these digits and with so many terms."""


class Atom:
    """An irrational constant: what it is made of, where that can be used, and its bounds.

    base: the constant that this is, for an atom that stands in powers of a fraction.  log: its logarithm.
    exp: what it is the logarithm of.
    """

    __slots__ = ("base", "bounds", "exp", "log", "serial")

    def __init__(self, serial: int, bounds: Any) -> None:
        self.serial = serial
        self.bounds = bounds
        self.base: Constant | None = None
        self.log: Constant | None = None
        self.exp: Rational | None = None


Monomial = tuple[int, tuple[tuple[Atom, Rational], ...]]
"""A number below a square root, and atoms with their powers, in the order they were made."""
_ONE: Monomial = (1, ())


class Real:
    """An irrational constant: monomial -> its rational factor, and an interval that holds it."""

    __slots__ = ("bounds", "field", "terms")

    def __init__(self, field: Field, terms: Mapping[Monomial, Rational], bounds: Any) -> None:
        self.field = field
        self.terms = terms
        self.bounds = bounds

    def __add__(self, other: Constant) -> Constant:
        if not (isinstance(other, Real) or other):
            return self
        total = dict(self.terms)
        for monomial, c in _terms(other).items():
            total[monomial] = total[monomial] + c if monomial in total else c
        return self.field.constant(total, self.bounds + self.field.bounds(other))

    def __mul__(self, other: Constant) -> Constant:
        if not isinstance(other, Real):
            return self.field.constant(
                {m: c * other for m, c in self.terms.items()}, self.bounds * self.field.bounds(other)
            )
        field, bounds = self.field, self.bounds * other.bounds
        if len(self.terms) * len(other.terms) > _MOST_PRODUCTS:
            return field.opaque(("product", frozenset((_form(self), _form(other)))), bounds)
        total: dict[Monomial, Rational] = {}
        rest: Constant = 0
        for m1, c1 in self.terms.items():
            for m2, c2 in other.terms.items():
                factor, monomial = _times(m1, m2)
                if any(atom.base is not None and power >= 1 for atom, power in monomial[1]):
                    rest = rest + field.expand(monomial) * (c1 * c2 * factor)
                else:
                    total[monomial] = total.get(monomial, 0) + c1 * c2 * factor
        if isinstance(rest, Real) or rest:
            return field.constant(total) + rest
        return field.constant(total, bounds)

    def __neg__(self) -> Constant:
        return Real(self.field, {m: -c for m, c in self.terms.items()}, -self.bounds)

    def __sub__(self, other: Constant) -> Constant:
        return self + -other

    def __rsub__(self, other: Constant) -> Constant:
        return -self + other

    __radd__, __rmul__ = __add__, __mul__


Constant = int | Fraction | Real


@cache
def _contexts(digits: int) -> tuple[Any, Any]:
    """Return the intervals of mpmath and its reals, those with ten digits more. They take 3 ms to make."""
    import mpmath
    from mpmath.ctx_iv import MPIntervalContext

    intervals, reals = MPIntervalContext(), mpmath.mp.clone()
    intervals.dps, reals.dps = digits, digits + 10
    return intervals, reals


def _terms(c: Constant) -> Mapping[Monomial, Rational]:
    return c.terms if isinstance(c, Real) else {_ONE: c}


def _times(x: Monomial, y: Monomial) -> tuple[int, Monomial]:
    """Return the product of two monomials, and the whole number that comes out of their square roots."""
    common = math.gcd(x[0], y[0])
    powers = dict(x[1])
    for atom, power in y[1]:
        powers[atom] = powers.get(atom, 0) + power
    atoms = sorted(((a, _whole(p)) for a, p in powers.items() if p), key=lambda item: item[0].serial)
    return common, (x[0] // common * (y[0] // common), tuple(atoms))


def _whole(x: Rational) -> Rational:
    return x.numerator if x.denominator == 1 else x


def plus(x: Constant, y: Constant) -> Constant:
    """Return x + y. A fraction would first ask what a Real is, which takes ten times as long."""
    return y + x if isinstance(y, Real) else x + y


def times(x: Constant, y: Constant) -> Constant:
    """Return x·y, as ``plus``."""
    return y * x if isinstance(y, Real) else x * y


def divide(x: Constant, y: Constant) -> Constant:
    """Return x/y, where y is known not to be zero."""
    if isinstance(y, Real):
        return y.field.divide(x, y)
    return x * Fraction(1, y) if isinstance(x, Real) else _whole(Fraction(x) / y)


class Field:
    """The constants, with bounds of so many digits.

    What they are functions of is compared by form, so a function of equal constants is the same atom.
    gave_up: whether anything was undecided.
    """

    def __init__(self, digits: int) -> None:
        self.iv, self.mp = _contexts(digits)
        # The functions of mpmath are right to some units of the last of its ten more digits.
        self._atoms: dict[Any, Atom] = {}
        self._between: dict[Monomial, Any] = {}
        self.gave_up = False

    @cached_property
    def _margin(self) -> Any:
        return self.iv.mpf([-1, 1]) * self.iv.mpf(10) ** -(self.iv.dps + 5)

    @cached_property
    def pi(self) -> Constant:
        """The constant itself."""
        return self._of_atom(self._atom("pi", lambda: self.iv.pi))

    def undecided(self) -> UndecidedError:
        """Return the error for what is not known, and remember it."""
        self.gave_up = True
        return UndecidedError()

    # ---- forms ----

    def constant(self, terms: Mapping[Monomial, Rational], bounds: Any = None) -> Constant:
        """Return the sum of these monomials with their factors; bounds: of the sum, where they are known."""
        terms = {m: c for m, c in terms.items() if c}
        if not terms.keys() - {_ONE}:
            return _whole(terms.get(_ONE, 0))
        if bounds is None:
            bounds = sum((self.between(m) * self.bounds(c) for m, c in terms.items()), self.iv.zero)
        if len(terms) > _MOST_TERMS or any(
            len(m[1]) > _MOST_ATOMS or c.denominator.bit_length() > _MOST_BITS for m, c in terms.items()
        ):
            return self.opaque(frozenset(terms.items()), bounds)
        return Real(self, terms, bounds)

    def tidy(self, c: Constant) -> Constant:
        """Return a constant that is not too long to go on with."""
        if isinstance(c, Real) or c.denominator.bit_length() <= _MOST_BITS:
            return c
        return self.opaque(c, self.bounds(c))

    def opaque(self, form: Any, bounds: Any) -> Constant:
        """Return a constant of which only its bounds are known, and that what has the same form is equal."""
        return Real(self, {(1, ((self._atom(("value", form), lambda: bounds), 1),)): 1}, bounds)

    def _atom(self, form: Any, bounds: Callable[[], Any]) -> Atom:
        if form not in self._atoms:
            self._atoms[form] = Atom(len(self._atoms), bounds())
        return self._atoms[form]

    def _of_atom(self, atom: Atom, power: Rational = 1) -> Constant:
        return self.constant({(1, ((atom, power),)): 1}, atom.bounds if power == 1 else None)

    def expand(self, monomial: Monomial) -> Constant:
        """Multiply out the whole powers of atoms that have a form of their own."""
        x: Constant = self.constant({(monomial[0], ()): 1})
        for atom, power in monomial[1]:
            whole = math.floor(power) if atom.base is not None else 0
            if whole >= 1 and atom.base is not None:
                x = x * self.power(atom.base, whole)
                power = _whole(power - whole)
            if power:
                x = x * self._of_atom(atom, power)
        return x

    # ---- bounds ----

    def bounds(self, c: Constant) -> Any:
        """Return an interval that holds a constant."""
        if isinstance(c, Real):
            return c.bounds
        return self.iv.mpf(c.numerator) / c.denominator

    def between(self, monomial: Monomial) -> Any:
        """Return an interval that holds a monomial."""
        if monomial not in self._between:
            self._between[monomial] = self._bounds_of(monomial)
        return self._between[monomial]

    def _bounds_of(self, monomial: Monomial) -> Any:
        x = self.iv.sqrt(self.iv.mpf(monomial[0]))
        for atom, power in monomial[1]:
            if atom.log is not None:
                if not -_MOST_EXPONENT <= power <= _MOST_EXPONENT:
                    raise self.undecided()
                x = x * self.iv.exp(self.bounds(atom.log) * self.bounds(power))
            elif isinstance(power, int):
                x = x * atom.bounds**power
            else:
                x = x * self.iv.exp(self.iv.log(atom.bounds) * self.bounds(power))
        return x

    def sign(self, c: Constant) -> int:
        """Return -1, 0 or 1. Raises UndecidedError where the bounds of an irrational hold zero."""
        if not isinstance(c, Real):
            return (c > 0) - (c < 0)
        bounds = c.bounds
        if bounds.a > 0:
            return 1
        if bounds.b < 0:
            return -1
        raise self.undecided()

    def floor(self, c: Constant) -> int:
        """Return the largest whole number that is not above a constant."""
        if not isinstance(c, Real):
            return math.floor(c)
        low, high = (int(self.mp.floor(self.mp.make_mpf(end))) for end in c.bounds._mpi_)
        if low != high:
            raise self.undecided()
        return low

    def to_float(self, c: Constant) -> float:
        """Return the nearest double, or its neighbour.

        Raises UndecidedError where the bounds do not tell, or it is beyond doubles.
        """
        try:
            if not isinstance(c, Real):
                return float(c)
            low, high = (float(self.mp.make_mpf(end)) for end in c.bounds._mpi_)
        except OverflowError:
            raise self.undecided() from None
        # Bounds on both sides of the middle between two doubles are narrowed by no count of digits.
        if not (math.isfinite(low) and math.isfinite(high)) or abs(high - low) > math.ulp(low):
            raise self.undecided()
        return low + 0.0  # no -0.0

    # ---- functions ----

    def divide(self, x: Constant, y: Real) -> Constant:
        """Return x/y. Raises UndecidedError where y may be zero."""
        ratios = {divide(c, y.terms[m]) if m in y.terms else None for m, c in _terms(x).items()}
        if len(ratios) == 1 and None not in ratios and len(_terms(x)) == len(y.terms):
            return ratios.pop()  # type: ignore[return-value]
        if len(y.terms) > 1:
            return x * self._root(y, -1)
        ((root, atoms), c), *_ = y.terms.items()
        self.sign(y)
        inverse = (root, tuple((atom, -power) for atom, power in atoms))
        return x * self.constant({inverse: Fraction(1) / (c * root)})

    def _root(self, base: Constant, power: Rational) -> Constant:
        """Return a power of a constant that only its whole powers tell more of."""
        sign = self.sign(base)
        atom = self._atom(("power", _form(base)), lambda: self.bounds(base))
        atom.base = base
        assert sign > 0 or isinstance(power, int)
        return self._of_atom(atom, power)

    def power(self, c: Constant, power: Rational) -> Constant:
        """Return c**power, for c > 0, or a whole power of any c but 0."""
        if power == 1 or c == 1:
            return c
        if isinstance(power, int):
            return self._whole_power(c, power)
        if power.denominator == 2:
            return self.power(self.sqrt(c), power.numerator)
        if not isinstance(c, Real):
            top, bottom = (_exact_root(n, power.denominator) for n in (c.numerator, c.denominator))
            if top and bottom:
                return self.power(_whole(Fraction(top, bottom)), power.numerator)
        elif len(c.terms) == 1:
            ((root, atoms), factor), *_ = c.terms.items()
            if root == 1 and factor > 0 and all(atom.log is not None for atom, _ in atoms):
                powers = tuple((atom, _whole(p * power)) for atom, p in atoms)
                return self.power(_whole(factor), power) * self.constant({(1, powers): 1})
        whole = math.floor(power)
        return self.power(c, whole) * self._root(c, _whole(power - whole)) if whole else self._root(c, power)

    def _whole_power(self, c: Constant, power: int) -> Constant:
        if power < 0:
            return divide(1, self._whole_power(c, -power))
        if not isinstance(c, Real):
            if c in (1, -1):
                return c if power % 2 else 1
            if power * max(c.numerator.bit_length(), c.denominator.bit_length()) > _MOST_BITS:
                return self._function_of("power", c, lambda x: x**power, power)
            return c**power
        if power > _MOST_PRODUCTS:
            return self._function_of("power", c, lambda x: x**power, power)
        x: Constant = 1
        for bit in f"{power:b}":
            x = x * x * (c if bit == "1" else 1)
        return x

    def _function_of(self, name: str, c: Constant, of_bounds: Callable[[Any], Any], *more: Any) -> Constant:
        return self._of_atom(self._atom((name, _form(c), *more), lambda: of_bounds(self.bounds(c))))

    def sqrt(self, c: Constant) -> Constant:
        """Return the square root of a constant that is not negative."""
        if not isinstance(c, Real):
            outside, inside = _square_part(c.numerator * c.denominator)
            return self.constant({(inside, ()): Fraction(outside, c.denominator)})
        if len(c.terms) == 1:
            ((root, atoms), factor), *_ = c.terms.items()
            if root == 1 and factor > 0 and all(atom.log is not None for atom, _ in atoms):
                powers = tuple((atom, _whole(Fraction(p) / 2)) for atom, p in atoms)
                return self.sqrt(factor) * self.constant({(1, powers): 1})
        return self._root(c, Fraction(1, 2))

    def exp(self, c: Constant) -> Constant:
        """Return e to a constant, as a product: the power of a sum, and of multiples of log(2), is one."""
        x: Constant = 1
        for monomial, factor in _terms(c).items():
            if not factor:
                continue
            base = monomial[1][0][0].exp if len(monomial[1]) == 1 else None
            if base is not None and monomial == (1, ((monomial[1][0][0], 1),)) and _is_short(factor):
                x = x * self.power(base, factor)
                continue
            if abs(self.bounds(c)).b > _MOST_EXPONENT:
                raise self.undecided()
            exponent = self.constant({monomial: 1})
            atom = self._atom(("exp", monomial), partial(self.iv.exp, self.bounds(exponent)))
            atom.log = exponent
            x = x * self._of_atom(atom, factor)
        return x

    def log(self, c: Constant) -> Constant:
        """Return the logarithm of a positive constant: of products and powers, as a sum."""
        if not isinstance(c, Real):
            return self._log_of_whole(c.numerator) - self._log_of_whole(c.denominator)
        if len(c.terms) == 1:
            ((root, atoms), factor), *_ = c.terms.items()
            if factor > 0 and all(atom.log is not None for atom, _ in atoms):
                x = self.log(factor) + self.log(root) * Fraction(1, 2)
                for atom, power in atoms:
                    x = x + atom.log * power  # type: ignore[operator]
                return x
        return self._function_of("log", c, self.iv.log)

    def narrowed(self, y: Constant, function: Callable[[Any], Any], c: Constant) -> Constant:
        """Return y = f(c) with the narrower of its own bounds and those of f, which increases."""
        bounds = self._increasing(function, self.bounds(c))
        if not isinstance(y, Real):
            return y
        return Real(self, y.terms, bounds) if bounds.delta < y.bounds.delta else y

    def _log_of_whole(self, n: int) -> Constant:
        x: Constant = 0
        for prime in _SMALL_PRIMES:
            count = 0
            while n % prime == 0:
                n, count = n // prime, count + 1
            if count:
                x = x + self._log_of_prime(prime) * count
        return x + self._log_of_prime(n) if n > 1 else x

    def _log_of_prime(self, n: int) -> Constant:
        atom = self._atom(("log", n), lambda: self.iv.log(self.iv.mpf(n)))
        atom.exp = n
        return self._of_atom(atom)

    def sin(self, c: Constant) -> Constant:
        """Return the sine: known at multiples of π/2, and odd."""
        quarters = self._quarters(c)
        if quarters is not None:
            return (0, 1, 0, -1)[quarters % 4]
        return self._signed(c, lambda x: self._function_of("sin", x, self.iv.sin))

    def cos(self, c: Constant) -> Constant:
        """Return the cosine: known at multiples of π/2, and even."""
        quarters = self._quarters(c)
        if quarters is not None:
            return (1, 0, -1, 0)[quarters % 4]
        return self._function_of("cos", _turned(c)[0], self.iv.cos)

    def _quarters(self, c: Constant) -> int | None:
        """Return how often π/2 is in a constant, if that is a whole number."""
        if not isinstance(c, Real):
            return None if c else 0
        twice = divide(c * 2, self.pi)
        return twice if isinstance(twice, int) else None

    def asin(self, c: Constant) -> Constant:
        """Return the arcsine of a constant between -1 and 1."""
        if c in (1, -1):
            return self.pi * Fraction(c, 2)
        return self._odd("asin", c)

    def atan(self, c: Constant) -> Constant:
        """Return the arctangent."""
        if c in (1, -1):
            return self.pi * Fraction(c, 4)
        return self._odd("atan", c)

    def erf(self, c: Constant) -> Constant:
        """Return the error function."""
        return self._odd("erf", c)

    def special(self, name: str, *cs: Constant) -> Constant:
        """Return a special function of whole orders and a fraction that has an end in binary."""
        x = cs[-1]
        low, high = (self.mp.make_mpf(end) for end in self.bounds(x)._mpi_)
        if isinstance(x, Real) or low != high:
            raise self.undecided()
        y = special.value(self.mp, name, *cs[:-1], low)
        if not y or (not x and name.startswith("besselj")):
            return int(y)
        return self._of_atom(self._atom((name, *cs), lambda: self.iv.mpf(y) * (1 + self._margin)))

    def _odd(self, name: str, c: Constant) -> Constant:
        function = getattr(self.mp, name)
        return self._signed(c, lambda x: self._function_of(name, x, lambda b: self._increasing(function, b)))

    def _signed(self, c: Constant, function: Callable[[Constant], Constant]) -> Constant:
        if c == 0:
            return 0
        size, sign = _turned(c)
        return function(size) * sign

    def _increasing(self, function: Callable[[Any], Any], bounds: Any) -> Any:
        """Return an interval that holds the values of an increasing function."""
        low, high = (function(self.mp.make_mpf(end)) for end in bounds._mpi_)
        if not all(isinstance(y, self.mp.mpf) for y in (low, high)):
            raise self.undecided()  # the interval reaches beyond the domain
        interval = self.iv.mpf([low, high])
        return interval + interval * self._margin


def _form(c: Constant) -> Any:
    """Return what equal constants have in common."""
    return frozenset(c.terms.items()) if isinstance(c, Real) else c


def _turned(c: Constant) -> tuple[Constant, int]:
    """Return c or -c, the same for both, and which it was."""
    first = next(iter(c.terms.values())) if isinstance(c, Real) else c
    return (-c, -1) if first < 0 else (c, 1)


def _is_short(x: Rational) -> bool:
    return -_MOST_BITS <= x <= _MOST_BITS and x.denominator < _MOST_BITS


def _square_part(n: int) -> tuple[int, int]:
    """Return a, b with n = a²·b, b free of the squares of small primes."""
    root = math.isqrt(n)
    if root * root == n:
        return root, 1
    outside = 1
    for prime in _SMALL_PRIMES:
        while n % (prime * prime) == 0:
            n //= prime * prime
            outside *= prime
    root = math.isqrt(n)
    return (outside * root, 1) if root * root == n else (outside, n)


def _exact_root(n: int, degree: int) -> int:
    """Return the whole root of n ≥ 1, or 0 where it has none."""
    if n == 1:
        return 1
    if degree >= n.bit_length():
        return 0
    low, high = 1, 1 << -(-n.bit_length() // degree)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= n else (low, middle - 1)
    return low if low**degree == n else 0
