"""Balls: a number of many digits with a radius, by Arb; what a program does over a small box, proved.

Every function encloses its values over the operands, so a result holds whatever the true one may be. What a
ball leaves open is undecided: where a branch is chosen by it, both are enclosed, and a value beside a kink, a
jump or the end of a domain is refused.

Source: Johansson, Arb: efficient arbitrary-precision midpoint-radius interval arithmetic, 2017.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.operations.intervals import UndecidedError
from backprop_cli.operations.op import Namespace

try:
    from flint import acb, arb, ctx
except ModuleNotFoundError:
    from backprop_cli.errors import UsageError

    raise UsageError("proofs need python-flint", hint="pip install 'backprop_cli[exact]'") from None

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.operations.op import Op


class _RestError(UndecidedError, AttributeError):
    """Nothing bounds what is left out."""


class _Undecided:
    """A condition that holds at some points of a ball, or may."""

    def __bool__(self) -> bool:
        raise UndecidedError


UNDECIDED = _Undecided()
Condition = bool | _Undecided


class Ball:
    """All numbers near a midpoint. Python's comparisons hold for all of them, or raise UndecidedError."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: Any = value

    @property
    def is_exact(self) -> bool:
        """Whether it is one number."""
        return bool(self.value.is_exact())

    def __add__(self, other: Any) -> Ball:
        return Ball(self.value + _arb(other))

    def __sub__(self, other: Any) -> Ball:
        return Ball(self.value - _arb(other))

    def __mul__(self, other: Any) -> Ball:
        return Ball(self.value * _arb(other))

    def __truediv__(self, other: Any) -> Ball:
        return Ball(self.value / _arb(other))

    def __rsub__(self, other: Any) -> Ball:
        return Ball(_arb(other) - self.value)

    def __rtruediv__(self, other: Any) -> Ball:
        return Ball(_arb(other) / self.value)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Ball:
        return Ball(-self.value)

    def __lt__(self, other: Any) -> bool:
        return bool(_less(self.value, _arb(other)))

    def __le__(self, other: Any) -> bool:
        return bool(_not_above(self.value, _arb(other)))

    def __gt__(self, other: Any) -> bool:
        return bool(_less(_arb(other), self.value))

    def __ge__(self, other: Any) -> bool:
        return bool(_not_above(_arb(other), self.value))

    def __eq__(self, other: object) -> bool:
        return bool(_equal(self.value, _arb(other)))

    def __ne__(self, other: object) -> bool:
        return bool(self.value.is_nan()) if other is self else not self == other

    def __bool__(self) -> bool:
        """Tell whether it may be other than 0."""
        return not self.value.is_zero()

    def __floor__(self) -> Ball:
        return Ball(self.value.floor())

    __hash__ = None  # type: ignore[assignment]


def _arb(x: Any) -> Any:
    return x.value if isinstance(x, Ball) else arb(x)


def _less(x: Any, y: Any) -> Condition:
    return True if x < y else False if x >= y else UNDECIDED


def _not_above(x: Any, y: Any) -> Condition:
    return True if x <= y else False if x > y else UNDECIDED


def _equal(x: Any, y: Any) -> Condition:
    return True if x == y else False if x != y else UNDECIDED


def _cube_root(x: Any) -> Any:
    if x == 0 or x > 0:
        return x.root(3)
    return -(-x).root(3) if x < 0 else arb.nan()


def _whole_power(x: Any, n: int) -> Any:
    """Return x**n by squares; Arb's own has none for a ball around 0."""
    power = arb(1)
    while n:
        if n % 2:
            power *= x
        x, n = x * x, n // 2
    return power


def _polygamma(x: Any, order: int) -> Any:
    return x.digamma() if order == 0 else acb(x).polygamma(order).real


_SPECIAL: dict[str, Callable[..., Any]] = {
    "gamma": lambda x: x.gamma(),
    "lgamma": lambda x: x.lgamma(),
    "polygamma": _polygamma,
    "besselj": lambda x, order: x.bessel_j(order),
    "lambertw": lambda x: x.lambertw(),
    "erfinv": lambda x: x.erfinv(),
    "norminv": lambda p: (2 * p - 1).erfinv() * arb(2).sqrt(),
}
_OF_ARB = ("exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan",
           "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc")  # fmt: skip


class BallNamespace(Namespace):
    """Balls of so many bits, as long as ``ctx.prec`` of flint is that; a condition may be undecided."""

    def __init__(self) -> None:
        self.zero, self.one = Ball(arb(0)), Ball(arb(1))
        self.inf, self.nan = Ball(arb.pos_inf()), Ball(arb.nan())
        for name in _OF_ARB:
            setattr(self, name, self._function(getattr(arb, name)))
        self.abs, self.sign = self._function(abs), self._function(arb.sgn)
        self.floor, self.ceil = self._function(arb.floor), self._function(arb.ceil)
        self.cbrt = self._function(_cube_root)
        self.log2 = lambda x: self.log(x) / self.ln2
        self.log10 = lambda x: self.log(x) / self.ln10
        self.lt = lambda x, y: _less(_arb(x), _arb(y))
        self.le = lambda x, y: _not_above(_arb(x), _arb(y))
        self.gt = lambda x, y: _less(_arb(y), _arb(x))
        self.ge = lambda x, y: _not_above(_arb(y), _arb(x))
        self.eq = lambda x, y: _equal(_arb(x), _arb(y))

    @staticmethod
    def _function(function: Callable[[Any], Any]) -> Callable[[Any], Ball]:
        return lambda x: Ball(function(_arb(x)))

    @property
    def bits(self) -> int:  # type: ignore[override]
        """A series that ends by them leaves a rest, which no ball holds."""
        raise _RestError

    @property
    def pi(self) -> Ball:
        return Ball(arb.pi())

    @property
    def ln2(self) -> Ball:
        return Ball(arb.const_log2())

    @property
    def ln10(self) -> Ball:
        return Ball(arb.const_log10())

    def number(self, value: Any) -> Ball:
        return value if isinstance(value, Ball) else Ball(arb(value))

    def value(self, op: Op, xs: Sequence[Any]) -> Any:
        """Evaluate one primitive. Raises ValueError outside its domain, UndecidedError beside a kink."""
        orders = [math.nan if not x.is_exact else float(x.value) for x in xs[: op.orders]]
        if not _has_value(op, orders, xs):
            raise ValueError(op.domain.words)
        y = op.value(self, *xs)
        if op.kink is not None:
            fixed = [isinstance(x, Ball) and x.is_exact for x in xs]
            # What is one number over the whole box has no kink there, whatever its value.
            if not all(fixed) and op.kink.at(self, xs, fixed):
                raise UndecidedError
        return y

    # ---- decisions ----

    def both(self, p: Any, q: Any) -> Condition:
        if p is UNDECIDED or q is UNDECIDED:
            return False if p is False or q is False else UNDECIDED
        return bool(p) and bool(q)

    def either(self, p: Any, q: Any) -> Condition:
        if p is UNDECIDED or q is UNDECIDED:
            return True if p is True or q is True else UNDECIDED
        return bool(p) or bool(q)

    def is_integer(self, x: Any) -> Condition:
        x = _arb(x)
        if x.is_exact():
            return bool(x.is_integer())
        return UNDECIDED if x.contains_integer() else False

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        if condition is not UNDECIDED:
            return x if condition else y
        if isinstance(x, Ball) or isinstance(y, Ball):
            return Ball(_arb(x).union(_arb(y)))
        return x if x is y else UNDECIDED

    def max(self, *xs: Any) -> Ball:
        best = _arb(xs[0])
        for x in xs[1:]:
            best = best.max(_arb(x))
        return Ball(best)

    def min(self, *xs: Any) -> Ball:
        best = _arb(xs[0])
        for x in xs[1:]:
            best = best.min(_arb(x))
        return Ball(best)

    # ---- functions ----

    def atan2(self, y: Any, x: Any) -> Ball:
        return Ball(arb.atan2(_arb(y), _arb(x)))

    def hypot(self, x: Any, y: Any) -> Ball:
        x, y = _arb(x), _arb(y)
        return Ball((x * x + y * y).sqrt())

    def pow(self, x: Any, y: Any) -> Ball:
        x, y = _arb(x), _arb(y)
        if not (x.contains(0) and y.is_exact() and y.is_integer()):
            return Ball(x**y)
        power = _whole_power(x, abs(int(y.unique_fmpz())))
        return Ball(power if y >= 0 else 1 / power)

    def div(self, x: Any, y: Any) -> Ball:
        return Ball(_arb(x) / _arb(y))

    ratio = div

    def special(self, name: str, *xs: Any) -> Ball:
        *orders, x = map(_arb, xs)
        if not all(order.is_exact() and order.is_integer() for order in orders):
            raise UndecidedError
        return Ball(_SPECIAL[name.rstrip("*")](x, *(int(order.unique_fmpz()) for order in orders)))


def _has_value(op: Op, orders: Sequence[float], xs: Sequence[Any]) -> bool:
    """Tell whether an operation has a value over all of a box. Raises UndecidedError where it may not."""
    if op.name == "pow" and xs[1].is_exact and xs[1].value.is_integer() and xs[1].value >= 0:
        return True  # for every base
    return bool(op.domain.contains(*orders, *xs[op.orders :]))


BALLS = BallNamespace()
__all__ = ["BALLS", "UNDECIDED", "Ball", "BallNamespace", "UndecidedError", "arb", "ctx"]
