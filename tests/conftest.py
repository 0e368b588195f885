"""Shared by all tests: the command, and hypothesis without a clock."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

# gmpy2 and python-flint are installed for one test; the others run with what most users have.
os.environ |= {"MPMATH_NOGMPY": "1", "SYMPY_GROUND_TYPES": "python"}

from console import run_forked, run_installed
from datasets import data_set  # noqa: F401 - a fixture
from pages import browser, open_page, tab  # noqa: F401 - fixtures

# What a test starts looks the same, whatever the terminal or the CI that runs the tests asks for.
for variable in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "PYTHONWARNINGS"):
    os.environ.pop(variable, None)

# In the background of a shell Ctrl-C is ignored, under nohup a hang-up; so would what a test starts.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGTERM, signal.SIG_DFL),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, handler)

# A slow machine must not fail a test, and a failure must come back.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def backprop() -> Run:
    """Run the command: backprop("grad", "a*b", "a=2", stdin=..., NO_COLOR="1")."""

    def run(*args: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        # What the environment decides may be decided when the interpreter starts, or a module is imported.
        return run_installed(args, stdin, variables) if variables else run_forked(args, stdin)

    return run
