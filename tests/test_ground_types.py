"""gmpy2 and python-flint, where they are installed, change nothing but speed."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("ground_types.py")
PLAIN = {"MPMATH_NOGMPY": "1", "SYMPY_GROUND_TYPES": "python"}


def started(count: int, types: dict[str, str]) -> subprocess.Popen[str]:
    others = {name: value for name, value in os.environ.items() if name not in PLAIN}
    words = [sys.executable, str(SCRIPT), str(count), "9"]
    return subprocess.Popen(words, env=others | types, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize(("package", "types"), [("gmpy2", "gmpy"), ("flint", "flint")])
def test_reports_are_the_same_with_other_types(package: str, types: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    runs = [started(200, PLAIN), started(200, {"SYMPY_GROUND_TYPES": types})]
    (plain, *ours), (others, *theirs) = (run.communicate()[0].splitlines() for run in runs)
    assert (plain, others.split()[-1]) == ("python python", types)
    assert len(ours) == len(theirs) == 200
    for one, other in zip(map(json.loads, ours), map(json.loads, theirs), strict=True):
        assert one == other
        assert "crash" not in one[1]
