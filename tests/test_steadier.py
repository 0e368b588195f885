"""Rewrites that keep digits: each has more of them where it says, and is the same function."""

from __future__ import annotations

from itertools import product

import pytest

from backprop_cli import Report, gradient
from backprop_cli.findings import steadier
from backprop_cli.findings.cures import Cure, outcome
from backprop_cli.findings.steadier import STEADIER
from backprop_cli.language.source import read_assignments, read_source
from backprop_cli.operations.reals import mpmath_namespace

EACH = pytest.mark.parametrize("cure", STEADIER, ids=lambda cure: cure.formula.replace(" ", ""))
MANY = mpmath_namespace(60)
PLACES = (0.28125, 0.6875, 1.5625, 2.21875)


def fewest_digits(report: Report) -> int:
    found = [report.check.value_digits, *(c.digits for c in report.check.gradients.values())]
    return min(digits for digits in found if digits is not None)


def hint_of(program: str, point: dict[str, float]) -> str:
    warnings = gradient(program, point).warnings
    return next((w.hint for w in warnings if w.hint), "")


@EACH
def test_the_rewrite_keeps_the_digits_that_the_formula_loses(cure: Cure) -> None:
    point = read_assignments(cure.at.split())
    assert fewest_digits(gradient(cure.formula, point)) < 12
    used = {name: point[name] for name in read_source(cure.rewrite).inputs}
    assert fewest_digits(gradient(cure.rewrite, used)) >= 12
    told = hint_of(f"2*({cure.formula})", point)
    assert "→" in told
    assert told.endswith("digits are right")


@EACH
def test_the_rewrite_is_the_same_function(cure: Cure) -> None:
    names = list(read_source(cure.formula).inputs)
    met = 0
    for places in product(PLACES, repeat=len(names)):
        point = {name: MANY.number(x) for name, x in zip(names, places, strict=True)}
        before, after = outcome(cure.formula, point, MANY), outcome(cure.rewrite, point, MANY)
        if before is None:
            continue
        met += 1
        assert after is not None
        for x, y in zip(before, after, strict=True):
            assert abs(x - y) <= 1e-50 * max(1, abs(x))
    assert met >= 2


@pytest.mark.parametrize(
    ("program", "point", "hint"),
    [
        ("(1 - cos(x))/x^2", {"x": 1e-9},
         "(1 - cos(x))/x^2 → sinc(x/2)^2/2, with which all digits are right"),
        ("u = cos(x); 5*(1 - u)", {"x": 1e-7}, "1 - cos(x) → 2*sin(x/2)^2, with which all digits are right"),
        ("log(1 + x)/x", {"x": 1e-10}, "log(1 + x) → log1p(x), with which 9 digits are right"),
        ("(-b + sqrt(b^2 - 4*a*c))/(2*a)", {"a": 1, "b": 1e9, "c": 1},
         ("(-b + sqrt(b^2 - 4*a*c))/(2*a) → -2*c/(b + sqrt(b^2 - 4*a*c)), "
          "with which 15 digits are right")),
        ("exp(log(x)*2)", {"x": 1e-200}, ""),  # x^2 underflows as well
        ("a*d - b*c", {"a": 100000001, "b": 100000000, "c": 100000000, "d": 99999999}, ""),
        ("sin(x*1e10)", {"x": 1.3}, ""),
        ("x = 2*x; 1 - cos(x)", {"x": 1e-7}, "1 - cos(x) → 2*sin(x/2)^2, with which all digits are right"),
        ("x = cos(x); x = 1 - x; 2*x", {"x": 1e-7}, ""),  # x#1 is no name in a program
    ],
    ids=lambda x: str(x)[:30],
)  # fmt: skip
def test_hints(program: str, point: dict[str, float], hint: str) -> None:
    assert hint_of(program, point) == hint


@pytest.mark.parametrize("rewrite", ["1 - cos(2*x)", "sin(x/2)^2", "1 - cos(x)", "log(-1 - x^2)"])
def test_a_rewrite_that_does_not_help_is_not_told(rewrite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steadier, "_FORMULAS", (Cure("1 - cos(x)", rewrite, "x=1e-7"),))
    assert hint_of("1 - cos(x)", {"x": 1e-7}) == ""


def test_nothing_is_told_where_no_digit_of_what_is_true_is_certain() -> None:
    report = gradient("log(1 + tanh(log(1 + sigmoid(x)/1e16)))", x=1e160)
    assert report.check.gradients["x"].value is None
    assert [w.hint for w in report.warnings] == [""] * len(report.warnings)
