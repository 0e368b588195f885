"""Random programs over every operation, and what is said of them held against 300 digits.

Each finding is told as the smallest command that shows it, what the command says, and what is true.
The exit status is 1 if anything is found.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from typing import Any, NamedTuple

# What one formula needs sympy has derived for many others; with its cache of 1,000 it takes a sixth longer.
os.environ.setdefault("SYMPY_CACHE_SIZE", "20000")

from backprop_cli import BackpropError, gradient
from backprop_cli.console.strict_json import error_record
from backprop_cli.render.json import render_report
from fuzzing.claims import KINDS, Finding, judge
from fuzzing.programs import Program, disguised, programs
from fuzzing.shrink import shrink
from fuzzing.truth import Truth, find_truth

Runner = Callable[[Program], dict[str, Any]]

_TRUTH_SECONDS = 5.0
_SHRINK_SECONDS = 10.0
_COMMAND_SECONDS = 120.0


class Settings(NamedTuple):
    """seed, count, seconds: which programs.  check: with sympy.  limit: seconds for one program.

    disguise: write inputs in other ways, and run what has a kink.
    kinds: that are looked for.  shown: how many of each kind are shrunk and told.
    """

    seed: int = 0
    count: int | None = None
    seconds: float | None = None
    check: bool = True
    command: bool = False
    limit: float = 20.0
    kinds: tuple[str, ...] = tuple(KINDS)
    shown: int = 3
    disguise: bool = False


class Told(NamedTuple):
    """A finding, and the smallest program that shows it."""

    finding: Finding
    program: Program


class Outcome(NamedTuple):
    """programs: that were run.  judged: of which the truth is known.  seconds: in the product."""

    programs: int
    judged: int
    seconds: float
    counts: Counter[str]
    told: list[Told]


class _TimeIsUpError(BaseException):
    """Raised out of whatever runs too long; no handler of the program's may catch it."""


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """Return the result of a call, which may take so many seconds of this process. Raises _TimeIsUpError."""

    def stop(*_: object) -> None:
        raise _TimeIsUpError

    # A busy machine makes no hang.
    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        return call()
    except subprocess.TimeoutExpired:
        raise _TimeIsUpError from None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


# ---- what is told ----


def in_process(program: Program, *, check: bool = True) -> dict[str, Any]:
    """Return the report of a program, or its error, as JSON has it."""
    try:
        report = gradient(program.text, program.point, upstream=program.upstream, check=check)
    except BackpropError as error:
        return {"error": error_record(error)}
    record: dict[str, Any] = json.loads(render_report(report))
    return record


def by_command(program: Program, *, check: bool = True) -> dict[str, Any]:
    """Return the same from the installed command."""
    values = [f"{name}={x!r}" for name, x in program.point.items()]
    more = [f"--upstream={program.upstream!r}", *([] if check else ["--no-check"])]
    done = subprocess.run(
        ["backprop", "grad", program.text, *values, "--json", *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=_COMMAND_SECONDS,
    )
    if done.returncode not in (0, 1, 2, 3) or "Traceback" in done.stderr:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    record: dict[str, Any] = json.loads(done.stdout or done.stderr)
    return record


def examine(program: Program, run: Runner, limit: float) -> tuple[list[Finding], bool, float]:
    """Return what is wrong in the report, whether the truth is known, and the seconds that ours took."""
    started = time.perf_counter()
    try:
        record = _within(limit, lambda: run(program))
    except _TimeIsUpError:
        return [Finding("hang", "", f"no answer in {limit:g} s", "")], False, limit
    except Exception as error:  # noqa: BLE001 - that none comes is what is tested
        return [Finding("crash", "", f"{type(error).__name__}: {error}", "")], False, 0.0
    seconds = time.perf_counter() - started
    known: list[bool] = []

    def truth() -> Truth:
        found = find_truth(program)
        known.append(found.status != "unsure")
        return found

    try:
        return _within(_TRUTH_SECONDS, lambda: list(judge(program, record, truth))), any(known), seconds
    except _TimeIsUpError:
        return [], False, seconds


# ---- many programs ----


def fuzz(settings: Settings, share: tuple[int, int] = (0, 1)) -> Outcome:
    """Run random programs. share: (k, n): the k-th of n parts of them."""
    single = by_command if settings.command else in_process

    def run(program: Program) -> dict[str, Any]:
        return single(program, check=settings.check)

    started, inside = time.monotonic(), 0.0
    counts: Counter[str] = Counter()
    told: list[Told] = []
    judged = done = 0
    for number, program in zip(_numbers(settings), _programs(settings), strict=False):
        if settings.seconds is not None and time.monotonic() - started > settings.seconds:
            break
        if number % share[1] != share[0]:
            continue
        findings, known, seconds = examine(program, run, settings.limit)
        done, judged, inside = done + 1, judged + known, inside + seconds
        for finding in _first_of_each(findings, settings.kinds):
            counts[finding.kind] += 1
            if counts[finding.kind] <= settings.shown:
                told.append(_smallest(finding, program, run, settings.limit))
    return Outcome(done, judged, inside, counts, told)


def _programs(settings: Settings) -> Iterator[Program]:
    if not settings.disguise:
        return programs(settings.seed)
    return (
        disguised(program, f"{settings.seed}/{number}/disguise")
        for number, program in enumerate(programs(settings.seed))
        if _has_kink(program)
    )


def _has_kink(program: Program) -> bool:
    """Tell whether a program is at a point where an operation has no derivative."""
    try:
        slopes = _within(_TRUTH_SECONDS, lambda: find_truth(program)).slopes.values()
    except _TimeIsUpError:
        return False
    return any(slope.left is not None for slope in slopes)


def _numbers(settings: Settings) -> Iterator[int]:
    return count() if settings.count is None else iter(range(settings.count))


def _first_of_each(findings: Sequence[Finding], kinds: Sequence[str]) -> list[Finding]:
    return list({f.kind: f for f in reversed(findings) if f.kind in kinds}.values())


def _smallest(finding: Finding, program: Program, run: Runner, limit: float) -> Told:
    def same(smaller: Program) -> Finding | None:
        findings, _, _ = examine(smaller, run, limit)
        return next((f for f in findings if f.kind == finding.kind), None)

    small = shrink(program, lambda smaller: same(smaller) is not None, _SHRINK_SECONDS)
    return Told(same(small) or finding, small)


def join(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome of all parts."""
    return Outcome(
        sum(o.programs for o in outcomes),
        sum(o.judged for o in outcomes),
        sum(o.seconds for o in outcomes),
        sum((o.counts for o in outcomes), Counter()),
        [told for o in outcomes for told in o.told],
    )


# ---- the script ----


def main() -> int:
    """Run, tell and return the exit status."""
    settings, jobs = _read_arguments()
    if jobs == 1:
        outcome = fuzz(settings)
    else:
        with ProcessPoolExecutor(jobs) as pool:
            outcome = join(list(pool.map(fuzz, [settings] * jobs, [(k, jobs) for k in range(jobs)])))
    for kind in KINDS:
        for told in outcome.told:
            if told.finding.kind == kind:
                print(f"{kind}: {told.program.command}")
                print(f"    told  {told.finding.told}")
                print(f"    true  {told.finding.true}")
    rate = outcome.programs / outcome.seconds if outcome.seconds else 0.0
    print(
        f"{outcome.programs:,} programs, {outcome.judged:,} of them with a known truth; "
        f"{rate:,.0f} a second in backprop"
    )
    for kind, times in outcome.counts.most_common():
        print(f"{times:7,}  {kind}: {KINDS[kind]}")
    return 1 if outcome.counts else 0


def _read_arguments() -> tuple[Settings, int]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, help="which programs; 0 by default")
    parser.add_argument("--count", type=int, help="how many programs; 1000 if there is no --seconds either")
    parser.add_argument("--seconds", type=float, help="for how long")
    parser.add_argument("--jobs", type=int, default=1, help="processes; 1 by default")
    parser.add_argument("--kinds", help=f"what to look for, of: {', '.join(KINDS)}")
    parser.add_argument("--no-check", action="store_true", help="without sympy: ten times as many a second")
    parser.add_argument("--disguise", action="store_true", help="kinks that doubles miss: x as sqrt(x)^2")
    parser.add_argument("--command", action="store_true", help="ask the installed command: two a second")
    parser.add_argument("--limit", type=float, default=20.0, help="seconds that one program may take")
    parser.add_argument("--shown", type=int, default=3, help="how many of each kind are told; 3 by default")
    given = parser.parse_args()
    kinds = tuple(KINDS) if given.kinds is None else tuple(given.kinds.split(","))
    for kind in kinds:
        if kind not in KINDS:
            parser.error(f"there is no kind {kind!r}; the kinds are {', '.join(KINDS)}")
    total = 1000 if given.count is None and given.seconds is None else given.count
    settings = Settings(
        given.seed,
        total,
        given.seconds,
        not given.no_check,
        given.command,
        given.limit,
        kinds,
        given.shown,
        given.disguise,
    )
    return settings, given.jobs


if __name__ == "__main__":
    sys.exit(main())
