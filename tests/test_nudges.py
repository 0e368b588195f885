"""Inputs moved a little: explain --nudge."""

from __future__ import annotations

import json
import math

import jsonschema
import pytest

from backprop_cli import gradient
from backprop_cli.schemas import schema_text
from backprop_cli.tell.nudges import Nudges, Way, nudge_inputs
from conftest import Run

LESSON = ("e = a*b; d = e + c; L = d*f", "a=2", "b=3", "c=-10", "f=5")


def nudged(program: str, step: float = 0.1, **point: float) -> Nudges:
    return nudge_inputs(gradient(program, point, check=False), step)


def test_the_lesson(backprop: Run) -> None:
    done = backprop("explain", *LESSON, "--nudge", "0.001", "--wrt", "a,f")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Each input alone moved by 0.001\n"
        "  a from 2 to 2.001: L from -20 to -19.985\n"
        "  to lower L, lower a\n"
        "  ∂L/∂a · Δa = 15 · 0.001 = 0.015\n"
        "  ΔL = 0.015\n"
        "\n"
        "  f from 5 to 5.001: L from -20 to -20.004\n"
        "  to lower L, raise f\n"
        "  ∂L/∂f · Δf = (−4) · 0.001 = −0.004\n"
        "  ΔL = −0.004\n"
        "\n"
        "  a matters most here: its slope, 15 in size, is the steepest\n"
    )


WAYS = [
    ("x^2", 1.0, Way.LOWER),
    ("x^2", -1.0, Way.RAISE),
    ("x^2", 0.0, Way.NEITHER),
    ("abs(x)", 0.0, Way.LEAST),
    ("-abs(x)", 0.0, Way.EITHER),
    ("relu(x)", 0.0, Way.NEITHER),
    ("relu(-x)", 0.0, Way.NEITHER),
    ("min(x, 0)", 0.0, Way.LOWER),
    ("relu(x) - relu(-x)", 0.0, Way.LOWER),
    ("x*sqrt(x) - x", 0.0, Way.RAISE),  # there is nothing on the left
    # The value jumps, so that slopes beside the point do not tell.
    ("where(x > 0, x - 5, -x)", 0.0, Way.UNKNOWN),
    ("floor(x)", 1.0, Way.UNKNOWN),
    ("sqrt(x)", 0.0, Way.UNKNOWN),
    # In doubles the gradient is 0 or of the wrong sign: terms cancel.
    ("(1 - cos(x))/x^2", 1e-8, Way.RAISE),
    ("exp(-x^2)", 40.0, Way.UNKNOWN),  # beyond doubles
]


@pytest.mark.parametrize(("program", "x", "way"), WAYS)
def test_which_way_the_output_falls(program: str, x: float, way: Way) -> None:
    (nudge,) = nudged(program, x=x).nudges
    assert nudge.way == way
    if way in (Way.LOWER, Way.RAISE, Way.EITHER, Way.LEAST):
        steps = [1e-9 if way == Way.RAISE else -1e-9]
        steps += [1e-9] if way in (Way.EITHER, Way.LEAST) else []
        for step in steps:
            (small,) = nudged(program, step, x=x).nudges
            assert small.moved is not None
            assert (small.moved < 0) == (way != Way.LEAST)


def test_what_slope_times_nudge_misses() -> None:
    (nudge,) = nudged("x^2", 0.5, x=3.0).nudges
    assert (nudge.moved, nudge.off, nudge.value) == (3.25, 0.25, 12.25)
    (straight,) = nudged("3*x", 0.5, x=3.0).nudges
    assert (straight.moved, straight.off) == (1.5, 0)


def test_the_side_of_a_kink_is_that_of_the_nudge() -> None:
    left, right = (nudged("x^2 + abs(x - 3)", step, x=3.0) for step in (-0.5, 0.5))
    assert [found.slope_of(found.nudges[0]) for found in (left, right)] == [5, 7]
    assert [found.nudges[0].moved for found in (left, right)] == [-2.25, 3.75]


def test_which_input_matters_most() -> None:
    assert nudged("a*b", a=2, b=3).steepest == ("a",)
    assert nudged("a*b", a=2, b=-2).steepest == ("a", "b")
    assert nudged("0*a + 0*b", a=2, b=3).steepest == ()
    assert nudged("a + floor(b)", a=2, b=3).steepest == ()  # b moves it, and no slope tells


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("x*y", "x=1", "y=0", "--nudge", "1"), "x from 1 to 2: v1 stays 0"),
        (("0*x + 0*y", "x=1", "y=0", "--nudge", "1"), "to first order, no input moves v3"),
        (("log(x)", "x=0.5", "--nudge", "-1"), "x from 0.5 to -0.5: v1 has no value there"),
        (("exp(x)", "x=709", "--nudge", "1"), "x from 709 to 710: v1 moves by 1.41215e308"),
        (("x/1e300", "x=1e308", "--nudge", "1e308"), "x moves by 1e308: v1 from 1e8 to 2e8"),
        (("x*y", "x=1e9", "y=1", "--nudge", "1/1000"), "x from 1e9 by 0.001: v1 from 1e9 by 0.001"),
        (
            ("a*b", "a=2", "b=2", "--nudge", "1"),
            "a and b matter most here: their slopes, 2 in size, are equally",
        ),
        (("x^2", "x=3", "--nudge", "0.001"), "Δv1 = 0.006001 = 0.006 + 1e-6"),
        (("c += a", "c=1", "a=2", "--nudge", "1"), "∂c/∂c#1 · Δc#1 = 1 · 1 = 1"),
        (("1", "--nudge", "1"), "the program has no input"),
        (
            ("floor(y) - y", "y=1", "--nudge", "0.5"),
            "the value may jump there: the slope is -1 on both sides\n",
        ),
        (("exp(tanh(floor(y))) + x^-1 + x*y", "y=1", "x=-1", "--nudge", "0.01"), "  Δv7 = −0.00010101\n"),
        (("x^2", "x=3", "--nudge", "0.001", "--ascii"), "dv1/dx * change of x = 6 * 0.001 = 0.006"),
    ],
)
def test_it_says(backprop: Run, arguments: tuple[str, ...], said: str) -> None:
    done = backprop("explain", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--nudge", "0"), "a nudge of 0 moves nothing"),
        (("--nudge", ""), "--nudge is given no value"),
        (("--nudge", "q"), "a value can't depend on the name q"),
        (("--nudge", "1", "--upstream", "2"), "--nudge tells how the output itself moves"),
    ],
)
def test_what_is_no_nudge(backprop: Run, arguments: tuple[str, ...], message: str) -> None:
    done = backprop("explain", "x^2", "x=3", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_json(backprop: Run) -> None:
    done = backprop("explain", "x^2 + sqrt(y)", "x=3", "y=0", "--nudge", "-0.5", "--json")
    record = json.loads(done.stdout, parse_constant=pytest.fail)
    jsonschema.validate(record, json.loads(schema_text("explain")))
    x, y = record["nudges"]["inputs"]
    assert (x["way"], x["value"], x["moved"], x["off"]) == ("lower", 6.25, -2.75, 0.25)
    assert (y["way"], y["value"], y["left"], y["right"]) == ("unknown", None, None, "Infinity")


def test_a_long_program_is_refused(backprop: Run) -> None:
    program = "+".join(f"x{i}" for i in range(400))
    done = backprop("explain", program, *(f"x{i}=1" for i in range(400)), "--nudge", "1")
    assert done.returncode == 2
    assert "--wrt a,b nudges few inputs" in done.stderr


def test_the_record_from_python() -> None:
    told = str(gradient("a*b", a=2, b=3).explain(nudge=0.5))
    assert "Δv1 = 1.5" in told
    (nudge,) = nudged("sqrt(x)", -1, x=0.5).nudges
    assert nudge.value is nudge.moved is nudge.off is None
    assert not math.isnan(nudge.right or math.nan)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--nudge", "0.5"), "w[1] from 2 to 2.5: L from 11 to 13"),
        (("--story",), "w[0] bears 3: turned down a little, it lowers L"),
        (("--limit", "w[0]"), "(f(w[0] + h) - f(w[0]))/h = 3              off by 0"),
        (("--flow",), "The gradient from L back to w[0], 2 operations"),
    ],
)
def test_the_elements_of_arrays(backprop: Run, option: tuple[str, ...], said: str) -> None:
    done = backprop("explain", "L = sum(w*x)", "w=[1,2]", "x=[3,4]", *option)
    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout
