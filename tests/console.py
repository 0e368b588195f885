"""Console blocks of a Markdown page: ``$ command`` lines, each with the output that follows it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

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
