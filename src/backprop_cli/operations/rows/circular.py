"""Circular functions."""

from __future__ import annotations

from backprop_cli.operations.domains import LINE, REAL, REAL2, UNIT, always, points
from backprop_cli.operations.op import Domain, Kink, Op, X
from backprop_cli.operations.rules import VERTICAL, sinc, sinc_slope

CIRCULAR: tuple[Op, ...] = (
    Op(
        name="sin",
        args=X,
        value=lambda m, x: m.sin(x),
        partials=(lambda m, y, x: m.cos(x),),
        symbolic=lambda s, x: s.sin(x),
        sympy_class="sin",
        domain=REAL,
        backward="a sine passes the gradient times the cosine",
        derivatives=("cos(x)",),
        latex=r"\sin(#1)",
    ),
    Op(
        name="cos",
        args=X,
        value=lambda m, x: m.cos(x),
        partials=(lambda m, y, x: -m.sin(x),),
        symbolic=lambda s, x: s.cos(x),
        sympy_class="cos",
        domain=REAL,
        backward="a cosine passes the gradient times minus the sine",
        derivatives=("-sin(x)",),
        latex=r"\cos(#1)",
    ),
    Op(
        name="tan",
        args=X,
        value=lambda m, x: m.tan(x),
        partials=(lambda m, y, x: m.one + y * y,),
        symbolic=lambda s, x: s.tan(x),
        sympy_class="tan",
        domain=REAL,
        backward="a tangent passes the gradient times one plus its result squared",
        derivatives=("1 + tan(x)^2",),
        latex=r"\tan(#1)",
    ),
    Op(
        name="sinc",
        args=X,
        value=lambda m, x: sinc(m, x),
        partials=(lambda m, y, x: sinc_slope(m, x),),
        symbolic=lambda s, x: s.Piecewise((s.sin(x) / x, s.Ne(x, 0)), (1, True)),
        piecewise=True,
        domain=Domain("any operand", always, points(*LINE, 0.0)),
        backward="a sinc, sin(x)/x and 1 at 0, passes the gradient times (cos(x) - sinc(x))/x, and 0 at 0",
        derivatives=("where(abs(x) > 0, (cos(x) - sinc(x))/x, 0)",),
        latex=r"\operatorname{sinc}(#1)",
        composite=True,
    ),
    Op(
        name="asin",
        args=X,
        aliases=("arcsin",),
        value=lambda m, x: m.asin(x),
        partials=(lambda m, y, x: m.ratio(m.one, m.sqrt((m.one - x) * (m.one + x))),),
        symbolic=lambda s, x: s.asin(x),
        sympy_class="asin",
        domain=UNIT,
        kink=Kink(lambda m, xs, _fixed: m.eq(m.abs(xs[0]), m.one), VERTICAL, ((1.0,), (-1.0,))),
        backward="an arcsine passes the gradient divided by sqrt(1 - x^2)",
        derivatives=("1/sqrt(1 - x^2)",),
        latex=r"\arcsin(#1)",
    ),
    Op(
        name="acos",
        args=X,
        aliases=("arccos",),
        value=lambda m, x: m.acos(x),
        partials=(lambda m, y, x: m.ratio(-m.one, m.sqrt((m.one - x) * (m.one + x))),),
        symbolic=lambda s, x: s.acos(x),
        sympy_class="acos",
        domain=UNIT,
        kink=Kink(lambda m, xs, _fixed: m.eq(m.abs(xs[0]), m.one), VERTICAL, ((1.0,), (-1.0,))),
        backward="an arccosine passes minus the gradient divided by sqrt(1 - x^2)",
        derivatives=("-1/sqrt(1 - x^2)",),
        latex=r"\arccos(#1)",
    ),
    Op(
        name="atan",
        args=X,
        aliases=("arctan",),
        value=lambda m, x: m.atan(x),
        partials=(lambda m, y, x: m.one / (m.one + x * x),),
        symbolic=lambda s, x: s.atan(x),
        sympy_class="atan",
        domain=REAL,
        backward="an arctangent passes the gradient divided by 1 + x^2",
        derivatives=("1/(1 + x^2)",),
        latex=r"\arctan(#1)",
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
    ),
)
