"""Packages that fail to be imported, for any reason: a line of what was said, and no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Run
from console import ROOT, environment

CSV = "a,b\n2,3\n"
GRAD = ["grad", "a*b", "a=2", "b=3"]
WAYS = {
    "raise RuntimeError('it is\\nunwell')": "RuntimeError: it is unwell",
    "raise ImportError": "ImportError",
    "import nowhere": "ModuleNotFoundError: No module named 'nowhere'",
    "raise OSError('no shared object')": "OSError: no shared object",
    "raise ValueError(1)": "ValueError: 1",
    "int.nothing": "AttributeError: type object 'int' has no attribute 'nothing'",
    "raise EOFError('marshal data too short')": "EOFError: marshal data too short",
    "def (": "SyntaxError: invalid syntax (__init__.py, line 1)",
    "try: 1/0\nexcept ArithmeticError as e: raise ImportError('a page of advice') from e": (
        "ZeroDivisionError: division by zero"
    ),
    "": "ImportError: cannot import name",
}
USES = {
    "sympy": (GRAD, "backprop grad --no-check does without it"),
    "mpmath": (["grad", "relu(x)", "x=0", "--no-check"], ""),
    "numpy": (["batch", "a*b", "--data", "-", "--engine", "numpy"], "--engine python"),
    "pyarrow": (["batch", "a*b", "--data", "-", "--engine", "numpy"], "--engine python"),
    "llvmlite": (["batch", "a*b", "--data", "-", "--engine", "jit"], "--engine numpy does without it"),
    "scipy": (["fit", "b ~ k*a", "--data", "-"], "only backprop fit and minimize --method bfgs need it"),
    "resvg_py": (["graph", "a*b", "--format", "png"], "--format svg does without it"),
    "rich": ([*GRAD, "--color", "always"], ""),
    "typer": (["--help"], ""),
}


def break_package(folder: Path, name: str, code: str) -> dict[str, str]:
    """Put a package before the one that is installed, and return the variables that make it so."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(code, encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("code", WAYS)
def test_what_it_said_is_told(backprop: Run, tmp_path: Path, code: str) -> None:
    done = backprop(*GRAD, **break_package(tmp_path, "sympy", code))
    first, hint = done.stderr.strip().splitlines()  # Typer answers an EOFError with an empty line
    assert (done.returncode, done.stdout) == (2, "")
    assert first.startswith(f"backprop: sympy can't be imported: {WAYS[code]}")
    assert hint.startswith("  hint: ")


@pytest.mark.parametrize("name", USES)
def test_every_package_that_is_imported(backprop: Run, tmp_path: Path, name: str) -> None:
    args, way_around = USES[name]
    variables = break_package(tmp_path, name, "raise RuntimeError('unwell')")
    done = backprop(*args, stdin=CSV, **variables)
    first, hint = done.stderr.splitlines()
    assert done.returncode == 2
    assert first == f"backprop: {name} can't be imported: RuntimeError: unwell"
    assert way_around in hint
    assert hint.endswith(f"pip install --force-reinstall {name.replace('_', '-')}")


def test_the_ways_around_work(backprop: Run, tmp_path: Path) -> None:
    for name in ("sympy", "numpy", "pyarrow", "llvmlite", "resvg_py"):
        variables = break_package(tmp_path, name, "raise RuntimeError")
    for args in (
        [*GRAD, "--no-check"],
        ["batch", "a*b", "--data", "-", "--engine", "python"],
        ["graph", "a*b", "--format", "svg"],
    ):
        assert backprop(*args, stdin=CSV, **variables).returncode == 0


def test_the_engine_numpy_does_without_llvmlite(backprop: Run, tmp_path: Path) -> None:
    variables = break_package(tmp_path, "llvmlite", "raise RuntimeError")
    done = backprop("batch", "a*b", "--data", "-", "--engine", "numpy", stdin=CSV, **variables)
    assert done.stdout == "value,grad_a,grad_b,status\n6.0,3.0,2.0,ok\n"


def test_as_json(backprop: Run) -> None:
    done = backprop(*GRAD, "--json", SYMPY_DEBUG="yes")
    assert (done.returncode, done.stdout) == (2, "")
    error = json.loads(done.stderr)["error"]
    assert error["kind"] == "package"
    assert error["message"] == (
        "sympy can't be imported: RuntimeError: unrecognized value for SYMPY_DEBUG: yes"
    )


def test_a_bug_keeps_its_traceback() -> None:
    code = (
        "from unittest import mock; from backprop_cli.__main__ import run\n"
        "with mock.patch('backprop_cli.differentiate.sweep_graph', side_effect=TypeError('a bug')):\n"
        f"    run({GRAD!r})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=False
    )
    assert done.stderr.endswith("TypeError: a bug\n")


def test_a_folder_that_was_left_behind(tmp_path: Path) -> None:
    (tmp_path / "numpy").mkdir()
    code = (
        "import sys; sys.path[:] = [p for p in sys.path if 'site-packages' not in p]\n"
        f"sys.path += [{str(ROOT / 'src')!r}, {str(tmp_path)!r}]\n"
        "from backprop_cli.system.packages import explain_import\n"
        "try:\n    from backprop_cli.batch.frames.run import run_columns\n"
        "except Exception as error:\n    print(explain_import(error))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True
    )
    assert done.stdout.startswith("numpy can't be imported: ")
