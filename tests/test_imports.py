"""What is imported when: start-up is a feature."""

from __future__ import annotations

import subprocess
import sys

import pytest

from console import environment

HEAVY = {"sympy", "mpmath", "rich", "typer", "numpy", "scipy"}


def imported(code: str) -> set[str]:
    """Return which of the heavy packages a fresh interpreter has loaded after the code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    return HEAVY & set(done.stderr.splitlines()[-1].split())


def test_importing_the_package_loads_nothing() -> None:
    named = "assert {'gradient', 'compile_rows', '__version__'} <= set(dir(backprop_cli))"
    assert imported(f"import backprop_cli; {named}") == set()


def test_the_library_loads_neither_typer_nor_rich() -> None:
    used = imported("from backprop_cli import gradient; gradient('a*b', a=2, b=3)")
    assert used == {"sympy", "mpmath"}


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["grad", "--help"],
        ["grad", "a 2", "a=1"],
        ["grad", "a*b", "a=2"],
        ["grad", "a*b", "a=2", "b=3", "c=4"],
        ["grad", "a*b", "a=2", "b=1/0"],
        ["grad", "a*b", "--nope"],
        ["graph", "--help"],
        ["graph", "a*b", "a=2"],
        ["graph", "a*b", "--output", "graph.jpg"],
        ["schema", "grad"],
        ["batch", "--help"],
        ["batch", "a*b", "--data", "points.xlsx"],
        ["fit", "--help"],
        ["fit", "y ~ a*x"],
        ["batch", "a 2", "--data", "points.csv"],
        ["completion", "bash"],
        ["__complete", "backprop "],
        ["__complete", 'backprop grad "a*b" --wrt '],
        ["__complete", "backprop ops si"],
    ],
    ids=" ".join,
)
def test_help_completion_and_mistakes_do_without_sympy(args: list[str]) -> None:
    assert imported(f"from backprop_cli.__main__ import run; run({args!r})") == {"typer"}


def test_a_pipe_does_without_rich() -> None:
    used = imported("from backprop_cli.__main__ import run; run(['grad', 'a*b', 'a=2', 'b=3'])")
    assert used == {"typer", "sympy", "mpmath"}


@pytest.mark.parametrize("command", ["grad --no-check", "explain --no-check", "graph"])
def test_without_a_check_sympy_is_not_loaded(command: str) -> None:
    used = imported(
        f"from backprop_cli.__main__ import run; run([*{command.split()!r}, 'a*b', 'a=2', 'b=3'])"
    )
    assert used == {"typer"}
