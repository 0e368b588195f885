"""Exponentials, logarithms and roots."""

from __future__ import annotations

from backprop_cli.operations.domains import (
    ABOVE_MINUS_ONE,
    BELOW_OVERFLOW,
    NOT_NEGATIVE,
    POSITIVE,
    REAL,
    REAL2,
)
from backprop_cli.operations.op import XY, Kink, Op, X, each
from backprop_cli.operations.rules import VERTICAL, at_point

EXPONENTIALS: tuple[Op, ...] = (
    Op(
        name="exp",
        args=X,
        value=lambda m, x: m.exp(x),
        partials=each(lambda m, y, x: y),
        symbolic=lambda s, x: s.exp(x),
        sympy_class="exp",
        domain=BELOW_OVERFLOW,
        backward="an exponential passes the gradient times its own result",
        derivatives=("exp(x)",),
        latex=r"\mathrm{e}^{#1}",
    ),
    Op(
        name="expm1",
        args=X,
        value=lambda m, x: m.expm1(x),
        partials=each(lambda m, y, x: m.exp(x)),
        symbolic=lambda s, x: s.exp(x) - 1,
        domain=BELOW_OVERFLOW,
        backward="exp(x) - 1 passes the gradient times exp(x)",
        derivatives=("exp(x)",),
        latex=r"\mathrm{e}^{#1} - 1",
    ),
    Op(
        name="log",
        args=X,
        aliases=("ln",),
        value=lambda m, x: m.log(x),
        partials=each(lambda m, y, x: m.one / x),
        symbolic=lambda s, x: s.log(x),
        sympy_class="log",
        domain=POSITIVE,
        backward="a logarithm passes the gradient divided by its operand",
        derivatives=("1/x",),
        latex=r"\ln(#1)",
    ),
    Op(
        name="log1p",
        args=X,
        value=lambda m, x: m.log1p(x),
        partials=each(lambda m, y, x: m.one / (m.one + x)),
        symbolic=lambda s, x: s.log(1 + x),
        domain=ABOVE_MINUS_ONE,
        backward="log(1 + x) passes the gradient divided by 1 + x",
        derivatives=("1/(1 + x)",),
        latex=r"\ln(1 + #1)",
    ),
    Op(
        name="log2",
        args=X,
        value=lambda m, x: m.log2(x),
        partials=each(lambda m, y, x: m.one / (x * m.ln2)),
        symbolic=lambda s, x: s.log(x) / s.log(2),
        domain=POSITIVE,
        backward="a binary logarithm passes the gradient divided by its operand times log(2)",
        derivatives=("1/(x*log(2))",),
        latex=r"\log_2(#1)",
    ),
    Op(
        name="log10",
        args=X,
        value=lambda m, x: m.log10(x),
        partials=each(lambda m, y, x: m.one / (x * m.ln10)),
        symbolic=lambda s, x: s.log(x) / s.log(10),
        domain=POSITIVE,
        backward="a decimal logarithm passes the gradient divided by its operand times log(10)",
        derivatives=("1/(x*log(10))",),
        latex=r"\log_{10}(#1)",
    ),
    Op(
        name="sqrt",
        args=X,
        value=lambda m, x: m.sqrt(x),
        partials=each(lambda m, y, x: m.ratio(m.one, y + y)),
        symbolic=lambda s, x: s.sqrt(x),
        domain=NOT_NEGATIVE,
        kink=Kink(at_point(0.0), VERTICAL, ((0.0,),), breaks=True),
        backward="a square root passes the gradient divided by twice its result",
        derivatives=("1/(2*sqrt(x))",),
        latex=r"\sqrt{#1}",
    ),
    Op(
        name="cbrt",
        args=X,
        value=lambda m, x: m.cbrt(x),
        # From the result, y/(3x) or 1/(3y²) would inherit the 2.6 ulp that cbrt may be off.
        partials=each(
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
        kink=Kink(at_point(0.0), VERTICAL, ((0.0,),)),
        backward="a cube root passes the gradient divided by three times its result squared",
        derivatives=("1/(3*cbrt(x)^2)",),
        latex=r"\sqrt[3]{#1}",
    ),
    Op(
        name="hypot",
        args=XY,
        value=lambda m, x, y: m.hypot(x, y),
        partials=each(
            lambda m, h, x, y: m.over_norm(x, x, y, m.where(m.eq(h, m.zero), m.one, h)),
            lambda m, h, x, y: m.over_norm(y, x, y, m.where(m.eq(h, m.zero), m.one, h)),
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
    ),
)
