"""Gradients that doubles leave in doubt: what settles them, and that nothing else is said of them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from backprop_cli import compile_rows, gradient
from backprop_cli.batch.tally import STATUSES
from backprop_cli.findings import settled
from backprop_cli.findings.settled import Settled, settle_gradients
from backprop_cli.findings.undefined import undefined_gradients
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.render.json import render_report

BOTH, ONE, DIGITS = "both sides", "one side", "50 digits"
# Program, point, input, gradient and what it is found from: by analysis, or by mpmath with 120 digits.
SETTLED = [
    ("max(x, 0) - x*z + log(1 + exp(-abs(x)))", {"x": 0, "z": 1}, "x", -0.5, BOTH),
    ("relu(x) - relu(-x)", {"x": 0}, "x", 1.0, BOTH),
    ("max(x, 0) + min(x, 0)", {"x": 0}, "x", 1.0, BOTH),
    ("sign(x)*log(abs(x) + sqrt(x^2 + 1))", {"x": 0}, "x", 1.0, BOTH),
    ("sqrt(x^2 + y^2)^2", {"x": 0, "y": 0}, "y", 0.0, BOTH),
    ("(1 + sqrt(x^2 + y^2)^2)^(-1/2)", {"x": 0, "y": 0}, "x", 0.0, BOTH),
    ("cbrt(x)^3", {"x": 0}, "x", 1.0, BOTH),
    ("abs(x)^1.1", {"x": 0}, "x", 0.0, BOTH),
    ("sqrt(x*y)", {"x": 0, "y": 2}, "y", 0.0, BOTH),
    ("1 + sqrt(((T - u)*w)^2)", {"T": 0, "u": 0, "w": 3}, "w", 0.0, BOTH),
    ("sqrt((x - x)^2)", {"x": 3}, "x", 0.0, BOTH),
    ("0^(abs(x) + x)", {"x": -1}, "x", 0.0, BOTH),
    ("x*(1/x)", {"x": 1e-300}, "x", 0.0, BOTH),
    ("x/x", {"x": 1e-310}, "x", 0.0, BOTH),
    ("sqrt(x)^2", {"x": 0}, "x", 1.0, ONE),
    ("x*x^0.5", {"x": 0}, "x", 0.0, ONE),
    ("asin(tanh(x))", {"x": 20}, "x", 4.122307244877116e-09, DIGITS),
    ("acos(cos(x))", {"x": 1e-9}, "x", 1.0, DIGITS),
    ("sqrt(x^2 + y^2)", {"x": 1e-200, "y": 0}, "x", 1.0, DIGITS),
    ("hypot(x*x, x*x)", {"x": -1e-219}, "x", -2.82842712474619e-219, DIGITS),
    ("clip(0, x^2, 1)", {"x": 1e-300}, "x", 2e-300, DIGITS),
    ("1/(1/x)", {"x": 1e-200}, "x", 1.0, DIGITS),
    ("1/(1 + 1/x)", {"x": 1e-200}, "x", 1.0, DIGITS),
    ("1/sqrt(1 + 1/x^2)", {"x": 1e-100}, "x", 1.0, DIGITS),
    ("(x^2)^(x^2)", {"x": 1e-300}, "x", -2.761102111592855e-297, DIGITS),
    ("1/x^n", {"x": 0.5, "n": -1023}, "x", 2.276250557252867e-305, DIGITS),
]


@pytest.mark.parametrize(("program", "point", "by", "expected", "origin"), SETTLED)
def test_a_gradient_that_doubles_leave_in_doubt_is_settled(program, point, by, expected, origin):
    report = gradient(program, point)
    found = report.check.gradients[by]
    assert report.gradients[by] == pytest.approx(expected, rel=4e-16, abs=0)
    assert found.origin == origin
    assert found.at_kink == (origin == ONE)
    # Of 0^(abs(x) + x) sympy's formula has no value beside -1 either.
    assert (found.status == "pass") == (origin in (DIGITS, BOTH) and program != "0^(abs(x) + x)")
    # The same without the check, in the table of nodes, and in JSON.
    plain = gradient(program, point, check=False)
    assert plain.gradients == report.gradients
    assert next(n.gradient for n in report.nodes if n.id == by) == report.gradients[by]
    assert json.loads(render_report(plain))["check"]["gradients"][by]["from"] == origin


@pytest.mark.parametrize("engine", ["python", "numpy", "jit"])
@pytest.mark.parametrize(("program", "point", "by", "origin"), [(*case[:3], case[4]) for case in SETTLED])
def test_rows_have_the_same(engine, program, point, by, origin):
    if (program, engine) == ("acos(cos(x))", "jit"):
        pytest.skip("its cosine is one ulp below 1, as it may be")
    rows = compile_rows(program, wrt=[by], engine=engine)
    results = rows({name: np.full(3, float(x)) for name, x in point.items()})
    assert [STATUSES[code] for code in results.status] == ["kink" if origin == ONE else "ok"] * 3
    assert set(np.asarray(results.gradients[by])) == {gradient(program, point, wrt=[by]).gradients[by]}


ROUGH = [
    ("relu(x)", {"x": 0}, 0.0, 0.0, 1.0),
    ("relu(x) + x", {"x": 0}, 1.0, 1.0, 2.0),
    ("abs(x)*1e-40 + x", {"x": 0}, 1.0, 1.0, 1.0),  # equal as doubles, and not
    ("max(a, b)", {"a": 1, "b": 1}, 0.5, 0.0, 1.0),
    ("sign(x)", {"x": 0}, 0.0, 0.0, 0.0),  # a jump: equal slopes, and no derivative
    ("where(x > 0, x + 1, x)", {"x": 0}, 1.0, 1.0, 1.0),
    ("x^1.5", {"x": 0}, 0.0, None, 0.0),
    ("relu(x) - relu(-x) + abs(x)/8", {"x": 0}, 0.875, 0.875, 1.125),  # conventions add up to 0
    ("0^x", {"x": 0}, math.nan, None, 0.0),  # 1 at 0, and 0 right of it: not from that side
]


@pytest.mark.parametrize(("program", "point", "expected", "left", "right"), ROUGH)
def test_a_kink_keeps_its_convention(program, point, expected, left, right):
    by = next(iter(point))
    report = gradient(program, point, check=False)
    found = report.check.gradients[by]
    assert report.gradients[by] == pytest.approx(expected, rel=0, abs=0, nan_ok=True)
    assert found.at_kink
    assert (found.left, found.right) == (left, right)
    assert found.origin == {"x^1.5": ONE, "relu(x) - relu(-x) + abs(x)/8": "nearer side"}.get(program, "")


SPELLINGS = {
    0.0: ["relu(x)", "max(x, 0)", "max(0, x)", "where(x > 0, x, 0)", "clip(x, 0, 9)"],
    0.5: ["(x + abs(x))/2"],
    1.0: ["where(x >= 0, x, 0)", "x + relu(-x)", "x - min(x, 0)"],
}


@pytest.mark.parametrize("used", SPELLINGS)
def test_a_spelling_of_relu_has_a_slope_between_those_of_both_sides(used):
    """What README says of spellings at a kink."""
    for program in SPELLINGS[used]:
        report = gradient(program, x=0, check=False)
        found = report.check.gradients["x"]
        assert (found.left, found.right) == (0.0, 1.0)
        assert report.gradients["x"] == used, program


@pytest.mark.parametrize("relu", ["relu({})", "max({}, 0)", "({0} + abs({0}))/2", "where({0} >= 0, {0}, 0)"])
def test_every_spelling_has_the_derivative_where_there_is_one(relu):
    program = f"{relu.format('x')} - {relu.format('(-x)')}"
    assert gradient(program, x=0, check=False).gradients == {"x": 1.0}


def test_no_kink_is_told_where_the_program_is_smooth():
    kinds = [w.kind for w in gradient("relu(x) - relu(-x)", x=0).warnings]
    assert kinds == ["smooth"]
    assert "kink" in [w.kind for w in gradient("relu(x) - relu(-x) + relu(y)", x=0, y=0).warnings]


@pytest.mark.parametrize(
    "program", ["max(x, x)", "min(x, x, x)", "where(x >= x, x, 0)", "log10(max(x, x) + 1)"]
)
def test_what_ties_with_itself_is_no_kink(program):
    report = gradient(program, x=0)
    assert report.check.status == "pass"
    assert not report.warnings
    assert not any(node.kink for node in report.nodes)


def test_one_side_is_called_the_edge_of_the_domain():
    report = gradient("x^1.5", x=0)
    assert report.check.reason == "at the edge of the domain"
    assert "is at the edge of its domain at x = 0" in report.warnings[0].message


# ---- what does not exist, and what was lost ----


def missing(program: str, **point: float) -> str:
    error = undefined_gradients(gradient(program, point, check=False))
    assert error is not None
    return error.message


def test_what_does_not_exist_is_told_with_its_sides():
    told = missing("sqrt(x^2)", x=0)
    assert (
        told == "the gradient with respect to x does not exist at this point: "
        "its slope is -1 on the left and 1 on the right"
    )


def test_an_infinite_gradient_is_told_as_one():
    assert missing("sqrt(x)", x=0).startswith("the gradient with respect to x is infinity at this point")
    assert missing("cbrt(x)", x=0).startswith("the gradient with respect to x is infinity at this point")


def test_a_finite_gradient_beyond_doubles_is_told_in_digits():
    assert missing("1/x", x=-1e-200) == "the gradient with respect to x is -1e400, beyond what doubles hold"


def test_what_is_not_found_was_lost(monkeypatch):
    monkeypatch.setattr(settled, "LADDER", ())
    monkeypatch.setattr(settled, "_MOST_SIDE_STEPS", 0)
    assert missing("1/(1/x)", x=1e-200).startswith("the gradient with respect to x was lost in doubles")


def test_no_side_is_said_to_have_no_value_where_that_is_not_known():
    program = "(sin(x)/(-sin(x)))^(sin(x)/(-sin(x)))"
    found = gradient(program, x=1, check=False).check.gradients["x"]
    assert math.isnan(found.left)
    assert math.isnan(found.right)
    assert missing(program, x=1).startswith("the gradient with respect to x was lost in doubles")


# ---- certainty ----


def settle(program: str, **point: float):
    graph = lower_source(read_source(program))
    sweep = sweep_graph(graph, point, 1.0, FLOAT)
    return settle_gradients(sweep, [], list(point))


def test_what_needs_no_settling_is_left_alone():
    assert settle("x*y", x=2.0, y=3.0) == {}


@pytest.mark.parametrize("x", [1e-9, 1e-30, 1e-60, 1e-150])
def test_digits_are_taken_until_the_bound_allows_a_double(x):
    # cos(x) is 1 to 2·log10(1/x) digits, so acos(cos(x)) needs more than that.
    report = gradient("acos(cos(x))", x=x, check=False)
    assert report.gradients["x"] == 1.0


@pytest.mark.parametrize(
    ("branch", "sides"),
    [
        ("x*sin(1/x)", (math.nan, math.nan)),
        ("sin(1/x)", (math.nan, math.nan)),
        ("x*exp(-1/x)", (math.nan, 0.0)),
    ],
)
def test_the_point_alone_says_nothing_of_both_sides(branch: str, sides: tuple[float, float]) -> None:
    """At x = 0 the other branch is taken, in any number of digits; but only there."""
    found = gradient(f"where(abs(x) > 0, {branch}, 0)", x=0).check.gradients["x"]
    assert (found.at_kink, found.origin) == (True, "")
    assert repr((found.left, found.right)) == repr(sides)


def test_many_digits_at_the_point_are_not_both_sides() -> None:
    report = gradient("where(abs(x) > 0, 2*x, x)", x=0)
    assert (report.gradients["x"], report.check.gradients["x"].origin) == (2.0, "both sides")
    assert report.check.gradients["x"].digits == 16  # as sympy's slopes beside the point have it


@pytest.mark.parametrize(
    ("program", "slope", "wrong"),
    [
        ("relu(x) - relu(-x)", 1.0, 1.0 + 1e-11),
        ("1e-60*(relu(x) - relu(-x))", 1e-60, 0.0),
        ("x*abs(x)", 0.0, 1e-300),
    ],
)
def test_sympy_beside_the_kink_confirms_no_other_slope(
    program: str, slope: float, wrong: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = gradient(program, x=0)
    assert (found.gradients["x"], found.check.status) == (slope, "pass")
    monkeypatch.setattr(settled, "_by_sides", lambda *_, **__: Settled(wrong, BOTH))
    found = gradient(program, x=0)
    assert (found.gradients["x"], found.check.status) == (wrong, "skipped")


def test_a_slope_that_sympy_does_not_come_to_is_not_confirmed() -> None:
    found = gradient("abs(x)^1.001", x=0)
    assert found.gradients["x"] == 0
    assert found.check.gradients["x"].reason == "found from both sides"


def test_operands_that_move_together_are_smooth_or_not_together() -> None:
    found = gradient("clip(x, x, 2)", x=2).check.gradients["x"]
    assert (found.at_kink, found.left, found.right) == (True, 1.0, 0.0)


# ---- kinks that doubles miss ----


PARALLEL = [
    ("acos((a*c+b*d)/(sqrt(a^2+b^2)*sqrt(c^2+d^2)))", {"a": 1, "b": 3, "c": 2, "d": 6}, (-0.3, 0.3)),
    ("acos((a*c+b*d)/(hypot(a,b)*hypot(c,d)))", {"a": 1, "b": 3, "c": 1, "d": 3}, (-0.3, 0.3)),
    ("acos((a*c+b*d)/(sqrt(a^2+b^2)*sqrt(c^2+d^2)))", {"a": 1, "b": 2, "c": -1, "d": -2}, (0.4, -0.4)),
]


@pytest.mark.parametrize(("program", "point", "sides"), PARALLEL)
def test_the_angle_between_parallel_vectors_has_a_kink(program, point, sides):
    report = gradient(program, point)
    found = report.check.gradients["a"]
    assert (found.at_kink, found.reason, found.left, found.right) == (True, "kink", *sides)
    assert report.check.reason == "at a kink"
    assert "which doubles miss by rounding" in report.warnings[0].message
    assert report.check.value_zero_within in (report.value, None)


def test_the_edge_of_a_domain_that_doubles_miss_has_its_infinite_slope():
    report = gradient("sqrt(1-a/(sqrt(a)*sqrt(b)))", a=2, b=2)
    assert report.gradients == {"a": -math.inf, "b": math.inf}
    assert report.check.gradients["a"].reason == "edge of the domain"
    assert report.nodes[0].gradient == -math.inf
    assert report.nodes[0].swept < -8e6


def test_the_length_along_an_axis_is_no_root_with_a_rest():
    """√(1 + t)² is 1 + t: what is made of it is exact, so that signs are known."""
    report = gradient("acos((a*c+b*d)/(sqrt(a^2+b^2)*sqrt(c^2+d^2)))", a=1, b=0, c=2, d=0)
    assert report.gradients["a"] == 0
    assert report.check.gradients["a"].origin == "both sides"
    assert gradient("asin(x/sqrt(x*x))", x=3).gradients["x"] == 0


def test_zero_to_an_inexact_power_is_exactly_zero():
    check = gradient("(x^2)^(1/3)", x=0).check
    assert (check.value_digits, check.value_underflow) == (16, False)
