"""Mutation testing of sweep, check, bounds and kinks: the planted mistakes that their tests do not notice.

The mutants are cosmic-ray's. The tests are collected and run once, to see which of them run each line; then
each mutant is planted in a fork of that process, which runs those tests of its line until one fails.
Needs ``pip install cosmic-ray coverage`` beside the test tools.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from mutating.mutants import mutants_of
from mutating.running import Fate, Runner, Target, module_of

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/backprop_cli"
TESTS = {
    "graph/sweep.py": ("sweep", "undefined"),
    "findings/kinks.py": ("sides", "kinks", "settled"),
    "findings/settled.py": ("sides", "kinks", "settled"),
    "check/cross_check.py": ("verdicts", "check", "truth", "settled"),
    "operations/bounded.py": ("bounds", "bounded"),
    "operations/series.py": ("series_terms", "series"),
}
"""A file -> the tests that are to notice a mistake in it."""
_MANY = "wrong_partial or wrong_value or of_any_size or rows_have"
"""Hundreds of cases, one for each row of the table: what they try is that the check notices a wrong row."""


def main() -> None:
    """Mutate, and tell how many mutants died and which survived."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files", nargs="*", default=list(TESTS), help=f"of: {', '.join(TESTS)}; all by default"
    )
    parser.add_argument(
        "--sample", type=int, help="so many mutants of each file, drawn at random; all by default"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--lines", type=_lines, help="only mutants of these lines: 10-25")
    parser.add_argument(
        "--tests", help="files of tests by name, with commas between, instead of the usual ones"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="of tests that a mutant is given")
    parser.add_argument("--all", action="store_true", help="tell which test each mutant died of, too")
    given = parser.parse_args()
    targets = []
    for file in given.files:
        path = PACKAGE / file
        chosen, count = mutants_of(path, given.lines, given.sample, given.seed)
        usable = [mutant for mutant in chosen if not mutant.is_equivalent(file)]
        left_out = len(chosen) - len(usable)
        print(f"{file}: {len(chosen)} mutants, of {count} places; {left_out} are the file itself", flush=True)
        targets.append(Target(path, module_of(path, PACKAGE), usable))
    wanted = given.tests.split(",") if given.tests else [test for file in given.files for test in TESTS[file]]
    run(targets, list(dict.fromkeys(wanted)), given.seconds, tells_all=given.all)


def _lines(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def run(targets: list[Target], tests: list[str], seconds: float, *, tells_all: bool) -> None:
    """Run the mutants, and tell of every one that lives."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    counts: dict[Path, Counter[bool]] = {target.path: Counter() for target in targets}

    def tell(target: Target, fate: Fate) -> None:
        counts[target.path][bool(fate.killer)] += 1
        mutant, place = fate.mutant, f"{target.path.name}:{fate.mutant.line}: {fate.mutant.operator}"
        if not fate.killer:
            print(f"{place} lives, {fate.tests} tests", file=out)
            print(mutant.difference(target.path.read_text(encoding="utf-8")), file=out)
        elif tells_all:
            print(f"{place} dies of {fate.killer}", file=out)

    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    files = [str(ROOT / f"tests/test_{test}.py") for test in tests]
    options = ["-k", f"not ({_MANY})", "-n0", "-q", "--tb=native", "-p", "no:cacheprovider"]
    if pytest.main([*options, *files], plugins=[Runner(targets, seconds, tell)]) not in (0, 1):
        sys.exit("these tests do not run, or fail for a file without a mistake: run them alone")
    for path, count in counts.items():
        total = count.total()
        print(f"{path.name}: {count[True]} of {total} died ({count[True] / max(total, 1):.1%})", file=out)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    main()
