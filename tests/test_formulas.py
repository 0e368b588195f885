"""Sympy's side of the check: programs that its formulas find hard."""

from __future__ import annotations

import pytest
import sympy

from backprop_cli import gradient
from backprop_cli.operations.op import Op
from backprop_cli.operations.table import TABLE

HARD = [
    ("max(a, b, c)*a", {"a": 5, "b": 1, "c": 2}, "pass"),
    ("exp(max(a, b, c))", {"a": 0.5, "b": 1, "c": 2}, "pass"),
    ("log1p(ceil(a))", {"a": 0.5}, "pass"),
    ("log1p(ceil(a))", {"a": 0}, "skipped"),
    ("2^(710/y^0)", {"y": 0}, "pass"),  # the exponent is a number to sympy alone
    ("0^(710^(x/x))", {"x": 1}, "pass"),
    ("gelu(floor(0/c))", {"c": -2.5}, "pass"),
    ("min(asin(0.5), max(3.7, b, c))", {"b": 2, "c": 1}, "pass"),
    ("where(-1 > c, where(acos(2) >= a, sqrt(a), b), a*c)", {"c": 1e5, "a": 0, "b": 0}, "pass"),
    (
        "where(where(3.7 <= cbrt(pi)/ceil(3.7), acosh(b*0.5), a*b) > sigmoid(pi-log(0.5)), 0.5, c*sqrt(c))",
        {"a": 1, "b": 0.5, "c": 1.7},
        "pass",
    ),
    ("floor(2)*x + ceil(2.5)", {"x": 1.5}, "pass"),
    ("floor(x)*y", {"x": 2, "y": 3}, "pass"),
    ("abs(log(x))*cbrt(log(x))", {"x": 0.5}, "pass"),
    ("sign(x)*y", {"x": -2, "y": 3}, "pass"),
    ("0^a", {"a": 2}, "skipped"),
    ("x^y", {"x": 0, "y": 2}, "skipped"),
    ("max(a, b, c, 1, 2, 3, 4, 5)", {"a": 1, "b": 2, "c": 9}, "pass"),
    ("gelu(gelu(gelu(gelu(gelu(gelu(gelu(gelu(x))))))))", {"x": 1}, "pass"),
]


@pytest.mark.parametrize(("program", "point", "status"), HARD)
def test_the_check_never_stumbles(program: str, point: dict[str, float], status: str) -> None:
    check = gradient(program, point).check
    assert check.status == status, check
    assert status != "skipped" or check.reason


def test_a_kink_outweighs_other_reasons() -> None:
    report = gradient("max(x, y, 0)", x=0, y=0)
    assert [c.reason for c in report.check.gradients.values()] == ["kink", "kink"]
    assert report.check.gradients["x"].left == 0
    assert report.check.gradients["x"].right == 1


def test_floor_is_written_as_floor() -> None:
    check = gradient("x*floor(x)", x=2.5).check
    assert check.gradients["x"].formula == "floor(x)"


@pytest.mark.parametrize("op", TABLE, ids=lambda op: op.name)
def test_rows_tell_which_definitions_are_piecewise(op: Op) -> None:
    symbols = [sympy.Symbol(name, real=True) for name in op.args]
    if op.takes_condition:
        symbols[0] = symbols[0] > 0
    assert bool(op.symbolic(sympy, *symbols).has(sympy.Piecewise)) == op.piecewise
