"""The test of a file, compiled and run in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from backprop_cli.errors import UsageError

if TYPE_CHECKING:
    from backprop_cli.export.forms import Language

_PATIENCE = 120.0


def run_test(code: str, language: Language, cases: int) -> str:
    """Return what the test of a file says is wrong, "" for nothing.

    Raises UsageError where there is no test, or nothing to compile or run it with.
    """
    if not cases:
        raise UsageError(
            "there is nothing to verify: the file has no test", hint="give a point where it has a value"
        )
    with TemporaryDirectory(prefix="backprop-") as folder:
        file, program = Path(folder) / f"code{language.ending}", Path(folder) / "code"
        file.write_text(code, encoding="utf-8")
        for words in language.run:
            command = [word.format(file=file, program=program) for word in words]
            said = _run(command, language, folder)
            if said:
                return said.replace(folder, "").strip()
    return ""


def _run(command: list[str], language: Language, folder: str) -> str:
    if command[0] == "python3":
        command[0] = sys.executable
    if shutil.which(command[0]) is None:
        raise UsageError(
            f"--verify needs {command[0]} for {language.name}", hint="without it, nothing is run"
        )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False, cwd=folder
        )
    except subprocess.TimeoutExpired:
        return f"{command[0]} took longer than {_PATIENCE:g} s"
    return (
        "" if done.returncode == 0 else (f"{done.stdout}{done.stderr}" or f"status {done.returncode}")[:2000]
    )
