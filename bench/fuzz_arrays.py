"""Random programs of arrays, held against NumPy: values and shapes of all steps, and the gradient.

The check goes over the single numbers that arrays are expanded into, so it can't see a fault in how: this is
a second opinion that shares nothing with the expansion. The exit status is 1 if anything is found.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator

import numpy as np

from backprop_cli import BackpropError, Report, gradient
from fuzzing.arrays import ArrayProgram, array_program

_TOLERANCE = 1e-8


def differences(program: ArrayProgram, *, check: bool = False) -> Iterator[str]:
    """Yield what NumPy has otherwise than a report."""
    point = {name: x.tolist() for name, x in program.point.items() if _is_used(program, name)}
    try:
        report = gradient(program.text, point, check=check)
    except BackpropError as error:
        yield f"refused: {error}"
        return
    if any(found.at_kink or found.origin for found in report.check.gradients.values()):
        return
    if report.check.status == "fail":
        yield f"the check failed: {report.check.reason}"
    if not _near(report.value, program.output.value, 1):
        yield f"value {report.value!r}, and {program.output.value!r} by NumPy"
    yield from _steps(program, report)
    terms = [
        float(g) * float(d)
        for name in point
        for g, d in zip(_gradient(report, program, name), program.direction[name].flat, strict=True)
    ]
    if not _near(sum(terms), program.output.slope, sum(map(abs, terms))):
        yield f"slope {sum(terms)!r}, and {float(program.output.slope)!r} by NumPy"


def _is_used(program: ArrayProgram, name: str) -> bool:
    """Tell whether an input is read: a name that is assigned before it is read is none."""
    for line in program.text.split("; "):
        target, _, right = line.partition(" = ")
        words = "".join(c if c.isalnum() else " " for c in right).split()
        if name in words:
            return True
        if target == name:
            return False
    return False


def _steps(program: ArrayProgram, report: Report) -> Iterator[str]:
    """Yield what differs in the steps that have a name of their own at the end."""
    for name, step in program.steps.items():
        found = report.arrays.get(name)
        if found is None or not np.ndim(step.value):
            continue
        if found.shape != np.shape(step.value):
            yield f"{name} has the shape {found.shape}, and {np.shape(step.value)} by NumPy"
        elif not np.allclose(np.reshape(found.values, found.shape), step.value, _TOLERANCE, _TOLERANCE):
            yield f"{name} is {found.values}, and {step.value.tolist()} by NumPy"


def _gradient(report: Report, program: ArrayProgram, name: str) -> Iterator[float]:
    for index in np.ndindex(np.shape(program.point[name])):
        yield report.gradients[f"{name}[{','.join(map(str, index))}]" if index else name]


def _near(a: float, b: float, scale: float) -> bool:
    return bool(abs(a - b) <= _TOLERANCE * max(1.0, abs(a), abs(b), scale))


def main() -> int:
    """Run, tell and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="which programs; 0 by default")
    parser.add_argument("--count", type=int, default=1000, help="how many programs; 1000 by default")
    parser.add_argument("--check", action="store_true", help="with sympy: a tenth as many a second")
    given = parser.parse_args()
    started, run, found = time.perf_counter(), 0, 0
    for number in range(given.count):
        program = array_program(f"{given.seed}/{number}")
        if program is None:
            continue
        run += 1
        told = list(differences(program, check=given.check))
        if told:
            found += 1
            point = " ".join(f"{name}={x.tolist()}".replace(" ", "") for name, x in program.point.items())
            print(f"backprop grad '{program.text}' {point}")
            print("\n".join(f"    {text}" for text in told))
    rate = run / (time.perf_counter() - started)
    print(f"{run:,} programs of arrays held against NumPy, {found:,} with a difference; {rate:,.0f} a second")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
