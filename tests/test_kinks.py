"""Kinks behind kinks, and other points where a convention must not be called a result."""

from __future__ import annotations

import math

import pytest

from backprop_cli import gradient
from backprop_cli.findings.undefined import undefined_gradients
from backprop_cli.rowwise import STATUSES, compile_rows
from conftest import Run

NESTED = [
    ("max(max(x, 0), 0)", {"x": 0}),
    ("relu(relu(x))", {"x": 0}),
    ("exp(clip(clip(x, -1, 2), -1, 2))", {"x": 2}),
    ("relu(relu(x)) + x", {"x": 0}),
    ("max(3*x, 0)", {"x": 0}),
]


@pytest.mark.parametrize(("program", "point"), NESTED)
def test_nothing_is_compared_behind_a_kink(program: str, point: dict[str, float]) -> None:
    found = gradient(program, point).check.gradients["x"]
    assert found.at_kink
    assert found.left != found.right


@pytest.mark.parametrize("program", ["relu(expm1(x))", "relu(log1p(x))", "where(expm1(x) > 0, x, -x)"])
def test_a_condition_too_close_to_call_is_no_failure(program: str) -> None:
    assert gradient(program, x=1e-250).check.status != "fail"


def test_the_sign_of_a_slope_at_a_huge_even_power() -> None:
    assert gradient("x^1e16", x=-1).gradients["x"] == -1e16


def test_a_clip_with_nothing_between_its_limits_has_no_kink() -> None:
    assert gradient("clip(x, 0, 0)", x=0).warnings == ()
    assert gradient("clip(x, 2, 1)", x=1).warnings == ()
    assert gradient("clip(x, 0, 1)", x=0).warnings[0].kind == "kink"


# ---- where no slope passes ----

BROKEN = [
    ("ceil(0.5 + ceil(x))", {"x": 0}),
    ("floor(sign(x)/2)", {"x": 0}),
    ("where(-1 < -2*floor(x), 1, x)", {"x": 1}),
    ("where(where(x > 0, 3, 1) > 2, x, -x)", {"x": 0}),
    ("max(atan2(x, -1), 4)*x + floor(atan2(x, -1)/4)", {"x": 0}),
]


@pytest.mark.parametrize(("program", "point"), BROKEN)
def test_a_jump_behind_a_step_is_a_kink(program: str, point: dict[str, float]) -> None:
    report = gradient(program, point)
    assert report.check.gradients["x"].at_kink
    assert {warning.kind for warning in report.warnings} == {"kink"}


@pytest.mark.parametrize(
    ("program", "point", "name"),
    [
        ("floor((-1.5)^y)", {"y": 1}, "y"),
        ("floor(x^x)", {"x": -3}, "x"),
        ("sign(x^x)", {"x": -1}, "x"),
        ("where(x^x < 0, 0, 0)", {"x": -1}, "x"),
        ("ceil(sqrt(-x^2) + 0.5)", {"x": 0}, "x"),
    ],
)
def test_there_is_no_gradient_where_the_point_alone_has_a_value(program, point, name) -> None:
    report = gradient(program, point)
    assert math.isnan(report.gradients[name])
    found = report.check.gradients[name]
    assert (found.status, found.at_kink, found.left, found.right) == ("skipped", True, None, None)
    assert "does not exist at this point" in str(undefined_gradients(report))


def test_a_step_is_smooth_where_what_it_steps_over_is() -> None:
    for program in ("floor(relu(x) + 0.5)", "floor(abs(x) + 0.25)*x", "sign(max(x, 0) + 1)"):
        report = gradient(program, x=0)
        assert report.check.gradients["x"].status == "pass"
        assert report.warnings == ()


def test_a_kink_that_passes_nothing_on_says_so() -> None:
    (warning,) = gradient("ceil(0.5 + ceil(x))", x=0).warnings
    assert warning.message.endswith("; no slope passes, but the output may break too")


def test_batch_finds_what_breaks_behind_a_step() -> None:
    rows = compile_rows("ceil(0.5 + ceil(x)) + where(floor(x) < 5, 1, 0)")
    results = rows({"x": [0.0, 0.25, 1.0, -3.5]})
    assert [STATUSES[status] for status in results.status] == ["kink", "ok", "kink", "ok"]


SMOOTH = [
    ("clip(x, x, 1)^clip(x, x, 1)", {"x": 0.8}, 0.6498494635451642),
    ("acos(x/clip(x, 2, x))", {"x": 1}, 0.0),
    ("acos(y/(-y))", {"y": 2}, 0.0),
    ("acosh(x/(-x)*(x/(-x)))", {"x": 2}, 0.0),
    ("log10(exp(relu(x - x))/x)/x", {"x": 0.8}, -0.830007023298919),
    ("silu(sin(clip(x, x, x)))", {"x": 1}, 0.4732480447372681),
    ("relu(softplus(x))", {"x": -2.8e223}, 0.0),
    ("abs((x^2 - 1)/(x - 1) - x - 1)", {"x": 3}, 0.0),
    ("asinh(silu(clip(x, x, ceil(x))))", {"x": 1}, 0.7488896970049693),
    ("relu(erfc(clip(y, 0, y)))", {"y": 100}, 0.0),  # the value is 1e-4346, and not 0
]


@pytest.mark.parametrize(("program", "point", "expected"), SMOOTH)
def test_what_has_a_derivative_is_no_kink(program, point, expected) -> None:
    report = gradient(program, point)
    (found,) = report.check.gradients.values()
    assert not found.at_kink
    assert list(report.gradients.values()) == pytest.approx([expected], rel=1e-15)


def test_a_power_has_no_kink_along_its_base_below_zero() -> None:
    """Though it has no value beside a whole exponent; the constants are too long to be compared by form."""
    report = gradient("(x-y) + atan2(x-y, -1)^y", x=0, y=4)
    assert report.gradients["x"] == pytest.approx(2.4086307339549577, rel=1e-15)
    assert not report.check.gradients["x"].at_kink
    assert report.check.gradients["y"].at_kink


def test_slopes_that_are_equal_in_doubles_are_not_called_equal() -> None:
    """1 - 1e-20 and 1 + 1e-20: a kink, if a small one."""
    found = gradient("x + 1e-20*abs(x)", x=0).check.gradients["x"]
    assert (found.at_kink, found.left, found.right) == (True, 1.0, 1.0)


def test_a_condition_at_its_boundary_is_flat_on_both_sides() -> None:
    (condition,) = [node for node in gradient("where(x > 1, x, 2)", x=1).nodes if node.op == "gt"]
    assert condition.kink is not None
    assert (condition.kink.left, condition.kink.right) == ((0.0, None), (0.0, None))


def test_the_table_marks_the_slopes_that_do_not_exist(backprop: Run) -> None:
    text = backprop("grad", "x^y", "x=-2", "y=2", "--wrt", "x").stdout
    assert "∂v1/∂x = -4 " in text
    assert "∂v1/∂y = undefined (kink)" in text
    latex = backprop("grad", "x^y", "x=-2", "y=2", "--wrt", "x", "--format", "latex").stdout
    assert latex.count(r"\text{(kink)}") == 1
    assert "∂v1/∂x = 0.5 (kink)  ∂v1/∂y = 0.5 (kink)" in backprop("grad", "max(x, y)", "x=1", "y=1").stdout


EDGES = ("grad", "sqrt(x)", "x=0"), ("graph", "sqrt(x)", "x=0"), ("jacobian", "u = sqrt(x)", "x=0")


@pytest.mark.parametrize("command", EDGES, ids=lambda command: command[0])
def test_the_edge_of_a_domain_is_not_called_a_kink(backprop, command) -> None:
    done = backprop(*command)
    assert done.returncode == 3
    assert "(edge)" in done.stdout
    assert "kink" not in done.stdout + done.stderr
