"""The 27 nonlinear sets of NIST from both published starts: digits and seconds of backprop and its peers.

python bench/fits.py [--update docs/performance.md]

The peers, those that are installed: SciPy's curve_fit, lmfit and gnuplot as they come and with all tolerances
at 1e-15 (and up to 10,000 evaluations), R's nls, and nlsLM of minpack.lm. Digits are those in which the
parameter that is furthest off agrees with its certified value, up to 11. In R the seconds are those of the
call, of gnuplot those of the process.
"""

from __future__ import annotations

import json
import math
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import harness

DATA = Path(__file__).parents[1] / "tests" / "data" / "nist.jsonl"
LEVELS = (4, 6, 8, 10)
MOST = 11.0
TIGHT = 1e-15
MOST_EVALUATIONS = 10_000
SLACK = 0.1
"""A certified value of eleven digits is itself off by half a unit of the last."""
HEAD = ["fit", *(f"{level} digits" for level in LEVELS), "errors, 6", "seconds"]


class Case(NamedTuple):
    """A set and a start."""

    facts: Mapping[str, Any]
    start: Mapping[str, float]

    @property
    def model(self) -> str:
        """The right side, in the words of Python, R and gnuplot alike."""
        return str(self.facts["model"])

    @property
    def inputs(self) -> list[str]:
        """The columns that the right side reads."""
        return [name for name in self.facts["columns"] if name != "y"]


class Found(NamedTuple):
    """What a peer came to; nothing where it gave up."""

    estimates: Mapping[str, float]
    errors: Mapping[str, float]
    seconds: float


Solve = Callable[[Case], Found]


def digits(found: Mapping[str, float], certified: Mapping[str, float]) -> float:
    """Return the digits of the number that is furthest off."""
    least = MOST
    for name, true in certified.items():
        off = abs(found.get(name, math.nan) - true) / abs(true)
        least = min(least, MOST if off == 0 else -math.log10(off) if off == off else 0.0)
    return least


def timed(solve: Callable[[], tuple[Mapping[str, float], Mapping[str, float]]]) -> Found:
    """Return what a call comes to, with its seconds; an error is what a user of it would meet."""
    begun = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            estimates, errors = solve()
    except (RuntimeError, ValueError, TypeError):
        estimates, errors = {}, {}
    return Found(estimates, errors, time.perf_counter() - begun)


def ours(*, certify: bool = False) -> Solve:
    """Return what asks the package. certify: nothing counts that is not proved."""
    from backprop_cli import fit

    def solve(case: Case) -> Found:
        formula = f"{case.facts['response']} ~ {case.model}"

        def call() -> tuple[Mapping[str, float], Mapping[str, float]]:
            found = fit(formula, case.facts["columns"], case.start, certify=certify)
            if certify and (found.certificate is None or found.certificate.reason):
                return {}, {}
            return found.estimates, {name: x or math.nan for name, x in found.errors.items()}

        return timed(call)

    return solve


def in_numpy(case: Case) -> tuple[Callable[..., Any], Any, Any]:
    """Return the model as a function of x and the parameters, x, and the left side."""
    import numpy as np

    words = {name: getattr(np, name) for name in ("exp", "cos", "sin", "pi")} | {"atan": np.arctan}
    columns = {name: np.array(column) for name, column in case.facts["columns"].items()}
    code = compile(case.model, "model", "eval")
    x = np.array([columns[name] for name in case.inputs])

    def model(x: Any, *point: float, **named: float) -> Any:
        values = {**dict(zip(case.start, point, strict=False)), **named}
        return eval(code, words, {**dict(zip(case.inputs, x, strict=True)), **values})

    return model, x, np.log(columns["y"]) if case.facts["response"] == "log(y)" else columns["y"]


def curve_fit(*, tight: bool) -> Solve:
    """Return what asks SciPy's curve_fit."""
    optimize = harness.load("scipy.optimize")
    options = {"ftol": TIGHT, "xtol": TIGHT, "gtol": TIGHT, "maxfev": MOST_EVALUATIONS} if tight else {}

    def solve(case: Case) -> Found:
        model, x, y = in_numpy(case)

        def call() -> tuple[Mapping[str, float], Mapping[str, float]]:
            point, covariance = optimize.curve_fit(model, x, y, list(case.start.values()), **options)
            errors = [math.sqrt(row[place]) for place, row in enumerate(covariance.tolist())]
            return dict(zip(case.start, point.tolist(), strict=True)), dict(
                zip(case.start, errors, strict=True)
            )

        return timed(call)

    return solve


def lmfit(*, tight: bool) -> Solve:
    """Return what asks lmfit."""
    package = harness.load("lmfit")
    options = {"ftol": TIGHT, "xtol": TIGHT, "gtol": TIGHT} if tight else {}

    def solve(case: Case) -> Found:
        model, x, y = in_numpy(case)

        def residuals(parameters: Any) -> Any:
            return model(x, **parameters.valuesdict()) - y

        def call() -> tuple[Mapping[str, float], Mapping[str, float]]:
            parameters = package.Parameters()
            for name, value in case.start.items():
                parameters.add(name, value)
            done = package.minimize(
                residuals, parameters, **options, **({"max_nfev": MOST_EVALUATIONS} if tight else {})
            )
            errors = {name: p.stderr or math.nan for name, p in done.params.items()}
            return done.params.valuesdict(), errors

        return timed(call)

    return solve


_R = """
d <- list({columns})
started <- proc.time()[["elapsed"]]
found <- tryCatch({call}, error = function(e) NULL)
seconds <- proc.time()[["elapsed"]] - started
if (!is.null(found)) {{
  table <- summary(found)$coefficients
  for (name in rownames(table)) cat(name, sprintf("%.17g", table[name, 1:2]), "\\n")
}}
cat("seconds", seconds, 0, "\\n")
"""


def in_r(call: str) -> Solve:
    """Return what asks R. call: with places for the formula and the start."""
    if not harness.output_of("Rscript", "-e", call.partition("(")[0]):
        raise harness.AbsentError("not installed")

    def solve(case: Case) -> Found:
        columns = ", ".join(
            f"{name} = c({', '.join(map(repr, column))})" for name, column in case.facts["columns"].items()
        )
        start = ", ".join(f"{name} = {x!r}" for name, x in case.start.items())
        formula = f"{case.facts['response']} ~ {case.model}"
        words = call.format(formula=formula, start=f"list({start})")
        return printed(["Rscript", "-"], _R.format(columns=columns, call=words))

    return solve


def gnuplot(*, tight: bool) -> Solve:
    """Return what asks gnuplot."""
    if not harness.output_of("gnuplot", "--version"):
        raise harness.AbsentError("not installed")

    def solve(case: Case) -> Found:
        columns = case.facts["columns"]
        left = "(log($1))" if case.facts["response"] == "log(y)" else "1"
        using = ":".join([*(str(place) for place in range(2, 2 + len(case.inputs))), left])
        arguments = ", ".join(case.inputs)
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "d"
            rows = zip(columns["y"], *(columns[name] for name in case.inputs), strict=True)
            data.write_text("".join(" ".join(map(repr, row)) + "\n" for row in rows))
            script = [
                "set fit quiet errorvariables logfile '/dev/null'",
                f"set dummy {arguments}",
                f"f({arguments}) = {case.model}",
                *(f"{name} = {float(x)!r}" for name, x in case.start.items()),
                "FIT_LIMIT = 1e-15" if tight else "",
                f"fit f({arguments}) '{data}' using {using} via {', '.join(case.start)}",
                "set print '-'",
                *(f"print sprintf('{name} %.17g %.17g', {name}, {name}_err)" for name in case.start),
            ]
            return printed(["gnuplot"], "\n".join(script) + "\n")

    return solve


def printed(command: Sequence[str], script: str) -> Found:
    """Return what a program prints of a fit: a parameter a line, with its error."""
    begun = time.perf_counter()
    try:
        done = subprocess.run(command, input=script, capture_output=True, text=True, check=False, timeout=120)
    except subprocess.TimeoutExpired:
        return Found({}, {}, time.perf_counter() - begun)
    seconds = time.perf_counter() - begun
    estimates, errors = {}, {}
    for name, *numbers in map(str.split, done.stdout.splitlines()):
        if name == "seconds":
            seconds = float(numbers[0])
        elif done.returncode == 0:
            estimates[name], errors[name] = map(float, numbers)
    return Found(estimates, errors, seconds)


PEERS: dict[str, Callable[[], Solve]] = {
    "`backprop`": ours,
    "`backprop`, proved by `certify`": lambda: ours(certify=True),
    "SciPy, curve_fit": lambda: curve_fit(tight=False),
    "SciPy, curve_fit, 1e-15": lambda: curve_fit(tight=True),
    "lmfit": lambda: lmfit(tight=False),
    "lmfit, 1e-15": lambda: lmfit(tight=True),
    "R, nls": lambda: in_r("nls({formula}, d, {start})"),
    "R, nlsLM": lambda: in_r("minpack.lm::nlsLM({formula}, d, {start})"),
    "gnuplot": lambda: gnuplot(tight=False),
    "gnuplot, 1e-15": lambda: gnuplot(tight=True),
}


def read_cases(*, smoke: bool) -> list[Case]:
    """Return every set with both of its starts; a smoke run takes two."""
    facts = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
    facts = [case for case in facts if not smoke or case["name"] in ("Misra1a", "Rat42")]
    return [Case(case, case[start]) for case in facts for start in ("start1", "start2")]


def measured(solve: Solve, cases: Sequence[Case], rounds: int) -> list[str]:
    """Return the cells of a peer: how many fits reach so many digits, and the seconds of all of them."""
    found = [[solve(case) for case in cases] for _ in range(rounds)]
    reached = [
        digits(one.estimates, case.facts["certified"]) for one, case in zip(found[0], cases, strict=True)
    ]
    errors = [
        digits(one.errors, case.facts["certified_sd"]) for one, case in zip(found[0], cases, strict=True)
    ]
    counts = [sum(x > level - SLACK for x in reached) for level in LEVELS]
    least = sum(min(one.seconds for one in again) for again in zip(*found, strict=True))
    return [*map(str, counts), str(sum(x > 6 - SLACK for x in errors)), harness.number(least)]


def without_starts(cases: Sequence[Case]) -> str:
    """Return how far backprop comes by itself, and from ones."""
    sets = [case for case in cases if case.start is case.facts["start1"]]
    alone = sum(reaches(case, {}) for case in sets)
    ones = sum(reaches(case, dict.fromkeys(case.start, 1.0)) for case in sets)
    return (
        f"`backprop` comes to the certified sum of squares in {alone} of the {len(sets)} sets without "
        f"any start, and in {ones} with 1 for every parameter."
    )


def reaches(case: Case, start: Mapping[str, float]) -> bool:
    """Tell whether backprop comes to the certified sum of squares; its peaks may be in another order."""
    from backprop_cli import fit
    from backprop_cli.errors import BackpropError

    try:
        found = fit(f"{case.facts['response']} ~ {case.model}", case.facts["columns"], start)
    except BackpropError:
        return False
    return found.rss <= case.facts["rss"] * (1 + 1e-6)


def main() -> None:
    """Fit all sets by all peers."""
    options = harness.arguments(__doc__.splitlines()[0], rounds=3).parse_args()
    cases = read_cases(smoke=options.smoke)
    peers = list(PEERS)[:3] if options.smoke else list(PEERS)
    rows, absent = [], {}
    for name in peers:
        harness.progress(name)
        try:
            solve = PEERS[name]()
        except harness.AbsentError as error:
            absent[name] = str(error)
            continue
        solve(cases[0])
        rows.append([name, *measured(solve, cases, 1 if options.smoke else options.rounds)])
    versions = [harness.versions(["backprop_cli", "scipy", "numpy", "lmfit", "python-flint", "sympy"])]
    versions += [harness.output_of("gnuplot", "--version").strip()] if "gnuplot" not in absent else []
    versions += (
        [harness.output_of("Rscript", "-e", "cat(R.version.string)")] if "R, nls" not in absent else []
    )
    what = (
        f"{len(cases)} fits, the sets of NIST from both starts: how many reach so many digits in all "
        "parameters, and six in all standard errors, and the seconds of all fits."
    )
    told = [what, harness.table(HEAD, rows), without_starts(cases), harness.skipped(absent)]
    ends = [f"Machine: {harness.machine()}.", f"Versions: {', '.join(filter(None, versions))}."]
    harness.publish(options, [*told, *ends])


if __name__ == "__main__":
    harness.run(main)
