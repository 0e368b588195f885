"""Mutation testing of sweep, check, bounds and kinks: the planted mistakes that their tests do not notice.

A copy of the repository is changed in one place at a time by cosmic-ray, and the tests of that file are run.
Needs ``pip install cosmic-ray`` beside the test tools.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "src/backprop_cli"
TESTS = {
    "graph/sweep.py": ("test_sweep", "test_kinks", "test_adjoint"),
    "findings/kinks.py": ("test_kinks", "test_sweep", "test_check"),
    "check/cross_check.py": ("test_check", "test_formulas", "test_public_reports"),
    "operations/bounded.py": ("test_bounded", "test_check"),
}
"""A file -> the tests that are to notice a mistake in it."""

_SECONDS = 180.0


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
    given = parser.parse_args()
    for file in given.files:
        with tempfile.TemporaryDirectory() as folder:
            tell(file, run(Path(folder) / "copy", file, given.sample, given.seed))


def run(copy: Path, file: str, sample: int | None, seed: int) -> Path:
    """Run the mutants of a file in a copy of the repository, and return the session."""
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv*", "__pycache__", ".*_cache"))
    tests = " ".join(f"tests/{name}.py" for name in TESTS[file])
    command = f"{sys.executable} -m pytest -q -x -n0 -p no:cacheprovider {tests}"
    (copy / "mutate.toml").write_text(
        f'[cosmic-ray]\nmodule-path = "{PACKAGE}/{file}"\ntimeout = {_SECONDS}\nexcluded-modules = []\n'
        f'test-command = {json.dumps(command)}\n[cosmic-ray.distributor]\nname = "local"\n',
        encoding="utf-8",
    )
    cosmic_ray(copy, "init", "mutate.toml", "session.sqlite")
    draw(copy / "session.sqlite", sample, seed)
    cosmic_ray(copy, "baseline", "mutate.toml")
    cosmic_ray(copy, "exec", "mutate.toml", "session.sqlite")
    return copy / "session.sqlite"


def cosmic_ray(copy: Path, *arguments: str) -> None:
    """Run a command of cosmic-ray's in the copy."""
    # In front of an installed package.
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    subprocess.run(
        [sys.executable, "-m", "cosmic_ray.cli", *arguments], cwd=copy, env=environment, check=True
    )


def draw(session: Path, count: int | None, seed: int) -> None:
    """Leave so many mutants in a session, and none of an annotation, which never runs: ``float | None``."""
    with sqlite3.connect(session) as database:
        order = "start_pos_row, start_pos_col, operator_name, occurrence"
        columns = f"select job_id, operator_name from mutation_specs order by {order}"
        ordered = database.execute(columns).fetchall()
        usable = [job for job, operator in ordered if "_BitOr_" not in operator]
        chosen = set(usable)
        if count is not None:
            chosen = set(random.Random(seed).sample(usable, min(count, len(usable))))
        for table in ("mutation_specs", "work_items"):
            database.executemany(
                f"delete from {table} where job_id = ?",
                [(job,) for job, _ in ordered if job not in chosen],
            )


def tell(file: str, session: Path) -> None:
    """Print how many mutants died, and every one that lives."""
    rows = list(results(session))
    counts = Counter(outcome for outcome, *_ in rows)
    died = len(rows) - counts["SURVIVED"]
    print(f"{file}: {died} of {len(rows)} mutants died ({died / len(rows):.0%})")
    for outcome, line, operator, difference in rows:
        if outcome == "SURVIVED":
            print(f"  line {line}: {operator.removeprefix('core/')}")
            changed = [x for x in difference.splitlines() if x[:1] in "+-" and x[:3] not in ("+++", "---")]
            print("\n".join(f"    {x}" for x in changed))


def results(session: Path) -> Iterator[tuple[str, int, str, str]]:
    """Yield the outcome, the line, the operator and the difference of every mutant."""
    with sqlite3.connect(session) as database:
        yield from database.execute(
            "select r.test_outcome, m.start_pos_row, m.operator_name, r.diff from mutation_specs m"
            " join work_results r on r.job_id = m.job_id order by m.start_pos_row"
        )


if __name__ == "__main__":
    main()
