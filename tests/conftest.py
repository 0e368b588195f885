"""Shared by all tests: the installed command, and hypothesis without a clock."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from console import BIN, environment

# A slow machine must not fail a test, and a failure must come back.
settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("steady")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def backprop() -> Run:
    """Run the installed command: backprop("grad", "a*b", "a=2", stdin=..., NO_COLOR="1")."""

    def run(*args: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(BIN / "backprop"), *args],
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment(**variables),
            timeout=120,
            check=False,
        )

    return run
