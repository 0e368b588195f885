"""Data sets at full size: every row once, whoever is killed meanwhile; and how long it takes.

python bench/data_sets.py [--files 24] [--rows 1000000] [--folder FOLDER]

Writes files of ids and four doubles, does them by processes of this machine, and again on a scheduler of
Dask's with two workers, of which one is killed every four seconds; then with the command killed, and then the
scheduler. After each, ids and the sums of bits must be those of the first run. Meanwhile every file of
results that is seen must be whole.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

PROGRAM = "(a*b+c)*f"
COMMAND = [str(Path(sys.executable).parent / "backprop"), "batch", PROGRAM]
SLOW = """
import os, time
plain = os.replace
def late(source, target):
    if str(target).endswith(".parquet"):
        time.sleep(0.6)
    plain(source, target)
os.replace = late
"""


def write_inputs(folder: Path, files: int, rows: int) -> None:
    """Write files of random rows."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(1)
    for number in range(files):
        columns: dict[str, Any] = {name: generator.normal(size=rows) for name in "abcf"}
        columns["id"] = np.arange(number * rows, (number + 1) * rows)
        path = folder / f"part-{number:03}.parquet"
        table = pa.table(columns)
        parquet.write_table(table, path, compression="none", use_dictionary=False, write_page_checksum=True)


def start(source: Path, out: Path, on: str) -> subprocess.Popen[str]:
    """Start the command."""
    command = [*COMMAND, "--data", str(source), "--output", f"{out}/", "--on", on, "--keep"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str], status: int) -> str:
    """Wait for its end, and return what it says there."""
    _, said = process.communicate(timeout=3600)
    if process.returncode != status or "Traceback" in said:
        raise SystemExit(f"status {process.returncode} instead of {status}: {said}")
    return said.strip().splitlines()[-1 if status == 0 else 0]


def sums_of(out: Path) -> dict[str, str]:
    """Return the sums of the manifest."""
    sums = json.loads((out.parent / f"{out.name}.backprop/manifest.json").read_text())["sums"]
    assert isinstance(sums, dict)
    return sums


def verify(out: Path, sums: dict[str, str], rows: int, files: int) -> None:
    """Check ids and sums from the files themselves."""
    assert (out / "_SUCCESS").exists()
    names = {path.name for path in out.iterdir()} - {"_SUCCESS"}
    assert names == {f"part-{number:03}.parquet" for number in range(files)}, names
    seen = np.zeros(rows * files, np.uint8)
    totals = dict.fromkeys(sums, 0)
    for name in names:
        table = parquet.read_table(out / name)
        np.add.at(seen, table["id"].to_numpy(), 1)
        for column in totals.keys() - {"status"}:
            totals[column] += int(table[column].to_numpy().view(np.uint64).sum(dtype=np.uint64))
    assert (seen == 1).all()
    for column in totals.keys() - {"status"}:
        assert f"{totals[column] % 2**64:016x}" == sums[column] == sums_of(out)[column], column
    assert not list(out.parent.glob(f"{out.name}.backprop/**/*.tmp"))


class Watcher(threading.Thread):
    """Opens every file of results as soon as it is seen."""

    def __init__(self, out: Path) -> None:
        super().__init__(daemon=True)
        self.out, self.opened, self.bad, self.is_over = out, 0, [], False

    def run(self) -> None:
        """Look until it is over."""
        seen: set[tuple[str, int]] = set()
        while not self.is_over:
            for path in self.out.glob("*.parquet"):
                try:
                    key = path.name, path.stat().st_ino
                    if key not in seen:
                        parquet.read_metadata(path)
                        seen.add(key)
                except (OSError, pa.ArrowException) as error:
                    self.bad.append(f"{path.name}: {error}")
            time.sleep(0.01)
        self.opened = len(seen)


class Dask:
    """A scheduler and two workers, whose parts take 0.6 s more."""

    def __init__(self, folder: Path) -> None:
        (folder / "site").mkdir(parents=True, exist_ok=True)
        (folder / "site/sitecustomize.py").write_text(SLOW)
        self._file = folder / "scheduler.json"
        self._file.unlink(missing_ok=True)
        self._variables = {**os.environ, "PYTHONPATH": str(folder / "site")}
        self.scheduler = self._start("scheduler", "--port", "0", "--dashboard-address", ":0")
        self.workers = [self.start_worker(), self.start_worker()]
        while not self._file.exists():
            time.sleep(0.1)
        self.address = json.loads(self._file.read_text())["address"]

    def _start(self, what: str, *args: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--scheduler-file", str(self._file)]
        return subprocess.Popen([*command, *args], env=self._variables, stderr=subprocess.DEVNULL)

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self._start("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard")

    def kill_one(self) -> None:
        """Kill a worker, and start another."""
        victim = self.workers.pop(random.randrange(len(self.workers)))
        victim.kill()
        victim.wait()
        self.workers.append(self.start_worker())

    def close(self) -> None:
        """End all."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


def parts_in(out: Path) -> int:
    """Return how many parts are there."""
    return len(list(out.glob("*.parquet")))


def report(what: str, seconds: float, said: str) -> None:
    """Print a line."""
    print(f"{what:40} {seconds:7.1f} s  {said}", flush=True)


def main() -> None:
    """Do all of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    source, out, files, rows = folder / "in", folder / "out", options.files, options.rows
    write_inputs(source, files, rows)

    begun = time.monotonic()
    said = finish(start(source, folder / "one", "local:1"), 0)
    report("one process", time.monotonic() - begun, said)
    sums = sums_of(folder / "one")
    verify(folder / "one", sums, rows, files)
    shutil.rmtree(folder / "one")
    begun = time.monotonic()
    said = finish(start(source, folder / "two", "local:2"), 0)
    report("two processes", time.monotonic() - begun, said)
    verify(folder / "two", sums, rows, files)
    shutil.rmtree(folder / "two")

    dask, watcher = Dask(folder), Watcher(out)
    watcher.start()
    begun = time.monotonic()
    driver = start(source, out, dask.address)
    for _ in range(3):
        time.sleep(4)
        dask.kill_one()
    said = finish(driver, 0)
    watcher.is_over = True
    watcher.join()
    assert not watcher.bad, watcher.bad
    verify(out, sums, rows, files)
    report(
        "Dask, three workers killed", time.monotonic() - begun, f"{said}; {watcher.opened} seen, all whole"
    )

    shutil.rmtree(out)
    shutil.rmtree(folder / "out.backprop")
    driver = start(source, out, dask.address)
    while parts_in(out) < files // 2:
        time.sleep(0.05)
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    assert not (out / "_SUCCESS").exists()
    begun = time.monotonic()
    said = finish(start(source, out, dask.address), 0)
    verify(out, sums, rows, files)
    report("the command killed, and again", time.monotonic() - begun, said)

    shutil.rmtree(out)
    shutil.rmtree(folder / "out.backprop")
    driver = start(source, out, dask.address)
    while parts_in(out) < files // 2:
        time.sleep(0.05)
    begun = time.monotonic()
    dask.scheduler.kill()
    said = finish(driver, 2)
    report("the scheduler killed: until the end", time.monotonic() - begun, said)
    dask.close()
    dask = Dask(folder)
    begun = time.monotonic()
    said = finish(start(source, out, dask.address), 0)
    verify(out, sums, rows, files)
    report("another scheduler, the same command", time.monotonic() - begun, said)
    dask.close()
    if options.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
