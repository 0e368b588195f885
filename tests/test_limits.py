"""Difference quotients and their algebra: explain --limit."""

from __future__ import annotations

import json
import math

import jsonschema
import pytest
import sympy

from backprop_cli import gradient
from backprop_cli.schemas import schema_text
from backprop_cli.tell.limits import Limit, difference_quotients
from conftest import Run


def limits(program: str, name: str, **point: float) -> list[Limit]:
    return list(difference_quotients(gradient(program, point, check=False), name))


ALGEBRA = [
    ("a*b", "v1", ("((a + h)*b - a*b)/h", "b*h/h", "b", "b")),
    ("a + b", "v1", ("((a + h) + b - (a + b))/h", "h/h", "1", "1")),
    ("a - 0.5", "v1", ("((a + h) - 0.5 - (a - 0.5))/h", "h/h", "1", "1")),
    ("a^2", "v1", ("((a + h)^2 - a^2)/h", "h*(2*a + h)/h", "2*a + h", "2*a")),
    ("1/a", "v1", ("(1/(a + h) - 1/a)/h", "-h/(a*(a + h))/h", "-1/(a*(a + h))", "-1/a^2")),
    ("(a*b + c)*f", "a", ("(f*(b*(a + h) + c) - f*(a*b + c))/h", "b*f*h/h", "b*f", "b*f")),
    ("h*a", "v1", ("((h + k)*a - h*a)/k", "a*k/k", "a", "a")),
]


@pytest.mark.parametrize(("program", "name", "algebra"), ALGEBRA)
def test_h_cancels(program: str, name: str, algebra: tuple[str, ...]) -> None:
    point = {name: number for name, number in zip("abcfh", (2, 3, -10, 5, 7), strict=True) if name in program}
    first = limits(program, name, **point)[0]
    assert first.algebra == algebra
    # All sides but the last are equal, and the last is their limit.
    *sides, slope = (sympy.sympify(text.replace("^", "**")) for text in first.algebra)
    assert all(sympy.cancel(side - sides[0]) == 0 for side in sides)
    assert sympy.cancel(sides[-1].subs(first.letter, 0) - slope) == 0


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("exp(a)", "v1"),
        ("a^0.5", "v1"),
        ("relu(a)", "v1"),
        ("0.1*a", "a"),
        ("((a^6)^6)^6", "a"),
        ("a^b", "v1"),
    ],
)
def test_where_it_does_not_cancel_nothing_is_claimed(program: str, name: str) -> None:
    point = {name: 1.5 for name in "ab" if name in program}
    assert limits(program, name, **point)[0].algebra == ()


def test_both_sides_of_a_kink() -> None:
    (limit,) = limits("abs(x)", "v1", x=0)
    assert (limit.left, limit.right) == (-1, 1)
    assert {q.h > 0: q.value for q in limit.quotients} == {True: 1, False: -1}
    assert all(q.error == 0 for q in limit.quotients)
    (edge,) = limits("x*sqrt(x)", "x", x=0)
    assert (edge.left, edge.right) == (None, 0)
    assert [q.value for q in edge.quotients if q.h < 0] == [None] * 7


def test_an_input_moves_the_output() -> None:
    (limit,) = limits("(a*b + c)*f", "a", a=2, b=3, c=-10, f=5)
    assert [(q.value, q.error) for q in limit.quotients] == [(15, 0)] * 7
    # In doubles terms cancel, and the slope is noise: 1e9.
    (limit,) = limits("(1 - cos(x))/x^2", "x", x=1e-9)
    assert math.isclose(limit.slope, -1e-9 / 12, rel_tol=1e-9)
    assert limit.quotients[3].value == pytest.approx(limit.slope, rel=1e-2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("e = a*b; e", "a=2", "b=3", "--limit", "e"), "  ((a + h) × b − a × b) / h = b × h / h = b\n"),
        (("e = a*b; e", "a=2", "b=3", "--limit", "e"), "  which is b for every h other than 0\n"),
        (("x^2", "x=3", "--limit", "v1"), "  which goes to 2 × x as h goes to 0\n"),
        (
            ("x^2", "x=3", "--limit", "v1", "--ascii"),
            "((x + h)^2 - x^2)/h = h * (h + 2 * x)/h = h + 2 * x\n",
        ),
        (("relu(x)", "x=0", "--limit", "v1"), "  on the left the slope is 0\n  h = -1      (f(x + h)"),
        (("sqrt(x)", "x=0", "--limit", "v1"), "  on the left the slope is none\n  h = -1: no value there\n"),
        (("c += a", "c=1", "a=2", "--limit", "c#1"), "∂c/∂c#1 = 1"),
        (
            ("floor(x)", "x=2", "--limit", "x"),
            "on the left the slope is 0; these quotients do not go to it: the value may\n    jump\n",
        ),
        (("floor(x)", "x=2", "--limit", "x"), "on the right the slope is 0\n"),
        (("x*1e-200*1e-200", "x=1", "--limit", "x"), "(f(x + h) - f(x))/h = not known\n"),
    ],
)
def test_it_says(backprop: Run, arguments: tuple[str, ...], said: str) -> None:
    assert said in backprop("explain", *arguments).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("2*3", "--limit", "v1"), "v1 is a constant"),
        (("x*y", "x=3", "y=1", "--limit", "x", "--wrt", "y"), "--wrt leaves x out"),
        (
            ("x*y", "x=3", "y=1", "--limit", "x", "--upstream", "2"),
            "--limit tells the slope of the output itself",
        ),
    ],
)
def test_what_has_no_limit(backprop: Run, arguments: tuple[str, ...], message: str) -> None:
    done = backprop("explain", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_json_and_latex(backprop: Run) -> None:
    arguments = ("explain", "y = x^2 + abs(x - 3)", "x=3", "--limit", "x")
    record = json.loads(backprop(*arguments, "--json").stdout, parse_constant=pytest.fail)
    jsonschema.validate(record, json.loads(schema_text("explain")))
    (limit,) = record["limits"]
    assert (limit["left"], limit["right"], limit["algebra"]) == (5, 7, [])
    text = backprop("explain", "x^2", "x=3", "--limit", "v1", "--format", "markdown").stdout
    assert r"\frac{{\left(x + h\right)}^{2} - {x}^{2}}{h} =" in text
