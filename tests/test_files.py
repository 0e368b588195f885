"""Files that appear whole or not at all, and what the shell has opened already."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from backprop_cli.errors import FileError
from backprop_cli.system.files import open_whole
from conftest import Run
from console import BIN, environment

COMMAND = str(BIN / "backprop")


def test_a_file_stays_as_it_is_until_the_new_one_is_whole(backprop: Run, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("old")
    command = [COMMAND, "batch", "x^2", "--data", "-", "--output", str(out)]
    for end in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment()) as process:
            assert process.stdin is not None
            process.stdin.write(b"x\n1\n")
            process.stdin.flush()
            for _ in range(600):
                if list(tmp_path.glob(".backprop*")):
                    break
                time.sleep(0.05)
            process.send_signal(end)
            if end == signal.SIGINT:  # Python drops it while a module is imported: it is pressed again
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                process.send_signal(end)
            assert process.wait(60) == (130 if end == signal.SIGINT else -end)
        assert out.read_text() == "old"
        assert bool(list(tmp_path.glob(".backprop*"))) == (end == signal.SIGKILL)
    assert backprop("batch", "x^2", "--data", "-", "--output", str(out), stdin="x\n3\n").returncode == 0
    assert out.read_text() == "value,grad_x,status\n9.0,6.0,ok\n"


@pytest.mark.parametrize("words", [["quiz", "--key", "-"], ["minimize", "(x - 1)^2", "x=0", "--save", "-"]])
def test_a_file_has_a_name(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run([COMMAND, *words], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert not list(tmp_path.iterdir())


def test_runs_in_one_folder_leave_each_others_files(tmp_path: Path) -> None:
    foreign = tmp_path / f".backprop-{os.getpid()}.tmp"
    foreign.write_text("of another run")
    with open_whole(str(tmp_path / "a.bin")) as first, open_whole(str(tmp_path / "a.bin")) as second:
        first.write(b"first")
        second.write(b"second")
    assert (tmp_path / "a.bin").read_bytes() == b"first"  # which was ready last
    assert foreign.read_text() == "of another run"
    assert len(list(tmp_path.iterdir())) == 2


def test_what_the_shell_has_opened_is_written_on(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("x\n3\n")
    script = f"""
        batch() {{ {COMMAND} batch x^2 --data in.csv --quiet --format csv "$@"; }}
        echo old > log; batch --output /dev/stdout >> log
        {{ echo before; batch --output /dev/stdout; echo after; }} > both
        batch --output /dev/stderr 2> error
        batch --output /dev/fd/5 5> five
        batch --output /dev/stdout | cat > piped
        batch --output >(cat > taken); sleep 0.3
    """
    subprocess.run(["bash", "-ec", script], cwd=tmp_path, env=environment(), check=True, timeout=120)
    rows = "value,grad_x,status\n9.0,6.0,ok\n"
    assert (tmp_path / "log").read_text() == f"old\n{rows}"
    assert (tmp_path / "both").read_text() == f"before\n{rows}after\n"
    for name in ("error", "five", "piped", "taken"):
        assert (tmp_path / name).read_text() == rows
    done = subprocess.run(
        [COMMAND, "batch", "x", "--data", "in.csv", "--format", "csv", "--output", "/dev/fd/77"],
        cwd=tmp_path, env=environment(), capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (2, b"backprop: can't write /dev/fd/77: Bad file descriptor\n")


def test_results_that_would_be_read_again_are_refused(tmp_path: Path) -> None:
    data = tmp_path / "x.csv"
    data.write_text("x\n3\n")
    (tmp_path / "link.csv").symlink_to(data)
    for data_and_results in (
        "x.csv >> x.csv",
        "x.csv --output x.csv",
        "x.csv --keep --output link.csv",
        "x.csv 1<> x.csv",
        "- < x.csv >> x.csv",
        "x.csv --format csv --output /dev/stdout >> x.csv",
        "x.csv --format csv --output /dev/fd/7 7>> x.csv",
    ):
        done = subprocess.run(
            ["bash", "-c", f"{COMMAND} batch x^2 --data {data_and_results}"],
            cwd=tmp_path, env=environment(), capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, data.read_text()) == (2, "x\n3\n")
        assert b"one file" in done.stderr


def test_a_point_is_not_saved_in_the_place_of_the_data(backprop: Run, tmp_path: Path) -> None:
    data = tmp_path / "d.csv"
    data.write_text("x,y\n1,2\n2,4\n")
    for words in (["fit", "y ~ a*x"], ["minimize", "(a*x - y)^2", "a=1"]):
        done = backprop(*words, "--data", str(data), "--save", str(data))
        assert (done.returncode, data.read_text()) == (2, "x,y\n1,2\n2,4\n")
        assert "--save would replace the data" in done.stderr


def test_an_error_leaves_no_file(tmp_path: Path) -> None:
    name = str(tmp_path / "out.bin")

    def write_half() -> None:
        with open_whole(name) as file:
            file.write(b"half")
            raise OSError(1, "out of paper")

    with pytest.raises(FileError, match="out of paper"):
        write_half()
    assert list(tmp_path.iterdir()) == []


def test_what_fails_on_the_way_is_told_alone(backprop: Run, tmp_path: Path) -> None:
    """And not by the writer of Parquet too, which at the end of its life would go on writing."""
    data, rows = tmp_path / "d.parquet", 140_000
    table = pa.table({"x": pa.array(range(2 * rows), pa.float64())})
    options: dict[str, Any] = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    parquet.write_table(table, data, row_group_size=rows, **options)
    last = parquet.read_metadata(data).row_group(1).column(0)
    spoilt = bytearray(data.read_bytes())
    spoilt[last.data_page_offset + last.total_compressed_size // 2] ^= 1
    data.write_bytes(spoilt)
    for form in ("parquet", "arrow", "npy", "npz", "csv"):
        done = backprop("batch", "x^2", "--data", str(data), "--output", str(tmp_path / f"o.{form}"))
        assert done.returncode == 2
        assert done.stderr.startswith(f"backprop: can't read {data}: "), form
        assert len(done.stderr.splitlines()) == 1, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["d.parquet"]


@pytest.mark.parametrize(
    "options", [("--output", "o.npz"), ("--format", "npz"), ("--format", "npy"), ("--input-format", "npz")]
)
def test_a_full_folder_for_temporary_files_is_told_as_that(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Here by a limit of 8 kB for a file."""
    command = shlex.join([COMMAND, "batch", "x^2", "--data", "-", *options])
    script = (
        f"export PYTHONDONTWRITEBYTECODE=1; ulimit -f 8; (echo x; seq 9999) | {command} | cat > /dev/null"
    )
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(TMPDIR=str(tmp_path)),
        check=False,
    )
    assert done.stderr.splitlines() == [
        f"backprop: can't write in {tmp_path}, the folder for temporary files: File too large",
        "  hint: TMPDIR=FOLDER in front of the command names another",
    ]
    assert not list(tmp_path.iterdir())
