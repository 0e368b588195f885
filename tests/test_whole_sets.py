"""Data sets read as one: sums over all rows of all files."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from conftest import Run

PROGRAM = ("batch", "(w*x + b - y)^2", "w=1.5", "b=-0.25", "--wrt", "w,b", "--json")


@pytest.fixture
def numbers() -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.normal(size=(2, 900)) * 10.0 ** rng.integers(-8, 8, size=(2, 900))


def write(folder: Path, numbers: np.ndarray, cuts: list[int]) -> Path:
    """Write rows to files of three forms, each with its columns in another order."""
    for number, part in enumerate(np.split(numbers, cuts, axis=1)):
        x, y = part.tolist()
        stem = folder / f"at={number % 2}" / f"p{number}"
        stem.parent.mkdir(parents=True, exist_ok=True)
        if number % 3 == 0:
            parquet.write_table(pa.table({"x": x, "y": y}), stem.with_suffix(".parquet"))
        elif number % 3 == 1:
            lines = "".join(f"{b!r},{a!r}\n" for a, b in zip(x, y, strict=True))
            stem.with_suffix(".csv").write_text(f"y,x\n{lines}")
        else:
            pairs = zip(x, y, strict=True)
            lines = "".join(json.dumps({"y": b, "z": [1], "x": a}) + "\n" for a, b in pairs)
            stem.with_suffix(".jsonl").write_text(lines)
    return folder


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_sum_is_the_same_however_the_rows_are_divided(
    backprop: Run, tmp_path: Path, numbers: np.ndarray, reduction: str
) -> None:
    found = set()
    for number, cuts in enumerate([[], [0, 450], [1, 2, 3, 700, 899]]):
        data = write(tmp_path / str(number), numbers, cuts)
        for engine in ("numpy", "jit"):
            done = backprop(*PROGRAM, "--data", str(data), "--reduce", reduction, "--engine", engine)
            assert (done.returncode, done.stderr) == (0, "")
            found.add(done.stdout)
    assert len(found) == 1
    x, y = numbers
    rows = (1.5 * x + -0.25 - y) ** 2
    total = sum(map(Fraction, rows.tolist()), Fraction(0))
    over = 1 if reduction == "sum" else len(rows)
    assert json.loads(found.pop())["value"] == float(total / over)


def test_rows_are_named_by_their_files(backprop: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,y\n")
    (tmp_path / "c.csv").write_text("y,x\n1,3\n2,q\n3,-1\n4,0\n")
    words = ("batch", "y*log(x)", "--data", str(tmp_path), "--reduce", "sum")
    done = backprop(*words)
    assert (done.returncode, done.stdout) == (3, "value,grad_y,grad_x,status\n,,,undefined\n")
    assert done.stderr.splitlines() == [
        "3 of 5 rows are not ok: 2 undefined (rows 3 of c.csv and 4 of c.csv), 1 bad input (row 2 of c.csv)",
        "  row 3 of c.csv: log needs an operand > 0, got x = -1",
        "  row 2 of c.csv: x is 'q', not a number",
    ]
    done = backprop(*words, "--allow-bad", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "value": 1.0986122886681098, "grad_y": 1.0986122886681098, "grad_x": 2 + 1 / 3, "status": "ok",
    }  # fmt: skip


def test_folders_say_columns_and_lists_are_arrays(backprop: Run, tmp_path: Path) -> None:
    for key, rows in {1: "", 2: '{"x": [1, 2]}\n', 3: '{"x": [1, 3]}\n{"x": [1]}\n'}.items():
        (tmp_path / f"k={key}").mkdir()
        (tmp_path / f"k={key}" / "a.jsonl").write_text(rows)
    done = backprop("batch", "k*sum(x^2)", "--data", str(tmp_path), "--reduce", "sum", "--allow-bad")
    assert json.loads(done.stdout) == {
        "value": 40.0, "grad_k": 15.0, "grad_x[0]": 10.0, "grad_x[1]": 26.0, "status": "ok",
    }  # fmt: skip
    assert "  row 2 of k=3/a.jsonl: x has 1 elements, not 2" in done.stderr


def test_what_is_refused(backprop: Run, tmp_path: Path) -> None:
    data = tmp_path / "in"
    data.mkdir()
    (data / "a.csv").write_text("x,g\n1,2\n")
    (data / "b.csv").write_text("z\n1\n")
    both, first = ("--data", str(data)), ("--data", f"{data}/a*.csv")
    for args, told in {
        both: "b.csv: the data has no column x",
        (*both, "--output", f"{data}/sum.csv"): "the data and the results are both in",
        (*first, "--output", f"{data}/a.csv"): "the data and the results are one file",
        (*first, "--group-by", "g"): "--group-by goes by a column of one file",
        (*first, "--check", "1"): "--check draws from one file",
        (*first, "--on", "local"): "--on is for folders of results",
        (*first, "--keep"): "--reduce writes one row",
        (*first, "--output", f"{tmp_path}/o.xyz"): "can't be told by its ending",
        (*first, "--data", "-"): "can't read -",
    }.items():
        done = backprop("batch", "x^2", *args, "--reduce", "sum")
        assert (done.returncode, done.stdout) == (2, ""), args
        assert told in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(path.name for path in data.iterdir()) == ["a.csv", "b.csv"]
