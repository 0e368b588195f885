"""The command by itself, in a shell and in a terminal; and console blocks of a Markdown page.

They are ``$ command`` lines, each with the output that follows it.
"""

from __future__ import annotations

import atexit
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Thread
from typing import BinaryIO, NamedTuple

import backprop_cli
from forks import ask

TESTS = Path(__file__).parent
ROOT = TESTS.parent
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


_LIBRARIES = (
    "sympy",
    "sympy.tensor.tensor",  # which SymPy imports with the first sum, and much else with it
    "sympy.sets.setexpr",
    "typer",
    "numpy",
    "scipy.optimize",
    "scipy.special",
    "pyarrow.csv",
    "pyarrow.parquet",
    "pyarrow.feather",
    "pyarrow.compute",
)


def _own_modules() -> Iterator[str]:
    """Yield the modules that a fork has: not those of commands, each of which Typer would make ready."""
    package = Path(backprop_cli.__file__).parent
    for path in sorted(package.rglob("*.py")):
        name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        if "\n@command(" not in path.read_text(encoding="utf-8") and not name.endswith(".cluster"):
            yield name.removesuffix(".__init__")


@cache
def _forks() -> str:
    """Start the process that forks, which ends with this one, and return where it listens."""
    folder = TemporaryDirectory()
    server = f"{folder.name}/forks"
    command = [sys.executable, str(TESTS / "forks.py"), server, *_LIBRARIES, *_own_modules()]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment())

    def end() -> None:
        process.communicate()
        folder.cleanup()

    atexit.register(end)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return server


def run_forked(args: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in a process in which its libraries are imported. The result is that of a fresh one."""
    with TemporaryFile() as out, TemporaryFile() as err, _piped(stdin.encode()) as given:
        status = ask(_forks(), [*args], environment(), (given.fileno(), out.fileno(), err.fileno()))
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    return subprocess.CompletedProcess(["backprop", *args], status, *texts)


def _piped(data: bytes) -> BinaryIO:
    """Return the end of a pipe from which data come."""
    reader, writer = os.pipe()

    def write() -> None:
        # A command that fails early does not read to the end.
        with suppress(BrokenPipeError), open(writer, "wb") as pipe:  # noqa: PTH123
            pipe.write(data)

    Thread(target=write).start()
    return open(reader, "rb")  # noqa: PTH123


def run_example(command: str) -> str:
    """Return what a shell command prints, on both streams, with forks in place of the installed command."""
    if "<(" in command:  # a file that none but the children of the shell can open
        return run_command(command)
    path = os.pathsep.join((str(TESTS / "bin"), environment()["PATH"]))
    return run_command(command, PATH=path, BACKPROP_FORKS=_forks())


def run_command(command: str, **variables: str) -> str:
    """Return what a shell command prints, on both streams."""
    done = subprocess.run(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(**variables),
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
