"""What every operation is, in balls: values, slopes and where there are none; and in doubles.

An operation that is not written here is taken from ``symbolic`` of its row: a new row is fuzzed at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, NamedTuple

from backprop_cli.operations.table import OPS, TABLE
from fuzzing import balls
from fuzzing.balls import Ball, NoValueError, ball, image, mp, root, whole

ONE, ZERO = ball(1), ball(0)


class SingularError(Exception):
    """The function has no derivative by this operand here, or it is not the sum of its parts that says it."""


class Rule(NamedTuple):
    """A function that is not made of others.

    value(*xs) -> Ball; raises NoValueError.  slope(argnum, y, *xs) -> Ball, or None where the operand is not
    looked at; raises SingularError.
    """

    value: Callable[..., Ball]
    slope: Callable[..., Ball | None]


def _plain(value: Callable[..., Ball], *slopes: Callable[..., Ball]) -> Rule:
    """Return a rule without singular points in its domain. slopes: one per operand, of y and xs."""
    return Rule(value, lambda argnum, y, *xs: slopes[argnum](y, *xs))


def _analytic(
    name: str,
    slope: Callable[[Ball, Ball], Ball],
    at: dict[int, int],
    inside: Callable[[Ball], Ball] | None = None,
    *,
    closed: bool = False,
) -> Rule:
    """Return the rule of a function of mpmath's.

    at: points with whole values.  inside: positive inside the domain.  closed: its edge belongs to it.
    """
    function = getattr(mp, name)

    def value(x: Ball) -> Ball:
        if inside is not None and inside(x).sign < (0 if closed else 1):
            raise NoValueError
        if x.is_exact and x.mid in at:
            return ball(at[int(x.mid)])
        if inside is not None and inside(x).sign == 0:
            return Ball(function(x.mid), 4.0 - mp.prec)
        balls.hold_below(x, balls.MOST_EXPONENT_BITS)
        return image(function, x, slope)

    def slope_inside(_: int, y: Ball, x: Ball) -> Ball:
        if inside is not None and inside(x).sign == 0:
            raise SingularError
        return slope(y, x)

    return Rule(value, slope_inside)


def _stepped(value: Callable[[Ball], Ball], is_step: Callable[[Ball], bool]) -> Rule:
    def slope(_: int, _y: Ball, x: Ball) -> Ball:
        if is_step(x):
            raise SingularError
        return ZERO

    return Rule(value, slope)


def _compared(holds: Callable[[int], bool]) -> Rule:
    return Rule(lambda x, y: ball(holds((x - y).sign)), lambda _, z, x, y: _unless_equal(x, y))


def _unless_equal(x: Ball, y: Ball) -> Ball:
    if (x - y).sign == 0:
        raise SingularError
    return ZERO


def _extremum(side: int) -> Rule:
    def value(*xs: Ball) -> Ball:
        return reduce(lambda best, x: x if (x - best).sign == side else best, xs)

    def slope(argnum: int, _y: Ball, *xs: Ball) -> Ball:
        signs = [(x - xs[argnum]).sign for i, x in enumerate(xs) if i != argnum]
        if side in signs:
            return ZERO
        if 0 in signs:
            raise SingularError
        return ONE

    return Rule(value, slope)


def _power_slope(argnum: int, y: Ball, x: Ball, n: Ball) -> Ball:
    if argnum == 1:
        if x.sign <= 0:
            raise SingularError
        return y * balls.log(x)
    if n.is_zero:
        return ZERO
    if x.sign == 0 and (not n.is_exact or not mp.isint(n.mid) or n.mid < 1):
        raise SingularError
    return n * balls.power(x, n - 1)


def _root_slope(y: Ball, x: Ball, degree: int) -> Ball:
    if x.sign == 0:
        raise SingularError
    return y / (x * degree)


def _abs_slope(_: int, _y: Ball, x: Ball) -> Ball:
    if x.sign == 0:
        raise SingularError
    return ball(x.sign)


def _atan2_slope(argnum: int, _z: Ball, y: Ball, x: Ball) -> Ball:
    if y.sign == 0 and x.sign <= 0:
        raise SingularError
    square = x * x + y * y
    return -y / square if argnum else x / square


def _where_slope(argnum: int, _y: Ball, condition: Ball, *_branches: Ball) -> Ball | None:
    if argnum == 0:
        return ZERO
    return ONE if bool(condition.mid) == (argnum == 1) else None


def _odd_root(x: Ball) -> Ball:
    return root(x, 3)


def _nearest(x: Ball) -> Ball:
    """Return the nearest whole number, of two the even one."""
    tie = whole(x + ball(0.5))
    return ball(tie - tie % 2) if tie is not None else balls.floor(x + ball(0.5))


RULES: dict[str, Rule] = {
    "add": _plain(lambda x, y: x + y, lambda *_: ONE, lambda *_: ONE),
    "sub": _plain(lambda x, y: x - y, lambda *_: ONE, lambda *_: -ONE),
    "mul": _plain(lambda x, y: x * y, lambda z, x, y: y, lambda z, x, y: x),
    "div": _plain(lambda x, y: x / y, lambda z, x, y: 1 / y, lambda z, x, y: -z / y),
    "neg": _plain(lambda x: -x, lambda *_: -ONE),
    "pow": Rule(balls.power, _power_slope),
    "exp": _plain(balls.exp, lambda y, x: y),
    "expm1": _analytic("expm1", lambda y, x: y + 1, {0: 0}),
    "log": _plain(balls.log, lambda y, x: 1 / x),
    "log1p": _analytic("log1p", lambda y, x: 1 / (1 + x), {0: 0}, lambda x: 1 + x),
    "log2": _plain(balls.log_of_base(2), lambda y, x: 1 / (x * balls.log(ball(2)))),
    "log10": _plain(balls.log_of_base(10), lambda y, x: 1 / (x * balls.log(ball(10)))),
    "sqrt": _plain(lambda x: root(x, 2), lambda y, x: _root_slope(y, x, 2)),
    "cbrt": _plain(_odd_root, lambda y, x: _root_slope(y, x, 3)),
    "sin": _plain(balls.angle(mp.sin, lambda _, x: Ball(mp.cos(x.mid))), lambda y, x: cos(x)),
    "cos": _plain(balls.angle(mp.cos, lambda _, x: Ball(-mp.sin(x.mid))), lambda y, x: -sin(x)),
    "tan": _plain(balls.angle(mp.tan, lambda y, _: 1 + y * y), lambda y, x: 1 + y * y),
    "asin": _analytic("asin", lambda y, x: 1 / root(1 - x * x, 2), {0: 0}, lambda x: 1 - x * x, closed=True),
    "acos": _analytic("acos", lambda y, x: -1 / root(1 - x * x, 2), {1: 0}, lambda x: 1 - x * x, closed=True),
    "atan": _analytic("atan", lambda y, x: 1 / (1 + x * x), {0: 0}),
    "atan2": Rule(balls.atan2, _atan2_slope),
    "sinh": _analytic("sinh", lambda y, x: cosh(x), {0: 0}),
    "cosh": _analytic("cosh", lambda y, x: sinh(x), {0: 1}),
    "tanh": _analytic("tanh", lambda y, x: 1 / balls.whole_power(cosh(x), 2), {0: 0}),
    "asinh": _analytic("asinh", lambda y, x: 1 / root(1 + x * x, 2), {0: 0}),
    "acosh": _analytic("acosh", lambda y, x: 1 / root(x * x - 1, 2), {1: 0}, lambda x: x - 1, closed=True),
    "atanh": _analytic("atanh", lambda y, x: 1 / (1 - x * x), {0: 0}, lambda x: 1 - x * x),
    "erf": _plain(balls.erf, balls.bell),
    "erfc": _plain(balls.erfc, lambda y, x: -balls.bell(y, x)),
    "abs": Rule(abs, _abs_slope),
    "sign": _stepped(lambda x: ball(x.sign), lambda x: x.sign == 0),
    "floor": _stepped(balls.floor, lambda x: whole(x) is not None),
    "ceil": _stepped(lambda x: -balls.floor(-x), lambda x: whole(x) is not None),
    "round": _stepped(_nearest, lambda x: whole(x + ball(0.5)) is not None),
    "max": _extremum(1),
    "min": _extremum(-1),
    "lt": _compared(lambda sign: sign < 0),
    "le": _compared(lambda sign: sign <= 0),
    "gt": _compared(lambda sign: sign > 0),
    "ge": _compared(lambda sign: sign >= 0),
    "ne": _compared(lambda sign: sign != 0),
    "or": _plain(lambda p, q: ball(bool(p.mid or q.mid)), lambda *_: ZERO, lambda *_: ZERO),
    "where": Rule(lambda condition, a, b: a if condition.mid else b, _where_slope),
}

sin, cos, sinh, cosh = (RULES[name].value for name in ("sin", "cos", "sinh", "cosh"))


# ---- functions made of these ----


class Term:
    """A node of a program under construction; operators add nodes behind it."""

    def __init__(self, build: Callable[..., int], node: int) -> None:
        self.build = build
        self.node = node

    def apply(self, op: str, *others: Any) -> Term:
        """Return op(self, *others)."""
        nodes = [x.node if isinstance(x, Term) else self.build("number", (), float(x)) for x in others]
        return Term(self.build, self.build(op, (self.node, *nodes)))

    def __getattr__(self, op: str) -> Callable[..., Term]:
        """x.exp() is a node as well."""
        if op not in RULES:
            raise AttributeError(op)
        return lambda *others: self.apply(op, *others)

    def __neg__(self) -> Term:
        return self.apply("neg")

    def __add__(self, other: Any) -> Term:
        return self.apply("add", other)

    def __sub__(self, other: Any) -> Term:
        return self.apply("sub", other)

    def __mul__(self, other: Any) -> Term:
        return self.apply("mul", other)

    def __truediv__(self, other: Any) -> Term:
        return self.apply("div", other)

    def __pow__(self, other: Any) -> Term:
        return self.apply("pow", other)

    def __rsub__(self, other: float) -> Term:
        return -self + other

    def __rtruediv__(self, other: float) -> Term:
        return self.apply("pow", -1) * other

    __radd__, __rmul__ = __add__, __mul__

    def __gt__(self, other: Any) -> Term:
        return self.apply("gt", other)

    def __ge__(self, other: Any) -> Term:
        return self.apply("ge", other)

    def __lt__(self, other: Any) -> Term:
        return self.apply("lt", other)

    def __le__(self, other: Any) -> Term:
        return self.apply("le", other)


MADE_OF: dict[str, Callable[..., Term]] = {
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "softplus": lambda x: x.exp().log1p(),
    "relu": lambda x: x.max(0),
    "leaky_relu": lambda x, slope: x.max(0) + slope * x.min(0),  # which needs the slope above 0, too
    "elu": lambda x: (x > 0).where(x, x.expm1()),
    "gelu": lambda x: x * (-x / Term(x.build, x.build("number", (), 2.0)).sqrt()).erfc() / 2,
    "silu": lambda x: x / (1 + (-x).exp()),
    "hypot": lambda x, y: (x * x + y * y).sqrt(),
    "clip": lambda x, low, high: x.max(low).min(high),
    "xlogy": lambda x, y: x.ne(0).apply("or", y.ne(0)).where(x * y.log(), 0),
    "sinc": lambda x: x.ne(0).where(x.sin() / x, 1),
}


class _Sympy:
    """What ``symbolic`` of a row calls, on terms instead of sympy's expressions."""

    def __init__(self, build: Callable[..., int]) -> None:
        self.build = build
        self.pi = Term(build, build("number", (), "pi"))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        op = {"Abs": "abs", "Max": "max", "Min": "min", "ceiling": "ceil", "Ne": "ne", "Or": "or"}
        return lambda x, *more: self.term(x).apply(op.get(name, name), *more)

    def term(self, x: Any) -> Term:
        return x if isinstance(x, Term) else Term(self.build, self.build("number", (), float(x)))

    def Rational(self, p: int, q: int) -> Term:  # noqa: N802 - sympy's name
        return self.term(p) / q

    def Piecewise(self, *pieces: tuple[Any, Any]) -> Term:  # noqa: N802 - sympy's name
        (first, condition), *rest = pieces
        first = self.term(first)
        return first if condition is True or not rest else condition.where(first, self.Piecewise(*rest))


def build_operation(op: str, operands: Sequence[int], build: Callable[..., int]) -> int:
    """Add an operation of a program, as nodes that have a rule. build(op, operands) adds one."""
    if op in RULES:
        return build(op, tuple(operands))
    terms = [Term(build, node) for node in operands]
    if op in MADE_OF:
        return MADE_OF[op](*terms).node
    return _Sympy(build).term(OPS[op].symbolic(_Sympy(build), *terms)).node


# ---- doubles ----


def _float_sign(x: float) -> float:
    return float((x > 0) - (x < 0))


DOUBLES: dict[str, Callable[..., float]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "neg": lambda x: -x,
    "abs": abs,
    "sign": _float_sign,
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
    "max": max,
    "min": min,
    "relu": lambda x: max(x, 0.0),
    "leaky_relu": lambda x, slope: x if x > 0 else slope * x,
    "clip": lambda x, low, high: min(max(x, low), high),
    "elu": lambda x: x if x > 0 else math.expm1(x),
    "lt": lambda x, y: float(x < y),
    "le": lambda x, y: float(x <= y),
    "gt": lambda x, y: float(x > y),
    "ge": lambda x, y: float(x >= y),
    "where": lambda condition, a, b: a if condition else b,
}
DOUBLES |= {
    op.name: getattr(math, op.name) for op in TABLE if op.name not in DOUBLES and hasattr(math, op.name)
}
"""Operations whose double is Python's, bit for bit. What is missing here has several roundings."""
