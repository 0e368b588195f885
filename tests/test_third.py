"""Third derivatives: against sympy's, at corners and kinks, and with a wrong row."""

from __future__ import annotations

import json
import math
import random
from fractions import Fraction
from typing import Any

import pytest

from backprop_cli import hessian
from backprop_cli.calculus.local import Bend, second_partials
from backprop_cli.calculus.tangents import Tangent, Tangents
from backprop_cli.errors import InputError, LimitError
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import Op

PROGRAMS = [
    ("x^3*y^2 + sin(x*y)*exp(z)", {"x": 1.3, "y": 0.7, "z": 0.2}),
    ("(x^2 + y^2)^1.5/log(1 + z^2)", {"x": 1.3, "y": 0.7, "z": 0.9}),
    ("sigmoid(w*x + b)^2*tanh(b)", {"w": 0.3, "x": 2.0, "b": -0.4}),
    ("x^y", {"x": 2.0, "y": 3.0}),
    ("atan2(y, x)*hypot(x, z)", {"x": 1.0, "y": 2.0, "z": 0.5}),
    ("erf(x)*gelu(x) + softplus(x)", {"x": 0.5}),
    ("cbrt(x)*asin(y)", {"x": 2.0, "y": 0.3}),
    ("logaddexp(x, y)*silu(y)", {"x": 0.1, "y": 0.3}),
    ("max(x*y, x + y)^2", {"x": 2.0, "y": 3.0}),
    ("relu(x)^3*abs(y)", {"x": 2.0, "y": -1.0}),
]


@pytest.mark.parametrize(("program", "point"), PROGRAMS, ids=[text for text, _ in PROGRAMS])
def test_sympy_confirms_every_third_derivative(program: str, point: dict[str, float]) -> None:
    report = hessian(program, point, order=3)
    assert report.third
    assert {entry.status for entry in report.third.values()} == {"pass"}
    assert {entry.digits for entry in report.third.values()} == {16}
    n = len(point)
    assert len(report.third) == n * (n + 1) * (n + 2) // 6


AT_CORNERS: list[tuple[str, float, float]] = [
    ("x^3", 0, 6),
    ("x^2", 0, 0),
    ("x^4", 0, 0),
    ("x*x*x", 0, 6),
    ("sinc(x)", 0, 0),
    ("where(x > 0, sqrt(x)*x, x^3)", -1, 6),
    ("tan(x)", 0, 2),
    ("asin(x)", 0, 1),
    ("cosh(x)", 0, 0),
    ("erf(x)", 0, -4 / math.sqrt(math.pi)),
    ("(1 - cos(x))/x", 1e-8, -0.25),
]


@pytest.mark.parametrize(("program", "x", "third"), AT_CORNERS, ids=[text for text, *_ in AT_CORNERS])
def test_corners_of_third_order(program: str, x: float, third: float) -> None:
    report = hessian(program, x=x, order=3)
    assert report.third
    assert report.third["x", "x", "x"].value == pytest.approx(third, rel=1e-7, abs=1e-15)


@pytest.mark.parametrize(
    "program", ["relu(x)^3", "abs(x)*x^3", "elu(x)", "where(x > 0, x^3, 0)", "x^2.5", "floor(x)"]
)
def test_at_a_kink_and_where_a_derivative_jumps_nothing_is_said(program: str) -> None:
    report = hessian(program, x=0, order=3)
    assert report.third
    entry = report.third["x", "x", "x"]
    assert not math.isfinite(entry.value)
    assert entry.status == "skipped"


@pytest.mark.parametrize("seed", range(6))
def test_random_programs_are_confirmed(seed: int) -> None:
    rng = random.Random(seed)
    names = "xyz"
    program = "x"
    for _ in range(6):
        name = rng.choice(names)
        forms = ("sin({0})", "({0})*{1}", "({0})/(2 + {1}^2)", "tanh({0}) + {1}^3", "exp(-({0})^2)*{1}")
        program = rng.choice(forms).format(program, name)
    point = {name: rng.uniform(0.2, 1.5) for name in names if name in program}
    report = hessian(program, point, order=3)
    assert report.third
    assert not {entry.status for entry in report.third.values()} & {"fail"}
    assert all(entry.digits == 16 for entry in report.third.values())


def test_a_wrong_second_partial_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(op: Op, xs: Any, fixed: Any, m: Any) -> Bend:
        bend = second_partials(op, xs, fixed, m)
        return bend._replace(partials={pair: x * m.number(1.001) for pair, x in bend.partials.items()})

    monkeypatch.setattr("backprop_cli.calculus.tangents.second_partials", wrong)
    report = hessian("sin(x)*y^3", x=1, y=2, order=3)
    assert report.status == "fail"
    assert report.third
    assert {inputs for inputs, entry in report.third.items() if entry.status == "fail"} >= {("x", "x", "y")}


def test_roads_that_do_not_agree_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sympy is not asked: one of the three ways is off."""

    def wrong(op: Op, xs: Any, fixed: Any, m: Any) -> Bend:
        bend = second_partials(op, xs, fixed, m)
        factor = m.number(2.0 if op.name == "mul" else 1.0)
        return bend._replace(partials={pair: x * factor for pair, x in bend.partials.items()})

    monkeypatch.setattr("backprop_cli.calculus.tangents.second_partials", wrong)
    report = hessian("exp(x)*y^3", x=1, y=2, order=3, check=False)
    assert report.third
    assert {entry.reason for entry in report.third.values() if entry.status == "fail"} == {
        "the three ways to it disagree"
    }


def test_numbers_with_tangents_are_those_of_a_polynomial() -> None:
    """Against coefficients: (a + a't)(b + b't) and the quotient, exactly."""
    a, b = Tangent(Fraction(3), Fraction(2)), Tangent(Fraction(5), Fraction(-7))
    product, ratio, less = a * b, a / b, a - b
    assert (product.value, product.tangent) == (15, 3 * -7 + 2 * 5)
    assert (ratio.value, ratio.tangent) == (Fraction(3, 5), Fraction(2 * 5 - 3 * -7, 25))
    assert (less.value, less.tangent) == (-2, 9)
    assert (a * 2).tangent == 4
    assert not Tangent(0.0, 1.0).is_exact
    assert Tangents(FLOAT).lt(Tangent(1.0, 5.0), Tangent(2.0))


def test_what_is_refused(backprop: Any) -> None:
    with pytest.raises(InputError, match="the order is 4"):
        hessian("x^2", x=1, order=4)
    with pytest.raises(LimitError, match="up to 8 inputs"):
        hessian("+".join(f"x{i}^3" for i in range(9)), {f"x{i}": 1.0 for i in range(9)}, order=3)
    found = backprop("hessian", "x^3", "x=1", "--order", "3", "--format", "latex")
    assert (found.returncode, "LaTeX has the matrix alone" in found.stderr) == (2, True)
    kink = backprop("hessian", "abs(x)^3", "x=0", "--order", "3")
    assert kink.returncode == 3


def test_every_form_has_them(backprop: Any) -> None:
    words = ("hessian", "x^3*y", "x=1", "y=2", "--order", "3")
    table = backprop(*words)
    assert "4 third derivatives, all confirmed by sympy, all digits right" in table.stdout
    third = json.loads(backprop(*words, "--json").stdout)["third"]
    assert [(one["by"], one["third"]) for one in third] == [
        (["x", "x", "x"], 12.0), (["x", "x", "y"], 6.0), (["x", "y", "y"], 0.0), (["y", "y", "y"], 0.0)
    ]  # fmt: skip
    assert "x,x,y,6.0,16,pass" in backprop(*words, "--format", "csv").stdout
