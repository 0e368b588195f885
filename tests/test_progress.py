"""How far a long run is, on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from backprop_cli.console import progress
from backprop_cli.console.environment import Environment
from console import BIN, environment, read_terminal

COMMAND = str(BIN / "backprop")


def errors_in_terminal(args: list[str], data: list[str], pause: float, **variables: str) -> str:
    """Return what a command with piped data and piped output writes to a terminal as its standard error."""
    parent, child = pty.openpty()
    feed = f"import sys, time\nfor line in {data!r}: print(line, flush=True); time.sleep({pause})"
    with (
        subprocess.Popen([sys.executable, "-c", feed], stdout=subprocess.PIPE) as feeder,
        subprocess.Popen(
            [COMMAND, "batch", *args],
            stdin=feeder.stdout,
            stdout=subprocess.DEVNULL,
            stderr=child,
            env=environment(**variables),
        ) as process,
    ):
        os.close(child)
        written = read_terminal(parent)
        assert process.wait(60) == 0
    return written


def test_a_long_run_shows_how_far_it_is() -> None:
    args = ["x^2", "--data", "-"]
    lines = ["x", *"1234"]  # half a second apart: longer than the second that it waits
    assert "lines" in errors_in_terminal(args, lines, 0.5, TERM="xterm", COLUMNS="80")
    assert errors_in_terminal(args, lines, 0.5, TERM="dumb") == ""


def test_a_short_run_shows_nothing_and_a_long_one_not_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.9, 1.2, 1.25, 1.4])
    drawn = []
    seen = mock.Mock(isatty=lambda: True)
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress.Progress, "_draw", lambda self, _: drawn.append(self.done))
    with progress.Progress(Environment(None, None, seen, {}), None, "lines") as line:
        for _ in range(4):
            line.advance(1)
    assert drawn == [2, 4]


def test_without_a_terminal_nothing_is_imported_for_progress(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("x\n1\n")
    code = (
        f"import sys; from backprop_cli.__main__ import run; run(['batch', 'x', '--data', {str(path)!r}]); "
        "assert not [name for name in sys.modules if name.startswith('rich')]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment(), check=False)
    assert (done.returncode, done.stderr) == (0, b"")
