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


def test_an_infinite_slope_ends_with_status_three(backprop: Any) -> None:
    run = backprop("jacobian", "u = sqrt(x); v = x", "x=0")
    assert run.returncode == 3
    assert "the derivative of u with respect to x is infinite" in run.stderr


@pytest.mark.parametrize(
    "words", [["u = x"], ["u = x", "x=1", "--upstream", "2"], ["u = x", "x=1", "--outputs", ","]], ids=str
)
def test_a_mistake_ends_with_status_two(backprop: Any, words: list[str]) -> None:
    assert backprop("jacobian", *words).returncode == 2
