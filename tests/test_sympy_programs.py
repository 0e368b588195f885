"""Expressions of SymPy's as programs: what they are written as, what is refused, and 400 at random."""

from __future__ import annotations

import math
import random
import re
from pathlib import Path
from typing import Any

import pytest
import sympy
from sympy import S, Symbol, symbols

from backprop_cli import DomainError, InputError, ParseError, compile_rows, gradient
from backprop_cli.errors import LimitError
from backprop_cli.language.expressions import write_expression
from backprop_cli.language.source import read_source

x, y, z = symbols("x y z")
f = sympy.Function("f")

WRITTEN = [
    (x * y - z / 3, "x*y - z/3"),
    (-x / y, "-(x/y)"),
    (sympy.sqrt(x) / 2, "sqrt(x)/2"),
    (1 / x, "1/x"),
    (x**-2, "1/x^2"),
    (x ** sympy.Rational(1, 3), "x^(1/3)"),
    (sympy.exp(2) * x, "x*exp(2)"),
    (sympy.E * x, "exp(1)*x"),
    (sympy.pi * x, "pi*x"),
    (-S(2) / 3 * x, "-2*x/3"),
    (S(1) / 3, "1/3"),
    (-S(5), "-5"),
    (x - 1, "x - 1"),
    (-x - y, "-x - y"),
    (2**x, "2^x"),
    (sympy.Float("0.1") * x, "0.1*x"),
    (sympy.log(x, 10), "log(x)/log(10)"),
    (sympy.Max(x, y, 3), "max(3, x, y)"),
    (sympy.Min(x, y), "min(x, y)"),
    (sympy.Abs(x), "abs(x)"),
    (sympy.ceiling(x) + sympy.floor(y), "ceil(x) + floor(y)"),
    (sympy.atan2(y, x), "atan2(y, x)"),
    (sympy.Piecewise((x, x > 0), (0, True)), "where(x > 0, x, 0)"),
    (sympy.Piecewise((x, (x > 0) & (y < 1)), (y, True)), "where(x > 0, where(y < 1, x, y), y)"),
    (sympy.Piecewise((x, (x > 0) | (y < 1)), (y, True)), "where(x > 0, x, where(y < 1, x, y))"),
    (sympy.Piecewise((1, sympy.Eq(x, 2)), (y, True)), "where(x <= 2, where(x >= 2, 1, y), y)"),
    (sympy.Piecewise((1, sympy.Ne(x, 2)), (y, True)), "where(x <= 2, where(x >= 2, y, 1), 1)"),
    (sympy.UnevaluatedExpr(x) + 1, "1 + x"),
    (sympy.Function("sigmoid")(x), "sigmoid(x)"),
]


@pytest.mark.parametrize(("expr", "text"), WRITTEN, ids=[text for _, text in WRITTEN])
def test_an_expression_is_written_as_people_write_it(expr: Any, text: str) -> None:
    assert set(write_expression(expr).split()) == set(text.split())  # SymPy orders the terms
    assert len(write_expression(expr)) == len(text)


REFUSED = [
    (sympy.I * x, "ImaginaryUnit"),
    (sympy.oo * x, "Infinity"),
    (S.NaN, "NaN"),
    (S.ComplexInfinity, "ComplexInfinity"),
    (S.EulerGamma * x, "EulerGamma"),
    (f(x), "f "),
    (f(x).diff(x), "Derivative"),
    (sympy.Integral(f(x), x), "Integral"),
    (sympy.zeta(x), "zeta"),
    (sympy.Matrix([x]), "Matrix"),
    (sympy.IndexedBase("a")[0], "Indexed"),
    (sympy.Eq(x, y), "condition"),
    (x > 1, "condition"),
    (sympy.Piecewise((x, x > 0)), "none of its conditions"),
    (Symbol("x_{1}"), "x_{1}"),
    (Symbol(r"\alpha"), "alpha"),
    (Symbol("pi") * x, "name of a constant"),
    (Symbol("x", real=True) * x, "two symbols"),
    (sympy.Dummy("x") + x, "two symbols"),
    (S(10) ** 400 * x, "beyond"),
    (sympy.Float("1e400") * x, "beyond"),
]


@pytest.mark.parametrize(("expr", "word"), REFUSED, ids=[str(expr) for expr, _ in REFUSED])
def test_what_the_language_lacks_is_refused_by_name(expr: Any, word: str) -> None:
    with pytest.raises(ParseError) as caught:
        gradient(expr, {"x": 1, "y": 2})
    assert word in caught.value.message
    assert caught.value.hint or word == "beyond"


def test_what_is_neither_text_nor_expression_is_refused() -> None:
    with pytest.raises(ParseError, match="of type int"):
        gradient(3)  # type: ignore[arg-type]


def test_a_name_is_never_taken_apart() -> None:
    """``F = ma`` may be a product in a text; a symbol is one name."""
    with pytest.raises(InputError, match="m is not in the program"):
        gradient(Symbol("ma"), m=1, a=2)


def test_every_call_takes_an_expression() -> None:
    expr = sympy.exp(-(x**2) / 2) * sympy.Max(x, y)
    report = gradient(expr, x=1, y=2)
    assert report.check.status == "pass"
    assert report.gradients["y"] == pytest.approx(math.exp(-0.5), rel=1e-15)
    rows = compile_rows(expr)
    assert rows({"x": [1.0], "y": [2.0]}).gradients["x"][0] == report.gradients["x"]


def test_shared_pieces_of_a_long_expression_have_names() -> None:
    expr: Any = x
    for _ in range(40):
        expr = sympy.sin(expr) + sympy.cos(expr)  # a tree of 2**40 leaves
    text = write_expression(expr)
    assert len(text) < 2_000
    assert math.isfinite(gradient(expr, x=0.5, check=False).gradients["x"])


def test_a_tree_of_any_depth_is_written() -> None:
    expr: Any = x
    for _ in range(20_000):
        expr = sympy.Basic.__new__(sympy.sin, expr)  # its own constructor recurses
    assert write_expression(expr) == "sin(" * 20_000 + "x" + ")" * 20_000


def random_expression(rng: random.Random, depth: int) -> Any:
    if not depth:
        numbers = [S(2), S(3), -S(1), S.Half, sympy.Rational(-2, 3), sympy.Float("0.3"), sympy.pi, sympy.E]
        return rng.choice([x, y, z, x, y, z, rng.choice(numbers)])
    part = lambda: random_expression(rng, depth - 1)  # noqa: E731
    kind = rng.randrange(12)
    if kind < 3:
        return sympy.Add(*(part() for _ in range(rng.randint(2, 4))))
    if kind < 6:
        return sympy.Mul(*(part() for _ in range(rng.randint(2, 3))))
    if kind == 6:
        return part() / (1 + part() ** 2)
    if kind == 7:
        return part() ** rng.choice([2, 3, -1, -2])
    if kind == 8:
        return sympy.sqrt(1 + part() ** 2) ** rng.choice([1, -1, 3])
    if kind == 9:
        return sympy.Piecewise((part(), part() < part()), (part(), True))
    if kind == 10:
        return rng.choice([sympy.Max, sympy.Min])(rng.choice([x, y]), rng.choice([z, S.Half]))
    names = ["sin", "cos", "tanh", "atan", "exp", "asinh", "erf"]
    return getattr(sympy, rng.choice(names))(sympy.Mul(S.Half, part()))


@pytest.mark.parametrize("seed", range(20))
def test_random_expressions_agree_with_diff(seed: int) -> None:
    """20 seeds of 20 expressions: the gradient is that of SymPy's own ``diff``, in 50 digits."""
    rng = random.Random(seed)
    compared = 0
    while compared < 20:
        expr = random_expression(rng, rng.randint(1, 3))
        if not expr.free_symbols or expr.has(S.NaN, S.ComplexInfinity, sympy.I):
            continue
        point = {symbol: rng.randint(-15, 15) / 8 + 1 / 16 for symbol in (x, y, z)}
        exact = {symbol: sympy.Rational(value) for symbol, value in point.items()}
        given = {str(s): v for s, v in point.items() if s in expr.free_symbols}
        try:
            report = gradient(expr, given, check=False)
        except DomainError:
            continue
        if any("kink" in str(warning) for warning in report.warnings):
            continue
        for name, value in report.gradients.items():
            true = expr.diff(Symbol(name)).subs(exact).evalf(50)
            size = expr.subs(exact).evalf(50)
            if true.is_real and size.is_real:
                assert value == pytest.approx(float(true), rel=1e-9, abs=1e-12 * (1 + abs(float(size)))), expr
        compared += 1


def test_the_example_of_the_docs() -> None:
    expr = sympy.exp(-(x**2) / 2) / (1 + sympy.Max(x, y))
    text = gradient(expr, x=1, y=2).program
    page = Path(__file__).parent.parent / "docs" / "language.md"
    assert f"report.program  # {text!r}" in page.read_text(encoding="utf-8")


# ---- text as SymPy prints it ----


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Piecewise((x, x > 0), (0, True))", "where(x > 0, x, 0)"),
        ("Piecewise((x, (x > 0) & ~(y > 1)), (0, True))", "where(x > 0, where(y > 1, 0, x), 0)"),
        ("Piecewise((x, Eq(x, 1) | Ne(y, 2)), (0, True))",
         f"where(x <= 1, where(x >= 1, x, {(other := 'where(y <= 2, where(y >= 2, 0, x), x)')}), {other})"),
        ("2*Piecewise((x, x > 0), (y, x > -1), (E, True))**2",
         "2*where(x > 0, x, where(x > -1, y, exp(1)))^2"),
        ("E*x + Max(x, y)", "exp(1)*x + max(x, y)"),
        ("Piecewise((Piecewise((1, y < 0), (2, True)), x <= (y)), (Min(x, 3), True))",
         "where(x <= y, where(y < 0, 1, 2), min(x, 3))"),
        ("(x + 1)*exp(-x**2)", "(x + 1)*exp(-x^2)"),
    ],
)  # fmt: skip
def test_printed_text_is_read(text: str, plain: str) -> None:
    assert read_source(text, notation="sympy").as_plain == plain


def test_a_printed_piecewise_is_known_by_its_name() -> None:
    source = read_source("Piecewise((x, x > 0), (0, True))")
    assert source.notation == "sympy"
    assert read_source("E*x", {"E", "x"}, "sympy").as_plain == "E*x"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Piecewise((x, x > 0))", "none of its conditions"),
        ("Piecewise((x, x > 0), (0, True)", "never closed"),
        ("Piecewise(x, x > 0)", "Piecewise holds pairs"),
        ("Piecewise((x, x > 0, 1), (0, True))", "a pair"),
        ("Piecewise((x, (x > 0 & y)), (0, True))", "a condition"),
        ("Piecewise((x, Eq(x)), (0, True))", "Eq lacks an operand"),
        ("Eq(x, 1) + Piecewise((x, x > 0), (0, True))", "'==' is not in the language"),
        ("Piecewise()", "Piecewise holds pairs"),
        ("I*Piecewise((x, x > 0), (0, True))", "SymPy's I"),
        ("oo + Piecewise((x, x > 0), (0, True))", "SymPy's oo"),
        ("Piecewise((x, x > 0), (zeta(x), True))", "zeta"),
        ("Piecewise(", "never closed"),
        ("Piecewise((x, x > 0), (0, True)))", "closes nothing"),
    ],
)
def test_printed_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(ParseError, match=re.escape(message)):
        gradient(text, x=1, y=2, notation="sympy")


@pytest.mark.parametrize("seed", range(5))
def test_printed_text_is_the_expression(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(20):
        expr = random_expression(rng, rng.randint(1, 3))
        text = str(expr)
        if any(sign in text for sign in ("&", "|", "zoo", "nan", "ITE", "True,")) or not expr.free_symbols:
            continue
        point = {"x": 0.4375, "y": -1.3125, "z": 1.0625}
        given = {name: value for name, value in point.items() if Symbol(name) in expr.free_symbols}
        values = []
        for program, notation in ((text, "sympy"), (expr, None)):
            try:
                values.append(gradient(program, given, check=False, notation=notation).value)
            except DomainError:
                values.append(math.nan)
        assert values[0] == pytest.approx(values[1], rel=1e-12, nan_ok=True), text


W, X, Y = symbols("w x y", real=True)


@pytest.mark.parametrize(
    ("program", "point", "expression"),
    [
        ("w = 0.5; z = w*x; sigmoid(z) + z", {"x": 1}, W * X + 1 / (1 + sympy.exp(-W * X))),
        ("c = x + y; c = c*2; max(c, x, 1)", {"x": 1, "y": 2}, sympy.Max(1, X, 2 * X + 2 * Y)),
        ("x += 1; x*x", {"x": 2}, (X + 1) ** 2),
        ("F = wx", {"w": 2, "x": 3}, W * X),
        ("where(x > 0, pi*floor(x), besselj(1, y))", {"x": 2, "y": 1},
         sympy.Piecewise((sympy.pi * sympy.floor(X), X > 0), (sympy.besselj(1, Y), True))),
    ],
)  # fmt: skip
def test_a_report_gives_its_program_as_sympys(program, point, expression):
    report = gradient(program, point)
    assert sympy.simplify(report.expression() - expression) == 0
    again = gradient(report.expression(), dict(report.inputs), check=False)
    assert again.value == pytest.approx(report.value, rel=1e-14)


def test_what_srepr_writes_is_the_expression():
    rng = random.Random(5)
    for _ in range(150):
        expression = random_expression(rng, 3)
        if expression.has(sympy.ITE):  # a decision between conditions, which no text has
            continue
        source = read_source(sympy.srepr(expression))
        point = {name: 0.25 + rng.random() for name in source.inputs}
        if not point:
            continue
        assert source.notation == "sympy"
        values = {symbol: sympy.Float(point[symbol.name], 40) for symbol in expression.free_symbols}
        expected = complex(expression.subs(values).evalf(30))
        try:
            found = gradient(source.read_as, point, check=False).value
        except DomainError:
            continue
        assert found == pytest.approx(expected.real, rel=1e-9)


PRINTED_CASES = (
    "Piecewise(ExprCondPair(Integer(1), And(StrictLessThan(Symbol('x'), Symbol('y')), "
    "Not(Equality(Symbol('x'), pi)))), ExprCondPair(Abs(Symbol('x')), true))"
)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Add(Symbol('x', real=True), Integer(-1))", "x + -1"),
        ("Pow(Symbol('x'), Rational(-1, 2))", "x^(-1/2)"),
        ("Mul(Float('-1.5', precision=53), Symbol('w_1'))", "-1.5*w_1"),
        (PRINTED_CASES,
         "where(x < y, where(x <= pi, where(x >= pi, abs(x), 1), 1), abs(x))"),
    ],
)  # fmt: skip
def test_srepr_is_read_as(text, plain):
    assert read_source(text).read_as == plain


@pytest.mark.parametrize(
    "text",
    ["Symbol('a b')", "Integer()", "Pow(Symbol('x'))", "Float('nan')", "Integer('3')", "Mul(Symbol('x'),)"],
)
def test_srepr_is_refused(text):
    with pytest.raises(ParseError):
        read_source(text)


def test_a_long_program_is_no_expression():
    with pytest.raises(LimitError, match="too long for sympy"):
        gradient(" + ".join(["x*x"] * 3000), x=1, check=False).expression()
