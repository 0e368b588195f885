"""Data sets at full size: every row once, whoever is killed meanwhile; and how long it takes.

python bench/data_sets.py [--files 24] [--rows 1000000] [--storage 20000] [--folder FOLDER]

Writes files of ids and four doubles, does them by one process of this machine, and then by others while
somebody ends, stops or spoils something. After each, ids and the sums of bits must be those of the first run.
The same with an S3 server of this machine, with fewer rows in each file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from machines import Dask, Slowly, Storage, Watcher, finish, start, until

PROGRAM = "(a*b+c)*f"


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


def spoil(folder: Path) -> list[str]:
    """Cut the first file short, empty the second, and flip a bit in the middle of the third."""
    cut, emptied, flipped = sorted(folder.iterdir())[:3]
    cut.write_bytes(cut.read_bytes()[:-400])
    emptied.write_bytes(b"")
    data = bytearray(flipped.read_bytes())
    group = parquet.ParquetFile(flipped).metadata
    column = group.row_group(group.num_row_groups - 1).column(2)
    data[column.data_page_offset + column.total_compressed_size // 2] ^= 1
    flipped.write_bytes(data)
    return [cut.name, emptied.name, flipped.name]


class Acceptance:
    """The runs, each into a folder of its own that is gone after it. sums: those of the first run."""

    def __init__(self, folder: Path, files: int, rows: int) -> None:
        self.folder, self.files, self.rows, self.slowly = folder, files, rows, Slowly(folder)
        self.source, self.out = folder / "in", folder / "out"
        self.sums: dict[str, str] = {}
        write_inputs(self.source, files, rows)

    def command(self, on: str, program: str = PROGRAM, *more: str) -> list[str]:
        """Return the words of a run."""
        data = ["--data", str(self.source), "--output", f"{self.out}/"]
        return ["batch", program, *data, "--on", on, "--keep", *more]

    def parts(self) -> int:
        """Return how many parts are there."""
        return len(list(self.out.glob("*.parquet")))

    def manifest_sums(self) -> dict[str, str]:
        """Return the sums of the manifest."""
        sums = json.loads((self.folder / "out.backprop/manifest.json").read_text())["sums"]
        assert isinstance(sums, dict)
        return sums

    def verify(self) -> None:
        """Check ids and sums from the files themselves, and that nothing else is there."""
        names = {path.name for path in self.out.iterdir()}
        assert names == {"_SUCCESS", *(f"part-{number:03}.parquet" for number in range(self.files))}, names
        found = self.manifest_sums()
        self.sums = self.sums or found
        seen = np.zeros(self.rows * self.files, np.uint8)
        totals = dict.fromkeys(found.keys() - {"status"}, 0)
        for name in names - {"_SUCCESS"}:
            table = parquet.read_table(self.out / name)
            np.add.at(seen, table["id"].to_numpy(), 1)
            for column in totals:
                totals[column] += int(table[column].to_numpy().view(np.uint64).sum(dtype=np.uint64))
        assert (seen == 1).all()
        for column, total in totals.items():
            assert f"{total % 2**64:016x}" == found[column] == self.sums[column], column
        assert not list(self.folder.glob("out.backprop/**/*.tmp"))

    def clear(self) -> None:
        """Take away the results."""
        for path in (self.out, self.folder / "out.backprop"):
            shutil.rmtree(path, ignore_errors=True)

    def plain(self, on: str) -> str:
        """Nothing happens."""
        said = finish(start(*self.command(on)), 0)
        self.verify()
        return said

    def workers_killed(self, dask: Dask) -> str:
        """Every four seconds a worker is killed, three times; somebody looks all the while."""
        watcher = Watcher(self.out)
        driver = start(*self.command(dask.address))
        for _ in range(3):
            time.sleep(4)
            dask.kill_one()
        said = finish(driver, 0)
        self.verify()
        return f"{said}; {watcher.end()}"

    def workers_stopped(self, dask: Dask) -> str:
        """Both workers stand still for a while, and go on."""
        driver = start(*self.command(dask.address))
        until(lambda: self.parts() > 0)
        dask.stop_all(10)
        said = finish(driver, 0)
        self.verify()
        return said

    def driver_killed(self, on: str, **variables: str) -> str:
        """Half-way; before it a second one is refused, after it another program. The same command again."""
        driver = start(*self.command(on), **variables)
        until(lambda: self.parts() >= self.files // 3)
        self.slowly.hold()
        second = finish(start(*self.command(on)), 2)
        assert "another run is at work on" in second, second
        self.slowly.release()
        until(lambda: self.parts() >= self.files // 2)
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
        assert not (self.out / "_SUCCESS").exists()
        for path in self.out.glob("*.parquet"):
            parquet.read_metadata(path)
        other = finish(start(*self.command(on, "a*b")), 2)
        assert "was begun with another program" in other, other
        said = finish(start(*self.command(on)), 0)
        assert "there before" in said, said
        self.verify()
        return said

    def scheduler_killed(self, dask: Dask) -> tuple[Dask, str]:
        """Half-way; the command ends, and goes on with another scheduler."""
        driver = start(*self.command(dask.address))
        until(lambda: self.parts() >= self.files // 2)
        begun = time.monotonic()
        dask.scheduler.kill()
        said = finish(driver, 2)
        seconds = time.monotonic() - begun
        assert "is lost: " in said, said
        assert seconds < 30, seconds
        assert not (self.out / "_SUCCESS").exists()
        dask.close()
        dask = Dask(self.folder, self.slowly)
        again = finish(start(*self.command(dask.address)), 0)
        self.verify()
        return dask, f"ended after {seconds:.1f} s; {again}"

    def parts_spoilt(self, on: str) -> str:
        """Have three of the files unreadable: they are named, and the others done."""
        whole = self.folder / "whole"
        shutil.copytree(self.source, whole)
        try:
            names = spoil(self.source)
            said = finish(start(*self.command(on)), 2)
            assert all(name in said for name in names), said
            assert "CRC checksum verification failed" in said, said
            assert self.parts() == self.files - 3
            assert not (self.out / "_SUCCESS").exists()
        finally:
            shutil.rmtree(self.source)
            whole.rename(self.source)
        return said.splitlines()[-2]

    def disk_full(self) -> str:
        """Results go to a disk that holds half of them; nothing half is seen, and more room mends it."""
        size = self.rows * self.files * 80 // 2
        small, plain = self.folder / "small", self.out
        small.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(small)]
        if subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode:
            small.rmdir()
            return "left out: no disk can be mounted here"
        try:
            self.out = small / "out"
            said = finish(start(*self.command("local:2")), 2)
            assert "No space left on device" in said, said
            for path in self.out.glob("*.parquet"):
                parquet.read_metadata(path)
            assert not (self.out / "_SUCCESS").exists()
            assert not list(small.glob("**/*.tmp"))
            there = self.parts()
        finally:
            subprocess.run(["umount", str(small)], check=True)
            small.rmdir()
            self.out = plain
        return f"{there} of {self.files} parts there, all whole; {said.splitlines()[0]}"

    def opened_by_others(self) -> str:
        """Open the folder by its name with what is installed."""
        total = self.files * self.rows
        counts = {
            "pyarrow.dataset": lambda m: m.dataset(self.out).count_rows(),
            "polars": lambda m: m.scan_parquet(self.out).select(m.len()).collect().item(),
            "duckdb": lambda m: m.sql(f"select count(*) from '{self.out}/*.parquet'").fetchall()[0][0],
            "dask.dataframe": lambda m: len(m.read_parquet(self.out)),
            "daft": lambda m: m.read_parquet(str(self.out)).count_rows(),
        }
        opened = []
        for name, count in counts.items():
            with suppress(ImportError):
                module = import_module(name)
                assert count(module) == total, name
                opened.append(name)
        return f"by {', '.join(opened)}"


class Remote(Acceptance):
    """The same with data and results in a storage. What comes out is fetched to be looked at."""

    def __init__(self, folder: Path, files: int, rows: int, storage: Storage) -> None:
        super().__init__(folder, files, rows)
        self.storage = storage
        storage.put_folder(self.source, "in/")

    def command(self, on: str, program: str = PROGRAM, *more: str) -> list[str]:
        """Return the words of a run."""
        data = ["--data", "s3://rows/in", "--output", "s3://rows/out/"]
        return ["batch", program, *data, "--on", on, "--keep", *more]

    def parts(self) -> int:
        """Return how many parts are there."""
        return len([name for name in self.storage.names("out/") if name.endswith(".parquet")])

    def verify(self) -> None:
        """Check what is in the storage."""
        self.storage.fetch("out/", self.out)
        self.storage.fetch("out.backprop/", self.folder / "out.backprop")
        super().verify()
        assert self.storage.unfinished() == 0

    def killed(self, dask: Dask) -> str:
        """Kill a worker and the command half-way; then the same command again."""
        driver = start(*self.command(dask.address))
        until(lambda: self.parts() >= self.files // 4)
        dask.kill_one()
        until(lambda: self.parts() >= self.files // 2)
        driver.send_signal(signal.SIGKILL)
        driver.communicate()
        assert "_SUCCESS" not in self.storage.names("out/")
        said = finish(start(*self.command(dask.address)), 0)
        self.verify()
        return said

    def spoilt(self) -> str:
        """Have three of the files unreadable: no object is made of them."""
        names = spoil(self.source)
        self.storage.put_folder(self.source, "in/")
        said = finish(start(*self.command("local:2", PROGRAM, "--fresh")), 2)
        assert all(name in said for name in names), said
        assert not {"_SUCCESS", *names} & set(self.storage.names("out/"))
        assert self.parts() == self.files - 3
        return said.splitlines()[-2]


def report(what: str, begun: float, said: str) -> None:
    """Print a line."""
    print(f"{what:44} {time.monotonic() - begun:7.1f} s  {' / '.join(said.splitlines())}", flush=True)


def main() -> None:
    """Do all of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of each file")
    parser.add_argument("--storage", type=int, default=20_000, help="rows of each file in the storage")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp())
    os.environ["DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT"] = "10s"
    begun = time.monotonic()
    runs = Acceptance(folder / "local", options.files, options.rows)
    report(f"{options.files} files of {options.rows:,} rows written", begun, "")

    def step(what: str, work: Any, *args: Any, **variables: str) -> Any:
        begun = time.monotonic()
        found = work(*args, **variables)
        report(what, begun, found[1] if isinstance(found, tuple) else found)
        return found

    step("one process", runs.plain, "local:1")
    step("the folder opens", runs.opened_by_others)
    runs.clear()
    step("two processes", runs.plain, "local:2")
    runs.clear()
    step("the command killed, and again", runs.driver_killed, "local:2", **runs.slowly.variables)
    runs.clear()
    step("three files spoilt", runs.parts_spoilt, "local:2")
    runs.clear()
    step("a full disk", runs.disk_full)
    dask = Dask(runs.folder, runs.slowly)
    step("Dask, three workers killed", runs.workers_killed, dask)
    runs.clear()
    step("Dask, both workers stopped for 10 s", runs.workers_stopped, dask)
    runs.clear()
    step("Dask, the command killed, and again", runs.driver_killed, dask.address)
    runs.clear()
    dask, _ = step("Dask, the scheduler killed, and again", runs.scheduler_killed, dask)
    runs.clear()
    dask.close()

    storage = Storage()
    remote = Remote(folder / "remote", options.files, options.storage, storage)
    step(f"S3, {options.storage:,} rows a file, two processes", remote.plain, "local:2")
    for name in storage.names(""):
        if name.startswith("out"):
            storage.remove(name)
    remote.clear()
    dask = Dask(remote.folder, remote.slowly)
    step("S3, Dask, a worker and the command killed", remote.killed, dask)
    dask.close()
    step("S3, three files spoilt", remote.spoilt)
    storage.close()
    if options.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
