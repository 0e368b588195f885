"""One number of a one-sided series: its terms, and what is not known of it. See ``series``."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

from backprop_cli.operations.exact import Constant, Field, Rational, plus, times

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = tuple[Any, Any]
"""(p, -q) of tᵖ·Lᵠ."""
LIMIT: Key = (0, 0)
FLAT: Key = (math.inf, 0)
"""Smaller than every power: exp(-1/t)."""
FIRST: Key = (1, 0)


class Sums(Protocol):
    """What a series asks of its namespace."""

    field: Field
    zero: Series

    def lift(self, x: Any) -> Series:
        """Return a number as a series."""

    def series(self, terms: Mapping[Key, Constant], bound: Key | None) -> Series:
        """Return the sum of terms and O(bound)."""

    def div(self, x: Series, y: Series) -> Series:
        """Return x/y."""


class Series:
    """terms: (key, factor), the largest first.  bound: key of what is not known, None where all is."""

    __slots__ = ("bound", "m", "terms")

    def __init__(self, m: Sums, terms: tuple[tuple[Key, Constant], ...], bound: Key | None) -> None:
        self.m = m
        self.terms = terms
        self.bound = bound

    @property
    def is_constant(self) -> bool:
        """Tell whether the value does not depend on t."""
        return self.bound is None and (not self.terms or self.terms[-1][0] == self.terms[0][0] == LIMIT)

    @property
    def constant(self) -> Constant:
        """Return the factor of t⁰."""
        return next((c for key, c in self.terms if key == LIMIT), 0)

    @property
    def size(self) -> Key | None:
        """Return the key of what the value is at most of the size of, None for zero."""
        return self.terms[0][0] if self.terms else self.bound

    def __add__(self, other: Any) -> Series:
        other = self.m.lift(other)
        total = dict(self.terms)
        for key, c in other.terms:
            total[key] = plus(total[key], c) if key in total else c
        return self.m.series(total, least(self.bound, other.bound))

    def __mul__(self, other: Any) -> Series:
        other = self.m.lift(other)
        a, b = self.size, other.size
        if a is None or b is None:
            return self.m.zero
        unknown = least(
            None if self.bound is None else joined(self.bound, b),
            None if other.bound is None else joined(a, other.bound),
        )
        tidy = self.m.field.tidy
        total: dict[Key, Constant] = {}
        for key1, c1 in self.terms:
            for key2, c2 in other.terms:
                key = joined(key1, key2)
                if unknown is not None and key >= unknown:
                    break
                product = tidy(times(c1, c2))
                total[key] = plus(total[key], product) if key in total else product
        return self.m.series(total, unknown)

    def __neg__(self) -> Series:
        return Series(self.m, tuple((key, -c) for key, c in self.terms), self.bound)

    def __sub__(self, other: Any) -> Series:
        # What is not known of a value is the same in itself.
        return self.m.zero if other is self else self + -self.m.lift(other)

    def __rsub__(self, other: Any) -> Series:
        return -self + self.m.lift(other)

    def __truediv__(self, other: Any) -> Series:
        return self.m.div(self, self.m.lift(other))

    def __rtruediv__(self, other: Any) -> Series:
        return self.m.div(self.m.lift(other), self)

    __radd__, __rmul__ = __add__, __mul__

    def slope(self, side: int) -> Constant | float:
        """Return the slope on this side: lim (f(x + side·t) - lim f)/(side·t), which may be infinite.

        Where the value itself grows without bound, the slope does so too.
        """
        rest = [(key, c) for key, c in self.terms if key != LIMIT]
        if not rest or rest[0][0] > FIRST:
            if not rest and self.bound is not None and self.bound <= FIRST:
                raise self.m.field.undecided()
            return 0
        (p, q), c = rest[0]
        if (p, q) == FIRST:
            return c * side
        # The derivative of t^p·L^-q goes as p·t^(p - 1), and as q/(t·L^(q + 1)) for p = 0.
        return math.inf * side * self.m.field.sign(c) * (1 if (p, q) > LIMIT else -1)

    def moved(self, key: Key, factor: Constant) -> Series:
        """Return this times one term."""
        return self * Series(self.m, ((key, factor),), None)


def least(a: Key | None, b: Key | None) -> Key | None:
    """Return the larger term of two, None where neither is there."""
    return b if a is None else a if b is None else min(a, b)


def joined(a: Key, b: Key) -> Key:
    """Return the key of a product."""
    p = a[0] + b[0]
    return FLAT if p == math.inf else (whole(p), whole(a[1] + b[1]))


def scaled(a: Key, factor: Rational) -> Key:
    """Return the key of a power."""
    return FLAT if a == FLAT else (whole(a[0] * factor), whole(a[1] * factor))


def whole(x: Rational) -> Rational:
    """Return a fraction that is whole as an int."""
    return x.numerator if x.denominator == 1 else x
