"""Data sets read as one: sums over all rows of all files, and columns that are checked in all of them."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import jsonschema
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from backprop_cli.batch.program import Batch
from backprop_cli.batch.sample import Sample, find_disagreements
from backprop_cli.batch.tally import RowResult, RowStatus, Start
from backprop_cli.language.source import read_source
from backprop_cli.schemas import schema_text
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


def test_the_sum_is_the_same_however_the_rows_are_divided(
    backprop: Run, tmp_path: Path, numbers: np.ndarray
) -> None:
    def run(data: Path, reduction: str, engine: str) -> str:
        done = backprop(*PROGRAM, "--data", str(data), "--reduce", reduction, "--engine", engine)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    one, three, six = (
        write(tmp_path / str(len(cuts)), numbers, cuts) for cuts in ([], [0, 450], [1, 2, 3, 700, 899])
    )
    found = run(one, "sum", "numpy")
    assert run(three, "sum", "jit") == run(six, "sum", "auto") == found
    x, y = numbers
    rows = (1.5 * x + -0.25 - y) ** 2
    total = sum(map(Fraction, rows.tolist()), Fraction(0))
    assert json.loads(found)["value"] == float(total)
    assert json.loads(run(three, "mean", "numpy"))["value"] == float(total / len(rows))


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
    log = pytest.approx(1.0986122886681098, rel=4e-16)
    assert json.loads(done.stdout) == {"value": log, "grad_y": log, "grad_x": 2 + 1 / 3, "status": "ok"}


def test_folders_say_columns_and_lists_are_arrays(backprop: Run, tmp_path: Path) -> None:
    for key, rows in {1: "", 2: '{"x": [1, 2]}\n', 3: '{"x": [1, 3]}\n{"x": [1]}\n'}.items():
        (tmp_path / f"k={key}").mkdir()
        (tmp_path / f"k={key}" / "a.jsonl").write_text(rows)
    done = backprop("batch", "k*sum(x^2)", "--data", str(tmp_path), "--reduce", "sum", "--allow-bad")
    assert json.loads(done.stdout) == {
        "value": 40.0, "grad_k": 15.0, "grad_x": [10.0, 26.0], "status": "ok",
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
        (*first, "--group-by", "h"): "the data has no column h",
        (*first, "--strict"): "--strict goes by the rows of --check",
        (*first, "--on", "local"): "--on is for folders of results",
        (*first, "--keep"): "--reduce writes one row",
        (*first, "--output", f"{tmp_path}/o.xyz"): "can't be told by its ending",
        (*first, "--data", "-"): "can't read -",
        ("--data", ""): "--data names nothing",
    }.items():
        done = backprop("batch", "x^2", *args, "--reduce", "sum")
        assert (done.returncode, done.stdout) == (2, ""), args
        assert told in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert sorted(path.name for path in data.iterdir()) == ["a.csv", "b.csv"]


def test_groups_are_those_of_all_files(backprop: Run, tmp_path: Path) -> None:
    """Whatever place and type a column has in each, and where folders say it."""
    for name, table in {
        "k=1/a.parquet": {"x": [1.0, 2.0, 3.0], "at": pa.array([7, 8, None], pa.int32())},
        "k=1/b.parquet": {"at": pa.array([8, 9], pa.int64()), "more": [0, 0], "x": [10.0, 20.0]},
        "k=__HIVE_DEFAULT_PARTITION__/c.parquet": {"at": ["9", "seven"], "x": [100.0, 200.0]},
    }.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.table(table), tmp_path / "in" / name)
    words = ("batch", "x^2", "--data", f"{tmp_path}/in", "--reduce", "sum", "--format", "csv", "--group-by")
    done = backprop(*words, "at")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "at,value,grad_x,status",
        "7,1.0,2.0,ok",
        "8,104.0,24.0,ok",
        ",9.0,6.0,ok",
        "9,10400.0,240.0,ok",
        "seven,40000.0,400.0,ok",
    ]
    assert backprop(*words, "k").stdout.splitlines() == [
        "k,value,grad_x,status",
        "1,514.0,72.0,ok",
        ",50000.0,600.0,ok",
    ]
    out = tmp_path / "o.parquet"
    assert backprop(*words[:-3], "--output", str(out), "--group-by", "k").returncode == 0
    assert parquet.read_table(out)["k"].to_pylist() == ["1", None]
    parquet.write_table(pa.table({"x": [1.0]}), tmp_path / "in/k=1/d.parquet")
    done = backprop(*words, "at")
    assert (done.returncode, done.stdout) == (2, "")
    assert "k=1/d.parquet: the data has no column at" in done.stderr
    (tmp_path / "in/k=1/d.csv").write_text("x,at\n1,7\n")
    done = backprop(*words, "at")
    assert "--group-by goes by words, which files of several forms write in several ways" in done.stderr


def test_groups_of_lines(backprop: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"x": 1, "s": "p"}\n{"s": 5, "x": 2}\n')
    (tmp_path / "b.jsonl").write_text('{"s": "p", "x": 3}\n{"x": 4}\n')
    words = ("batch", "x^2", "--data", str(tmp_path), "--reduce", "mean", "--group-by", "s")
    assert list(map(json.loads, backprop(*words).stdout.splitlines())) == [
        {"s": "p", "value": 5.0, "grad_x": 4.0, "status": "ok"},
        {"s": 5, "value": 4.0, "grad_x": 4.0, "status": "ok"},
        {"s": None, "value": 16.0, "grad_x": 8.0, "status": "ok"},
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_text("x,s\n1,p\n2\n")
    (tmp_path / "in/b.csv").write_text("s,x\np,3\nq,5\n")
    words = ("batch", "x^2", "--data", f"{tmp_path}/in", "--reduce", "sum", "--group-by", "s", "--ragged")
    done = backprop(*words, "--check", "9", "--seed", "1")
    assert done.stdout.splitlines() == [
        "s,value,grad_x,status", "p,10.0,8.0,ok", ",4.0,4.0,ok", "q,25.0,10.0,ok",
    ]  # fmt: skip
    assert done.stderr == "checked 4 of 4 rows with sympy (--seed 1): all agree\n"


def test_a_row_of_a_sample_is_told_by_its_file() -> None:
    source = read_source("x^2", {})
    batch = Batch(source, ["x"], 1.0, [])
    sample = Sample(3, 0)
    for number in (1, 4):
        sample.take(number, lambda: {"x": 3.0}, RowResult(9.0, [7.0], RowStatus.OK))
    found = find_disagreements(sample, batch, [Start(0, "a.csv"), Start(2, "b.csv")])
    assert [line.partition(":")[0] for line in found.differences] == ["row 1 of a.csv", "row 2 of b.csv"]


@pytest.fixture
def dumped(tmp_path: Path) -> Path:
    """Return a folder of what a program dumped: in b.csv and beyond some gradients are off."""
    (tmp_path / "a.csv").write_text("w,x,dw\n1,2,4\n2,1,2\n")
    (tmp_path / "b.csv").write_text("dw,x,w\n4,2,1\n-4,2,1\n")
    (tmp_path / "c.csv").write_text("w,x,dw\n-2,1,2\n3,1,3\n")
    return tmp_path


def test_a_row_that_is_off_is_told_by_its_file(backprop: Run, dumped: Path) -> None:
    words = ("check", "(w*x)^2/2", "--data", str(dumped), "--expect", "w=@dw")
    done = backprop(*words)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "FAIL  w = @dw  2 of 6 rows are off",
        "      rows 2 of b.csv and 1 of c.csv: opposite sign",
        "        row 2 of b.csv at w=1 x=2: expected -4, got 4",
        "1 of 1 column OFF; 6 rows compared",
    ]
    found = json.loads(backprop(*words, "--json").stdout)
    jsonschema.validate(found, json.loads(schema_text("columns")))
    assert [(one["before"], one["name"]) for one in found["files"]] == [
        (0, "a.csv"),
        (2, "b.csv"),
        (4, "c.csv"),
    ]
    assert found["expectations"][0]["slips"][0]["first"] == [4, 5]
    files = [word for name in "ac" for word in ("--data", str(dumped / f"{name}.csv"))]
    done = backprop("check", "(w*x)^2/2", *files, "--expect", "w=@dw", "--format", "junit")
    assert "row 1 of c.csv at w=-2 x=1: expected 2, got -2" in done.stdout


def test_a_folder_may_say_what_is_expected(backprop: Run, tmp_path: Path) -> None:
    for key, x in {"4.0": 2, "5": 3, "q": 1}.items():
        (tmp_path / f"dx={key}").mkdir()
        (tmp_path / f"dx={key}" / "r.csv").write_text(f"x\n{x}\n")
    words = ("check", "x^2", "--data", str(tmp_path), "--expect", "x=@dx")
    done = backprop(*words, "--rtol", "x=written")
    assert done.returncode == 1
    assert "2 of 3 rows are off" in done.stdout
    assert "row 1 of dx=5/r.csv at x=3: expected 5, got 6" in done.stdout


def test_a_file_of_a_check_is_named_that_lacks_a_column(backprop: Run, dumped: Path) -> None:
    (dumped / "d.csv").write_text("w,x\n1,2\n")
    done = backprop("check", "w*x", "--data", str(dumped), "--expect", "w=@dw")
    assert (done.returncode, done.stdout) == (2, "")
    assert "d.csv: the data has no column dw" in done.stderr
