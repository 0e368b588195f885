"""Several outputs: each gradient as ``gradient`` has it, which outputs are taken, and the command."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import jsonschema
import pytest

from backprop_cli import DomainError, InputError, gradient, jacobian
from backprop_cli.schemas import schema_text

POLAR = "r = sqrt(x^2 + y^2); t = atan2(y, x)"


def test_each_row_is_a_gradient() -> None:
    report = jacobian(POLAR, x=3, y=4)
    assert report.values == {"r": 5.0, "t": math.atan2(4, 3)}
    assert report.jacobian["r"] == gradient("sqrt(x^2 + y^2)", x=3, y=4).gradients
    assert report.jacobian["t"]["x"] == gradient("atan2(y, x)", x=3, y=4).gradients["x"]
    assert report.status == "pass"


@pytest.mark.parametrize(
    ("program", "outputs", "found"),
    [
        ("u = x*y; v = u + x", None, ["v"]),
        ("u = x*y; v = x + y", None, ["u", "v"]),
        ("u = x*y; v = u + x", ["u", "v"], ["u", "v"]),
        ("u = x*y; v = u + x", ["v", "u", "v"], ["v", "u"]),
        ("u = x; u = u*y; v = y", None, ["u", "v"]),
        ("k = 2; u = k*x; v = y", None, ["u", "v"]),
        ("u = x*y; u + 1", ["u"], ["u"]),
    ],
)
def test_which_steps_are_outputs(program: str, outputs: list[str] | None, found: list[str]) -> None:
    assert list(jacobian(program, x=2, y=3, outputs=outputs).values) == found


def test_a_step_has_its_last_value() -> None:
    report = jacobian("u = x; u = u*y; v = u + u; u = u^2", x=2, y=3, outputs=["u", "v"])
    assert report.values == {"u": 36.0, "v": 12.0}
    assert report.jacobian == {"u": {"x": 36.0, "y": 24.0}, "v": {"x": 6.0, "y": 4.0}}


def test_an_output_has_no_slope_by_what_it_does_not_use() -> None:
    assert jacobian("u = x; v = y", x=1, y=2).jacobian["u"]["y"] == 0
    assert jacobian("u = x; v = y", x=1, y=2, wrt=["y"]).names == ("y",)


@pytest.mark.parametrize(
    ("program", "outputs", "message"),
    [
        ("x*y", None, "no name"),
        ("u = x*y; u + 1", None, "no name"),
        ("u = x*y", ["x"], "is an input"),
        ("u = x*y", ["w"], "is no step"),
        ("x*y", ["w"], "is no step"),
        ("u = x*y", [], "no output"),
        ("u = x*y", "u", "is the text"),
    ],
)
def test_what_is_no_output_is_refused(program: str, outputs: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        jacobian(program, x=1, y=2, outputs=outputs)
    assert caught.value.hint or message == "is an input"


def test_an_output_without_a_value_is_an_error() -> None:
    with pytest.raises(DomainError):
        jacobian("u = x; v = log(y)", x=1, y=-1)


def test_a_kink_is_marked(backprop: Any) -> None:
    run = backprop("jacobian", "u = abs(x); v = x^2", "x=0")
    assert "0 (kink)" in run.stdout
    assert "kink" in run.stderr
    assert "1 confirmed" in run.stdout


def test_the_forms(backprop: Any) -> None:
    words = "jacobian", "u = x*y; v = x + y", "x=2", "y=3"
    record = json.loads(backprop(*words, "--json").stdout)
    jsonschema.validate(record, json.loads(schema_text("jacobian")))
    assert record["jacobian"] == {"u": {"x": 3, "y": 2}, "v": {"x": 1, "y": 1}}
    rows = list(csv.reader(io.StringIO(backprop(*words, "--format", "csv").stdout)))
    assert rows == [["output", "value", "x", "y"], ["u", "6.0", "3.0", "2.0"], ["v", "5.0", "1.0", "1.0"]]


@pytest.mark.parametrize(
    ("program", "x", "told"),
    [
        ("u = sqrt(x); v = x", "0", "the derivative of u with respect to x is infinity at this point"),
        ("u = x; v = 1/x", "1e-200", "of v with respect to x is -1e400, beyond what doubles hold"),
        ("u = x; v = sqrt(abs(x))", "0", "of v with respect to x does not exist at this point: its slope is"),
    ],
)
def test_a_slope_that_is_not_finite_ends_with_status_three(
    backprop: Any, program: str, x: str, told: str
) -> None:
    run = backprop("jacobian", program, f"x={x}")
    assert run.returncode == 3
    assert told in run.stderr


def test_a_warning_names_its_output() -> None:
    report = jacobian("u = x; v = (1 - cos(x))/x^2; w = 1 - cos(x)", x=1e-9)
    told = [warning.message for warning in report.warnings]
    assert any(message.startswith("of v, no digit of the value and of the gradient") for message in told)
    assert any(message.startswith("of w, no digit of the value is right") for message in told)


@pytest.mark.parametrize(
    "words", [["u = x"], ["u = x", "x=1", "--upstream", "2"], ["u = x", "x=1", "--outputs", ","]], ids=str
)
def test_a_mistake_ends_with_status_two(backprop: Any, words: list[str]) -> None:
    assert backprop("jacobian", *words).returncode == 2


@pytest.mark.parametrize(
    ("program", "wrt", "forward"),
    [
        ("u = x; v = x^2; w = sin(x)", None, 1),
        ("u = x*y; v = x/y; w = y^x", None, 2),
        ("u = x*y; v = x/y", None, 0),  # as many sweeps: back
        ("u = x*y; v = x/y", ["y"], 1),
        ("u = x*y", None, 0),
    ],
)
def test_the_mode_is_the_one_that_takes_fewer_sweeps(
    program: str, wrt: list[str] | None, forward: int
) -> None:
    report = jacobian(program, {"x": 2, "y": 3} if "y" in program else {"x": 2}, wrt=wrt)
    assert report.forward == forward
    assert report.swept_back == (() if forward else tuple(report.values))


FEW_INPUTS = [
    ("u = x; v = y - y; w = x - x; z = y", {"x": 2.0, "y": 3.0}),
    ("t = x*y; u = t; u = u + x; v = t/y; w = u^t; z = u - x*y", {"x": 0.5, "y": 2.0}),
    ("u = max(x, y, 2); v = where(x > 0, x^2, sqrt(x)); w = clip(x, 0, 1)", {"x": 3.0, "y": 1.0}),
    ("u = atan2(y, x); v = hypot(x, y); w = erf(x)*gelu(y); z = relu(-x)", {"x": 1.0, "y": -2.0}),
    ("u = x^0; w = x^y; z = (-x)^3", {"x": 2.0, "y": 1.5}),
    ("s = sum(X@[w, 1]); u = norm([w, 2]); v = mean([w, w])", {"X": [[1, 2], [3, 4]], "w": 5.0}),
]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(("program", "point"), FEW_INPUTS, ids=[program for program, _ in FEW_INPUTS])
def test_both_modes_give_the_same(program: str, point: dict[str, Any], check: bool) -> None:
    wrt = ["w"] if "X" in point else None
    together = jacobian(program, point, wrt=wrt, check=check)
    assert together.forward
    assert together.swept_back == ()
    for name in together.values:
        alone = jacobian(program, point, outputs=[name], wrt=wrt, check=check)
        assert alone.swept_back == (name,)
        assert together.values[name] == alone.values[name]
        assert together.jacobian[name] == pytest.approx(alone.jacobian[name], rel=1e-14, abs=1e-300)
        assert together.checks[name].gradients.keys() == alone.checks[name].gradients.keys()


@pytest.mark.parametrize(
    ("program", "swept_back"),
    [
        ("u = abs(x); v = x^2; w = exp(x)", ("u",)),
        ("u = abs(x); v = u^2; w = exp(x)", ("u", "v")),
        ("u = sqrt(x); v = x^2", ("u",)),
        ("u = floor(x); v = x^2", ("u",)),
        ("k = relu(x)*0; u = x; v = k + u", ("v",)),
        ("u = where(x >= 0, x, 0); v = x", ("u",)),
        ("u = (1 - cos(x + 1e-9))/(x + 1e-9)^2; v = x", ("u",)),
        ("u = where(x > 1, exp(1e3*x)^2, x); k = 1/exp(x + 2e3); v = x", ()),
        ("u = tanh(x*1e308*10)*1e-309; v = x", ("u",)),
    ],
)
def test_what_more_is_to_be_told_of_is_swept_back(program: str, swept_back: tuple[str, ...]) -> None:
    outputs = [name for name in "uvwz" if f"{name} =" in program]
    report = jacobian(program, x=0, outputs=outputs)
    assert report.swept_back == swept_back
    for name in outputs:
        alone = jacobian(program, x=0, outputs=[name])
        assert report.jacobian[name] == pytest.approx(alone.jacobian[name], rel=1e-12, nan_ok=True)
        assert report.checks[name].gradients["x"].status == alone.checks[name].gradients["x"].status
        assert {w.message for w in alone.warnings} <= {w.message for w in report.warnings}


def test_the_mode_is_told(backprop: Any) -> None:
    words = "jacobian", "u = abs(x); v = x^2; w = exp(x)", "x=0"
    assert "3 derivatives by 1 forward sweep, u by a reverse sweep, 2 confirmed" in backprop(*words).stdout
    record = json.loads(backprop(*words, "--json").stdout)
    jsonschema.validate(record, json.loads(schema_text("jacobian")))
    assert record["passes"] == {"mode": "forward", "count": 1, "swept_back": ["u"]}
    record = json.loads(backprop("jacobian", "u = x*y; v = x", "x=1", "y=2", "--json").stdout)
    assert record["passes"] == {"mode": "reverse", "count": 2}


def test_two_thousand_outputs_of_one_input_take_one_sweep() -> None:
    lines = ["y0 = x", *(f"y{k} = 0.5*y{k - 1} + sin(y{k - 1})" for k in range(1, 2000))]
    report = jacobian("\n".join(lines), x=0.5, outputs=[f"y{k}" for k in range(2000)], check=False)
    assert (report.forward, report.swept_back) == (1, ())
    assert report.jacobian["y1999"]["x"] == gradient("\n".join(lines), x=0.5, check=False).gradients["x"]


ARRAYS = {"X": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "w": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("program", "outputs", "found"),
    [
        ("y = X@w", None, ["y[0]", "y[1]", "y[2]"]),
        ("y = X@w; s = sum(y)", None, ["s"]),
        ("y = X@w; s = y[0]", None, ["s"]),  # what is used of an array is all of it
        ("y = X@w; s = y[0]", ["y"], ["y[0]", "y[1]", "y[2]"]),
        ("y = X@w; s = sum(y)", ["y[2]", "s", "y"], ["y[2]", "s", "y[0]", "y[1]"]),
        ("y = X@w; y = [y[0], 2*w[0]]", None, ["y[0]", "y[1]"]),
        ("y = X@w; y = 2*w[0]", ["y"], ["y"]),
        ("y = w[0]; y = X@w", ["y"], ["y[0]", "y[1]", "y[2]"]),
        ("s = sum(X@w); u = w*w", None, ["s", "u[0]", "u[1]"]),
    ],
)
def test_arrays_are_outputs(program: str, outputs: list[str] | None, found: list[str]) -> None:
    report = jacobian(program, ARRAYS, outputs=outputs, wrt=["w"])
    assert list(report.values) == found
    assert report.status == "pass"


def test_the_jacobian_of_a_product_is_the_matrix() -> None:
    rows = jacobian("y = X@w", ARRAYS, wrt=["w"]).jacobian
    assert [[*row.values()] for row in rows.values()] == ARRAYS["X"]


def test_an_element_is_an_output(backprop: Any) -> None:
    words = "jacobian", "R = [[cos(t), -sin(t)], [sin(t), cos(t)]]", "t=0", "--outputs", "R[0,1],R[1,0]"
    rows = list(csv.reader(io.StringIO(backprop(*words, "--format", "csv").stdout)))
    assert [(row[0], float(row[2])) for row in rows[1:]] == [("R[0,1]", -1), ("R[1,0]", 1)]


@pytest.mark.parametrize(
    ("program", "outputs", "message"),
    [
        ("X@w", None, "no name"),
        ("u = 2*w[0]; [u, u]", None, "no name"),
        ("y = X@w", ["X"], "is an input"),
        ("y = X@w", ["y[3]"], "is no step"),
        ("y = sum(X@w)", ["v1[0]"], "is no step"),
    ],
)
def test_what_is_no_output_among_arrays_is_refused(
    program: str, outputs: list[str] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        jacobian(program, ARRAYS, outputs=outputs)


def test_a_program_without_a_step_has_no_output() -> None:
    with pytest.raises(InputError, match="all that the program names is an input"):
        jacobian("k = 2")


def test_latex_has_the_matrix(backprop: Any) -> None:
    text = backprop("jacobian", "u = x*y; v = 1e-9*x", "x=2", "y=3", "--format", "latex").stdout
    assert r"\frac{\partial (u, v)}{\partial (x, y)}" in text
    assert r"\begin{array}{rr} 3 & 2 \\ 1 \times 10^{-9} & 0 \end{array}" in text


@pytest.mark.parametrize("output", ["z", "s", "y[2]", "n"])
def test_an_output_is_computed_from_what_it_is_made_of(output: str) -> None:
    """Of the array y only some elements are, and an array stands before and behind those left out."""
    program = "k = 1/(w[0] - 1); y = X@w; z = 2*y[1]; v = w*w; s = sum(z*v); y = [z, s, y[0]]; n = norm(v)"
    row = jacobian(program, ARRAYS, outputs=[output], wrt=["w"])
    a, b = ARRAYS["w"]
    wanted = {
        "z": (6, 8),
        "s": (2 * (3 * (a * a + b * b) + (3 * a + 4 * b) * 2 * a), 2 * (4 * 5 + 11 * 2 * b)),
        "y[2]": (1, 2),
        "n": (4 * a**3 / (2 * math.sqrt(17)), 4 * b**3 / (2 * math.sqrt(17))),
    }[output]
    assert tuple(row.jacobian[output].values()) == pytest.approx(wanted, rel=1e-14)
    assert row.status == "pass"


def test_an_error_within_an_array_is_that_of_grad() -> None:
    """The array is in the part that the output is made of as a whole, with its name."""
    program, point = "p = softmax(z); L = -log(p[0])", {"z": [1, 2, 1000]}
    told = []
    for run in (gradient, jacobian):
        with pytest.raises(DomainError) as caught:
            run(program, point)
        told.append((str(caught.value), caught.value.hint))
    assert told[0] == told[1]


def test_what_is_right_is_told_where_doubles_have_few_digits(backprop):
    told = backprop(
        "jacobian", "u = (1-cos(x))/x^2; v = u*x", "x=1e-9", "--outputs", "u,v"
    ).stdout.splitlines()
    assert told[-2].endswith("all confirmed by sympy, but no digit right at worst")
    assert told[-1] == "right: ∂u/∂x = -8.33333e-11, ∂v/∂x = 0.5"
