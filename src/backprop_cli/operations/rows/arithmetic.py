"""Arithmetic."""

from __future__ import annotations

from backprop_cli.operations.domains import DIVISION, POWER, REAL, REAL2
from backprop_cli.operations.op import XY, Kink, Op, X
from backprop_cli.operations.rules import one_slope, pow_by_base, pow_by_exponent, pow_kink

ARITHMETIC: tuple[Op, ...] = (
    Op(
        name="add",
        args=XY,
        infix=" + ",
        value=lambda m, x, y: x + y,
        partials=(one_slope, one_slope),
        symbolic=lambda s, x, y: x + y,
        domain=REAL2,
        backward="a sum passes the gradient on unchanged to each term",
        derivatives=("1", "1"),
        latex="#1 + #2",
        exact=True,
    ),
    Op(
        name="sub",
        args=XY,
        infix=" - ",
        value=lambda m, x, y: x - y,
        partials=(one_slope, lambda m, z, x, y: -m.one),
        symbolic=lambda s, x, y: x - y,
        domain=REAL2,
        backward="a difference passes the gradient on unchanged to the first term, negated to the second",
        derivatives=("1", "-1"),
        latex="#1 - #2",
        exact=True,
    ),
    Op(
        name="mul",
        args=XY,
        infix="*",
        value=lambda m, x, y: x * y,
        partials=(lambda m, z, x, y: y, lambda m, z, x, y: x),
        symbolic=lambda s, x, y: x * y,
        domain=REAL2,
        backward="a product passes to each factor the gradient times the other factor",
        derivatives=("y", "x"),
        latex=r"#1 \cdot #2",
        exact=True,
        cuts="beside constants",
    ),
    Op(
        name="div",
        args=XY,
        infix="/",
        value=lambda m, x, y: m.div(x, y),
        partials=(lambda m, z, x, y: m.one / y, lambda m, z, x, y: -(z / y)),
        symbolic=lambda s, x, y: x / y,
        domain=DIVISION,
        backward="a quotient passes the gradient divided by the divisor to the dividend, "
        "and minus the quotient times that to the divisor",
        derivatives=("1/y", "-x/y^2"),
        latex=r"\frac{#1}{#2}",
    ),
    Op(
        name="neg",
        args=X,
        infix="-",
        value=lambda m, x: -x,
        partials=(lambda m, y, x: -m.one,),
        symbolic=lambda s, x: -x,
        domain=REAL,
        backward="a negation turns the sign of the gradient",
        derivatives=("-1",),
        latex="-#1",
        exact=True,
    ),
    Op(
        name="pow",
        args=XY,
        infix="^",
        value=lambda m, x, y: m.pow(x, y),
        partials=(pow_by_base, pow_by_exponent),
        symbolic=lambda s, x, y: x**y,
        domain=POWER,
        kink=Kink(
            at=pow_kink,
            convention="the slope from the side that has a value; none by the exponent at a base <= 0",
            points=((0.0, 1.5), (0.0, 0.5), (-2.0, 2.0), (0.0, 0.0)),
        ),
        backward="a power x^y passes to x the gradient times y*x^(y - 1), and to y times x^y*log(x)",
        derivatives=("y*x^(y - 1)", "x^y*log(x)"),
        latex="{#1}^{#2}",
    ),
)
