"""Data sets: many files in, a folder of as many out."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from pyarrow import dataset, parquet

from backprop_cli.batch.forms import Form
from backprop_cli.batch.job import Job
from backprop_cli.datasets.inputs import Input, find_inputs
from backprop_cli.datasets.part import look_packed, pack, run_packed
from backprop_cli.datasets.plan import make_plan
from backprop_cli.errors import UsageError
from backprop_cli.schemas import schema_text
from conftest import Run
from console import BIN, environment
from datasets import (
    HERE,
    PROGRAM,
    ROWS,
    Gate,
    bits,
    children,
    manifest,
    records,
    start,
    until,
)


def test_each_file_has_results_under_its_name(backprop: Run, data_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = backprop("batch", PROGRAM, "--data", str(data_set), "--output", f"{out}/", "--keep", *HERE)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == f"6 parts written: 3,000 rows in {out}/\n"
    files = sorted(p.relative_to(data_set).as_posix() for p in data_set.rglob("*.parquet"))
    assert sorted(records(out)) == files
    assert {p.name for p in out.iterdir()} == {"_SUCCESS", "year=2020", "year=2021"}
    for name in files:
        before, after = parquet.read_table(data_set / name), parquet.read_table(out / name)
        # What the folders say stays there.
        assert after.column_names[:6] == [n for n in before.column_names if n != "year"]
        assert after["id"].equals(before["id"])
        expected = (before["a"].to_numpy() * before["b"].to_numpy() + before["c"].to_numpy()) * before[
            "f"
        ].to_numpy()
        assert np.array_equal(after["value"].to_numpy(), expected)
    assert dataset.dataset(out, partitioning="hive").count_rows(dataset.field("year") == 2021) == 3 * ROWS
    told = manifest(out)
    jsonschema.validate(told, json.loads(schema_text("dataset")))
    assert (told["rows"], told["statuses"]) == (6 * ROWS, {"ok": 6 * ROWS})
    sums = told["sums"]
    assert isinstance(sums, dict)
    assert {name: bits(out, name) for name in sums if name != "status"} == {
        name: total for name, total in sums.items() if name != "status"
    }
    beside = tmp_path / "out.backprop"
    assert sorted(p.name for p in beside.iterdir()) == ["done", "manifest.json", "plan.json"]


def test_the_same_command_does_what_is_missing(backprop: Run, data_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("batch", PROGRAM, "--data", str(data_set), "--output", f"{out}/", *HERE)
    backprop(*command)
    first, sums = records(out), manifest(out)["sums"]
    assert "0 parts written, 6 there before" in backprop(*command).stderr
    (out / "year=2020/p1.parquet").unlink()
    (out / "year=2021/p4.parquet").write_bytes(b"short")
    again = backprop(*command)
    assert (again.returncode, again.stderr) == (
        0,
        f"2 parts written, 4 there before: 3,000 rows in {out}/\n",
    )
    second = records(out)
    assert {name for name in first if first[name] != second[name]} == {
        "year=2020/p1.parquet",
        "year=2021/p4.parquet",
    }
    assert manifest(out)["sums"] == sums


def test_another_plan_for_a_folder_is_refused(backprop: Run, data_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    rest = ("--data", str(data_set), "--output", f"{out}/", *HERE)
    backprop("batch", PROGRAM, *rest)
    first = records(out)
    for command, told in {
        ("batch", "a*b", *rest): "another program: '(a*b+c)*f', now 'a*b'",
        ("batch", PROGRAM, *rest, "--wrt", "a"): "another wrt: None, now ['a']",
        ("batch", PROGRAM, *rest, "--engine", "python"): "another engine: 'jit', now 'python'",
        ("batch", PROGRAM, *rest, "c=1"): "another given: {}, now {'c': 1.0}",
    }.items():
        done = backprop(*command)
        assert done.returncode == 2
        assert done.stderr == (
            f"backprop: {out}/ was begun with {told}\n  hint: --fresh writes it anew; or another folder\n"
        )
    os.utime(data_set / "year=2020/p0.parquet", (1, 1))
    done = backprop("batch", PROGRAM, *rest)
    assert "another content of" in done.stderr
    assert "p0.parquet" in done.stderr
    (data_set / "year=2020/p0.parquet").unlink()
    assert "more inputs: " in backprop("batch", PROGRAM, *rest).stderr
    assert records(out) == first
    fresh = backprop("batch", "a*b", *rest, "--fresh")
    assert fresh.returncode == 0
    assert len(records(out)) == 5  # what an earlier plan wrote, and this one does not, is gone
    assert parquet.read_table(out / "year=2020/p1.parquet").column_names == [
        "value",
        "grad_a",
        "grad_b",
        "status",
    ]


def test_what_is_no_part_is_never_touched(backprop: Run, data_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    command = ("batch", PROGRAM, "--data", str(data_set), "--output", f"{out}/", *HERE)
    done = backprop(*command)
    assert done.returncode == 2
    assert "holds a file of other origin: mine.txt" in done.stderr
    assert [p.name for p in out.iterdir()] == ["mine.txt"]
    assert backprop(*command, "--fresh").returncode == 0
    assert backprop(*command, "--fresh").returncode == 0
    assert (out / "mine.txt").read_text() == "mine"


def test_parts_that_can_not_be_read_are_named(backprop: Run, data_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    whole = (data_set / "year=2020/p0.parquet").read_bytes()
    (data_set / "year=2020/p0.parquet").write_bytes(whole[:-400])
    (data_set / "year=2020/p2.parquet").write_bytes(b"")
    path = data_set / "year=2021/p3.parquet"
    spoilt = bytearray(path.read_bytes())
    column = parquet.ParquetFile(path).metadata.row_group(0).column(2)
    spoilt[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    path.write_bytes(spoilt)
    command = ("batch", PROGRAM, "--data", str(data_set), "--output", f"{out}/", *HERE)
    done = backprop(*command)
    assert done.returncode == 2
    for name in ("year=2020/p0", "year=2020/p2", "year=2021/p3"):
        assert f"{name}.parquet" in done.stderr
    assert "CRC checksum verification failed" in done.stderr
    assert "3 of 6 parts not done, 3 there" in done.stderr
    assert sorted(records(out)) == [
        "year=2020/p1.parquet",
        "year=2021/p4.parquet",
        "year=2021/p5.parquet",
    ]
    assert not (out / "_SUCCESS").exists()


def test_a_full_disk_leaves_nothing_half(tmp_path: Path) -> None:
    """Here by a limit of 16 kB for a file: one part fits. With more room the same command goes on."""
    (tmp_path / "in").mkdir()
    for name, rows in {"long": 3000, "short": 3}.items():
        (tmp_path / f"in/{name}.csv").write_text("x\n" + "".join(f"{row}\n" for row in range(rows)))
    command = [
        str(BIN / "backprop"),
        "batch",
        "x^2",
        "--data",
        f"{tmp_path}/in",
        "--output",
        f"{tmp_path}/o/",
    ]

    def run(limit: str, form: str) -> subprocess.CompletedProcess[str]:
        words = [*command, *HERE, "--format", form, "--fresh"]
        # Of its own code Python would write halves, and read them the next time.
        script = f"export PYTHONDONTWRITEBYTECODE=1; ulimit -f {limit}; exec {shlex.join(words)}"
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment())

    for form, name in {"csv": "", "parquet": "long.csv: "}.items():
        done = run("16", form)
        assert done.returncode == 2
        assert done.stderr.splitlines() == [
            f"backprop: {name}can't write {tmp_path}/o/long.{form}: File too large",
            "backprop: 1 of 2 parts not done, 1 there",
            "  hint: the same command does what is missing",
        ]
        assert [path.name for path in (tmp_path / "o").iterdir()] == [f"short.{form}"]
        assert not list(tmp_path.rglob("*.tmp"))
    done = subprocess.run(
        [*command, *HERE, "--format", "parquet"], capture_output=True, text=True, env=environment()
    )
    assert done.stderr == f"1 part written, 1 there before: 3,003 rows in {tmp_path}/o/\n"


def test_shards_together_are_the_whole(backprop: Run, data_set: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    command = ("batch", PROGRAM, "--data", str(data_set), "--output")
    backprop(*command, f"{whole}/", *HERE)
    for place, missing in ((2, "; 4 of all 6 missing as yet"), (1, "; 2 of all 6 missing as yet"), (3, "")):
        done = backprop(*command, f"{out}/", *HERE, "--shard", f"{place}/3")
        assert done.stderr == f"2 parts written{missing}: 1,000 rows in {out}/\n"
        assert (out / "_SUCCESS").exists() == (place == 3)
    assert manifest(out)["sums"] == manifest(whole)["sums"]
    for wrong in ("0/3", "4/3", "1", "a/b", "1/0", "-1/2"):
        assert backprop(*command, f"{out}/", "--shard", wrong).returncode == 2


def test_folders_say_columns(backprop: Run, tmp_path: Path) -> None:
    for year in ("2023", "__HIVE_DEFAULT_PARTITION__", "x%20y"):
        (tmp_path / f"in/year={year}").mkdir(parents=True)
        (tmp_path / f"in/year={year}/d.csv").write_text("x\n2\n3\n")
        (tmp_path / f"in/year={year}/e.jsonl").write_text('{"x": 4}\n')
    out = tmp_path / "out"
    done = backprop(
        "batch", "x*y", "--map", "y=year", "--data", f"{tmp_path}/in", "--output", f"{out}/", *HERE
    )
    assert done.returncode == 3
    assert "6 of 9 rows are not ok" in done.stderr
    assert (out / "year=2023/d.csv").read_text() == (
        "value,grad_x,grad_y,status\n4046.0,2023.0,2.0,ok\n6069.0,2023.0,3.0,ok\n"
    )
    line = json.loads((out / "year=2023/e.jsonl").read_text())
    assert (line["value"], line["grad_y"]) == (8092.0, 4.0)
    assert "y is 'x y', not a number" in done.stderr or "y is empty" in done.stderr


def test_names_of_inputs(tmp_path: Path) -> None:
    for name in ("k=1/a.csv", "k=1/b.csv.gz", "k=2/.hidden.csv", "_log/c.csv", "k=2/d.json", "note.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "k=2" / "circle").symlink_to(tmp_path)
    found = find_inputs([str(tmp_path)], None)
    assert [file.name for file in found.inputs] == ["k=1/a.csv", "k=1/b.csv.gz", "k=2/d.json"]
    assert found.left_out == ["note.md"]
    assert [file.output_name(Form.csv) for file in found.inputs] == ["k=1/a.csv", "k=1/b.csv", "k=2/d.csv"]
    assert found.inputs[0].output_name(Form.parquet) == "k=1/a.parquet"
    for pattern in ("k=*/a.csv", "k=1/a*", "**/a.csv", "k=[12]"):
        names = [file.name for file in find_inputs([f"{tmp_path}/{pattern}"], None).inputs]
        assert "k=1/a.csv" in names, pattern
    single = find_inputs([f"{tmp_path}/k=1/a.csv"], None).inputs[0]
    assert (single.name, single.keys) == ("k=1/a.csv", {"k": "1"})


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        ("a.ndjson", Form.jsonl, "a.ndjson"),
        ("a.json", Form.jsonl, "a.jsonl"),
        ("a.b.csv.zst", Form.csv, "a.b.csv"),
        ("a.b", Form.csv, "a.b.csv"),
        ("A.CSV", Form.csv, "A.CSV"),
    ],
)
def test_names_of_results(name: str, form: Form, expected: str) -> None:
    assert Input("/x", name, form, 0, "").output_name(form) == expected


def test_mistakes(backprop: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_text("x\n1\n")
    (tmp_path / "in/a.csv.gz").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    folder = str(tmp_path / "in")
    for args, told in {
        ("--data", folder): "need a folder",
        (
            "--data",
            f"{folder}/a.csv",
            "--data",
            f"{folder}/b.csv",
        ): "the results of several files need a folder",
        ("--data", f"{folder}/a.csv", "--shard", "1/2"): "--shard is for folders of results",
        ("--data", "-", "--output", f"{tmp_path}/o/"): "a stream has no name",
        ("--data", folder, "--output", f"{tmp_path}/o/"): "would both be written to a.csv",
        ("--data", folder, "--output", f"{folder}/"): "the data and the results are both in",
        ("--data", folder, "--output", f"{folder}/o/"): "the data and the results are both in",
        ("--data", f"{tmp_path}/empty", "--output", f"{tmp_path}/o/"): "no files of data",
        ("--data", f"{tmp_path}/no", "--output", f"{tmp_path}/o/"): "can't read",
        ("--data", f"{tmp_path}/*.csv", "--output", f"{tmp_path}/o/"): "no files of data",
        (
            "--data",
            f"{folder}/a.csv",
            "--output",
            f"{tmp_path}/o/",
            "--reduce",
            "sum",
        ): "--reduce writes one row",
        ("--data", f"{folder}/a.csv", "--output", f"{tmp_path}/o/", "--strict"): "--strict goes by the rows",
        ("--data", f"{folder}/a.csv", "--output", f"{tmp_path}/o/", "--on", "here"): "--on can't be 'here'",
        ("--data", f"{folder}/a.csv", "--output", f"{folder}/a.csv/"): "the data and the results are both in",
        ("--data", f"{folder}/a.csv", "--output", f"{tmp_path}/o/", "--map", "x=z"): "has no column z",
    }.items():
        done = backprop("batch", "x^2", *args)
        assert (done.returncode, done.stdout) == (2, ""), args
        assert told in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("o")]


def test_workers_and_driver_may_be_killed(data_set: Path, tmp_path: Path, backprop: Run) -> None:
    out, whole, gate = tmp_path / "out", tmp_path / "whole", Gate(tmp_path)
    backprop("batch", PROGRAM, "--data", str(data_set), "--output", f"{whole}/", *HERE)
    command = ["batch", PROGRAM, "--data", str(data_set), "--output", f"{out}/", "--on", "local:2"]
    gate.open(2)
    driver = start(command, gate.variables)
    until(lambda: gate.passed() >= 2)
    second = start(command, gate.variables)
    _, said = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "another run is at work on" in said
    workers = children(driver.pid)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
    assert not (out / "_SUCCESS").exists()
    for path in out.rglob("*.parquet"):
        parquet.read_table(path)
    before = gate.passed()
    assert before == len(records(out)) < 6
    gate.open(before + 1)
    driver = start(command, gate.variables)
    until(lambda: gate.passed() > before)
    os.kill(children(driver.pid)[0], signal.SIGKILL)
    gate.open(100)
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == 0, said
    assert ", 1 handed out again after a worker or a storage failed" in said
    assert manifest(out)["sums"] == manifest(whole)["sums"]
    assert sum(len(parquet.read_table(path)) for path in out.rglob("*.parquet")) == 6 * ROWS
    assert not list((tmp_path / "out.backprop").rglob("*.tmp"))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_end_leaves_nothing_half(data_set: Path, tmp_path: Path, end: signal.Signals) -> None:
    out, gate = tmp_path / "out", Gate(tmp_path)
    gate.open(1)
    command = ["batch", PROGRAM, "--data", str(data_set), "--output", f"{out}/", "--on", "local:2"]
    driver = start(command, gate.variables)
    until(lambda: gate.passed() >= 1)
    workers = children(driver.pid)
    driver.send_signal(end)
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == (130 if end == signal.SIGINT else -end)
    assert "Traceback" not in said
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers))
    assert not list((tmp_path / "out.backprop").rglob("*.tmp"))
    assert {path.name for path in out.rglob("*")} <= {"year=2020", *(f"p{n}.parquet" for n in range(3))}


def test_a_worker_does_without_sympy_typer_and_rich(data_set: Path, tmp_path: Path) -> None:
    code = f"""
import sys
for name in ("sympy", "typer", "rich", "click"): sys.modules[name] = None
from backprop_cli.batch.job import Job
from backprop_cli.batch.forms import Form
from backprop_cli.batch.job import Job
from backprop_cli.datasets.inputs import find_inputs
from backprop_cli.datasets.plan import make_plan
from backprop_cli.datasets.part import run_part, look
job = Job("log(a)/relu(b)", {{}}, {{}}, None, 1.0, [], Form.csv, Form.csv)
plan = make_plan(job, None, find_inputs([{str(data_set)!r}], None).inputs, {str(tmp_path / "out")!r})
plan = plan.settled(look(plan.parts[0]).engine)
outcome = run_part(plan.parts[0])
assert outcome.record["statuses"]["undefined"] > 0, outcome
assert outcome.record["met"]["undefined"]["message"], outcome
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert (done.returncode, done.stderr) == (0, "")


def test_what_single_files_tell_is_told_of_many(backprop: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    data = ("--data", f"{tmp_path}/a.csv", *HERE)
    done = backprop("batch", r"\log(a) b", *data, "--output", f"{tmp_path}/o/")
    assert done.stderr.startswith("read as: log(a)*b\n1 part written")
    done = backprop("batch", "a*b", "b=1", *data, "--output", f"{tmp_path}/p/")
    assert done.stderr.startswith("warning: the column b is not read: its value is given\n")
    done = backprop("batch", "a*b", *data, "--output", f"{tmp_path}/p/", "--json", "--fresh", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert {path.name for path in (tmp_path / "p").iterdir()} == {"a.jsonl", "_SUCCESS"}
    done = backprop("batch", "a*b", f"{tmp_path}/a.csv", *data[:2])
    assert "a shell reads a pattern as names of files; put quotes around it: --data '*.csv'" in done.stderr
    done = backprop(
        "batch", "a*b", "--data", f"file://{tmp_path}/a.csv", "--output", f"file://{tmp_path}/q/", *HERE
    )
    assert (done.returncode, (tmp_path / "q/a.csv").exists()) == (0, True)


def test_a_worker_of_another_version_says_so(data_set: Path, tmp_path: Path) -> None:
    job = Job(PROGRAM, {}, {}, None, 1.0, [], Form.csv, Form.csv, engine="numpy")
    part = make_plan(job, None, find_inputs([str(data_set)], None).inputs, str(tmp_path / "out")).parts[0]
    version, packed = pack([part])
    for wrong in (
        ("9.9", packed),
        (version, packed.replace(b"backprop_cli.batch.job", b"backprop_cli.batch.jab")),
    ):
        (outcome,) = run_packed([1], *wrong)
        assert outcome.message.startswith(f"a worker has backprop {version}, and {wrong[0]} asks it")
        assert not outcome.is_passing
        with pytest.raises(UsageError, match="a worker has backprop"):
            look_packed(*wrong)
    assert look_packed(version, packed).engine == "numpy"
    assert run_packed([1], version, packed)[0].record is not None
