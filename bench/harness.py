"""Shared by the benchmarks: interleaved timing, ratios, what the machine is, and Markdown tables."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from types import ModuleType

Times = dict[str, list[float]]
"""Contender -> seconds per call, one number for each round."""


class AbsentError(Exception):
    """A contender cannot run here; the message says why."""


class WrongResultError(Exception):
    """A contender's result is not the expected one."""


def load(module: str) -> ModuleType:
    """Import a peer's module, or raise AbsentError."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise AbsentError("not installed") from None


def interleave(runs: Mapping[str, Callable[[], object]], rounds: int, least: float = 0.0) -> Times:
    """Time every contender once in each round, in an order drawn anew for each round.

    What disturbs the machine for a while then meets all contenders, and none always follows the same one.
    least: seconds that one measurement lasts at the least, for which a short call is repeated.
    """
    calls = {name: 1 if least == 0 else max(1, round(least / clock(run))) for name, run in runs.items()}
    times: Times = {name: [] for name in runs}
    for number in range(rounds):
        for name in random.Random(number).sample(list(runs), len(runs)):
            gc.collect()
            times[name].append(clock(runs[name], calls[name]))
    return times


def clock(run: Callable[[], object], calls: int = 1) -> float:
    """Return the seconds that one call takes, the mean of so many calls."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def ratio(times: Times, name: str, reference: str) -> float:
    """Return the median over the rounds of name's time divided by the reference's in the same round."""
    return statistics.median(mine / other for mine, other in zip(times[name], times[reference], strict=True))


def number(value: float) -> str:
    """Return two significant digits or more, without an exponent: 0.012, 0.12, 1.23, 12.3, 123."""
    digits = next((digits for least, digits in ((100, 0), (10, 1), (0.1, 2)) if value >= least), 3)
    return f"{value:,.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, aligned to be read as text; numbers stand to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [
        "| " + " | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) + " |"
        for row in (head, *rows)
    ]
    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def machine() -> str:
    """Return the processor, its caches, the memory and the system, in one line."""
    facts = {}
    for line in output_of("lscpu").splitlines():
        key, _, value = line.partition(":")
        facts[key.strip()] = value.strip()
    caches = [
        f"{level} {facts[f'{level} cache']}" for level in ("L1d", "L2", "L3") if f"{level} cache" in facts
    ]
    parts = [
        facts.get("Model name") or platform.processor() or platform.machine(),
        f"{cores()} cores",
        *caches,
    ]
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        parts.append(f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB of memory")
    return ", ".join([*parts, platform.system(), f"Python {platform.python_version()}"])


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions(distributions: Sequence[str]) -> str:
    """Return name and version of those of the distributions that are installed."""
    found = []
    for name in distributions:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def output_of(*command: str) -> str:
    """Return what a command prints, or nothing if it is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout
    except FileNotFoundError:
        return ""


def skipped(absent: Mapping[str, str]) -> str:
    """Return lines that name the contenders that could not run, one for each reason."""
    names = {why: [name for name in absent if absent[name] == why] for why in absent.values()}
    return "\n".join(f"Skipped, {why}: {'; '.join(names[why])}." for why in names)


def arguments(description: str, rounds: int) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--smoke", action="store_true", help="a tiny run without the slow peers")
    parser.add_argument(
        "--rounds", type=int, default=rounds, help=f"times each is measured, {rounds} by default"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the tables there, not to stdout")
    parser.add_argument(
        "--update", type=Path, metavar="FILE", help="put the tables between their marks in FILE"
    )
    return parser


def progress(text: str) -> None:
    """Tell a user who waits what is being measured."""
    sys.stderr.write(f"{text}\n")


def publish(options: argparse.Namespace, paragraphs: Sequence[str]) -> None:
    """Write the paragraphs where the options say."""
    text = "\n\n".join(filter(None, paragraphs)) + "\n"
    if options.update:
        options.update.write_text(
            replaced(options.update.read_text("utf-8"), Path(sys.argv[0]).name, text), "utf-8"
        )
    if options.output:
        options.output.write_text(text, "utf-8")
    if not options.update and not options.output:
        sys.stdout.write(text)


def replaced(page: str, script: str, text: str) -> str:
    """Return the page with the text between the marks of a script."""
    begin, end = f"<!-- bench/{script} -->", f"<!-- end of bench/{script} -->"
    before, opened, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not opened or not closed:
        raise SystemExit(f"the page lacks the marks {begin} and {end}")
    return f"{before}{begin}\n{text}{end}{after}"


def run(main: Callable[[], None]) -> None:
    """Run a benchmark; a wrong result ends it with status 1 and the contender's name."""
    try:
        main()
    except WrongResultError as error:
        raise SystemExit(f"wrong result: {error}") from None
