"""Sums and means over rows: rounded once, whatever the order, the engine and the form."""

from __future__ import annotations

import csv
import io
import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from backprop_cli.batch.sums import ExactSum
from conftest import Run

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
LOSS = ("batch", "(w*x + b - y)^2", "w=1.5", "b=-0.25", "--wrt", "w,b")


def total(numbers: list[float], *, in_arrays: bool) -> ExactSum:
    found = ExactSum()
    if in_arrays:
        for part in (numbers[::2], numbers[1::2]):
            found.add_array(np.array(part, float))
    else:
        for x in numbers:
            found.add(x)
    return found


@given(st.lists(NUMBERS, max_size=30), st.booleans(), st.randoms())
def test_a_sum_is_rounded_once(numbers: list[float], in_arrays: bool, random: object) -> None:
    exact = sum(map(Fraction, numbers), Fraction(0))
    random.shuffle(numbers)  # type: ignore[attr-defined]
    found = total(numbers, in_arrays=in_arrays)
    try:
        right = float(exact)
    except OverflowError:
        right = math.inf if exact > 0 else -math.inf
    assert found.value() == right
    if numbers and math.isfinite(right):
        assert found.value(len(numbers)) == float(exact / len(numbers))


def test_special_numbers() -> None:
    for numbers, right in [
        ([5e-324] * 3, 1.5e-323),
        ([1.7e308, 1.7e308, -1.7e308], 1.7e308),
        ([1e308] * 3, math.inf),
        ([1e16, 1.0, -1e16], 1.0),
        ([-0.0], 0.0),
        ([], 0.0),
    ]:
        for in_arrays in (False, True):
            assert total(numbers, in_arrays=in_arrays).value() == right
    for lost in (math.nan, math.inf):
        for in_arrays in (False, True):
            assert math.isnan(total([1.0, lost], in_arrays=in_arrays).value())


@pytest.mark.parametrize("engine", ["python", "numpy", "jit"])
def test_the_gradient_of_a_data_set(backprop: Run, tmp_path: Path, engine: str) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=500), rng.normal(size=500) * 1e3
    path = tmp_path / "d.csv"
    path.write_text("x,y\n" + "".join(f"{a!r},{b!r}\n" for a, b in zip(x.tolist(), y.tolist(), strict=True)))
    each = backprop(*LOSS, "--data", str(path), "--engine", engine, "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(each)))
    for reduction, over in (("sum", 1), ("mean", 500)):
        done = backprop(*LOSS, "--data", str(path), "--engine", engine, "--reduce", reduction, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        (record,) = map(json.loads, done.stdout.splitlines())
        for name in ("value", "grad_w", "grad_b"):
            exact = sum((Fraction(float(row[name])) for row in rows), Fraction(0))
            assert record[name] == float(exact / over)
        assert record["status"] == "ok"


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet", "arrow", "npy", "npz"])
def test_one_row_in_every_form(backprop: Run, tmp_path: Path, form: str) -> None:
    data, out = tmp_path / "d.parquet", tmp_path / f"o.{form}"
    parquet.write_table(pa.table({"x": [1.0, 2.0, 3.0]}), data)
    done = backprop("batch", "u = x*x; 2*u", "--data", str(data), "--output", str(out), "--reduce", "sum",
                    "--values", "u")  # fmt: skip
    assert done.returncode == 0
    if form == "parquet":
        assert parquet.read_table(out).to_pylist() == [
            {"value": 28.0, "grad_x": 24.0, "value_u": 14.0, "status": "ok"}
        ]
    elif form == "csv":
        assert out.read_text() == "value,grad_x,value_u,status\n28.0,24.0,14.0,ok\n"
    elif form == "npz":
        assert np.load(out)["value"].tolist() == [28.0]


@pytest.mark.parametrize("engine", ["python", "numpy"])
def test_rows_without_a_result(backprop: Run, engine: str) -> None:
    text = "x\n1\nNA\n4\n"
    words = ("batch", "sqrt(x)", "--data", "-", "--engine", engine, "--reduce", "mean")
    done = backprop(*words, stdin=text)
    assert (done.returncode, done.stdout) == (3, "value,grad_x,status\n,,bad input\n")
    assert "1 bad input (row 2)" in done.stderr
    done = backprop(*words, "--allow-bad", stdin=text)
    assert (done.returncode, done.stdout) == (0, "value,grad_x,status\n1.5,0.375,ok\n")
    assert backprop(*words, stdin="x\n0\n").returncode == 3
    done = backprop(
        "batch", "abs(x)", "--data", "-", "--engine", engine, "--reduce", "sum", stdin="x\n0\n2\n"
    )
    assert (done.returncode, done.stdout) == (0, "value,grad_x,status\n2.0,1.0,kink\n")


def test_no_rows(backprop: Run) -> None:
    done = backprop("batch", "x", "--data", "-", "--reduce", "sum", stdin="x\n")
    assert (done.returncode, done.stdout) == (0, "value,grad_x,status\n0.0,0.0,ok\n")
    done = backprop("batch", "x", "--data", "-", "--reduce", "mean", stdin="x\n")
    assert (done.returncode, "no rows to take the mean of" in done.stderr) == (2, True)
    done = backprop("batch", "x", "--data", "-", "--reduce", "sum", "--keep", stdin="x\n1\n")
    assert (done.returncode, done.stdout) == (2, "")
