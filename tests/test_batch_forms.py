"""``backprop batch`` over files of every form, and what only large ones need."""

from __future__ import annotations

import json
import math
import os
import re
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, ipc, parquet

from backprop_cli.batch.engines.single import SingleEngine
from backprop_cli.batch.program import Batch
from backprop_cli.batch.sample import Sample, find_disagreements
from backprop_cli.batch.tally import STATUSES
from backprop_cli.language.source import read_source
from conftest import Run
from console import BIN, environment

COMMAND = str(BIN / "backprop")
PROGRAM = "e = a*b; sqrt(e) + relu(c)"
COLUMNS = {
    "a": [1.0, 4.0, -1.0, 0.5, 1e200],
    "b": [4.0, 9.0, 1.0, 0.5, 1e200],
    "c": [1.0, 0.0, 2.0, -1.0, 1.0],
}
OPTIONS = ("--values", "e", "--allow-bad")


def write_data(folder: Path, form: str, columns: dict[str, list[Any]] = COLUMNS) -> str:
    """Write columns to a file of this ending, and return its name."""
    path = folder / f"data.{form}"
    table = pa.table(columns)
    if form in ("csv", "tsv"):
        csv.write_csv(table, path, csv.WriteOptions(delimiter="\t" if form == "tsv" else ","))
    elif form in ("jsonl", "ndjson"):
        path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    elif form == "parquet":
        parquet.write_table(table, path, row_group_size=2)
    elif form in ("arrow", "ipc"):
        with (ipc.new_file if form == "arrow" else ipc.new_stream)(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    elif form == "feather":
        feather.write_feather(table, path)
    elif form == "npy":
        records = np.empty(len(table), [(name, np.array(cells).dtype) for name, cells in columns.items()])
        for name, cells in columns.items():
            records[name] = cells
        np.save(path, records)
    else:
        np.savez_compressed(path, **{name: np.array(cells) for name, cells in columns.items()})  # type: ignore[arg-type]
    return str(path)


def read_results(path: str) -> dict[str, list[Any]]:
    """Return the columns of a file; numbers that are missing are None."""
    form = Path(path).suffix[1:]
    if form in ("csv", "tsv"):
        options = csv.ParseOptions(delimiter="\t" if form == "tsv" else ",")
        return dict(csv.read_csv(path, parse_options=options).to_pydict())
    if form == "jsonl":
        rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
        infinite = {"Infinity": math.inf, "-Infinity": -math.inf}
        return {key: [infinite.get(row[key], row[key]) for row in rows] for key in rows[0]}
    if form == "parquet":
        return dict(parquet.read_table(path).to_pydict())
    if form in ("arrow", "feather", "ipc"):
        return dict(feather.read_table(path).to_pydict())
    loaded = np.load(path)
    names = loaded.files if form == "npz" else loaded.dtype.names
    return {name: [None if x != x else x for x in loaded[name].tolist()] for name in names}


FORMS_IN = ["csv", "tsv", "jsonl", "ndjson", "parquet", "arrow", "ipc", "feather", "npy", "npz"]
FORMS_OUT = ["csv", "tsv", "jsonl", "parquet", "arrow", "feather", "npy", "npz"]


def expected(**more: list[Any]) -> dict[str, list[Any]]:
    batch = Batch(read_source(PROGRAM), ["a", "b", "c"], 1.0, ["e"])
    points = [dict(zip("abc", cells, strict=True)) for cells in zip(*COLUMNS.values(), strict=True)]
    rows = [batch.compute(point) for point in points]
    numbers = zip(*[[row.value, *row.gradients, *row.values] for row in rows], strict=True)
    names = ["value", "grad_a", "grad_b", "grad_c", "value_e"]
    columns = {name: list(cells) for name, cells in zip(names, numbers, strict=True)}
    return {**more, **columns, "status": [row.status for row in rows]}


def in_python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(**variables),
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("form", FORMS_IN)
def test_every_form_is_read(backprop: Run, tmp_path: Path, form: str) -> None:
    name, out = write_data(tmp_path, form), str(tmp_path / "out.parquet")
    done = backprop("batch", PROGRAM, "--data", name, "--output", out, *OPTIONS)
    assert (done.returncode, done.stdout) == (0, "")
    counts, *_, kinks = done.stderr.splitlines()
    assert counts == "2 of 5 rows are not ok: 1 undefined (row 3), 1 nonfinite (row 5)"
    assert "  row 3: sqrt needs an operand >= 0, got a*b = -1\n" in done.stderr
    assert kinks == "1 row is at a kink (row 2)"
    assert read_results(out) == expected()


@pytest.mark.parametrize("form", FORMS_OUT)
def test_every_form_is_written(backprop: Run, tmp_path: Path, form: str) -> None:
    name, out = write_data(tmp_path, "npy"), str(tmp_path / f"out.{form}")
    done = backprop("batch", PROGRAM, "--data", name, "--output", out, "--keep", *OPTIONS)
    assert (done.returncode, done.stdout) == (0, "")
    assert read_results(out) == expected(**COLUMNS)
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize("form", ["parquet", "arrow", "npy", "npz"])
def test_binary_forms_through_pipes(tmp_path: Path, form: str) -> None:
    data = Path(write_data(tmp_path, form)).read_bytes()
    command = [COMMAND, "batch", PROGRAM, "--data", "-", "--input-format", form, "--format", form, *OPTIONS]
    done = subprocess.run(command, input=data, capture_output=True, env=environment(), timeout=60, check=True)
    out = tmp_path / f"out.{form}"
    if form == "arrow":
        table = ipc.open_stream(done.stdout).read_all()
        assert table.to_pydict() == expected()
    else:
        out.write_bytes(done.stdout)
        assert read_results(str(out)) == expected()


def test_an_arrow_stream_is_answered_as_it_comes() -> None:
    command = [COMMAND, "batch", "x^2", "--data", "-", "--input-format", "arrow"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        batch = pa.RecordBatch.from_pydict({"x": [3.0]})
        with ipc.new_stream(process.stdin, batch.schema) as writer:
            writer.write_batch(batch)
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 60)[0]
            assert process.stdout.readline() == b"value,grad_x,status\n"
            assert process.stdout.readline() == b"9.0,6.0,ok\n"
        process.stdin.close()
        assert process.wait(60) == 0


BAD = {"a": [1.0, math.nan, math.inf, 4.0], "b": [1.0, 2.0, 3.0, 4.0]}


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet", "arrow", "npy", "npz"])
def test_bad_rows_of_every_form(backprop: Run, tmp_path: Path, form: str) -> None:
    columns: dict[str, list[Any]] = BAD
    if form == "jsonl":
        columns = {**BAD, "a": [1.0, None, None, 4.0]}
    name = write_data(tmp_path, form, columns)
    done = backprop("batch", "a*b", "--data", name, "--json")
    assert done.returncode == 3
    assert [json.loads(line)["value"] for line in done.stdout.splitlines()] == [1.0, None, None, 16.0]
    words = {"csv": "'nan', not a number", "jsonl": "null, not a number"}.get(
        form, "nan, not a finite number"
    )
    assert done.stderr == f"2 of 4 rows are not ok: 2 bad input (rows 2 and 3)\n  row 2: a is {words}\n"


def test_text_and_nulls_in_columns(backprop: Run, tmp_path: Path) -> None:
    name = write_data(tmp_path, "parquet", {"a": ["1/2", None, "x", " 2 "], "b": [1, 2, None, 4]})
    done = backprop("batch", "a*b", "--data", name, "--keep")
    assert done.stdout == (
        "a,b,value,grad_a,grad_b,status\n"
        "1/2,1,0.5,1.0,0.5,ok\n,2,,,,bad input\nx,,,,,bad input\n 2 ,4,8.0,4.0,2.0,ok\n"
    )
    assert done.stderr.endswith("row 2: a is empty\n")


def test_what_is_kept_of_columns_with_types(backprop: Run, tmp_path: Path) -> None:
    table = pa.table({
        "x": [1.0, 0.5],
        "id": pa.array([7, None], pa.int64()),
        "note": ['say "hi"', "é, ü"],
        "kind": pa.array(["u", "v"]).dictionary_encode(),
        "list": [[1, 2], []],
        "on": [True, None],
        "f": pa.array([0.1, math.inf], pa.float32()),
    })  # fmt: skip
    path = tmp_path / "data.parquet"
    parquet.write_table(table, path)
    done = backprop("batch", "x^2", "--data", str(path), "--keep")
    assert done.stdout.splitlines()[1:] == [
        '1.0,7,"say ""hi""",u,"[1, 2]",true,0.1,1.0,2.0,ok',
        '0.5,,"é, ü",v,[],,inf,0.25,1.0,ok',
    ]
    done = backprop("batch", "x^2", "--data", str(path), "--keep", "--json")
    assert [list(json.loads(line).values()) for line in done.stdout.splitlines()] == [
        [1.0, 7, 'say "hi"', "u", [1, 2], True, float(np.float32(0.1)), 1.0, 2.0, "ok"],
        [0.5, None, "é, ü", "v", [], None, "Infinity", 0.25, 1.0, "ok"],
    ]
    out = tmp_path / "out.parquet"
    backprop("batch", "x^2", "--data", str(path), "--keep", "--output", str(out))
    kept = parquet.read_table(out)
    assert kept.select(table.schema.names).cast(table.schema).equals(table)
    done = backprop("batch", "x^2", "--data", str(path), "--keep", "--output", str(tmp_path / "out.npy"))
    assert (done.returncode, done.stderr) == (
        2,
        (
            "backprop: npy can't keep the column note, which holds string\n"
            "  hint: --format arrow can; or omit --keep\n"
        ),
    )
    assert not (tmp_path / "out.npy").exists()


def test_what_is_kept_of_text_has_types_of_its_own(backprop: Run, tmp_path: Path) -> None:
    out = str(tmp_path / "out.parquet")
    args = ("batch", "x^2", "--data", "-", "--keep", "--output", out, "--allow-bad")
    backprop(*args, stdin='id,x\n007,1/2\n"a ""b""",\n')
    columns = {"id": ["007", 'a "b"'], "x": [0.5, None], "value": [0.25, None]}
    assert {name: read_results(out)[name] for name in columns} == columns
    lines = '{"id": "007", "x": "1/2"}\n{"x": null, "id": 3, "more": 1}\n'
    done = backprop(*args, "--input-format", "jsonl", stdin=lines)
    columns = {"id": ["007", "3"], "x": [0.5, None], "value": [0.25, None]}
    assert {name: read_results(out)[name] for name in columns} == columns
    assert done.stderr.endswith("keys of later rows could not be kept: more\n")


@pytest.mark.parametrize("form", ["parquet", "arrow", "npz"])
@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        ("x,y\n1,2\n3, ?\n", "the column y: ' ?' in row 2 is no double", "csv or jsonl can"),
        ("x,y\n1,\n3,2e308\n", "the column y: '2e308' in row 2 is no double", "csv or jsonl can"),
        ("x,y\n?,1\n3,2\n", "the column x: '?' in row 1 is no double", "csv or jsonl can"),
        (f"x,y\n1,{2**53 + 1}\n", f"the column y: '{2**53 + 1}' in row 1 is no double", "csv or jsonl can"),
        ("x,y,z\n1,2,\udce9\n", "the column z: row 1 is not UTF-8 text", "csv can"),
        ("x,y,\udce9\n1,2,3\n", "the column ?, whose name is not UTF-8", "csv can; or omit --keep"),
    ],
)
def test_what_a_form_with_types_can_not_keep_is_named(
    backprop: Run, tmp_path: Path, form: str, data: str, message: str, hint: str
) -> None:
    (tmp_path / "in.csv").write_bytes(data.encode("utf-8", "surrogateescape"))
    out = tmp_path / f"out.{form}"
    done = backprop("batch", "x*y", "--data", str(tmp_path / "in.csv"), "--keep", "--output", str(out))
    if form == "npz" and "row 1 is not UTF-8" in message:
        message, hint = "the column z, which holds string", "csv can; or omit --keep"
    assert done.stderr == f"backprop: {form} can't keep {message}\n  hint: --format {hint}\n"
    assert (done.returncode, out.exists()) == (2, False)


def test_a_row_with_one_bad_cell_keeps_the_others(backprop: Run, tmp_path: Path) -> None:
    out = str(tmp_path / "out.parquet")
    stdin = f'x,y\n1,2\n"1/4",\n,{2**60}\n'
    done = backprop("batch", "x*y", "--data", "-", "--keep", "--output", out, stdin=stdin)
    assert done.returncode == 3
    assert read_results(out)["x"] == [1.0, 0.25, None]
    assert read_results(out)["y"] == [2.0, None, 2.0**60]


@pytest.mark.parametrize("order", ["C", "F"])
def test_plain_arrays_have_numbers_for_names(backprop: Run, tmp_path: Path, order: Any) -> None:
    path = str(tmp_path / "data.npy")
    np.save(path, np.array([[1, 2], [3, 4], [5, 6]], ">i4", order=order))
    done = backprop("batch", "a*b", "--data", path, "--map", "a=0,b=1", "--wrt", "a")
    assert done.stdout == "value,grad_a,status\n2.0,2.0,ok\n12.0,4.0,ok\n30.0,6.0,ok\n"
    np.save(path, np.array([2.0, 3.0], np.float32))
    assert backprop("batch", "a^2", "--data", path, "--map", "a=0").stdout.endswith(
        "4.0,4.0,ok\n9.0,6.0,ok\n"
    )
    np.save(path, np.zeros((0, 2)))
    assert backprop("batch", "a^2", "--data", path, "--map", "a=0").stdout == "value,grad_a,status\n"


# ---- --map and --values ----


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_inputs_are_read_from_columns_of_other_names(backprop: Run, tmp_path: Path, form: str) -> None:
    name = write_data(tmp_path, form, {"a": [1.0, 2.0], "my col": [3.0, 4.0], "0": [5.0, 6.0]})
    for engine in ("auto", "python"):
        args = (
            "batch",
            "a*b+k",
            "--data",
            name,
            "--map",
            " b = my col ,k=0",
            "--engine",
            engine,
            "--wrt",
            "b",
        )
        done = backprop(*args, "--format", "csv")
        assert (done.stdout, done.stderr) == ("value,grad_b,status\n8.0,1.0,ok\n14.0,2.0,ok\n", "")
        done = backprop("batch", "a*b", "--data", name, "--map", "b=a", "--format", "csv", "--engine", engine)
        assert done.stdout == "value,grad_a,grad_b,status\n1.0,1.0,1.0,ok\n4.0,2.0,2.0,ok\n"


def test_values_of_steps(backprop: Run) -> None:
    args = (
        "batch",
        "d = x*y; e = log(d); e + d^2",
        "--data",
        "-",
        "--wrt",
        "x",
        "--values",
        "e,d",
        "--values",
        "v1,x,e",
    )
    done = backprop(*args, "--allow-bad", stdin="x,y\n1,2\n-1,2\n?,1\n")
    assert done.stdout == (
        "value,grad_x,value_e,value_d,value_v1,value_x,status\n"
        f"{math.log(2) + 4},9.0,{math.log(2)},2.0,4.0,1.0,ok\n,,,-2.0,4.0,-1.0,undefined\n,,,,,,bad input\n"
    )


MISTAKES = [
    (["a*b", "--map", "a"], "--map can't be 'a'", "--map a=COLUMN, or --map a=COLUMN,b=OTHER"),
    (["a*b", "--map", "a=x,a=y"], "--map gives a two columns", ""),
    (["a*b", "a=1", "--map", "a=x"], "a is given both a value and a column", ""),
    (["a*b", "--map", "z=x"], "z is not in the program", "the inputs are a and b"),
    (["a*b", "--map", "a=aa"], "the data has no column aa", "did you mean a?"),
    (["a = 2; a*b", "--map", "a=aa"], "the data has no column aa", "did you mean a?"),
    (["a*b", "--values", "e"], "the program has no step e", "its steps are a, b and v1"),
    (["a*b", "--values", ","], "--values names no step", "--values d,e"),
    (["a*b", "--output", "out.txt"], "the form of out.txt can't be told by its ending", None),
    (["a*b", "--output", "/nowhere/out.csv"], "can't write /nowhere/out.csv: No such file or directory", ""),
    (["a*b", "--check", "-1"], None, None),
]


@pytest.mark.parametrize(("args", "message", "hint"), MISTAKES, ids=lambda x: str(x)[:40])
def test_mistakes(backprop: Run, args: list[str], message: str | None, hint: str | None) -> None:
    done = backprop("batch", *args, "--data", "-", stdin="a,b\n1,2\n")
    assert (done.returncode, done.stdout) == (2, "")
    if message is not None:
        assert done.stderr.startswith(f"backprop: {message}\n")
    if hint is not None:
        assert done.stderr == f"backprop: {message}\n" + (f"  hint: {hint}\n" if hint else "")


@pytest.mark.parametrize("form", ["parquet", "arrow", "npy", "npz"])
def test_files_that_are_not_of_their_form(backprop: Run, tmp_path: Path, form: str) -> None:
    path = tmp_path / f"data.{form}"
    for data in (b"", b"nonsense", Path(write_data(tmp_path, form)).read_bytes()[:-200]):
        path.write_bytes(data)
        done = backprop("batch", "a*b", "--data", str(path))
        assert done.returncode == 2
        assert done.stderr.startswith(f"backprop: can't read {path}: ")
        assert done.stderr.count("\n") == 1


def test_columns_that_hold_no_numbers(backprop: Run, tmp_path: Path) -> None:
    name = write_data(tmp_path, "parquet", {"a": [True], "b": [1.0]})
    done = backprop("batch", "a*b", "--data", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "backprop: the column a holds bool, not numbers\n"
    np.save(tmp_path / "data.npy", np.array([True]))
    done = backprop("batch", "a", "--map", "a=0", "--data", str(tmp_path / "data.npy"))
    assert done.stderr == "backprop: the column 0 holds bool, not numbers\n"
    np.savez(tmp_path / "data.npz", a=np.zeros(2), b=np.zeros(3), c=np.zeros((2, 2)))
    done = backprop("batch", "a*b", "--data", str(tmp_path / "data.npz"))
    assert "differ in length: a has 2 rows, b 3" in done.stderr


def test_the_output_is_not_the_data(backprop: Run, tmp_path: Path) -> None:
    name = write_data(tmp_path, "parquet")
    before = Path(name).read_bytes()
    done = backprop("batch", PROGRAM, "--data", name, "--output", name, "--keep", *OPTIONS, "--quiet")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "backprop: the data and the results are one file\n  hint: write to another\n"
    assert Path(name).read_bytes() == before


def test_binary_forms_are_kept_from_terminals() -> None:
    parent, child = os.openpty()
    command = [COMMAND, "batch", "x", "--data", "-", "--format", "parquet"]
    done = subprocess.run(
        command,
        input=b"x\n1\n",
        stdout=child,
        stderr=subprocess.PIPE,
        env=environment(),
        timeout=60,
        check=False,
    )
    os.close(parent)
    os.close(child)
    assert done.returncode == 2
    assert done.stderr == b"backprop: Parquet is nothing for a terminal\n  hint: --output FILE, or a pipe\n"


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    name = write_data(tmp_path, "parquet", {"x": [float(i) for i in range(40_000)]})
    done = subprocess.run(
        f"{COMMAND} batch x^2 --data {name} | head -2",
        shell=True,
        capture_output=True,
        env=environment(),
        timeout=120,
        check=False,
    )
    assert (done.stdout, done.stderr) == (b"value,grad_x,status\n0.0,0.0,ok\n", b"")


# ---- without the extra ----


def without_columns(*args: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; sys.modules['pyarrow'] = None; from backprop_cli.__main__ import run; "
        f"sys.exit(run(['batch', 'a*b', {', '.join(map(repr, args))}]))"
    )
    return in_python(code)


def test_without_the_extra_text_is_read_all_the_same(tmp_path: Path) -> None:
    columns = {"a": [1.0] * 50_000, "b": [2.0] * 50_000}
    done = without_columns("--data", write_data(tmp_path, "csv", columns), "c=1", "--wrt", "a")
    assert done.returncode == 2
    done = without_columns("--data", write_data(tmp_path, "csv", columns), "--wrt", "a")
    assert (done.returncode, done.stdout.count("2.0,2.0,ok\n"), done.stderr) == (0, 50_000, "")


def test_without_the_extra_it_is_named(tmp_path: Path) -> None:
    def message(*args: str) -> str:
        done = without_columns(*args)
        assert (done.returncode, done.stdout) == (2, "")
        first, hint = done.stderr.splitlines()
        assert hint == "  hint: pip install 'backprop_cli[batch]'"
        return first.removeprefix("backprop: ")

    small = {"a": [1.0], "b": [2.0]}
    assert (
        message("--data", write_data(tmp_path, "parquet", small)) == "reading Parquet needs NumPy and pyarrow"
    )
    text = write_data(tmp_path, "csv", small)
    out = str(tmp_path / "out.npz")
    assert message("--data", text, "--output", out) == "writing NPZ needs NumPy and pyarrow"
    assert message("--data", text, "--engine", "numpy") == "the engine numpy needs NumPy and pyarrow"


@pytest.mark.parametrize("engine", ["numpy", "jit", "numba"])
def test_every_engine_writes_the_same(backprop: Run, engine: str) -> None:
    text = "a,b\n1,0\n-0.0,2\n3,x\n-4,1e300\n0.1,0.3\n-7,1\n"

    def written(engine: str) -> tuple[str, str, int]:
        done = backprop("batch", "-relu(a)*b", "--data", "-", "--engine", engine, stdin=text)
        return done.stdout, done.stderr, done.returncode

    assert written("python")[0].splitlines()[1] == "-0.0,0.0,-1.0,ok"
    assert written(engine) == written("python")


# ---- --check ----


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_rows_drawn_at_random_are_checked(backprop: Run, tmp_path: Path, form: str) -> None:
    name = write_data(tmp_path, form, {"x": [i / 7 for i in range(1, 2051)]})
    args = ("batch", "exp(sin(x))*sqrt(x)", "--data", name, "--check", "5", "--allow-bad")
    done = backprop(*args)
    assert done.returncode == 0
    told = done.stderr.splitlines()[-1]
    match = re.fullmatch(r"checked 5 of 2,050 rows with sympy \(--seed (\d+)\): all agree", told)
    assert match, told
    assert backprop(*args, "--seed", match[1]).stderr == done.stderr


def test_the_check_finds_a_mistake() -> None:
    batch = Batch(read_source("sin(x)*y"), ["x", "y"], 1.0)
    engine = SingleEngine(batch, {})
    x, y = np.linspace(0.1, 3, 100), np.linspace(-1, 1, 100)
    results = engine.compute({"x": x, "y": y}, 100)
    right = [batch.evaluate({"x": x[row], "y": y[row]}) for row in range(100)]
    assert [STATUSES[code] for code in results.status] == [result.status for result in right]

    def differences(change: float) -> list[str]:
        sample = Sample(10, 0)
        for row in sample.places(100):
            wrong = [right[row].gradients[0] * change, right[row].gradients[1]]
            sample.take(
                row + 1,
                lambda row=row: {"x": float(x[row]), "y": float(y[row])},
                right[row]._replace(gradients=wrong),
            )
        found = find_disagreements(sample, batch)
        assert (found.checked, found.poor) == (10, [])
        return found.differences

    assert differences(1.0) == []
    assert differences(1 + 4e-16) == []
    found = differences(1 + 1e-13)
    assert len(found) == 10
    assert re.match(r"row \d+: the gradient with respect to x is \S+, by itself \S+$", found[0])


def test_rows_with_few_right_digits_are_told_and_do_not_fail(backprop: Run) -> None:
    args = ("batch", "1 - cos(x)", "--data", "-", "--check", "3", "--seed", "1")
    done = backprop(*args, stdin="x\n1e-9\n1\n1e-3\n")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "checked 3 of 3 rows with sympy (--seed 1): all agree",
        "2 of these have few right digits",
        "  row 1: no digit of the value is right",
        "  row 3: only 10 digits of the value are right",
    ]


def test_rows_that_sympy_can_say_nothing_of_are_counted(backprop: Run) -> None:
    """At 2 doubles miss the kink; at -1 there is no value."""
    args = ("batch", "abs(sqrt(x)^2 - 2)", "--data", "-", "--check", "3", "--seed", "1", "--allow-bad")
    told = backprop(*args, stdin="x\n2\n1\n-1\n").stderr
    assert (
        "checked 3 of 3 rows with sympy (--seed 1): all agree; in 2 of them there is nothing to compare"
        in told
    )


def test_every_row_has_the_same_chance_to_be_drawn() -> None:
    drawn = np.zeros(100, int)
    result = Batch(read_source("x"), ["x"], 1.0).evaluate({"x": 1.0})
    for seed in range(2000):
        sample = Sample(10, seed)
        for start in (0, 7, 50):
            count = {0: 7, 7: 43, 50: 50}[start]
            for row in sample.places(count):
                sample.take(start + row, dict, result)
        assert len({row.number for row in sample.rows}) == 10
        drawn[[row.number for row in sample.rows]] += 1
    # 200 of 2,000 each; the standard deviation is 13.
    assert 140 < drawn.min() <= drawn.max() < 260


def test_an_engine_that_is_wrong_ends_with_status_1(tmp_path: Path) -> None:
    name = write_data(tmp_path, "parquet", {"x": [1.0, 2.0, 3.0]})
    code = (
        "import sys; from backprop_cli.batch.engines.single import SingleEngine\n"
        "right = SingleEngine.compute\n"
        "def compute(self, columns, count):\n"
        "    results = right(self, columns, count); results.gradients[0][:] *= 1.001; return results\n"
        "SingleEngine.compute = compute\n"
        "from backprop_cli.__main__ import run\n"
        "options = ['--check', '9', '--seed', '1', '--engine', 'python']\n"
        f"sys.exit(run(['batch', 'x^2', '--data', {name!r}, *options]))"
    )
    done = in_python(code)
    assert done.returncode == 1
    assert done.stderr.splitlines()[:2] == [
        "checked 3 of 3 rows with sympy (--seed 1): 3 differ",
        "  row 1: the gradient with respect to x is 2.002, by itself 2.0",
    ]


# ---- memory ----


@pytest.mark.parametrize("form", ["parquet", "npy", "csv"])
def test_a_file_larger_than_the_memory_it_takes(tmp_path: Path, form: str) -> None:
    count = 16_000_000 if form != "csv" else 1_400_000
    path, out = tmp_path / f"data.{form}", tmp_path / "out.arrow"
    x = np.arange(count, dtype=np.float64) + 0.5
    if form == "npy":
        np.save(path, np.column_stack([x, x]))
    elif form == "parquet":
        parquet.write_table(pa.table({"0": x, "1": x}), path, compression="none", use_dictionary=False)
    else:
        text = "a text that is not read; " * 8
        csv.write_csv(pa.table({"0": x, "1": pa.repeat(text, count)}), path)
    code = (
        "from backprop_cli.__main__ import run\n"
        f"files = ['--data', {str(path)!r}, '--output', {str(out)!r}]\n"
        "assert run(['batch', 'a', '--map', 'a=0', *files]) == 0\n"
        "with open('/proc/self/status') as f: print(*[line for line in f if line.startswith('VmHWM')])"
    )
    size = path.stat().st_size
    done = in_python(code)
    most = int(done.stdout.split()[1]) * 1024
    # NumPy, pyarrow and SymPy are 110 MB of it.
    assert most < (220e6 if form != "csv" else 270e6) < size
    assert ipc.open_file(pa.memory_map(str(out))).num_record_batches > 20
