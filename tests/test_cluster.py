"""Data sets on Dask: every row once, whoever is killed meanwhile."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyarrow import parquet

from conftest import Run
from console import environment
from datasets import (
    HERE,
    PROGRAM,
    ROWS,
    Dask,
    manifest,
    records,
    start,
    until,
)
from machines import Watcher


@pytest.fixture
def dask(tmp_path: Path) -> Iterator[Dask]:
    found = Dask(tmp_path)
    yield found
    found.close()


def test_every_row_once_whoever_is_killed(
    data_set: Path,
    tmp_path: Path,
    dask: Dask,
    backprop: Run,
) -> None:
    out, whole, gate = tmp_path / "out", tmp_path / "whole", dask.gate
    backprop("batch", PROGRAM, "--data", str(data_set), "--output", f"{whole}/", *HERE, "--keep")
    command = [
        "batch",
        PROGRAM,
        "--data",
        str(data_set),
        "--output",
        f"{out}/",
        "--on",
        dask.address,
        "--keep",
    ]
    variables = environment()

    watcher = Watcher(out)
    gate.open(1)
    driver = start(command, variables)
    until(lambda: gate.passed() >= 1)
    second = start(command, variables)  # it does not wait for workers that the first one has
    assert "another run is at work on" in second.communicate(timeout=60)[1]
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    assert not (out / "_SUCCESS").exists()

    gate.open(gate.passed() + 1)  # what the killed one has asked for may be done meanwhile
    driver = start(command, variables)
    until(lambda: len(records(out)) >= 2)
    dask.workers[0].kill()
    dask.workers[1].send_signal(signal.SIGSTOP)  # it is waited for
    gate.open(100)
    with pytest.raises(subprocess.TimeoutExpired):
        driver.wait(1)
    dask.workers[1].send_signal(signal.SIGCONT)
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == 0, said

    assert watcher.end().endswith("files seen early, all whole")
    assert manifest(out)["sums"] == manifest(whole)["sums"]
    ids = [number for p in out.rglob("*.parquet") for number in parquet.read_table(p)["id"].to_pylist()]
    assert sorted(ids) == list(range(6 * ROWS))
    assert {path.name for path in out.iterdir()} == {"_SUCCESS", "year=2020", "year=2021"}
    assert not list((tmp_path / "out.backprop").rglob("*.tmp"))

    (out / "year=2020/p0.parquet").unlink()
    gate.open(0)
    driver = start(command, variables)
    until(lambda: bool(list((tmp_path / "out.backprop").rglob("*.tmp"))))
    dask.scheduler.kill()
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == 2
    assert said.startswith(f"backprop: the scheduler at {dask.address} is lost: 5 of 6 parts are there\n"), (
        said
    )
    assert "Traceback" not in said
    assert not (out / "_SUCCESS").exists()


def test_nobody_answers(backprop: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    done = backprop(
        "batch", "x^2", "--data", f"{tmp_path}/a.csv", "--output", f"{tmp_path}/o/", "--on", "tcp://x:y"
    )
    assert done.returncode == 2
    assert done.stderr.startswith("backprop: no scheduler answers at tcp://x:y: ")
    assert "Traceback" not in done.stderr
