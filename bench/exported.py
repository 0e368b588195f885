"""Random programs exported to every language that can be run here, and how many are right by their own test.

    python bench/exported.py --count 400 --languages c,python

A program counts where it has a value and finite gradients at its point; its test compares with numbers from
50 digits to 1e-12. What fails is named.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from random import Random
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from backprop_cli.errors import BackpropError
from backprop_cli.export.languages import LANGUAGES
from backprop_cli.export.source import export_source
from backprop_cli.export.verify import run_test
from backprop_cli.language.source import read_source
from test_random_programs import random_program


class Count(NamedTuple):
    """How many programs were tested, at how many points, and what failed."""

    programs: int
    points: int
    failed: list[str]


def count_right(name: str, count: int, *, hessian: bool) -> Count:
    """Export and test so many random programs."""
    language = LANGUAGES[name]
    programs = points = 0
    failed: list[str] = []
    for seed in range(count):
        program = random_program(Random(seed), 5)
        source = read_source(program)
        point = {name: Random(f"{seed} {name}").uniform(0.2, 1.8) for name in source.inputs}
        try:
            code, cases = export_source(source, language, list(source.inputs), point, hessian=hessian)
        except BackpropError:
            continue  # without an input, or with what the language lacks
        if not cases:
            continue
        programs, points = programs + 1, points + cases
        said = run_test(code, language, cases)
        if said:
            failed.append(f"{program} at {point}: {said.splitlines()[0]}")
    return Count(programs, points, failed)


def main() -> None:
    """Print a table, a row a language."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--languages", default=",".join(LANGUAGES))
    parser.add_argument("--hessian", action="store_true", help="with second derivatives")
    options = parser.parse_args()
    print(f"{'language':12} {'programs':>8} {'points':>7} {'right':>6}")
    for name in options.languages.split(","):
        tool = LANGUAGES[name].run[0][0]
        if tool != "python3" and shutil.which(tool) is None:
            print(f"{name:12} {tool} is not there")
            continue
        found = count_right(name, options.count, hessian=options.hessian)
        right = found.programs - len(found.failed)
        print(f"{name:12} {found.programs:8} {found.points:7} {right:6}")
        for line in found.failed:
            print(f"    {line}")


if __name__ == "__main__":
    main()
