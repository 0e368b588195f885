"""The table of operations: one row per primitive, every fact about it in that row.

Values and partials are written against a namespace ``m`` (see ``namespaces``), so one row serves
floats, mpmath numbers and formulas alike. Both branches of ``m.where`` are evaluated, so a row keeps
the branch that is not taken harmless by itself: ``expm1(min(x, 0))``, not ``expm1(x)``.

Adding an operation is adding a row. The parser, the sweeps, the check and the tests find it here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.namespaces import Namespace, Number

    Partial = Callable[..., Number]

Point = tuple[float, ...]


class Domain(NamedTuple):
    """Where a primitive has a value: in words that follow "needs", as a predicate, and as points."""

    words: str
    contains: Callable[..., bool]
    inside: tuple[Point, ...]
    outside: tuple[Point, ...] = ()


class Kink(NamedTuple):
    """Where a primitive is not differentiable, and what is returned there.

    at(m, xs, fixed) tells whether the point is one, as a condition of m, or False where it never is;
    ``fixed`` marks the operands that are constants, in whose direction nobody differentiates.
    convention: the derivative used there, and its reason.  points: some such points.
    """

    at: Callable[[Namespace, Sequence[Number], Sequence[bool]], Number]
    convention: str
    points: tuple[Point, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Op:
    """One primitive y = f(x₁ … xₙ) and all we know of it, written against a namespace m."""

    name: str
    args: tuple[str, ...]
    """Names of the operands in the texts below."""
    value: Callable[..., Number]
    """value(m, *xs) -> y"""
    partials: tuple[Partial, ...] | Partial
    """partials[argnum](m, y, *xs) -> ∂y/∂x; may reuse the result y. Where the convention at a tie
    depends on which operands are constants, one function (m, y, argnum, xs, fixed) for all."""
    symbolic: Callable[..., Any]
    """symbolic(sympy, *xs): the definition from elementary functions, from which sympy derives."""
    domain: Domain
    backward: str
    """One sentence: what the operation does to the gradient that arrives."""
    derivatives: tuple[str, ...]
    """∂y/∂x per operand, in the language of programs."""
    latex: str
    """The formula, with #1, #2 … for the operands."""
    latex_derivatives: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    infix: str = ""
    """The operator with its spaces, where the operation is written as one."""
    sympy_class: str = ""
    """The class of sympy that is this function, if there is one."""
    kink: Kink | None = None
    variadic: bool = False
    """Two or more operands, not just as many as args."""
    condition: bool = False
    """The result is a condition, which only ``where`` accepts."""
    exact: bool = False
    """The partials involve no rounding."""
    composite: bool = False
    """The value is a formula of several roundings, not one function of Python's."""
    piecewise: bool = False
    """``symbolic`` is made of sympy's Piecewise."""
    cuts: Literal["", "always", "beside constants"] = ""
    """When a partial of zero means that the operand is cut off, not that its slope is zero here:
    a closed gate lets nothing through, not even zero times infinity. "beside constants": when all other
    operands are constants (0*x)."""
    reads: Callable[[Sequence[Number]], tuple[int, ...]] | None = None
    """reads(xs) -> the operands that the value is made of, if not all of them."""
    case: Callable[[Sequence[float], Sequence[str]], str] | None = None
    """case(xs, terms) -> which case of the backward step holds at xs; terms: the operands as text."""
    arity: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arity", len(self.args))

    def partial(
        self, m: Namespace, argnum: int, y: Number, xs: Sequence[Number], fixed: Sequence[bool]
    ) -> Number:
        """Return ∂y/∂x of operand ``argnum`` at xs, where y is the value."""
        if isinstance(self.partials, tuple):
            return self.partials[argnum](m, y, *xs)
        return self.partials(m, y, argnum, xs, fixed)

    def cuts_off(self, slope: Number, fixed: Sequence[bool]) -> bool:
        """Tell whether an operand with this partial is cut off from the output."""
        return self.cuts != "" and slope == 0 and (self.cuts == "always" or sum(fixed) == len(fixed) - 1)

    def write(self, operands: Sequence[str]) -> str:
        """Return the operation on the operands as text: "a*b", "sigmoid(z)"."""
        if self.infix:
            return self.infix.join(operands) if len(operands) > 1 else self.infix + operands[0]
        return f"{self.name}({', '.join(operands)})"


# --------------------------------------------------------------------------------------------------
# Domains

_LINE = (-2.5, -0.75, 0.5, 1.25, 3.0)


def _points(*xs: float) -> tuple[Point, ...]:
    return tuple((x,) for x in xs)


def _always(*_xs: float) -> bool:
    return True


REAL = Domain("any operand", _always, _points(*_LINE))
REAL2 = Domain("any operands", _always, ((2.0, 3.0), (-1.5, 0.25), (0.75, -4.0), (-3.0, -0.5)))
POSITIVE = Domain("an operand > 0", lambda x: x > 0, _points(0.25, 0.75, 1.5, 40.0), _points(0.0, -1.0))
NOT_NEGATIVE = Domain(
    "an operand >= 0", lambda x: x >= 0, _points(0.25, 0.75, 1.5, 40.0), _points(-1e-300, -1.0)
)
UNIT = Domain(
    "an operand from -1 to 1",
    lambda x: -1 <= x <= 1,
    _points(-0.9, -0.25, 0.125, 0.75),
    _points(-1.5, 1.0000001),
)
OPEN_UNIT = Domain(
    "an operand between -1 and 1",
    lambda x: -1 < x < 1,
    _points(-0.9, -0.25, 0.125, 0.75),
    _points(-1.0, 1.0, 2.0),
)
ABOVE_ONE = Domain("an operand >= 1", lambda x: x >= 1, _points(1.125, 2.0, 50.0), _points(0.5, -3.0))
ABOVE_MINUS_ONE = Domain("an operand > -1", lambda x: x > -1, _points(-0.75, 0.25, 9.0), _points(-1.0, -2.0))
DIVISION = Domain(
    "a divisor other than 0",
    lambda x, y: y != 0,
    ((1.0, 3.0), (-2.0, 0.75), (5.0, -4.0)),
    ((1.0, 0.0), (0.0, 0.0)),
)
POWER = Domain(
    "a base > 0, a base of 0 with an exponent >= 0, or a base < 0 with an integer exponent",
    lambda x, y: x > 0 or (x == 0 and y >= 0) or (x < 0 and y == math.floor(y)),
    ((2.0, 3.0), (0.5, -1.5), (3.0, 0.25), (1.75, 2.0)),
    ((0.0, -1.0), (0.0, -0.5), (-8.0, 1 / 3), (-1.0, 0.5)),
)
BELOW_OVERFLOW = Domain("a result below 1.8e308", _always, _points(*_LINE))
FLOORED = Domain("any operand", _always, _points(-2.5, -0.75, 0.5, 1.25))


def _zero(m: Namespace, _y: Number, *_xs: Number) -> Number:
    return m.zero


def _one(m: Namespace, _y: Number, _x1: Number, _x2: Number) -> Number:
    return m.one


# --------------------------------------------------------------------------------------------------
# Ties of max, min and clip: the subgradient of minimum norm


def _share(m: Namespace, xs: Sequence[Number], fixed: Sequence[Number], argnum: int, best: Number) -> Number:
    """Return ∂best/∂xs[argnum] where best is the max or the min of xs.

    Operands that tie share the slope of 1 equally: of all subgradients, the shortest. Beside a constant
    the shortest is 0, as in relu(0). ``fixed`` is 1 for constants and 0 for the others.
    """
    ties = [m.where(m.eq(x, best), m.one, m.zero) for x in xs]
    count, constants = m.zero, m.zero
    for tie, is_fixed in zip(ties, fixed, strict=True):
        count = count + tie
        constants = constants + tie * is_fixed
    alone = m.where(m.eq(count, m.one), m.one, m.zero)
    share = m.where(m.eq(constants, m.zero), m.one, alone) * ties[argnum]
    return share / m.where(m.eq(count, m.zero), m.one, count)


def _extremum_partial(
    m: Namespace, y: Number, argnum: int, xs: Sequence[Number], fixed: Sequence[bool]
) -> Number:
    return _share(m, xs, [m.one if f else m.zero for f in fixed], argnum, y)


def _clip_partial(
    m: Namespace, y: Number, argnum: int, xs: Sequence[Number], fixed: Sequence[bool]
) -> Number:
    """clip(x, lo, hi) is min(max(x, lo), hi), and its ties are theirs."""
    x, low, high = xs
    x_fixed, low_fixed, high_fixed = (m.one if f else m.zero for f in fixed)
    raised = m.max(x, low)
    outer = (m.where(m.gt(x, low), x_fixed, low_fixed), high_fixed)
    if argnum == 2:
        return _share(m, (raised, high), outer, 1, y)
    return _share(m, (x, low), (x_fixed, low_fixed), argnum, raised) * _share(m, (raised, high), outer, 0, y)


def _tie(m: Namespace, xs: Sequence[Number], fixed: Sequence[bool], best: Number) -> Number:
    """Tell whether two operands or more, one of them no constant, are the best."""
    count, varying = m.zero, m.zero
    for x, is_fixed in zip(xs, fixed, strict=True):
        tie = m.where(m.eq(x, best), m.one, m.zero)
        count = count + tie
        varying = varying if is_fixed else varying + tie
    return m.both(m.gt(count, m.one), m.gt(varying, m.zero))


def _clip_kink(m: Namespace, xs: Sequence[Number], fixed: Sequence[bool]) -> Number:
    if all(fixed):
        return False
    x, low, high = xs
    raised = m.max(x, low)
    return m.either(_tie(m, (x, low), fixed[:2], raised), _tie(m, (raised, high), (False, fixed[2]), high))


def _at(value: float) -> Callable[[Namespace, Sequence[Number], Sequence[bool]], Number]:
    return lambda m, xs, _fixed: m.eq(xs[0], m.number(value))


_SHARES = (
    "equal shares of the slope for operands that tie, 0 beside a constant: the subgradient of least norm"
)
_STEP = "0, the slope on both sides; the value jumps"
_VERTICAL = "the slope is infinite"


# --------------------------------------------------------------------------------------------------
# Corners of x**y (see docs/decisions/0003-powers.md)


def _pow_by_base(m: Namespace, _y: Number, x: Number, n: Number) -> Number:
    """∂(xⁿ)/∂x = n·x**(n - 1); at x = 0: 0 for n = 0 and n > 1, 1 for n = 1, infinite between 0 and 1."""
    at_zero = m.where(m.both(m.gt(n, m.zero), m.lt(n, m.one)), m.inf, m.where(m.eq(n, m.one), m.one, m.zero))
    away = m.eq(x, m.zero)
    return m.where(away, at_zero, n * m.shifted_pow(m.where(away, m.one, x), n))


def _pow_by_exponent(m: Namespace, y: Number, x: Number, n: Number) -> Number:
    """∂(xⁿ)/∂n = xⁿ·log x; 0 at x = 0 with n > 0; none for x < 0, where only integers n have a value."""
    at_zero = m.where(m.gt(n, m.zero), m.zero, m.nan)
    positive = m.gt(x, m.zero)
    return m.where(
        positive,
        y * m.log(m.where(positive, x, m.one)),
        m.where(m.eq(x, m.zero), at_zero, m.nan),
    )


def _pow_kink(m: Namespace, xs: Sequence[Number], fixed: Sequence[bool]) -> Number:
    x, n = xs
    is_root = False if fixed[0] else m.where(m.is_integer(n), False, m.gt(n, m.zero))
    if fixed[1]:
        return m.both(m.eq(x, m.zero), is_root)
    return m.either(m.lt(x, m.zero), m.both(m.eq(x, m.zero), m.either(is_root, m.eq(n, m.zero))))


# --------------------------------------------------------------------------------------------------
# Which case of a backward step holds


def _gate(xs: Sequence[float], _terms: Sequence[str]) -> str:
    if xs[0] > 0:
        return "the ReLU gate is open: the gradient passes"
    return "the ReLU gate is closed: the gradient is blocked"


def _side(below: str) -> Callable[[Sequence[float], Sequence[str]], str]:
    return lambda xs, terms: (
        f"{terms[0]} > 0: the gradient passes" if xs[0] > 0 else f"{terms[0]} <= 0: {below}"
    )


def _winner(best: Callable[[Sequence[float]], float], word: str) -> Callable[..., str]:
    def case(xs: Sequence[float], terms: Sequence[str]) -> str:
        winners = [term for x, term in zip(xs, terms, strict=True) if x == best(xs)]
        return f"{' and '.join(winners)} {'is' if len(winners) == 1 else 'are'} the {word}"

    return case


def _clipped(xs: Sequence[float], terms: Sequence[str]) -> str:
    x, low, high = xs
    if low < x < high:
        return f"{terms[0]} is between the limits: the gradient passes"
    return f"{terms[0]} is not between the limits: it is blocked"


def _taken(xs: Sequence[float], terms: Sequence[str]) -> str:
    return f"{terms[0]} {'holds' if xs[0] else 'does not hold'}: {terms[1 if xs[0] else 2]} is taken"


# --------------------------------------------------------------------------------------------------
# The table

_X = ("x",)
_XY = ("x", "y")


def _comparison(name: str, infix: str, sympy_class: str, latex: str) -> Op:
    def value(m: Namespace, x: Number, y: Number) -> Number:
        return getattr(m, name)(x, y)

    return Op(
        name=name,
        args=_XY,
        infix=infix,
        value=value,
        partials=(_zero, _zero),
        symbolic=lambda s, x, y: getattr(s, sympy_class)(x, y),
        sympy_class=sympy_class,
        domain=REAL2,
        kink=Kink(
            at=lambda m, xs, fixed: not all(fixed) and m.eq(*xs),
            convention="the branch that the condition selects at equality",
            points=((1.0, 1.0),),
        ),
        backward="a condition only selects: no gradient passes",
        derivatives=("0", "0"),
        latex=f"#1 {latex} #2",
        latex_derivatives=("0", "0"),
        condition=True,
        exact=True,
        cuts="always",
    )


TABLE: tuple[Op, ...] = (
    # ---- arithmetic ----
    Op(
        name="add",
        args=_XY,
        infix=" + ",
        value=lambda m, x, y: x + y,
        partials=(_one, _one),
        symbolic=lambda s, x, y: x + y,
        domain=REAL2,
        backward="a sum passes the gradient on unchanged to each term",
        derivatives=("1", "1"),
        latex="#1 + #2",
        latex_derivatives=("1", "1"),
        exact=True,
    ),
    Op(
        name="sub",
        args=_XY,
        infix=" - ",
        value=lambda m, x, y: x - y,
        partials=(_one, lambda m, z, x, y: -m.one),
        symbolic=lambda s, x, y: x - y,
        domain=REAL2,
        backward="a difference passes the gradient on unchanged to the first term, negated to the second",
        derivatives=("1", "-1"),
        latex="#1 - #2",
        latex_derivatives=("1", "-1"),
        exact=True,
    ),
    Op(
        name="mul",
        args=_XY,
        infix="*",
        value=lambda m, x, y: x * y,
        partials=(lambda m, z, x, y: y, lambda m, z, x, y: x),
        symbolic=lambda s, x, y: x * y,
        domain=REAL2,
        backward="a product passes to each factor the gradient times the other factor",
        derivatives=("y", "x"),
        latex=r"#1 \cdot #2",
        latex_derivatives=("#2", "#1"),
        exact=True,
        cuts="beside constants",
    ),
    Op(
        name="div",
        args=_XY,
        infix="/",
        value=lambda m, x, y: m.div(x, y),
        partials=(lambda m, z, x, y: m.one / y, lambda m, z, x, y: -(z / y)),
        symbolic=lambda s, x, y: x / y,
        domain=DIVISION,
        backward="a quotient passes the gradient divided by the divisor to the dividend, "
        "and minus the quotient times that to the divisor",
        derivatives=("1/y", "-x/y^2"),
        latex=r"\frac{#1}{#2}",
        latex_derivatives=(r"\frac{1}{#2}", r"-\frac{#1}{#2^2}"),
    ),
    Op(
        name="neg",
        args=_X,
        infix="-",
        value=lambda m, x: -x,
        partials=(lambda m, y, x: -m.one,),
        symbolic=lambda s, x: -x,
        domain=REAL,
        backward="a negation turns the sign of the gradient",
        derivatives=("-1",),
        latex="-#1",
        latex_derivatives=("-1",),
        exact=True,
    ),
    Op(
        name="pow",
        args=_XY,
        infix="^",
        value=lambda m, x, y: m.pow(x, y),
        partials=(_pow_by_base, _pow_by_exponent),
        symbolic=lambda s, x, y: x**y,
        domain=POWER,
        kink=Kink(
            at=_pow_kink,
            convention="the slope from the side that has a value; none by the exponent at a base <= 0",
            points=((0.0, 1.5), (0.0, 0.5), (-2.0, 2.0), (0.0, 0.0)),
        ),
        backward="a power x^y passes to x the gradient times y*x^(y - 1), and to y times x^y*log(x)",
        derivatives=("y*x^(y - 1)", "x^y*log(x)"),
        latex="{#1}^{#2}",
        latex_derivatives=(r"#2 \cdot {#1}^{#2 - 1}", r"{#1}^{#2} \cdot \ln(#1)"),
    ),
    # ---- exponentials and logarithms ----
    Op(
        name="exp",
        args=_X,
        value=lambda m, x: m.exp(x),
        partials=(lambda m, y, x: y,),
        symbolic=lambda s, x: s.exp(x),
        sympy_class="exp",
        domain=BELOW_OVERFLOW,
        backward="an exponential passes the gradient times its own result",
        derivatives=("exp(x)",),
        latex=r"\mathrm{e}^{#1}",
        latex_derivatives=(r"\mathrm{e}^{#1}",),
    ),
    Op(
        name="expm1",
        args=_X,
        value=lambda m, x: m.expm1(x),
        partials=(lambda m, y, x: m.exp(x),),
        symbolic=lambda s, x: s.exp(x) - 1,
        domain=BELOW_OVERFLOW,
        backward="exp(x) - 1 passes the gradient times exp(x)",
        derivatives=("exp(x)",),
        latex=r"\mathrm{e}^{#1} - 1",
        latex_derivatives=(r"\mathrm{e}^{#1}",),
    ),
    Op(
        name="log",
        args=_X,
        aliases=("ln",),
        value=lambda m, x: m.log(x),
        partials=(lambda m, y, x: m.one / x,),
        symbolic=lambda s, x: s.log(x),
        sympy_class="log",
        domain=POSITIVE,
        backward="a logarithm passes the gradient divided by its operand",
        derivatives=("1/x",),
        latex=r"\ln(#1)",
        latex_derivatives=(r"\frac{1}{#1}",),
    ),
    Op(
        name="log1p",
        args=_X,
        value=lambda m, x: m.log1p(x),
        partials=(lambda m, y, x: m.one / (m.one + x),),
        symbolic=lambda s, x: s.log(1 + x),
        domain=ABOVE_MINUS_ONE,
        backward="log(1 + x) passes the gradient divided by 1 + x",
        derivatives=("1/(1 + x)",),
        latex=r"\ln(1 + #1)",
        latex_derivatives=(r"\frac{1}{1 + #1}",),
    ),
    Op(
        name="log2",
        args=_X,
        value=lambda m, x: m.log2(x),
        partials=(lambda m, y, x: m.one / (x * m.ln2),),
        symbolic=lambda s, x: s.log(x) / s.log(2),
        domain=POSITIVE,
        backward="a binary logarithm passes the gradient divided by its operand times log(2)",
        derivatives=("1/(x*log(2))",),
        latex=r"\log_2(#1)",
        latex_derivatives=(r"\frac{1}{#1 \ln 2}",),
    ),
    Op(
        name="log10",
        args=_X,
        value=lambda m, x: m.log10(x),
        partials=(lambda m, y, x: m.one / (x * m.ln10),),
        symbolic=lambda s, x: s.log(x) / s.log(10),
        domain=POSITIVE,
        backward="a decimal logarithm passes the gradient divided by its operand times log(10)",
        derivatives=("1/(x*log(10))",),
        latex=r"\log_{10}(#1)",
        latex_derivatives=(r"\frac{1}{#1 \ln 10}",),
    ),
    # ---- roots ----
    Op(
        name="sqrt",
        args=_X,
        value=lambda m, x: m.sqrt(x),
        partials=(lambda m, y, x: m.ratio(m.one, y + y),),
        symbolic=lambda s, x: s.sqrt(x),
        domain=NOT_NEGATIVE,
        kink=Kink(_at(0.0), _VERTICAL, ((0.0,),)),
        backward="a square root passes the gradient divided by twice its result",
        derivatives=("1/(2*sqrt(x))",),
        latex=r"\sqrt{#1}",
        latex_derivatives=(r"\frac{1}{2\sqrt{#1}}",),
    ),
    Op(
        name="cbrt",
        args=_X,
        value=lambda m, x: m.cbrt(x),
        # From the result, y/(3x) or 1/(3y²) would inherit the 2.6 ulp that cbrt may be off.
        partials=(
            lambda m, y, x: m.where(
                m.eq(x, m.zero),
                m.inf,
                m.inverse_cbrt_squared(m.where(m.eq(x, m.zero), m.one, x)) / 3,
            ),
        ),
        symbolic=lambda s, x: s.Piecewise(
            (x ** s.Rational(1, 3), x >= 0), (-((-x) ** s.Rational(1, 3)), True)
        ),
        piecewise=True,
        domain=REAL,
        kink=Kink(_at(0.0), _VERTICAL, ((0.0,),)),
        backward="a cube root passes the gradient divided by three times its result squared",
        derivatives=("1/(3*cbrt(x)^2)",),
        latex=r"\sqrt[3]{#1}",
        latex_derivatives=(r"\frac{1}{3\sqrt[3]{#1}^2}",),
    ),
    Op(
        name="hypot",
        args=_XY,
        value=lambda m, x, y: m.hypot(x, y),
        partials=(
            lambda m, h, x, y: x / m.where(m.eq(h, m.zero), m.one, h),
            lambda m, h, x, y: y / m.where(m.eq(h, m.zero), m.one, h),
        ),
        symbolic=lambda s, x, y: s.sqrt(x**2 + y**2),
        domain=REAL2,
        kink=Kink(
            at=lambda m, xs, _fixed: m.both(m.eq(xs[0], m.zero), m.eq(xs[1], m.zero)),
            convention="0, the subgradient of least norm",
            points=((0.0, 0.0),),
        ),
        backward="a distance passes to each coordinate the gradient times its share of the distance",
        derivatives=("x/hypot(x, y)", "y/hypot(x, y)"),
        latex=r"\sqrt{#1^2 + #2^2}",
        latex_derivatives=(
            r"\frac{#1}{\sqrt{#1^2 + #2^2}}",
            r"\frac{#2}{\sqrt{#1^2 + #2^2}}",
        ),
    ),
    # ---- circular functions ----
    Op(
        name="sin",
        args=_X,
        value=lambda m, x: m.sin(x),
        partials=(lambda m, y, x: m.cos(x),),
        symbolic=lambda s, x: s.sin(x),
        sympy_class="sin",
        domain=REAL,
        backward="a sine passes the gradient times the cosine",
        derivatives=("cos(x)",),
        latex=r"\sin(#1)",
        latex_derivatives=(r"\cos(#1)",),
    ),
    Op(
        name="cos",
        args=_X,
        value=lambda m, x: m.cos(x),
        partials=(lambda m, y, x: -m.sin(x),),
        symbolic=lambda s, x: s.cos(x),
        sympy_class="cos",
        domain=REAL,
        backward="a cosine passes the gradient times minus the sine",
        derivatives=("-sin(x)",),
        latex=r"\cos(#1)",
        latex_derivatives=(r"-\sin(#1)",),
    ),
    Op(
        name="tan",
        args=_X,
        value=lambda m, x: m.tan(x),
        partials=(lambda m, y, x: m.one + y * y,),
        symbolic=lambda s, x: s.tan(x),
        sympy_class="tan",
        domain=REAL,
        backward="a tangent passes the gradient times one plus its result squared",
        derivatives=("1 + tan(x)^2",),
        latex=r"\tan(#1)",
        latex_derivatives=(r"1 + \tan^2(#1)",),
    ),
    Op(
        name="asin",
        args=_X,
        aliases=("arcsin",),
        value=lambda m, x: m.asin(x),
        partials=(lambda m, y, x: m.ratio(m.one, m.sqrt((m.one - x) * (m.one + x))),),
        symbolic=lambda s, x: s.asin(x),
        sympy_class="asin",
        domain=UNIT,
        kink=Kink(lambda m, xs, _fixed: m.eq(m.abs(xs[0]), m.one), _VERTICAL, ((1.0,), (-1.0,))),
        backward="an arcsine passes the gradient divided by sqrt(1 - x^2)",
        derivatives=("1/sqrt(1 - x^2)",),
        latex=r"\arcsin(#1)",
        latex_derivatives=(r"\frac{1}{\sqrt{1 - #1^2}}",),
    ),
    Op(
        name="acos",
        args=_X,
        aliases=("arccos",),
        value=lambda m, x: m.acos(x),
        partials=(lambda m, y, x: m.ratio(-m.one, m.sqrt((m.one - x) * (m.one + x))),),
        symbolic=lambda s, x: s.acos(x),
        sympy_class="acos",
        domain=UNIT,
        kink=Kink(lambda m, xs, _fixed: m.eq(m.abs(xs[0]), m.one), _VERTICAL, ((1.0,), (-1.0,))),
        backward="an arccosine passes minus the gradient divided by sqrt(1 - x^2)",
        derivatives=("-1/sqrt(1 - x^2)",),
        latex=r"\arccos(#1)",
        latex_derivatives=(r"-\frac{1}{\sqrt{1 - #1^2}}",),
    ),
    Op(
        name="atan",
        args=_X,
        aliases=("arctan",),
        value=lambda m, x: m.atan(x),
        partials=(lambda m, y, x: m.one / (m.one + x * x),),
        symbolic=lambda s, x: s.atan(x),
        sympy_class="atan",
        domain=REAL,
        backward="an arctangent passes the gradient divided by 1 + x^2",
        derivatives=("1/(1 + x^2)",),
        latex=r"\arctan(#1)",
        latex_derivatives=(r"\frac{1}{1 + #1^2}",),
    ),
    Op(
        name="atan2",
        args=("y", "x"),
        aliases=("arctan2",),
        value=lambda m, y, x: m.atan2(y, x),
        partials=(
            lambda m, z, y, x: m.where(
                m.both(m.eq(x, m.zero), m.eq(y, m.zero)), m.zero, m.ratio(x, x * x + y * y)
            ),
            lambda m, z, y, x: m.where(
                m.both(m.eq(x, m.zero), m.eq(y, m.zero)), m.zero, m.ratio(-y, x * x + y * y)
            ),
        ),
        symbolic=lambda s, y, x: s.atan2(y, x),
        sympy_class="atan2",
        domain=REAL2,
        kink=Kink(
            at=lambda m, xs, _fixed: m.both(m.eq(xs[0], m.zero), m.le(xs[1], m.zero)),
            convention="0 at the origin; on the negative x axis the slope on both sides; the value jumps",
            points=((0.0, 0.0), (0.0, -1.0)),
        ),
        backward="an angle passes to y the gradient times x/(x^2 + y^2), to x times -y/(x^2 + y^2)",
        derivatives=("x/(x^2 + y^2)", "-y/(x^2 + y^2)"),
        latex=r"\operatorname{atan2}(#1, #2)",
        latex_derivatives=(r"\frac{#2}{#2^2 + #1^2}", r"-\frac{#1}{#2^2 + #1^2}"),
    ),
    # ---- hyperbolic functions ----
    Op(
        name="sinh",
        args=_X,
        value=lambda m, x: m.sinh(x),
        partials=(lambda m, y, x: m.cosh(x),),
        symbolic=lambda s, x: s.sinh(x),
        sympy_class="sinh",
        domain=BELOW_OVERFLOW,
        backward="a hyperbolic sine passes the gradient times the hyperbolic cosine",
        derivatives=("cosh(x)",),
        latex=r"\sinh(#1)",
        latex_derivatives=(r"\cosh(#1)",),
    ),
    Op(
        name="cosh",
        args=_X,
        value=lambda m, x: m.cosh(x),
        partials=(lambda m, y, x: m.sinh(x),),
        symbolic=lambda s, x: s.cosh(x),
        sympy_class="cosh",
        domain=BELOW_OVERFLOW,
        backward="a hyperbolic cosine passes the gradient times the hyperbolic sine",
        derivatives=("sinh(x)",),
        latex=r"\cosh(#1)",
        latex_derivatives=(r"\sinh(#1)",),
    ),
    Op(
        name="tanh",
        args=_X,
        value=lambda m, x: m.tanh(x),
        # 1 - y² has no digits left at x = 20 and 4/(e^x + e^-x)² overflows at 710.
        partials=(lambda m, y, x: _bell(m, x) * 4,),
        symbolic=lambda s, x: s.tanh(x),
        sympy_class="tanh",
        domain=REAL,
        backward="a hyperbolic tangent passes the gradient times one minus its result squared",
        derivatives=("1 - tanh(x)^2",),
        latex=r"\tanh(#1)",
        latex_derivatives=(r"1 - \tanh^2(#1)",),
    ),
    Op(
        name="asinh",
        args=_X,
        aliases=("arcsinh",),
        value=lambda m, x: m.asinh(x),
        partials=(lambda m, y, x: m.one / m.hypot(x, m.one),),
        symbolic=lambda s, x: s.asinh(x),
        sympy_class="asinh",
        domain=REAL,
        backward="an inverse hyperbolic sine passes the gradient divided by sqrt(x^2 + 1)",
        derivatives=("1/sqrt(x^2 + 1)",),
        latex=r"\operatorname{arsinh}(#1)",
        latex_derivatives=(r"\frac{1}{\sqrt{#1^2 + 1}}",),
    ),
    Op(
        name="acosh",
        args=_X,
        aliases=("arccosh",),
        value=lambda m, x: m.acosh(x),
        # 1/sqrt(x*x - 1) has relative error 2.5e-10 at x = 1 + 1e-9; this form stays below 1e-15.
        partials=(lambda m, y, x: m.ratio(m.one, m.sqrt(x - m.one) * m.sqrt(x + m.one)),),
        symbolic=lambda s, x: s.acosh(x),
        sympy_class="acosh",
        domain=ABOVE_ONE,
        kink=Kink(_at(1.0), _VERTICAL, ((1.0,),)),
        backward="an inverse hyperbolic cosine passes the gradient divided by sqrt(x^2 - 1)",
        derivatives=("1/sqrt(x^2 - 1)",),
        latex=r"\operatorname{arcosh}(#1)",
        latex_derivatives=(r"\frac{1}{\sqrt{#1^2 - 1}}",),
    ),
    Op(
        name="atanh",
        args=_X,
        aliases=("arctanh",),
        value=lambda m, x: m.atanh(x),
        partials=(lambda m, y, x: m.one / ((m.one - x) * (m.one + x)),),
        symbolic=lambda s, x: s.atanh(x),
        sympy_class="atanh",
        domain=OPEN_UNIT,
        backward="an inverse hyperbolic tangent passes the gradient divided by 1 - x^2",
        derivatives=("1/(1 - x^2)",),
        latex=r"\operatorname{artanh}(#1)",
        latex_derivatives=(r"\frac{1}{1 - #1^2}",),
    ),
    # ---- activations ----
    Op(
        name="sigmoid",
        args=_X,
        aliases=("σ",),
        value=lambda m, x: _sigmoid(m, x),
        # y(1 - y) has no digits left at x = 40.
        partials=(lambda m, y, x: _bell(m, x / 2),),
        symbolic=lambda s, x: 1 / (1 + s.exp(-x)),
        domain=REAL,
        backward="a sigmoid passes the gradient times its result times one minus its result",
        derivatives=("sigmoid(x)*(1 - sigmoid(x))",),
        latex=r"\sigma(#1)",
        latex_derivatives=(r"\sigma(#1)\,(1 - \sigma(#1))",),
        composite=True,
    ),
    Op(
        name="softplus",
        args=_X,
        value=lambda m, x: m.max(x, m.zero) + m.log1p(m.exp(-m.abs(x))),
        partials=(lambda m, y, x: _sigmoid(m, x),),
        symbolic=lambda s, x: s.log(1 + s.exp(x)),
        domain=REAL,
        backward="a softplus passes the gradient times the sigmoid of its operand",
        derivatives=("sigmoid(x)",),
        latex=r"\ln(1 + \mathrm{e}^{#1})",
        latex_derivatives=(r"\sigma(#1)",),
        composite=True,
    ),
    Op(
        name="relu",
        args=_X,
        value=lambda m, x: m.max(x, m.zero),
        partials=(lambda m, y, x: m.where(m.gt(x, m.zero), m.one, m.zero),),
        symbolic=lambda s, x: s.Piecewise((x, x > 0), (0, True)),
        piecewise=True,
        domain=REAL,
        kink=Kink(_at(0.0), "0, the subgradient of least norm", ((0.0,),)),
        backward="a ReLU is a gate: open above 0, where the gradient passes, closed below, where it stops",
        case=_gate,
        derivatives=("where(x > 0, 1, 0)",),
        latex=r"\max(0, #1)",
        latex_derivatives=(r"[#1 > 0]",),
        exact=True,
        cuts="always",
    ),
    Op(
        name="leaky_relu",
        args=("x", "slope"),
        value=lambda m, x, slope: m.where(m.gt(x, m.zero), x, slope * x),
        partials=(
            lambda m, y, x, slope: m.where(
                m.gt(x, m.zero),
                m.one,
                m.where(m.eq(x, m.zero), m.max(m.zero, m.min(slope, m.one)), slope),
            ),
            lambda m, y, x, slope: m.where(m.gt(x, m.zero), m.zero, x),
        ),
        symbolic=lambda s, x, slope: s.Piecewise((x, x > 0), (slope * x, True)),
        piecewise=True,
        domain=Domain("any operands", _always, ((2.0, 0.25), (-1.5, 0.125), (-0.75, -0.5), (3.0, 2.0))),
        kink=Kink(
            at=lambda m, xs, _fixed: m.where(m.eq(xs[1], m.one), False, m.eq(xs[0], m.zero)),
            convention="the subgradient of least norm: the slope, held between 0 and 1",
            points=((0.0, 0.25),),
        ),
        backward="a leaky ReLU passes the gradient above 0, and the gradient times the slope below",
        case=_side("it passes times the slope"),
        derivatives=("where(x > 0, 1, slope)", "where(x > 0, 0, x)"),
        latex=r"\operatorname{leaky\_relu}(#1, #2)",
        latex_derivatives=(r"[#1 > 0] + #2\,[#1 \le 0]", r"#1\,[#1 \le 0]"),
        exact=True,
        cuts="always",
    ),
    Op(
        name="elu",
        args=_X,
        value=lambda m, x: m.where(m.gt(x, m.zero), x, m.expm1(m.min(x, m.zero))),
        partials=(lambda m, y, x: m.exp(m.min(x, m.zero)),),
        symbolic=lambda s, x: s.Piecewise((x, x > 0), (s.exp(x) - 1, True)),
        piecewise=True,
        domain=REAL,
        backward="an ELU passes the gradient above 0, and the gradient times exp(x) below",
        case=_side("it passes times exp(x)"),
        derivatives=("exp(min(x, 0))",),
        latex=r"\operatorname{elu}(#1)",
        latex_derivatives=(r"\mathrm{e}^{\min(#1, 0)}",),
    ),
    Op(
        name="gelu",
        args=_X,
        value=lambda m, x: x * m.normal_cdf(x),
        partials=(lambda m, y, x: m.normal_cdf(x) + x * m.gaussian(x, 0.5) / m.sqrt(m.pi + m.pi),),
        symbolic=lambda s, x: x * s.erfc(-x / s.sqrt(2)) / 2,
        domain=REAL,
        backward="a GELU passes the gradient times the normal distribution function plus x times its density",
        derivatives=("erfc(-x/sqrt(2))/2 + x*exp(-x^2/2)/sqrt(2*pi)",),
        latex=r"\operatorname{gelu}(#1)",
        latex_derivatives=(r"\Phi(#1) + #1\,\varphi(#1)",),
        composite=True,
    ),
    Op(
        name="silu",
        args=_X,
        aliases=("swish",),
        value=lambda m, x: x * _sigmoid(m, x),
        partials=(lambda m, y, x: _silu_slope(m, x),),
        symbolic=lambda s, x: x / (1 + s.exp(-x)),
        domain=REAL,
        backward="a SiLU passes the gradient times s + x*s*(1 - s), where s is the sigmoid of x",
        derivatives=("sigmoid(x) + x*sigmoid(x)*sigmoid(-x)",),
        latex=r"#1\,\sigma(#1)",
        latex_derivatives=(r"\sigma(#1) + #1\,\sigma(#1)\,\sigma(-#1)",),
        composite=True,
    ),
    Op(
        name="erf",
        args=_X,
        value=lambda m, x: m.erf(x),
        partials=(lambda m, y, x: m.gaussian(x, 1.0) * 2 / m.sqrt(m.pi),),
        symbolic=lambda s, x: s.erf(x),
        sympy_class="erf",
        domain=REAL,
        backward="an error function passes the gradient times 2/sqrt(pi)*exp(-x^2)",
        derivatives=("2/sqrt(pi)*exp(-x^2)",),
        latex=r"\operatorname{erf}(#1)",
        latex_derivatives=(r"\frac{2}{\sqrt{\pi}} \mathrm{e}^{-#1^2}",),
    ),
    Op(
        name="erfc",
        args=_X,
        value=lambda m, x: m.erfc(x),
        partials=(lambda m, y, x: -(m.gaussian(x, 1.0) * 2 / m.sqrt(m.pi)),),
        symbolic=lambda s, x: s.erfc(x),
        sympy_class="erfc",
        domain=REAL,
        backward="a complementary error function passes minus the gradient times 2/sqrt(pi)*exp(-x^2)",
        derivatives=("-2/sqrt(pi)*exp(-x^2)",),
        latex=r"\operatorname{erfc}(#1)",
        latex_derivatives=(r"-\frac{2}{\sqrt{\pi}} \mathrm{e}^{-#1^2}",),
    ),
    # ---- decisions ----
    Op(
        name="abs",
        args=_X,
        aliases=("Abs",),
        value=lambda m, x: m.abs(x),
        partials=(lambda m, y, x: m.sign(x),),
        # Of an operand that could be complex, sympy's Abs has no derivative in real terms.
        symbolic=lambda s, x: s.Abs(x) if x.is_extended_real else s.Piecewise((x, x >= 0), (-x, True)),
        sympy_class="Abs",
        domain=REAL,
        kink=Kink(_at(0.0), "0, the subgradient of least norm", ((0.0,),)),
        backward="an absolute value passes the gradient with the sign of its operand",
        derivatives=("sign(x)",),
        latex=r"\left|#1\right|",
        latex_derivatives=(r"\operatorname{sign}(#1)",),
        exact=True,
    ),
    Op(
        name="sign",
        args=_X,
        value=lambda m, x: m.sign(x),
        partials=(_zero,),
        symbolic=lambda s, x: s.Piecewise((1, x > 0), (-1, x < 0), (0, True)),
        sympy_class="sign",
        piecewise=True,
        domain=REAL,
        kink=Kink(_at(0.0), _STEP, ((0.0,),)),
        backward="a sign is constant on both sides of 0: no gradient passes",
        derivatives=("0",),
        latex=r"\operatorname{sign}(#1)",
        latex_derivatives=("0",),
        exact=True,
        cuts="always",
    ),
    Op(
        name="floor",
        args=_X,
        value=lambda m, x: m.floor(x),
        partials=(_zero,),
        # sympy's floor has no derivative; this is floor between the integers.
        symbolic=lambda s, x: x - s.S.Half + s.atan(s.cot(s.pi * x)) / s.pi,
        sympy_class="floor",
        domain=FLOORED,
        kink=Kink(lambda m, xs, _fixed: m.is_integer(xs[0]), _STEP, ((2.0,), (-1.0,))),
        backward="a floor is constant between two integers: no gradient passes",
        derivatives=("0",),
        latex=r"\lfloor #1 \rfloor",
        latex_derivatives=("0",),
        exact=True,
        cuts="always",
    ),
    Op(
        name="ceil",
        args=_X,
        aliases=("ceiling",),
        value=lambda m, x: m.ceil(x),
        partials=(_zero,),
        symbolic=lambda s, x: x + s.S.Half + s.atan(s.cot(s.pi * x)) / s.pi,
        sympy_class="ceiling",
        domain=FLOORED,
        kink=Kink(lambda m, xs, _fixed: m.is_integer(xs[0]), _STEP, ((2.0,), (-1.0,))),
        backward="a ceiling is constant between two integers: no gradient passes",
        derivatives=("0",),
        latex=r"\lceil #1 \rceil",
        latex_derivatives=("0",),
        exact=True,
        cuts="always",
    ),
    Op(
        name="max",
        args=_XY,
        aliases=("Max",),
        variadic=True,
        value=lambda m, *xs: m.max(*xs),
        partials=_extremum_partial,
        symbolic=lambda s, *xs: _sympy_extremum(s, xs, s.Ge),
        piecewise=True,
        domain=REAL2,
        kink=Kink(lambda m, xs, fixed: _tie(m, xs, fixed, m.max(*xs)), _SHARES, ((1.0, 1.0),)),
        backward="a maximum passes the whole gradient to the largest operand",
        case=_winner(max, "largest"),
        derivatives=("where(x > y, 1, 0)", "where(y > x, 1, 0)"),
        latex=r"\max(#1, #2)",
        latex_derivatives=(r"[#1 > #2]", r"[#2 > #1]"),
        exact=True,
        cuts="always",
    ),
    Op(
        name="min",
        args=_XY,
        aliases=("Min",),
        variadic=True,
        value=lambda m, *xs: m.min(*xs),
        partials=_extremum_partial,
        symbolic=lambda s, *xs: _sympy_extremum(s, xs, s.Le),
        piecewise=True,
        domain=REAL2,
        kink=Kink(lambda m, xs, fixed: _tie(m, xs, fixed, m.min(*xs)), _SHARES, ((1.0, 1.0),)),
        backward="a minimum passes the whole gradient to the smallest operand",
        case=_winner(min, "smallest"),
        derivatives=("where(x < y, 1, 0)", "where(y < x, 1, 0)"),
        latex=r"\min(#1, #2)",
        latex_derivatives=(r"[#1 < #2]", r"[#2 < #1]"),
        exact=True,
        cuts="always",
    ),
    Op(
        name="clip",
        args=("x", "lo", "hi"),
        aliases=("clamp",),
        value=lambda m, x, low, high: m.min(m.max(x, low), high),
        partials=_clip_partial,
        symbolic=lambda s, x, low, high: s.Piecewise(
            (high, s.Or(x >= high, low >= high)), (low, x <= low), (x, True)
        ),
        piecewise=True,
        domain=Domain(
            "any operands",
            _always,
            ((0.5, -1.0, 2.0), (-3.0, -1.0, 2.0), (7.0, -1.0, 2.0)),
        ),
        kink=Kink(
            at=_clip_kink,
            convention=_SHARES,
            points=((1.0, 1.0, 2.0), (2.0, 1.0, 2.0)),
        ),
        backward="a clip passes the gradient between its limits; outside, the limit that holds receives it",
        case=_clipped,
        derivatives=(
            "where(x > lo, where(x < hi, 1, 0), 0)",
            "where(x < lo, where(lo < hi, 1, 0), 0)",
            "where(max(x, lo) > hi, 1, 0)",
        ),
        latex=r"\operatorname{clip}(#1, #2, #3)",
        latex_derivatives=(r"[#2 < #1 < #3]", r"[#1 < #2]", r"[#1 > #3]"),
        exact=True,
        cuts="always",
    ),
    Op(
        name="where",
        args=("cond", "a", "b"),
        value=lambda m, condition, a, b: m.where(condition, a, b),
        partials=(
            _zero,
            lambda m, y, condition, a, b: m.where(condition, m.one, m.zero),
            lambda m, y, condition, a, b: m.where(condition, m.zero, m.one),
        ),
        symbolic=lambda s, condition, a, b: s.Piecewise((a, condition), (b, True)),
        piecewise=True,
        domain=Domain("a condition and two operands", _always, ((1.0, 2.0, 3.0), (0.0, 2.0, 3.0))),
        backward="a where passes the whole gradient to the branch that was taken",
        case=_taken,
        derivatives=("0", "where(cond, 1, 0)", "where(cond, 0, 1)"),
        latex=r"\begin{cases} #2 & #1 \\ #3 & \text{otherwise} \end{cases}",
        latex_derivatives=("0", r"[#1]", r"1 - [#1]"),
        exact=True,
        cuts="always",
        reads=lambda xs: (0, 1) if xs[0] else (0, 2),
    ),
    _comparison("lt", " < ", "StrictLessThan", "<"),
    _comparison("le", " <= ", "LessThan", r"\le"),
    _comparison("gt", " > ", "StrictGreaterThan", ">"),
    _comparison("ge", " >= ", "GreaterThan", r"\ge"),
)


def _sigmoid(m: Namespace, x: Number) -> Number:
    """Return 1/(1 + exp(-x)) without overflow: exp is only taken of -|x|."""
    e = m.exp(-m.abs(x))
    return m.where(m.ge(x, m.zero), m.one, e) / (m.one + e)


def _bell(m: Namespace, x: Number) -> Number:
    """Return 1/(e^x + e^-x)², a quarter of sech²; right in the tails, where 1 - tanh² is not.

    e(e + 2) + 1 keeps it below 2.2 ulp, (1 + e)² below 3.8.
    """
    e = m.exp(-(m.abs(x) + m.abs(x)))
    return e / (m.one + e * (e + 2))


def _silu_slope(m: Namespace, x: Number) -> Number:
    """Return σ + xσ(1 - σ) over one denominator: as a sum of products it would be off by 5 ulp."""
    e = m.exp(-m.abs(x))
    top = m.where(m.ge(x, m.zero), m.one + e + x * e, e * (m.one + e + x))
    return top / ((m.one + e) * (m.one + e))


def _sympy_extremum(s: Any, xs: Sequence[Any], wins: Callable[[Any, Any], Any]) -> Any:
    """Fold max or min from two-way decisions: sympy's own Max asks its assumptions, for seconds."""
    best = xs[0]
    for x in xs[1:]:
        best = s.Piecewise((best, wins(best, x)), (x, True))
    return best


OPS: dict[str, Op] = {op.name: op for op in TABLE}
"""Every operation by its name."""

FUNCTIONS: dict[str, Op] = {
    name: op for op in TABLE if not op.infix or op.name == "pow" for name in (op.name, *op.aliases)
}
"""Every operation that is written as a call, by name and by alias."""

CONSTANTS: dict[str, float] = {"pi": math.pi, "tau": math.tau}
"""The predefined constants, which a program may assign or be given all the same."""
