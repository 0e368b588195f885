"""Data sets to do, and commands that are ended while they do them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from console import BIN, environment

HERE = ("--on", "local:1")
PROGRAM = "(a*b+c)*f"
ROWS = 500


@pytest.fixture
def data_set(tmp_path: Path) -> Path:
    """Return a folder of six files with an id; their page checksums are written."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    data = tmp_path / "in"
    random = np.random.default_rng(7)
    for number in range(6):
        path = data / f"year={2020 + number // 3}" / f"p{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = {name: random.normal(size=ROWS) for name in "abcf"}
        columns["id"] = np.arange(number * ROWS, (number + 1) * ROWS)
        columns["unread"] = ["x"] * ROWS
        parquet.write_table(
            pa.table(columns), path, compression="none", use_dictionary=False, write_page_checksum=True
        )
    return data


def records(out: Path) -> dict[str, int]:
    """Return when each file of results was written."""
    return {p.relative_to(out).as_posix(): p.stat().st_mtime_ns for p in out.rglob("*.parquet")}


def manifest(out: Path) -> dict[str, object]:
    found = json.loads((out.parent / f"{out.name}.backprop" / "manifest.json").read_text())
    assert isinstance(found, dict)
    return found


def bits(out: Path, column: str) -> str:
    import numpy as np
    from pyarrow import parquet

    total = sum(
        int(parquet.read_table(p)[column].to_numpy().view(np.uint64).sum(dtype=np.uint64))
        for p in out.rglob("*.parquet")
    )
    return f"{total % 2**64:016x}"


GATE = """
import os, time
plain = os.replace
def gated(source, target):
    while str(target).endswith(".parquet") and int(open({gate!r}).read()) <= os.stat({count!r}).st_size:
        time.sleep(0.02)
    plain(source, target)
    if str(target).endswith(".parquet"):
        with open({count!r}, "a") as counted:
            counted.write(".")
os.replace = gated
"""


class Gate:
    """Lets so many parts through, and keeps the others where they are almost done."""

    def __init__(self, folder: Path) -> None:
        self._gate, self._count = folder / "gate", folder / "count"
        self._count.touch()
        (folder / "site").mkdir()
        code = GATE.format(gate=str(self._gate), count=str(self._count))
        (folder / "site/sitecustomize.py").write_text(code)
        self.variables = environment() | {"PYTHONPATH": str(folder / "site")}

    def open(self, parts: int) -> None:
        beside = self._gate.with_suffix(".new")
        beside.write_text(str(parts))
        beside.replace(self._gate)

    def passed(self) -> int:
        return self._count.stat().st_size


def start(args: list[str], variables: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen([str(BIN / "backprop"), *args], env=variables, stderr=subprocess.PIPE, text=True)


def children(process: int) -> list[int]:
    found = subprocess.run(["ps", "--ppid", str(process), "-o", "pid=,args="], capture_output=True, text=True)
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "spawn_main" in line]


def until(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it does not come")


QUIET = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s", "DASK_LOGGING__DISTRIBUTED": "error"}


class Dask:
    """A scheduler with workers, which let through as many parts as a gate does.

    options: of scheduler and workers alike.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.gate = Gate(folder)
        self._options = options
        self._file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--port", "0", "--dashboard-address", ":0", "--host", "127.0.0.1"
        )
        self.workers = [self.start_worker() for _ in range(2)]
        until(self._file.exists)
        self.address = json.loads(self._file.read_text())["address"]

    def _start(self, what: str, *args: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--scheduler-file", str(self._file)]
        variables = {**self.gate.variables, **QUIET}
        return subprocess.Popen([*command, *args, *self._options], env=variables, stderr=subprocess.DEVNULL)

    def start_worker(self) -> subprocess.Popen[bytes]:
        return self._start("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard")

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()
