"""Formulas at every row of columns in memory: the value and all gradients, in doubles."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import mpmath
import numpy as np
import sympy

import harness
from rowwise import by_hand, peers
from rowwise.formulas import FORMULAS, Array, Bind, Formula, Lines

REFERENCE = "NumPy by hand, in blocks"
COPY = "copying as many bytes"
OURS = "backprop"
JAX = ("JAX jit", "JAX jit, donated")

FULL_SIZES = (1_000, 100_000, 10_000_000)
SMOKE_SIZES = (100,)
LEAST_SECONDS = 0.02
"""A measurement's length; at 1e3 rows that is hundreds of calls."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to compute the rows."""

    name: str
    prepare: Callable[[Formula], Bind]
    slow: bool = False
    """To import or to compile: left out of a smoke run."""
    compiles: bool = False
    """Its time to get ready is worth telling."""
    exact: bool = True
    """It computes the formula, so that its results are checked."""


def numba(formula: Formula, *, parallel: bool) -> Bind:
    """Return Numba's fused loop, or raise AbsentError."""
    harness.load("numba")
    from rowwise import fused

    return peers.bound(fused.fused(formula, parallel=parallel))


def contenders() -> list[Contender]:
    """Return all of them, in the order of the tables."""
    threads = harness.cores()
    return [
        Contender(f"{OURS}, numpy", partial(peers.ours, engine="numpy"), compiles=True),
        Contender(f"{OURS}, numpy, new arrays", partial(peers.ours, engine="numpy", new_arrays=True)),
        Contender(f"{OURS}, jit", partial(peers.ours, engine="jit"), compiles=True),
        Contender(f"{OURS}, jit, new arrays", partial(peers.ours, engine="jit", new_arrays=True)),
        Contender("NumPy by hand", lambda formula: peers.bound(by_hand.whole(formula))),
        Contender(REFERENCE, lambda formula: peers.bound(by_hand.in_blocks(formula, 1))),
        Contender(
            "NumPy by hand, in blocks, threads",
            lambda formula: peers.bound(by_hand.in_blocks(formula, threads)),
        ),
        Contender("Numba by hand", partial(numba, parallel=False), slow=True, compiles=True),
        Contender("Numba by hand, threads", partial(numba, parallel=True), slow=True, compiles=True),
        Contender(JAX[0], partial(peers.jax, donated=False), slow=True, compiles=True),
        Contender(JAX[1], partial(peers.jax, donated=True), slow=True, compiles=True),
        Contender("PyTorch", peers.torch, slow=True),
        Contender("autograd", peers.autograd),
        Contender("CasADi map", peers.casadi, slow=True, compiles=True),
        Contender("SymPy lambdify", peers.sympy, compiles=True),
        Contender(f"{COPY}, one thread", partial(peers.copy, threads=1), exact=False),
        Contender(COPY, partial(peers.copy, threads=threads), exact=False),
    ]


def truth(formula: Formula) -> Callable[[Lines, int], list[float]]:
    """Return what computes value and gradients at one row, with SymPy's derivatives and in 30 digits."""
    expressions, names = peers.symbolic(formula)
    function = sympy.lambdify(names, expressions, modules="mpmath", cse=True)

    def at_row(columns: Lines, row: int) -> list[float]:
        with mpmath.workdps(30):
            point = formula.arguments(mpmath.mpf(float(column[row])) for column in columns)
            return [float(number) for number in function(*point)]

    return at_row


def verify(name: str, got: Lines, expected: Lines) -> None:
    """Raise WrongResultError unless both agree at every row.

    Contenders order their operations differently. They may differ by 1e-10 of the number, and by 1e-12 of the
    line's largest where terms cancel.
    """
    if len(got) != len(expected):
        raise harness.WrongResultError(f"{name}: {len(got)} lines instead of {len(expected)}")
    for position, (line, right) in enumerate(zip(got, expected, strict=True)):
        close = np.isclose(np.asarray(line), right, rtol=1e-10, atol=1e-12 * np.max(np.abs(right)))
        if close.shape != np.shape(right) or not close.all():
            raise harness.WrongResultError(f"{name}: line {position} differs at {np.sum(~close)} rows")


def expected_lines(formula: Formula, columns: Sequence[Array]) -> Lines:
    """Return the plain NumPy results, after a look at some rows in 30 digits."""
    lines = by_hand.whole(formula)(columns, np.empty(0))
    at_row = truth(formula)
    for row in np.linspace(0, len(columns[0]) - 1, 5, dtype=int):
        right = [np.array([number]) for number in at_row(columns, row)]
        verify(f"NumPy by hand, {formula.name}, row {row}", [line[row : row + 1] for line in lines], right)
    return lines


def ready(
    formula: Formula, chosen: Sequence[Contender], absent: dict[str, str]
) -> tuple[dict[str, Bind], dict[str, float]]:
    """Make the contenders ready for a formula; return what they then are, and the seconds that it took.

    The seconds end with the first result for a thousand rows, and a second call is taken off. Those that
    cannot run are added to the absent ones.
    """
    binds, seconds = {}, {}
    columns = formula.data(1_000)
    out = np.empty((len(formula.inputs) + 1, 1_000))
    for contender in chosen:
        start = time.perf_counter()
        try:
            bind = contender.prepare(formula)
        except harness.AbsentError as why:
            absent[contender.name] = str(why)
            continue
        run = bind(columns, out)
        run()
        first = time.perf_counter() - start
        binds[contender.name] = bind
        seconds[contender.name] = max(0, first - harness.clock(run))
    return binds, seconds


def measure(formula: Formula, binds: Mapping[str, Bind], rows: int, rounds: int) -> harness.Times:
    """Verify every contender at so many rows, then time them in turns."""
    columns = formula.data(rows)
    expected = expected_lines(formula, columns)
    out = np.empty((len(expected), rows))
    runs: dict[str, Callable[[], Any]] = {}
    unchecked = {contender.name for contender in contenders() if not contender.exact}
    for name, bind in binds.items():
        runs[name] = run = bind(columns, out)
        out.fill(np.nan)  # no one gets the results of another
        lines = run()
        if name not in unchecked:
            verify(f"{name}, {formula.name}, {rows:,} rows", lines, expected)
    del expected, lines
    return harness.interleave(runs, rounds, LEAST_SECONDS if rows >= FULL_SIZES[0] else 0)


def speed(times: harness.Times, name: str, other: str) -> str:
    """Return how many times as fast as another a contender is."""
    return harness.number(1 / harness.ratio(times, name, other))


def speeds(rows: int, results: dict[str, harness.Times]) -> str:
    """Return the table of one size: speed relative to the reference, and million rows per second."""
    names = next(iter(results.values()))
    lines = []
    for name in names:
        cells = []
        for times in results.values():
            millions = rows / statistics.median(times[name]) / 1e6
            cells.append(f"{speed(times, name, REFERENCE)} ({harness.number(millions)})")
        lines.append([name, *cells])
    return harness.table([f"{rows:,} rows", *results], lines)


def goals(rows: int, results: dict[str, harness.Times]) -> str:
    """Return the table of our speed relative to JAX, to copying and to the fastest peer, if we are there."""
    engines = [name for name in next(iter(results.values())) if name in (f"{OURS}, numpy", f"{OURS}, jit")]
    lines = []
    for engine in engines:
        against: dict[str, list[str]] = {}
        for times in results.values():
            peer = min(
                (name for name in times if not name.startswith((OURS, COPY))),
                key=lambda name: statistics.median(times[name]),
            )
            for name in filter(times.__contains__, (*JAX, COPY)):
                against.setdefault(name, []).append(speed(times, engine, name))
            against.setdefault("the fastest peer", []).append(f"{speed(times, engine, peer)} ({peer})")
        lines += [[f"{engine}, relative to {other}", *cells] for other, cells in against.items()]
    return harness.table([f"{rows:,} rows", *results], lines) if lines else ""


def main() -> None:
    """Make every contender ready, verify it, time all in turns, and write the tables."""
    parser = harness.arguments(__doc__, rounds=7)
    parser.add_argument("--rows", type=float, nargs="+", help="sizes, 1e3 1e5 1e7 by default")
    parser.add_argument("--formulas", nargs="+", choices=[formula.name for formula in FORMULAS])
    parser.add_argument(
        "--contenders", nargs="+", metavar="TEXT", help="only those whose names have one of these"
    )
    options = parser.parse_args()
    sizes = [int(rows) for rows in options.rows or (SMOKE_SIZES if options.smoke else FULL_SIZES)]
    rounds = 1 if options.smoke else options.rounds
    absent = {item.name: "slow, not in a smoke run" for item in contenders() if options.smoke and item.slow}
    wanted = options.contenders or [""]
    chosen = [
        item
        for item in contenders()
        if item.name not in absent and (item.name == REFERENCE or any(text in item.name for text in wanted))
    ]

    results: dict[int, dict[str, harness.Times]] = {rows: {} for rows in sizes}
    seconds: dict[str, dict[str, float]] = {}
    formulas = [formula for formula in FORMULAS if formula.name in (options.formulas or formula.name)]
    ready(formulas[0], chosen, absent)  # imports, and what a compiler does once
    for formula in formulas:
        binds, seconds[formula.name] = ready(formula, chosen, absent)
        for rows in sizes:
            harness.progress(f"{formula.name}, {rows:,} rows")
            results[rows][formula.name] = measure(formula, binds, rows, rounds)

    compiled = [item.name for item in chosen if item.compiles and item.name not in absent]
    times = [[name, *(f"{1000 * of[name]:.0f}" for of in seconds.values())] for name in compiled]
    harness.publish(
        options,
        [
            f"Speed relative to *{REFERENCE}*, and million rows per second in brackets; {rounds} rounds.",
            *(speeds(rows, results[rows]) for rows in sizes),
            *(goals(rows, results[rows]) for rows in sizes),
            "Milliseconds until a contender can compute its first row, imports not counted:",
            harness.table(["ready", *seconds], times),
            harness.skipped(absent),
            f"Machine: {harness.machine()}.",
            f"Versions: {harness.versions(PACKAGES)}.",
        ],
    )


PACKAGES = ["backprop_cli", "numpy", "numba", "jax", "torch", "autograd", "casadi", "sympy"]


if __name__ == "__main__":
    harness.run(main)
