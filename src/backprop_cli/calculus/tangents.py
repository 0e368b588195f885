"""Numbers with tangents: one more number system for the sweep, which makes one more order of it.

A number carries how it moves along one direction. Its partials carry that too, by the second partials of each
row; so whatever is computed from them, such as a Hessian, comes with its derivative along the direction.
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed., ch. 13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backprop_cli.calculus.local import second_partials
from backprop_cli.certain.compared import is_zero
from backprop_cli.operations.op import Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.operations.op import Number, Op


class Tangent:
    """A number and its tangent, None for one that is 0. What is decided is decided by the number."""

    __hash__ = None  # type: ignore[assignment]
    __slots__ = ("tangent", "value")

    def __init__(self, value: Number, tangent: Number | None = None) -> None:
        self.value = value
        self.tangent = tangent

    @property
    def is_exact(self) -> bool:
        """Whether nothing is left out, a tangent included: of a number of 0, whether it is 0 for certain."""
        has_tangent = self.tangent is not None and not is_zero(self.tangent)
        return not has_tangent and bool(getattr(self.value, "is_exact", True))

    def __add__(self, other: Any) -> Tangent:
        other = _as_tangent(other)
        return Tangent(self.value + other.value, _sum(self.tangent, other.tangent))

    __radd__ = __add__

    def __neg__(self) -> Tangent:
        return Tangent(-self.value, None if self.tangent is None else -self.tangent)

    def __sub__(self, other: Any) -> Tangent:
        return self + -_as_tangent(other)

    def __mul__(self, other: Any) -> Tangent:
        other = _as_tangent(other)
        left = None if self.tangent is None else self.tangent * other.value
        right = None if other.tangent is None else self.value * other.tangent
        return Tangent(self.value * other.value, _sum(left, right))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Tangent:
        other = _as_tangent(other)
        ratio = self.value / other.value
        left = None if self.tangent is None else self.tangent / other.value
        right = None if other.tangent is None else -(ratio * other.tangent) / other.value
        return Tangent(ratio, _sum(left, right))

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == _as_tangent(other).value)

    def __ne__(self, other: object) -> bool:
        return bool(self.value != _as_tangent(other).value)


def _as_tangent(x: Any) -> Tangent:
    return x if isinstance(x, Tangent) else Tangent(x)


def _sum(x: Number | None, y: Number | None) -> Number | None:
    return y if x is None else x if y is None else x + y


class Tangents(Namespace):
    """Numbers of another system with tangents. jumps: whether a second partial that was met may jump."""

    def __init__(self, base: Namespace) -> None:
        self.base = base
        self.zero, self.one, self.pi = (Tangent(x) for x in (base.zero, base.one, base.pi))
        self.nan = Tangent(base.nan, base.nan)
        self.jumps = False

    def number(self, x: Any) -> Tangent:
        """Return a number, without a tangent where it has none."""
        return x if isinstance(x, Tangent) else Tangent(self.base.number(x))

    def value(self, op: Op, xs: Sequence[Any]) -> Tangent:
        """Evaluate one primitive, and its tangent by its partials."""
        values = [x.value for x in xs]
        y = self.base.value(op, values)
        fixed = [x.tangent is None for x in xs]
        if op.condition or all(fixed):
            return Tangent(y)
        tangent: Number | None = None
        read = op.read(self.base, values)
        for argnum, x in enumerate(xs):
            if x.tangent is None or not read[argnum]:
                continue
            slope = self.base.partial(op, argnum, y, values, fixed)
            if not (op.cuts and op.cuts_off(slope, fixed)):
                tangent = _sum(tangent, slope * x.tangent)
        return Tangent(y, tangent)

    def partial(self, op: Op, argnum: int, y: Any, xs: Sequence[Any], fixed: Sequence[bool]) -> Tangent:
        """Return a partial, and its tangent by the second partials."""
        values = [x.value for x in xs]
        slope = self.base.partial(op, argnum, y.value, values, fixed)
        if all(x.tangent is None for x in xs):
            return Tangent(slope)
        bend = second_partials(op, values, fixed, self.base)
        self.jumps = self.jumps or bend.jumps
        tangent: Number | None = None
        for other, x in enumerate(xs):
            number = bend.partials.get((min(argnum, other), max(argnum, other)))
            if number is not None and x.tangent is not None and not is_zero(number):
                tangent = _sum(tangent, number * x.tangent)
        return Tangent(slope, tangent)

    def partials(self, op: Op, y: Any, xs: Sequence[Any], fixed: Sequence[bool]) -> Sequence[Tangent | None]:
        """Return all partials of one primitive, None by constants."""
        return [None if f else self.partial(op, argnum, y, xs, fixed) for argnum, f in enumerate(fixed)]

    def __getattr__(self, name: str) -> Callable[..., Number]:
        """Return what is asked of numbers to decide something: it is asked of their values."""
        function = getattr(self.base, name)
        return lambda *xs: function(*(x.value if isinstance(x, Tangent) else x for x in xs))
