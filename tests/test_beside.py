"""Numbers beside the gradient at every row: second derivatives, and gradients of steps; by all engines."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backprop_cli import STATUSES, compile_rows, hessian, jacobian
from backprop_cli.errors import InputError, UsageError
from conftest import Run

RNG = np.random.default_rng(3)
COUNT = 300
POINTS = {"x": RNG.normal(size=COUNT), "y": RNG.normal(size=COUNT)}
POINTS["x"][[5, 6]] = 0.0
POINTS["y"][[6, 9]] = 0.0
POINTS["x"][11] = POINTS["y"][11]
POINTS["x"][7] = np.nan
PROGRAMS = [
    "(1 - x)^2 + 100*(y - x^2)^2",
    "sigmoid(x*y)*tanh(x)",
    "relu(x)^2*y",
    "elu(x)*y",
    "where(x > 0, sqrt(x)*y, x^2)",
    "x^3*y^2/(1 + x^2)",
    "max(x, y)^2",
    "sinc(x)*y",
    "abs(x)*x*y",
    "exp(x*700)*y",
    "x^y",
    "2*x + y",
    "h = hypot(x, y); h^3",
]


def results(program: str, engine: str) -> Any:
    try:
        return compile_rows(program, columns=["x", "y"], order=2, engine=engine)(POINTS)
    except UsageError:
        pytest.skip(f"no {engine} here")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("engine", ["numpy", "jit"])
def test_engines_agree(program: str, engine: str) -> None:
    alone, found = results(program, "python"), results(program, engine)
    assert np.array_equal(alone.status, found.status)
    for pair, column in alone.hessian.items():
        assert np.allclose(found.hessian[pair], column, rtol=1e-9, atol=1e-12, equal_nan=True), pair


@pytest.mark.parametrize("program", PROGRAMS)
def test_they_are_those_of_hessian(program: str) -> None:
    found = results(program, "python")
    assert list(found.hessian) == [("x", "x"), ("x", "y"), ("y", "y")]
    for row in range(25):
        if STATUSES[found.status[row]] not in ("ok", "kink"):
            continue
        report = hessian(program, x=POINTS["x"][row], y=POINTS["y"][row], check=False)
        for (a, b), column in found.hessian.items():
            entry = report.entries.get(a, {}).get(b)
            right = 0.0 if entry is None else entry.value
            assert column[row] == pytest.approx(right, rel=1e-9, abs=1e-11, nan_ok=True), (row, a, b)
            assert not math.isnan(right) or STATUSES[found.status[row]] == "kink"


def test_results_are_written_over_and_others_refused() -> None:
    rows = compile_rows("x^2*y", order=2, engine="numpy")
    first = rows({"x": [1.0, 2.0], "y": [3.0, 4.0]})
    assert first.hessian["x", "y"].tolist() == [2.0, 4.0]
    again = rows({"x": [3.0, 4.0], "y": [3.0, 4.0]}, out=first)
    assert again.hessian["x", "y"] is first.hessian["x", "y"]
    assert again.hessian["x", "y"].tolist() == [6.0, 8.0]
    without = compile_rows("x^2*y", engine="numpy")
    with pytest.raises(InputError, match="other second derivatives"):
        without({"x": [3.0, 4.0], "y": [3.0, 4.0]}, out=first)
    with pytest.raises(InputError, match="the order is 3"):
        compile_rows("x^2", order=3)
    with pytest.raises(UsageError, match="5,050 columns"):
        compile_rows("+".join(f"x{i}^2" for i in range(100)), order=2)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "data.csv"
    file.write_text("x,y\n1,2\n0,1\n-1,3\nq,1\n")
    return file


def test_the_command_writes_columns(backprop: Run, data: Path) -> None:
    words = ("batch", "relu(x)^2*y", "--data", str(data), "--order", "2")
    lines = [
        "value,grad_x,grad_y,hess_x_x,hess_x_y,hess_y_y,status",
        "2.0,4.0,1.0,4.0,2.0,0.0,ok",
        "0.0,0.0,0.0,,,0.0,kink",
        "0.0,0.0,0.0,0.0,0.0,0.0,ok",
        ",,,,,,bad input",
    ]
    for engine in ("python", "numpy"):
        found = backprop(*words, "--engine", engine)
        assert (found.returncode, found.stdout.splitlines()) == (3, lines)
    record = json.loads(backprop(*words, "--json", "--values", "v1").stdout.splitlines()[0])
    assert list(record) == [
        "value",
        "grad_x",
        "grad_y",
        "value_v1",
        "hess_x_x",
        "hess_x_y",
        "hess_y_y",
        "status",
    ]


def test_sums_and_folders_have_them(backprop: Run, data: Path, tmp_path: Path) -> None:
    data.write_text("x,y\n1,2\n2,1\n-1,3\n")
    total = backprop("batch", "x^2*y", "--data", str(data), "--order", "2", "--reduce", "sum")
    assert total.stdout.splitlines() == [
        "value,grad_x,grad_y,hess_x_x,hess_x_y,hess_y_y,status", "9.0,2.0,6.0,12.0,4.0,0.0,ok"
    ]  # fmt: skip
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    data.rename(folder / "a.csv")
    made = backprop(
        "batch", "x^2*y", "--data", str(folder), "--output", f"{out}/", "--order", "2", "--wrt", "x"
    )
    assert made.returncode == 0, made.stderr
    assert (out / "a.csv").read_text().splitlines()[1] == "2.0,4.0,4.0,ok"


def test_what_has_no_finite_second_derivative_is_told(backprop: Run, data: Path) -> None:
    data.write_text("x\n1\n0\n")
    for engine in ("python", "numpy"):
        found = backprop("batch", "exp(700*x)", "--data", str(data), "--order", "2", "--engine", engine)
        assert found.returncode == 3
        assert "the second derivative with respect to x and x is not finite in doubles" in found.stderr
        assert found.stdout.splitlines()[1].endswith(",inf,nonfinite")
        assert found.stdout.splitlines()[2] == "1.0,700.0,490000.0,ok"


def test_doubles_keep_their_digits_where_the_text_of_a_derivative_loses_them() -> None:
    near = 1 - 1e-9
    hard = {"sinc(x)": 1e-9, "sinc(x/3)": 0.3, "sigmoid(x)": 1e-12, "asin(x)": near, "acos(x)": -near}
    hard |= {"acosh(x)": 1 + 1e-9, "atanh(x)": near, "hypot(x, 1e-9)": 1.0}
    for program, x in hard.items():
        found = compile_rows(program, order=2, engine="numpy")({"x": [x]}).hessian["x", "x"][0]
        assert found == pytest.approx(hessian(program, x=x).entries["x"]["x"].value, rel=1e-12), program


STEPS = "u = x*y; v = relu(u) + sqrt(x); L = u/v"


@pytest.mark.parametrize("engine", ["python", "numpy", "jit"])
def test_gradients_of_steps_are_those_of_jacobian(backprop: Run, data: Path, engine: str) -> None:
    points = [(1.0, 2.0), (2.0, -3.0), (0.5, 0.25), (4.0, 1e-3)]
    data.write_text("x,y\n" + "".join(f"{x},{y}\n" for x, y in points))
    words = ("--data", str(data), "--outputs", "u,v", "--order", "2", "--json", "--engine", engine)
    found = backprop("batch", STEPS, *words)
    if "needs llvmlite" in found.stderr:
        pytest.skip("no compiler here")
    for line, (x, y) in zip(found.stdout.splitlines(), points, strict=True):
        row = json.loads(line)
        right = jacobian(STEPS, x=x, y=y, outputs=["u", "v"], check=False).jacobian
        assert list(row) == ["value", "grad_x", "grad_y", "grad_u_x", "grad_u_y", "grad_v_x", "grad_v_y",
                             "hess_x_x", "hess_x_y", "hess_y_y", "status"]  # fmt: skip
        for step in ("u", "v"):
            for name in ("x", "y"):
                assert row[f"grad_{step}_{name}"] == pytest.approx(right[step][name], rel=1e-14, abs=1e-300)


def test_gradients_of_steps_at_hard_points(backprop: Run, data: Path) -> None:
    data.write_text("x,y\n0,1\n-1,3\n4,0\n")
    found = backprop("batch", "u = sqrt(x); v = relu(y); x*y", "--data", str(data), "--outputs", "u,v")
    statuses = [line.rpartition(",")[2] for line in found.stdout.splitlines()]
    assert statuses == ["status", "nonfinite", "undefined", "kink"]
    assert "the gradient of u with respect to x is not finite in doubles" in found.stderr


@pytest.mark.parametrize("engine", ["numpy", "jit", "python"])
@pytest.mark.parametrize(
    ("program", "point", "right"),
    [
        ("x^y", (1e-160, 1e-160), {("x", "x"): -1e160}),
        ("gelu(x*y)", (1e160, 1.0), {("x", "x"): 0.0, ("x", "y"): 1.0, ("y", "y"): 0.0}),
        ("sqrt(x^2+y^2)^2", (1e-160, 1e-160), {("x", "x"): 2.0, ("y", "y"): 2.0}),
    ],
)
def test_what_is_a_double_is_told_though_doubles_overflow_on_the_way(
    program: str, point: tuple[float, float], right: dict[tuple[str, str], float], engine: str
) -> None:
    x, y = point
    try:
        found = compile_rows(program, ["x", "y"], order=2, engine=engine)({"x": [x, 1.0], "y": [y, 2.0]})
    except UsageError:
        pytest.skip(f"no {engine} here")
    for pair, number in right.items():
        assert found.hessian[pair][0] == pytest.approx(number, rel=1e-12)


def test_what_is_beyond_doubles_stays_infinite() -> None:
    found = compile_rows("1/x", ["x"], order=2, engine="python")({"x": [1e-120]})
    assert found.hessian["x", "x"][0] == math.inf
    assert STATUSES[found.status[0]] == "nonfinite"


def test_two_inputs_that_make_one_column_are_refused(backprop: Run, data: Path) -> None:
    data.write_text("x,y_z,x_y,z\n1,2,3,4\n")
    twice = backprop("batch", "x*y_z + x_y*z", "--data", str(data), "--order", "2")
    assert twice.returncode == 2
    assert "would be called hess_x_y_z" in twice.stderr
    assert "rename a step or an input" in twice.stderr


def test_what_can_not_be_named_is_refused(backprop: Run, data: Path) -> None:
    unknown = backprop("batch", "u = x*y; u^2", "--data", str(data), "--outputs", "w")
    assert (unknown.returncode, "the program has no step w" in unknown.stderr) == (2, True)
    nothing = backprop("batch", "u = x*y; u^2", "--data", str(data), "--outputs", ",")
    assert "--outputs names no step" in nothing.stderr
    data.write_text("x,u_x\n1,2\n")
    twice = backprop("batch", "u = x*u_x; u^2", "--data", str(data), "--outputs", "u")
    assert (twice.returncode, "would be called grad_u_x" in twice.stderr) == (2, True)
