"""``fit``: certified numbers to their last digit, and words for what the data can't tell."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop_cli import DomainError, InputError, ParseError, fit
from backprop_cli.fitting.linear import find_linear
from backprop_cli.fitting.report import Fit, Outcome, Role
from backprop_cli.graph.lower import lower_source
from backprop_cli.language.source import read_source
from backprop_cli.render.fit import closing, render_json
from backprop_cli.schemas import schema_text
from conftest import Run
from console import ROOT

NIST = [json.loads(line) for line in (ROOT / "tests/data/nist.jsonl").read_text("utf-8").splitlines()]
SCHEMA = json.loads(schema_text("fit"))
X = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
DECAY = {"x": X, "y": [10.1, 6.0, 3.7, 2.2, 1.4, 0.8], "s": [0.2, 0.2, 0.1, 0.1, 0.1, 0.1]}


def digits(x: float | None, certified: float) -> float:
    """Return the significant digits in which a number agrees with a certified one of eleven."""
    assert x is not None
    return 16.0 if x == certified else -math.log10(abs(x - certified) / abs(certified))


# Certified values and starts of NIST's Statistical Reference Datasets, nonlinear regression.
@pytest.mark.parametrize("case", NIST, ids=lambda case: case["name"])
def test_certified_sets_from_both_starts(case: dict[str, Any]) -> None:
    for start in ("start1", "start2"):
        found = fit(f"{case['response']} ~ {case['model']}", case["columns"], case[start])
        assert found.outcome is Outcome.CONVERGED
        assert min(digits(found.estimates[name], x) for name, x in case["certified"].items()) > 9.9
        if case["name"] != "Lanczos1":  # certified for data with more digits than its file has
            assert min(digits(found.errors[name], x) for name, x in case["certified_sd"].items()) > 9.9
            assert digits(found.rss, case["rss"]) > 9.5


def test_linear_parameters_need_no_start() -> None:
    found = fit("y ~ a*exp(-b*x) + c", DECAY, b=1)
    assert {p.name: (p.role, p.start) for p in found.parameters} == {
        "a": (Role.LINEAR, None),
        "b": (Role.FREE, 1.0),
        "c": (Role.LINEAR, None),
    }
    assert found.estimates == pytest.approx(fit("y ~ a*exp(-b*x) + c", DECAY, a=10, b=0.5, c=0).estimates)


@pytest.mark.parametrize(
    ("program", "linear"),
    [
        ("a*exp(-b*x) + c", "ac"),
        ("a*b*x", "a"),
        ("a/(b + x)", "a"),
        ("(a + b*x)/(1 + c*x)", "ab"),
        ("exp(a*x)", ""),
        ("relu(a)*x", ""),
        ("floor(a)*x + b", "b"),
        ("where(a > x, b, c)", "bc"),
        ("a*relu(x) + abs(x)*b", "ab"),
        ("a*x^2 + b*x + c", "abc"),
        ("t = a*x; t*c", "a"),
        ("a^1*x", "a"),
    ],
)
def test_what_is_linear(program: str, linear: str) -> None:
    graph = lower_source(read_source(program))
    names = [name for name in graph.inputs if name != "x"]
    found = find_linear(graph, names)
    assert set(found) <= set(linear) if "^1" in program else found == list(linear)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.floats(-9, 9), st.floats(-9, 9)),
        min_size=4,
        max_size=9,
        unique_by=lambda point: round(point[0], 1),
    )
)
def test_a_straight_line_is_that_of_the_normal_equations(points: list[tuple[float, float]]) -> None:
    x, y = (np.array(column) for column in zip(*points, strict=True))
    found = fit("y ~ a + b*x", {"x": x, "y": y})
    dx = x - x.mean()
    b = (dx @ y) / (dx @ dx)
    a = y.mean() - b * x.mean()
    assert found.estimates["b"] == pytest.approx(b, rel=1e-9, abs=1e-9)
    assert found.estimates["a"] == pytest.approx(a, rel=1e-9, abs=1e-9)
    rss = float(((y - a - b * x) ** 2).sum())
    assert found.rss == pytest.approx(rss, rel=1e-8, abs=1e-20)
    if found.outcome is Outcome.CONVERGED:
        s = math.sqrt(found.rss / (len(x) - 2))
        assert found.errors["b"] == pytest.approx(s / math.sqrt(dx @ dx), rel=1e-8)
        error = s * math.sqrt(1 / len(x) + x.mean() ** 2 / (dx @ dx))
        assert found.errors["a"] == pytest.approx(error, rel=1e-8)


def test_weights_and_what_errors_are() -> None:
    x, y, s = (np.array(DECAY[name]) for name in "xys")
    weights = 1 / s**2
    absolute = fit("y ~ a + b*x", DECAY, sigma="s")
    determinant = weights.sum() * (weights @ x**2) - (weights @ x) ** 2
    b = (weights.sum() * (weights @ (x * y)) - (weights @ x) * (weights @ y)) / determinant
    assert absolute.estimates["b"] == pytest.approx(b, rel=1e-12)
    assert absolute.errors["b"] == pytest.approx(math.sqrt(weights.sum() / determinant), rel=1e-12)
    scaled = fit("y ~ a + b*x", DECAY, sigma="s", scale_errors=True)
    factor = math.sqrt(absolute.rss / 4)
    assert scaled.errors["b"] == pytest.approx(factor * math.sqrt(weights.sum() / determinant), rel=1e-12)
    # χ² of 4 degrees: exp(-χ²/2)·(1 + χ²/2)
    half = absolute.rss / 2
    assert absolute.probability == pytest.approx(math.exp(-half) * (1 + half), rel=1e-9)
    assert scaled.probability is None
    parameter = absolute.parameters[1]
    assert parameter.high == pytest.approx(parameter.estimate + 1.959963984540054 * (parameter.error or 0))
    student = fit("y ~ a + b*x", DECAY).parameters[1]  # Student's t of 4 degrees at 97.5 %: 2.7764451
    assert student.high == pytest.approx(student.estimate + 2.7764451051977987 * (student.error or 0))
    assert fit("y ~ a + b*x", DECAY, sigma="2*s").errors["b"] == pytest.approx(
        2 * (absolute.errors["b"] or 0)
    )


def told(found: Fit) -> str:
    jsonschema.validate(json.loads(render_json(found)), SCHEMA)
    return "\n".join(line for line, _ in closing(found, 6))


LINE = {"x": X, "y": [1 + 2 * x for x in X]}
WORDS = [
    ("y ~ a*x + b", LINE, {}, Outcome.EXACT, "the residuals are rounding, so they tell no errors"),
    ("y ~ 0.3*a*x + b/3", LINE, {}, Outcome.EXACT, "goes through every row, to within rounding"),
    ("y ~ a*x + b", {"x": [1, 2], "y": [1, 3]}, {}, Outcome.EXACT, "exact"),
    ("y ~ a*x + c*b*x", DECAY, {"b": 1, "c": 1}, Outcome.UNDETERMINED, "a, c and b can't be told apart"),
    ("y ~ a*x + 0*b", DECAY, {}, Outcome.UNDETERMINED, "b changes no row here"),
    ("y ~ a*exp(b + c*x)", DECAY, {"b": 1, "c": -1}, Outcome.UNDETERMINED, "a and b can't be told apart"),
    ("y ~ a*x + b", DECAY, {"bounds": {"a": (0, 5)}}, Outcome.CONVERGED, "bounds hold a = 0"),
    ("y ~ a*x", DECAY, {"bounds": {"a": (3, 5)}}, Outcome.CONVERGED, "bounds hold every parameter"),
    ("y ~ a*exp(-b*x)", DECAY, {"b": (0.1, 10.0)}, Outcome.CONVERGED, "20 of 20 starts ended at this sum"),
    ("y ~ a*exp(-b*x)", DECAY, {}, Outcome.CONVERGED, "no start was given for b: 20 were tried"),
    ("y ~ a*exp(-b*x)", DECAY, {"b": 1, "sigma": "s"}, Outcome.CONVERGED, "errors follow from sigma, s, not"),
    ("y ~ a*exp(-b*x)", DECAY, {"b": 1}, Outcome.CONVERGED, "Student's with 4 degrees of freedom"),
    ("y ~ m", DECAY, {}, Outcome.CONVERGED, "6 rows, 1 parameter found"),
    ("y ~ a + b*(x + 1000)", DECAY, {}, Outcome.CONVERGED, "their correlation is -1.0000"),
    ("y ~ a + b*x", {"x": X[:3], "y": [1, 2, 2]}, {"sigma": "x + 1"}, Outcome.CONVERGED, "1 degree"),
    ("y ~ a*x", {"x": [2], "y": [4]}, {}, Outcome.EXACT, "1 row, 1 parameter found"),
    ("y ~ a*x + b", {"x": X, "y": [4] * 6}, {}, Outcome.EXACT, "the residuals are rounding"),
    ("y ~ a*exp(-b*x)", {"x": X, "y": [4] * 6}, {"b": 1}, Outcome.EXACT, "the residuals are rounding"),
    ("y ~ a*exp(-b*x)", {"x": X, "y": [0] * 6}, {"b": 1}, Outcome.UNDETERMINED, "b changes no row here"),
    ("y ~ a*exp(-b*x)", {"x": X, "y": [3 * math.exp(-x) for x in X]}, {"b": 3}, Outcome.EXACT, "exact"),
    ("y ~ a*x", {"x": [0] * 6, "y": [4] * 6}, {}, Outcome.UNDETERMINED, "a changes no row here"),
    ("y ~ -sqrt(b)*x", DECAY, {"b": 1}, Outcome.OPEN, "not converged: this is the best point that was met"),
    ("y ~ -abs(b)*x", DECAY, {"b": 1}, Outcome.KINK, "at a kink in row 2 and 4 more"),
    ("y ~ abs(b)*x", {"x": X, "y": [0] * 6}, {"b": 1}, Outcome.EXACT, "goes through every row"),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "data", "more", "outcome", "words"), WORDS)
def test_what_is_said(formula: str, data: Any, more: dict[str, Any], outcome: Outcome, words: str) -> None:
    found = fit(formula, data, **more)
    said = told(found)
    if words == "1 degree":
        assert found.dof == 1
        assert "per degree of freedom" in said
        return
    assert (found.outcome, words in said) == (outcome, True), said


def test_no_errors_where_no_minimum_is_shown() -> None:
    for formula in ("y ~ -sqrt(b)*x", "y ~ -abs(b)*x"):
        found = fit(formula, DECAY, b=1)
        assert (found.covariance, found.errors) == (None, {"b": None})
        assert "no errors are told" in told(found)


def test_errors_far_from_one() -> None:
    """The square of an error may leave the doubles where the error does not."""
    found = fit("y ~ a*x", {"x": [1e200, 2e200, 3e200], "y": [2.1, 4, 6]})
    near = fit("y ~ a*x", {"x": [1, 2, 3], "y": [2.1, 4, 6]})
    assert found.errors["a"] == pytest.approx((near.errors["a"] or 0) * 1e-200, rel=1e-12)


def test_arrays_are_parameters() -> None:
    by_name = fit("y ~ a*exp(-b*x)", DECAY, a=2, b=1)
    for start in ([2, 1], np.array([2.0, 1.0])):
        found = fit("y ~ w[0]*exp(-w[1]*x)", DECAY, w=start)
        assert list(found.estimates.values()) == list(by_name.estimates.values())
    held = fit("y ~ w@[x, 1]", DECAY, w=[0, 0], bounds={"w[0]": (0.0, math.inf)})
    assert (held.estimates["w[0]"], held.found) == (0.0, ("w[1]",))
    line = fit("y ~ a*x + 3", DECAY).estimates["a"]
    for fixed in ({"w[1]": 3}, {"w[1]": 3.0, "k": [1, 2]}):
        found = fit(f"y ~ w@[x, 1]{' + 0*k@k' * (len(fixed) - 1)}", DECAY, w=[0, 0], fixed=fixed)
        assert (found.estimates["w[0]"], found.found) == (pytest.approx(line), ("w[0]",))
    with pytest.raises(InputError, match="do not fit"):
        fit("y ~ w@[x, 1]", DECAY, w=[1, 2, 3])


def test_no_errors_where_nothing_is_left_to_tell_them_from() -> None:
    found = fit("y ~ a*exp(b*x)", {"x": [1, 2], "y": [1, -1]}, b=1)
    assert found.dof == 0
    assert set(found.errors.values()) == {None}
    assert found.outcome is not Outcome.EXACT


def test_fixed_and_bounded_parameters() -> None:
    found = fit("y ~ a*exp(-b*x) + c", DECAY, b=1, fixed={"c": 0.0})
    assert found.estimates == pytest.approx({"a": 10.07, "b": 0.505, "c": 0}, rel=1e-3)
    assert [p.role for p in found.parameters] == [Role.LINEAR, Role.FREE, Role.FIXED]
    free = fit("y ~ a*exp(-b*x)", DECAY, b=1)
    assert (found.errors["a"], found.rss) == (free.errors["a"], free.rss)
    held = fit("y ~ a*exp(-b*x)", DECAY, b=0.1, bounds={"b": (0.0, 0.3)})
    assert (held.estimates["b"], held.errors["b"], held.found) == (0.3, None, ("a",))
    assert fit("k = 2; y ~ a*exp(-b*k*x)", DECAY, b=1).estimates["b"] == pytest.approx(
        free.estimates["b"] / 2
    )


MISTAKES = [
    ("y = a*x", {}, ParseError, "no ~"),
    ("y ~ a*x ~ 2", {}, ParseError, "more than one ~"),
    ("~ a*x", {}, ParseError, "nothing stands before"),
    ("z ~ a*x", {}, InputError, "no column z"),
    ("y ~ a*t + b", {}, InputError, "names no column"),
    ("y ~ a*x", {"x": 1.0}, InputError, "x is a column of the data and can't be a parameter"),
    ("y ~ a*x", {"b": 1.0}, InputError, "b is not in the formula"),
    ("y ~ a*x", {"a": (2.0, 1.0)}, InputError, "can't begin at"),
    ("y ~ a*x", {"a": math.nan}, InputError, "can't begin at"),
    ("y ~ a*x", {"fixed": {"a": 1.0}}, InputError, "no parameter to find"),
    ("y ~ w@[x, 1]", {"w": [1, 2], "fixed": {"w": [1, 2]}}, InputError, "w is fixed and given beside that"),
    ("y ~ w@[x, 1]", {"w": [1, 2], "fixed": {"w[2]": 1}}, InputError, "w.2. is not in the formula"),
    ("y ~ a*exp(b*x)", {"b": 1.0, "tries": 5}, InputError, "the count of starts changes nothing"),
    ("y ~ a*x", {"bounds": {"b": (0, 1)}}, InputError, "not found"),
    ("y ~ a*x", {"bounds": {"a": (1, 0)}}, InputError, "no room"),
    ("y ~ a*x", {"sigma": "s - 0.1"}, InputError, "row 3: sigma is 0"),
    ("y ~ a*x", {"sigma": "r"}, InputError, "no column r"),
    ("y ~ a*e^(-b*x)", {"e": 1.0, "b": 1.0}, None, ""),
    ("y ~ a0 + a1*x + a2*x^2 + a3*x^3 + a4*x^4 + a5*x^5 + a6*x^6", {}, InputError, "6 rows can't tell 7"),
    ("log(x) ~ a*x", {}, DomainError, "the left side of ~: row 1: log needs"),
    ("y*1e150 ~ a*x", {}, InputError, "the squares of the left side leave the doubles"),
    ("y ~ a*x", {"sigma": "s*1e150"}, InputError, "the squares of the left side over sigma leave"),
    ("y ~ log(a*x)", {"a": 1.0}, DomainError, "no value at the start: row 1: log needs"),
]


@pytest.mark.parametrize(("formula", "more", "error", "words"), MISTAKES)
def test_mistakes(formula: str, more: dict[str, Any], error: type[Exception] | None, words: str) -> None:
    if error is None:
        assert fit(formula, DECAY, **more).outcome is Outcome.UNDETERMINED
        return
    with pytest.raises(error, match=words):
        fit(formula, DECAY, **more)


def test_data_that_is_not_finite_or_differs_in_length() -> None:
    with pytest.raises(InputError, match="row 2: y is nan"):
        fit("y ~ a*x", {"x": [1, 2], "y": [1, math.nan]})
    with pytest.raises(InputError, match="differ in their counts"):
        fit("y ~ a*x", {"x": [1, 2], "y": [1, 2, 3]})
    with pytest.raises(InputError, match="no rows"):
        fit("y ~ a*x", {"x": np.empty(0), "y": np.empty(0)})


# ---- the command ----


@pytest.fixture
def decay(tmp_path: Path) -> str:
    path = tmp_path / "decay.csv"
    rows = zip(*DECAY.values(), strict=True)
    path.write_text("\n".join([",".join(DECAY), *(",".join(map(repr, row)) for row in rows)]) + "\n")
    return str(path)


def test_the_forms_agree(backprop: Run, decay: str) -> None:
    words = ("fit", "y ~ a*exp(-b*x)", "--data", decay, "b=0.1..10")
    done = backprop(*words, "--json")
    record = json.loads(done.stdout)
    jsonschema.validate(record, SCHEMA)
    found = fit("y ~ a*exp(-b*x)", {name: DECAY[name] for name in "xy"}, b=(0.1, 10.0))
    assert (done.returncode, done.stdout) == (
        0,
        render_json(found) + "\n",
    )
    rows = list(csv.DictReader(io.StringIO(backprop(*words, "--format", "csv").stdout)))
    assert {row["parameter"]: float(row["estimate"]) for row in rows} == found.estimates
    table = backprop(*words).stdout.splitlines()
    assert table[0].split()[:3] == ["parameter", "estimate", "error"]
    assert table[1].split()[:2] == ["a", "10.0703"]
    assert backprop(*words, COLUMNS="40").returncode == 0


def test_predictions(backprop: Run, decay: str, tmp_path: Path) -> None:
    path = tmp_path / "more.csv"
    path.write_text("x\n2\n-1\n")
    words = ("fit", "y ~ a + b*sqrt(x)", "--data", decay, "--predict", str(path))
    two, none = json.loads(backprop(*words, "--json").stdout)["predictions"]
    x, y = np.sqrt(X), np.array(DECAY["y"])
    dx = x - x.mean()
    b = (dx @ y) / (dx @ dx)
    assert two["value"] == pytest.approx(y.mean() + b * (math.sqrt(2) - x.mean()))
    s = math.sqrt(((y - y.mean() - b * dx) ** 2).sum() / 4)
    assert two["error"] == pytest.approx(s * math.sqrt(1 / 6 + (math.sqrt(2) - x.mean()) ** 2 / (dx @ dx)))
    assert (none["value"], "sqrt needs" in none["note"]) == (None, True)
    assert backprop(*words, "--format", "csv").stdout.splitlines()[0] == "x,value,error,low,high"
    assert "sqrt needs" in backprop(*words).stdout


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["y ~ a*x"], 2, "the data is missing"),
        (["--data", "DATA"], 2, "a formula is missing"),
        (["y ~ a*q + x*0*b", "--data", "DATA"], 1, "it reads the columns y and x"),
        (["y ~ a*exp(-b*x)", "--data", "DATA", "b=1", "b=1..2"], 2, "b is given two starts"),
        (["y ~ a*exp(-b*x)", "--data", "DATA", "b=1.."], 2, "a range can't be 'b=1..'"),
        (["y ~ a*exp(-b*x)", "--data", "DATA", "--fix", "b"], 2, "not of the form NAME=VALUE"),
        (["y ~ a*exp(-b*x)", "--data", "DATA", "--fix", "b=0.5", "--bounds", "a=0.."], 0, "fixed"),
        (["v ~ a*x", "--data", "DATA", "--map", "v=y"], 0, "a"),
        (["y ~ a e^(-bx)", "--data", "DATA", "b=1"], 0, "read as: a*exp(-b*x)"),
        (["y ~ x^a + e", "--data", "DATA"], 2, "Euler's number is exp(1)"),
        (["y ~ -sqrt(b)*x", "--data", "DATA", "b=1"], 1, "b       "),
        (["y ~ w@[x, 1]", "--data", "DATA", "w:2"], 0, "w[1]        8.44762"),
        (["y ~ w@[x, 1]", "--data", "DATA"], 2, "w has no value, so it has no shape"),
        (["y ~ w[0]*exp(-w[1]*x)", "--data", "DATA", "w:2", "w[1]=0.1..9"], 0, "20 of 20 starts ended"),
        (["y ~ a*x", "--data", "DATA", "x:2"], 2, "x is a column of the data and can't be a parameter"),
        (["y ~ a*x", "--data", "DATA", "--fix", "a=[1,2]"], 2, "the output has the shape (2,)"),
        (["y ~ w@[x, 1]", "--data", "DATA", "w:2", "--fix", "w[ 1 ]=max(0, 8)"], 0, "w[1]              8"),
        (["y ~ v@[x, 1]*w@[x, 1]", "--data", "DATA", "v:2", "--fix", "w=[0,1]"], 0, "w[1]              1"),
        (["y ~ w@[x, 1]", "--data", "DATA", "w:2", "w[0]=1", "--fix", "w[0]=1"], 2, "fixed and has a start"),
        (["y ~ sum(w@[[x],[1]])", "--data", "DATA", "w:1x2", "--bounds", "w[0, 1]=9..10"], 0, "w[0,1] = 9"),
        (["y ~ a*x", "--data", "DATA", "--starts", "5"], 2, "no parameter begins in a range"),
        (["y ~ a*x", "--data", "DATA", "--fix", ""], 2, "--fix names no parameter"),
        (["y ~ a*x", "--data", "DATA", "--bounds", " "], 2, "--bounds names no input"),
        (["y ~ a*x", "--data", "DATA", "--bounds", "a=0..,a=..9"], 2, "--bounds names a twice"),
    ],
)
def test_statuses(backprop: Run, decay: str, words: list[str], status: int, said: str) -> None:
    done = backprop("fit", *(decay if word == "DATA" else word for word in words))
    assert (done.returncode, said in done.stdout + done.stderr) == (status, True), done.stdout + done.stderr


def test_rows_that_can_not_be_read(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x,y\n1,2\n2,NA\n3,6\n4,inf\n5,10.5\n")
    done = backprop("fit", "y ~ a*x", "--data", str(path))
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "backprop: row 2: y is 'NA', not a number")
    done = backprop("fit", "y ~ a*x", "--data", str(path), "--allow-bad")
    assert (done.returncode, "2 rows that can't be read left out" in done.stdout) == (0, True)


def test_data_as_spreadsheets_write_it(backprop: Run, tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x;y\n0;1,5\n1;2,5\n2;4\n")
    words = ("--data", str(path), "--delimiter", ";", "--decimal", ",", "--json")
    record = json.loads(backprop("fit", "y ~ a*x + b", *words).stdout)
    assert record["parameters"]["a"]["estimate"] == pytest.approx(1.25)
