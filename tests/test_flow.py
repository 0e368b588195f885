"""The gradient along the longest path, and the story of the shot: explain --flow and --story."""

from __future__ import annotations

import json
import math

import jsonschema
import pytest

from backprop_cli import gradient
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import Op
from backprop_cli.operations.table import OPS
from backprop_cli.schemas import schema_text
from backprop_cli.tell.flow import Flow, follow_gradient
from backprop_cli.tell.knobs import turn_knobs
from conftest import Run

LESSON = ("e = a*b; d = e + c; L = d*f", "a=2", "b=3", "c=-10", "f=5")
DEEP = "h0 = x; " + "; ".join(f"h{i + 1} = sigmoid(3*h{i})" for i in range(12))


def flow(program: str, **point: float) -> Flow:
    return follow_gradient(gradient(program, point, check=False))


def test_it_vanishes(backprop: Run) -> None:
    done = backprop("explain", DEEP, "x=1", "--flow")
    lines = done.stdout.splitlines()
    assert lines[0] == "The gradient from h12 back to x, 24 operations"
    assert lines[1].split() == ["h12", "1", "█" * 24]
    assert lines[-1].startswith("  it vanishes: from 1 to ") or lines[-2].startswith(
        "  it vanishes: from 1 to "
    )
    bars = [line.count("█") for line in lines if "█" in line]
    assert bars == sorted(bars, reverse=True)
    assert bars[-1] == 1


def test_the_numbers_are_those_of_the_report() -> None:
    report = gradient("y = x*w; z = y*w; L = z*w", x=2, w=10, check=False)
    found = follow_gradient(report)
    gradients = {node.id: node.gradient for node in report.nodes}
    assert [(s.node, s.gradient) for s in found.stations] == [(n, gradients[n]) for n in ("L", "z", "y", "x")]
    assert [s.ratio for s in found.stations] == [None, 10, 10, 10]
    assert found.mean == pytest.approx(10)
    assert (found.has_exploded, found.has_vanished) == (False, False)
    assert flow("y = x*w; z = y*w; L = z*w*w", x=2, w=10).has_exploded


@pytest.mark.parametrize(
    ("program", "stations"),
    [
        ("relu(x)*y", ["v2", "v1", "x"]),
        ("x", ["x"]),
        ("where(x < 0, y, 2*y)", ["v3", "v2", "y"]),  # none goes through a condition
        ("where(x > 0, y, 2*y)", ["v3", "y"]),  # nor through what is not taken
        ("max(relu(x), y)*0 + relu(-x)", ["v6", "v3", "v2", "v1", "x"]),
        ("u = x + 1; v = 2*u - 3; w = v*v; w + x", ["v2", "w", "v", "u", "x"]),
    ],
)
def test_the_longest_path(program: str, stations: list[str]) -> None:
    point = {name: 1.5 for name in "xy" if name in program}
    assert [s.node for s in flow(program, **point).stations] == stations


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("relu(x)*y", "x=-1", "y=1", "--flow"), "no gradient passes v1 on this path"),
        (
            ("relu(x)*y", "x=-1", "y=1", "--flow"),
            "v1 = relu(x): the ReLU gate is closed: the gradient is blocked",
        ),
        (("where(x > 0, y, 2*y)", "x=1", "y=1", "--flow"), "v3 = where(v1, y, v2): x > 0 holds: y is taken"),
        (("relu(x) - relu(-x)", "x=0", "--flow"), "v3 = relu(v2): it is at its kink here: 0, the"),
        (("relu(x) - relu(-x)", "x=0", "--flow"), "  x: along x the program is smooth here: its slope is 1"),
        (
            ("u = sin(x); v = u*x; v*v", "x=1", "--flow"),
            "  at v and x other paths come in: the gradients are sums\n",
        ),
        ((DEEP, "x=1", "--flow"), "  sigmoid is nowhere steeper than 0.25\n"),
        (("sigmoid(x)", "x=1", "--flow"), "  it neither vanishes nor explodes: from 1 to 0.197 in size"),
        (("x*exp(-x)", "x=800", "--flow"), "in doubles the gradient is 0 at v1"),
        (("sqrt(x)", "x=0", "--flow"), "not all gradients on the way are finite"),
        (("2*3", "--flow"), "the output has no operation between it and an input"),
        (("a*b", "a=2", "b=3", "--flow", "--ascii"), "  a   3  #####"),
        (
            (*LESSON, "--story"),
            "  L = d × f bears 1; a product passes to each factor the gradient times the\n",
        ),
        ((*LESSON, "--story"), "other factor: 5 to d and -4 to f"),
        ((*LESSON, "--story"), "  f bears -4: turned up a little, it lowers L"),
        ((*LESSON, "--story"), "  L goes from -20 to -23.6124, which is lower"),
        (
            ("relu(x)", "x=-2", "--upstream", "10", "--story"),
            "the ReLU gate is closed",
        ),
        (("x^4", "x=20", "--story"), "v1 goes from 160000 to 8.1e9, which is higher: the step is too long"),
        (("log(x)", "x=0.001", "--story"), "there v1 has no value: the step is too long"),
        (("abs(x)", "x=0", "--story"), "x: turned either way a little, it raises v1"),
        (
            ("relu(x) - relu(-x)", "x=0", "--story"),
            "in the end x bears 1: along x the program is",
        ),
        (("where(x > 0, x, y)", "x=1", "y=3", "--story"), "  v1: x > 0 holds\n"),
    ],
)
def test_it_says(backprop: Run, arguments: tuple[str, ...], said: str) -> None:
    assert said in backprop("explain", *arguments).stdout


@pytest.mark.parametrize("op", [op for op in OPS.values() if op.steepest], ids=lambda op: op.name)
def test_no_slope_is_steeper_than_is_said(op: Op) -> None:
    places = [i / 64 for i in range(-640, 641)]
    slopes = [abs(FLOAT.partial(op, 0, FLOAT.value(op, [x]), [x], (False,))) for x in places]
    assert 0.99 * op.steepest < max(slopes) <= op.steepest


def test_zero_times_infinity_is_no_product(backprop: Run) -> None:
    """What is not taken passes nothing, and where both sides give the gradient it is not called a sum."""
    program, *point = "n = -x; L = where(n > 0, sqrt(n), x) + x", "x=2"
    paths = backprop("explain", program, *point, "--paths", "x", "--steps", "all").stdout
    assert "undefined" not in paths
    assert "  ∂v3/∂v2 is 0: nothing comes back on this path\n" in paths
    assert (
        "  nothing arrives at v2: no gradient comes back there\n"
        in backprop("explain", program, *point).stdout
    )
    smooth = backprop("explain", "y = relu(x) - relu(-x)", "x=0", "--paths", "x").stdout
    assert smooth.endswith("where the\n    backward pass alone gives 0\n  ∂y/∂x = 1\n")
    assert "0 + 0 =" not in smooth


def test_a_tie_is_told_though_the_program_is_smooth(backprop: Run) -> None:
    told = " ".join(backprop("explain", "max(x, 2*x) + min(x, 2*x)", "x=0").stdout.split())
    assert "to the largest operand; here it is at its kink: equal shares of the slope" in told


def test_a_long_path_shows_its_ends(backprop: Run) -> None:
    program = "\n".join(["h0 = x*1", *(f"h{i + 1} = h{i}*1.01" for i in range(100))])
    text = backprop("explain", program, "x=1", "--flow").stdout
    assert "  62 more are not shown\n" in text
    assert len(text.splitlines()) < 50


def test_knobs_are_turned_against_the_gradient() -> None:
    report = gradient("(x - 3)^2 + y^2", x=1, y=2, check=False)
    knobs = turn_knobs(report, 0.1)
    assert knobs.turned == {"x": 1 + 0.1 * 4, "y": 2 - 0.1 * 4}
    assert knobs.value == pytest.approx(1.6**2 + 1.6**2)


def test_nothing_is_turned_by_what_does_not_exist() -> None:
    knobs = turn_knobs(gradient("sqrt(x) + y", x=0, y=1, check=False))
    assert set(knobs.turned) == {"y"}
    assert all(map(math.isfinite, knobs.turned.values()))


def test_json(backprop: Run) -> None:
    record = json.loads(backprop("explain", *LESSON, "--flow", "--story", "--json").stdout)
    jsonschema.validate(record, json.loads(schema_text("explain")))
    assert [s["node"] for s in record["flow"]["stations"]] == ["L", "d", "e", "a"]
    assert record["knobs"]["turned"] == {"a": 1.85, "b": 2.9, "c": -10.05, "f": 5.04}
