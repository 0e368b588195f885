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


# ---- by groups ----

GROUPED = ("batch", "a*b + relu(a)", "--reduce", "sum", "--group-by", "g")


def grouped_rows(count: int) -> tuple[list[str], np.ndarray]:
    rng = np.random.default_rng(3)
    words = ["", "b, c", "α", "1", "01"]
    scales = 10.0 ** rng.integers(-8, 8, (count, 1))
    return [words[i] for i in rng.integers(0, len(words), count)], rng.normal(size=(count, 2)) * scales


def test_groups_have_exact_sums_in_the_order_of_their_first_rows(backprop: Run, tmp_path: Path) -> None:
    words, numbers = grouped_rows(40_000)
    path = tmp_path / "d.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["a", "g", "b"], *([a, w, b] for w, (a, b) in zip(words, numbers, strict=True))]
        )
    texts = set()
    for engine in ("python", "numpy", "jit"):
        done = backprop(*GROUPED, "--data", str(path), "--engine", engine)
        assert done.returncode == 0
        texts.add(done.stdout)
    (text,) = texts
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["g"] for row in rows] == list(dict.fromkeys(words))
    for row in rows:
        own = numbers[[word == row["g"] for word in words]]
        assert float(row["value"]) == math.fsum(a * b + max(a, 0) for a, b in own.tolist())
        assert float(row["grad_b"]) == math.fsum(own[:, 0])


def test_groups_of_any_type_keep_it(backprop: Run, tmp_path: Path) -> None:
    table = pa.table(
        {"a": [1.0, 2.0, 4.0, 8.0], "b": [1.0] * 4, "g": pa.array([7, None, 7, 2**60], pa.int64())}
    )
    parquet.write_table(table, tmp_path / "d.parquet")
    done = backprop(*GROUPED, "--data", str(tmp_path / "d.parquet"), "--output", str(tmp_path / "o.parquet"))
    assert (done.returncode, done.stderr) == (0, "")
    found = parquet.read_table(tmp_path / "o.parquet")
    assert found["g"].to_pylist() == [7, None, 2**60]
    assert found["value"].to_pylist() == [10.0, 4.0, 16.0]


def test_groups_of_json_are_values(backprop: Run) -> None:
    data = (
        '{"g": "1", "a": 1, "b": 2}\n{"g": 1, "a": 3, "b": 2}\n{"a": 5, "b": 2}\n{"g": "1", "a": 1, "b": 0}\n'
    )
    for engine in ("python", "numpy"):
        done = backprop(*GROUPED, "--data", "-", "--input-format", "jsonl", "--engine", engine, stdin=data)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(row["g"], row["value"]) for row in rows] == [("1", 4.0), (1, 9.0), (None, 15.0)]


def test_a_row_without_a_result_is_that_of_its_group(backprop: Run) -> None:
    data = "g,a,b\nx,1,2\ny,q,4\nx,5,6\ny,1,1\n"
    done = backprop(*GROUPED, "--data", "-", stdin=data)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (3, ["x,38.0,10.0,6.0,ok", "y,,,,bad input"])
    done = backprop(*GROUPED, "--data", "-", "--allow-bad", stdin=data)
    assert (done.returncode, done.stdout.splitlines()[2]) == (0, "y,2.0,2.0,1.0,ok")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--group-by", "g"), "--group-by takes a column, beside --reduce"),
        (("--group-by", "h", "--reduce", "sum"), "the data has no column h"),
        (("--group-by", "value", "--reduce", "sum"), "the data has a column value of its own"),
    ],
)
def test_groups_that_cannot_be(backprop: Run, args: tuple[str, ...], told: str) -> None:
    done = backprop("batch", "a*b", "--data", "-", *args, stdin="g,a,b,value\nx,1,2,3\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"backprop: {told}")
