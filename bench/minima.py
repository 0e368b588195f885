"""Published starts of minimisation: what is called a minimum, and is one; SciPy beside ours, and the time.

python bench/minima.py [--update docs/performance.md]

SciPy gets value, gradient and second derivatives as Python source, from `backprop export`, and its defaults.
The judge takes nothing from either: Python reads the program, in numbers of 100 digits, central differences
derive it, and Newton's steps lead from the end point to where the gradient is 0. A minimum is there if all
eigenvalues at that point are positive, it is within a hundredth of the end, and the value is the same to
1e-8; where no minimum is strict, if the value is the least that is published, to 1e-8.
"""

from __future__ import annotations

import math
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from mpmath import MPContext

import harness
from published import PROBLEMS, Landscape, Problem

SMOKE = ("Rosenbrock", "Powell, singular", "Easom, 0.7")
NEAR = 1e-2
SAME = 1e-8
HEAD = ["minimised by", "called minima", "no minimum", "there, not called", "neither", "no value", "seconds"]

REALS = MPContext()
REALS.dps = 100
STEP, SETTLED, FLAT = (REALS.mpf(10) ** power for power in (-25, -30, -20))
WORDS = {name: getattr(REALS, name) for name in ("exp", "cos", "sin", "sqrt", "atan")} | {
    "abs": abs,
    "pi": +REALS.pi,
    "where": lambda condition, a, b: a if condition else b,
}


class Case(NamedTuple):
    """A start of a problem."""

    name: str
    problem: Problem | Landscape
    start: Mapping[str, float]


class Ended(NamedTuple):
    """Where a contender ended, and whether it calls that a minimum. point: None where the start has none."""

    point: Mapping[str, float] | None
    is_called: bool
    seconds: float


Solve = Callable[[Case], Ended]


class Judge:
    """A program in numbers of 100 digits."""

    def __init__(self, case: Case) -> None:
        *statements, last = case.problem.program.split("; ")
        parts = [statement.partition(" = ") for statement in statements]
        self._steps = [(name, compile(text, "program", "eval")) for name, _, text in parts]
        self._output = compile(last, "program", "eval")
        self._names = list(case.start)
        self._minima = case.problem.minima

    def value(self, xs: Sequence[Any]) -> Any:
        """Return the value at a point."""
        known = dict(zip(self._names, xs, strict=True))
        for name, code in self._steps:
            known[name] = eval(code, WORDS, known)
        return REALS.mpf(eval(self._output, WORDS, known))

    def derivatives(self, xs: Sequence[Any]) -> tuple[list[Any], Any]:
        """Return the gradient and the second derivatives, by central differences."""
        sizes = [STEP * (abs(x) or 1) for x in xs]

        def at(*moves: tuple[int, int]) -> Any:
            point = list(xs)
            for place, sign in moves:
                point[place] += sign * sizes[place]
            return self.value(point)

        here = self.value(xs)
        places = range(len(xs))
        sides = [(at((i, 1)), at((i, -1))) for i in places]
        slopes = [(up - down) / (2 * size) for (up, down), size in zip(sides, sizes, strict=True)]
        bends = REALS.matrix(len(xs), len(xs))
        for i in places:
            up, down = sides[i]
            bends[i, i] = (up - 2 * here + down) / sizes[i] ** 2
            for j in range(i):
                corners = [at((i, a), (j, b)) * a * b for a in (1, -1) for b in (1, -1)]
                bends[i, j] = bends[j, i] = REALS.fsum(corners) / (4 * sizes[i] * sizes[j])
        return slopes, bends

    def strict(self, point: Mapping[str, float]) -> list[Any] | None:
        """Return the strict local minimum that Newton's steps lead to, None where they lead to none."""
        xs = [REALS.mpf(point[name]) for name in self._names]
        try:
            for _ in range(12):
                slopes, bends = self.derivatives(xs)
                if not any(slopes):
                    break
                step = REALS.lu_solve(bends, REALS.matrix(slopes))
                xs = [x - move for x, move in zip(xs, step, strict=True)]
                if max(abs(move) / (1 + abs(x)) for x, move in zip(xs, step, strict=True)) < SETTLED:
                    break
            else:
                return None
            _, bends = self.derivatives(xs)
            sizes = [REALS.sqrt(abs(bends[i, i])) or 1 for i in range(len(xs))]
            scaled = REALS.matrix(
                [[bends[i, j] / sizes[i] / sizes[j] for j in range(len(xs))] for i in range(len(xs))]
            )
            return xs if min(REALS.eigsy(scaled, eigvals_only=True)) > FLAT else None
        except (ArithmeticError, ValueError):
            return None

    def distance(self, point: Mapping[str, float]) -> float:
        """Return how far from a minimum a point is, relative to it; infinity where none is there."""
        ends = [REALS.mpf(point[name]) for name in self._names]
        value, found = self.value(ends), self.strict(point)
        if found is None:
            is_least = any(abs(value - least) <= SAME * (1 + abs(least)) for least in self._minima[:1])
            return 0.0 if is_least else math.inf
        far = max(abs(x - end) / (1 + abs(x)) for x, end in zip(found, ends, strict=True))
        least = self.value(found)
        return float(far) if far <= NEAR and value - least <= SAME * (1 + abs(least)) else math.inf


def ours(method: str) -> Solve:
    """Return what asks the package."""
    from backprop_cli import minimize
    from backprop_cli.descent.report import Kind
    from backprop_cli.errors import BackpropError

    def solve(case: Case) -> Ended:
        begun = time.perf_counter()
        try:
            found = minimize(case.problem.program, case.start, method=method)
        except BackpropError:
            return Ended(None, is_called=False, seconds=time.perf_counter() - begun)
        seconds = time.perf_counter() - begun
        is_called = found.verdict.kind is Kind.REACHED
        point = dict(found.steps[-1].point)
        if is_called and found.verdict.critical is not None:
            point |= found.verdict.critical.point or {}
        return Ended(point, is_called, seconds)

    return solve


def scipy(method: str) -> Solve:
    """Return what asks SciPy, with exact derivatives."""
    import numpy as np

    from backprop_cli.export.languages import LANGUAGES
    from backprop_cli.export.source import export_source
    from backprop_cli.language.source import read_source

    optimize = harness.load("scipy.optimize")
    with_bends = method != "BFGS"
    functions: dict[str, Any] = {}

    def function(program: str) -> Any:
        if program not in functions:
            source = read_source(program)
            names = sorted(source.inputs, key=lambda name: int(name[1:]))
            code, _ = export_source(source, LANGUAGES["python"], names, None, "f", hessian=with_bends)
            space: dict[str, Any] = {"__name__": "exported"}
            exec(code, space)
            functions[program] = space["f"]
        return functions[program]

    def solve(case: Case) -> Ended:
        run, count = function(case.problem.program), len(case.start)
        upper = np.triu_indices(count)

        def both(x: Any) -> tuple[float, Any]:
            value, found = run(*x.tolist())
            return value, np.array(found[:count])

        def bends(x: Any) -> Any:
            matrix = np.zeros((count, count))
            matrix[upper] = run(*x.tolist())[1][count:]
            return matrix + np.triu(matrix, 1).T

        start = np.array(list(case.start.values()))
        if not math.isfinite(both(start)[0]):
            return Ended(None, is_called=False, seconds=0.0)
        begun = time.perf_counter()
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                done = optimize.minimize(
                    both, start, jac=True, method=method, **({"hess": bends} if with_bends else {})
                )
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return Ended(case.start, is_called=False, seconds=time.perf_counter() - begun)
        seconds = time.perf_counter() - begun
        return Ended(dict(zip(case.start, done.x.tolist(), strict=True)), bool(done.success), seconds)

    return solve


CONTENDERS: dict[str, Callable[[], Solve]] = {
    **{f"`backprop`, {name}": partial(ours, name) for name in ("newton", "bfgs", "gd", "adam")},
    **{f"SciPy, {name}": partial(scipy, name) for name in ("BFGS", "Newton-CG", "trust-exact")},
}


def read_cases(*, smoke: bool) -> list[Case]:
    """Return every start of every problem; a smoke run takes a few."""
    every = [Case(name, problem, start) for problem in PROBLEMS for name, start in problem.starts()]
    return [case for case in every if not smoke or case.name in SMOKE]


def measured(solve: Solve, cases: Sequence[Case]) -> tuple[list[str], float, list[str]]:
    """Return the cells of a contender, how far its minima are off, and where it calls so what is none."""
    counts: Counter[tuple[bool, bool] | None] = Counter()
    total, farthest = 0.0, 0.0
    wrong = []
    for case in cases:
        ended = solve(case)
        total += ended.seconds
        if ended.point is None:
            counts[None] += 1
            continue
        is_finite = all(map(math.isfinite, ended.point.values()))
        distance = Judge(case).distance(ended.point) if is_finite else math.inf
        is_there = math.isfinite(distance)
        if ended.is_called and is_there:
            farthest = max(farthest, distance)
        elif ended.is_called:
            wrong.append(case.name)
        counts[ended.is_called, is_there] += 1
    called = counts[True, True] + counts[True, False]
    numbers = called, counts[True, False], counts[False, True], counts[False, False], counts[None]
    return [*map(str, numbers), harness.number(total)], farthest, wrong


def main() -> None:
    """Minimise from all starts by all contenders."""
    options = harness.arguments(__doc__.splitlines()[0], rounds=1).parse_args()
    cases = read_cases(smoke=options.smoke)
    rows, absent, off = [], {}, {}
    for name, make in CONTENDERS.items():
        harness.progress(name)
        try:
            cells, farthest, wrong = measured(make(), cases)
        except harness.AbsentError as error:
            absent[name] = str(error)
            continue
        harness.progress(f"  off by {farthest:.1e} at most; no minima: {', '.join(wrong) or 'none'}")
        if wrong and name.startswith("`backprop`"):
            raise harness.WrongResultError(f"{name} calls a minimum what is none: {', '.join(wrong)}")
        rows.append([name, *cells])
        off |= {name: farthest} if name.startswith("`backprop`") else {}
    what = (
        f"{len(cases)} starts of {len({case.problem.name for case in cases})} functions: how often the end "
        "is called a minimum, how often none is there, how often one is there that is not called so; and "
        "the seconds of all, of `backprop` with reading the program and judging the end."
    )
    versions = harness.versions(["backprop_cli", "scipy", "numpy", "mpmath", "python-flint", "sympy"])
    told = f"The points that `backprop` names are off by {max(off.values()):.1g} at most, relative to them."
    ends = [f"Machine: {harness.machine()}.", f"Versions: {versions}."]
    harness.publish(options, [what, harness.table(HEAD, rows), told, harness.skipped(absent), *ends])


if __name__ == "__main__":
    harness.run(main)
