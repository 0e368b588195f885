"""The command by itself, in a shell and in a terminal; and console blocks of a Markdown page.

They are ``$ command`` lines, each with the output that follows it.
"""

from __future__ import annotations

import multiprocessing
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from unittest import mock

from backprop_cli.__main__ import main

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent


class Example(NamedTuple):
    """A command of a page and the output printed under it."""

    command: str
    output: str


def environment(**changes: str) -> dict[str, str]:
    """Return an environment in which the installed command comes first and nothing colours or resizes."""
    drop = ("PYTHON", "COLUMNS", "NO_COLOR", "FORCE_COLOR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(drop)}
    return {**kept, "PATH": f"{BIN}{os.pathsep}{kept['PATH']}", "LC_ALL": "C.UTF-8", **changes}


def run_installed(
    args: Sequence[str], stdin: str = "", variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the installed command."""
    return subprocess.run(
        [str(BIN / "backprop"), *args],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=environment(**(variables or {})),
        timeout=120,
        check=False,
    )


# To start Python and to import sympy and Typer takes ten times as long as most commands. The forks of this
# server have them; the modules of the command itself are imported anew each time.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "sympy",
        "typer",
        "numpy",
        "scipy.optimize",
        "scipy.special",
        "pyarrow.csv",
        "pyarrow.parquet",
        "pyarrow.feather",
        "pyarrow.compute",
        "backprop_cli.__main__",
    ]
)


def run_forked(args: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in a process in which its libraries are imported. The result is that of a fresh one."""
    with mock.patch.dict(os.environ, environment(), clear=True):
        forkserver.ensure_running()
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        reader, writer = _FORKS.Pipe(duplex=False)
        process = _FORKS.Process(
            target=_become_command, args=(args, environment(), reader, out, err), daemon=True
        )
        process.start()
        reader.close()
        # A command that fails early does not read to the end.
        with suppress(BrokenPipeError), open(os.dup(writer.fileno()), "wb") as pipe:  # noqa: PTH123
            writer.close()
            pipe.write(stdin.encode())
        process.join(120)
        assert process.exitcode is not None, "the command does not end"
        texts = (path.read_text(encoding="utf-8", errors="replace") for path in (out, err))
        return subprocess.CompletedProcess(["backprop", *args], process.exitcode, *texts)


def _become_command(
    args: Sequence[str], variables: Mapping[str, str], stdin: Connection, out: Path, err: Path
) -> None:
    os.environ.clear()
    os.environ.update(variables)
    os.dup2(stdin.fileno(), 0)
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    sys.argv = ["backprop", *args]
    main()


def run_command(command: str) -> str:
    """Return what a shell command prints, on both streams."""
    done = subprocess.run(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    return done.stdout.decode()


def in_terminal(command: list[str], columns: int = 0, **variables: str) -> str:
    """Return what a command writes to a terminal, which does not tell its width if columns is 0."""
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (24, columns))
    with subprocess.Popen(
        command, stdin=child, stdout=child, stderr=child, env=environment(**variables), close_fds=True
    ) as process:
        os.close(child)
        written = read_terminal(parent)
        assert process.wait(60) == 0
    return written.replace("\r\n", "\n")


def read_terminal(parent: int) -> str:
    """Return what is written to a terminal until its other end is closed, and close this one."""
    parts = []
    try:
        while part := os.read(parent, 4096):
            parts.append(part)
    except OSError:  # the other end is closed
        pass
    os.close(parent)
    return b"".join(parts).decode()


def blocks(text: str) -> list[str]:
    """Return the contents of the console blocks."""
    return re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def examples(text: str) -> list[Example]:
    """Return the commands of a page in order."""
    found = []
    for block in blocks(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Example(command, output.strip("\n")))
    return found


def refreshed(text: str) -> str:
    """Return the page with the output that its commands print now."""

    def refresh(match: re.Match[str]) -> str:
        commands = [e.command for e in examples(match[0])]
        outputs = [run_command(command).strip("\n") for command in commands]
        body = "\n\n".join(f"$ {c}\n{o}".rstrip() for c, o in zip(commands, outputs, strict=True))
        return f"```console\n{body}\n```"

    return re.sub(r"^```console\n.*?^```$", refresh, text, flags=re.MULTILINE | re.DOTALL)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(refreshed(page.read_text(encoding="utf-8")), encoding="utf-8")
