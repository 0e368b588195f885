"""Hyperbolic functions."""

from __future__ import annotations

from backprop_cli.operations.domains import ABOVE_ONE, BELOW_OVERFLOW, OPEN_UNIT, REAL
from backprop_cli.operations.op import Kink, Op, X, each
from backprop_cli.operations.rules import VERTICAL, at_point, bell

HYPERBOLIC: tuple[Op, ...] = (
    Op(
        name="sinh",
        args=X,
        value=lambda m, x: m.sinh(x),
        partials=each(lambda m, y, x: m.cosh(x)),
        symbolic=lambda s, x: s.sinh(x),
        sympy_class="sinh",
        domain=BELOW_OVERFLOW,
        backward="a hyperbolic sine passes the gradient times the hyperbolic cosine",
        derivatives=("cosh(x)",),
        latex=r"\sinh(#1)",
    ),
    Op(
        name="cosh",
        args=X,
        value=lambda m, x: m.cosh(x),
        partials=each(lambda m, y, x: m.sinh(x)),
        symbolic=lambda s, x: s.cosh(x),
        sympy_class="cosh",
        domain=BELOW_OVERFLOW,
        backward="a hyperbolic cosine passes the gradient times the hyperbolic sine",
        derivatives=("sinh(x)",),
        latex=r"\cosh(#1)",
    ),
    Op(
        name="tanh",
        args=X,
        value=lambda m, x: m.tanh(x),
        # 1 - y² has no digits left at x = 20 and 4/(e^x + e^-x)² overflows at 710.
        partials=each(lambda m, y, x: bell(m, x) * 4),
        symbolic=lambda s, x: s.tanh(x),
        sympy_class="tanh",
        domain=REAL,
        backward="a hyperbolic tangent passes the gradient times one minus its result squared",
        derivatives=("1 - tanh(x)^2",),
        latex=r"\tanh(#1)",
    ),
    Op(
        name="asinh",
        args=X,
        aliases=("arcsinh",),
        value=lambda m, x: m.asinh(x),
        partials=each(lambda m, y, x: m.one / m.hypot(x, m.one)),
        symbolic=lambda s, x: s.asinh(x),
        sympy_class="asinh",
        domain=REAL,
        backward="an inverse hyperbolic sine passes the gradient divided by sqrt(x^2 + 1)",
        derivatives=("1/sqrt(x^2 + 1)",),
        latex=r"\operatorname{arsinh}(#1)",
    ),
    Op(
        name="acosh",
        args=X,
        aliases=("arccosh",),
        value=lambda m, x: m.acosh(x),
        # 1/sqrt(x*x - 1) has relative error 2.5e-10 at x = 1 + 1e-9; this form stays below 1e-15.
        partials=each(lambda m, y, x: m.ratio(m.one, m.sqrt(x - m.one) * m.sqrt(x + m.one))),
        symbolic=lambda s, x: s.acosh(x),
        sympy_class="acosh",
        domain=ABOVE_ONE,
        kink=Kink(at_point(1.0), VERTICAL, ((1.0,),), breaks=True),
        backward="an inverse hyperbolic cosine passes the gradient divided by sqrt(x^2 - 1)",
        derivatives=("1/sqrt(x^2 - 1)",),
        latex=r"\operatorname{arcosh}(#1)",
    ),
    Op(
        name="atanh",
        args=X,
        aliases=("arctanh",),
        value=lambda m, x: m.atanh(x),
        partials=each(lambda m, y, x: m.one / ((m.one - x) * (m.one + x))),
        symbolic=lambda s, x: s.atanh(x),
        sympy_class="atanh",
        domain=OPEN_UNIT,
        backward="an inverse hyperbolic tangent passes the gradient divided by 1 - x^2",
        derivatives=("1/(1 - x^2)",),
        latex=r"\operatorname{artanh}(#1)",
    ),
)
