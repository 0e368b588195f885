"""The library call: a formula and rows of data in, its parameters and their errors out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

try:
    import numpy as np
    import scipy  # noqa: F401 - what needs it says so before any work
except ModuleNotFoundError:
    from backprop_cli.errors import UsageError

    raise UsageError("a fit needs SciPy and NumPy", hint="pip install 'backprop_cli[fit]'") from None

from backprop_cli.errors import DomainError, InputError
from backprop_cli.fitting.answer import Answer
from backprop_cli.fitting.formula import read_columns, read_formula
from backprop_cli.fitting.linear import find_linear
from backprop_cli.fitting.report import Certificate, Fit, Outcome
from backprop_cli.fitting.rows import Curve, Residuals, evaluate_columns
from backprop_cli.fitting.solve import Search
from backprop_cli.fitting.spread import chance_of_more, find_spread
from backprop_cli.fitting.starts import draw_starts
from backprop_cli.fitting.wish import (
    Data,
    Wish,
    check_scale,
    check_wish,
    fixed_parameters,
    needed_columns,
    read_sigma,
)
from backprop_cli.graph.lower import lower_source
from backprop_cli.language.arguments import array_from_python
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.fitting.formula import Formula
    from backprop_cli.fitting.report import Drawn, Prediction
    from backprop_cli.fitting.solve import Found
    from backprop_cli.fitting.wish import Start
    from backprop_cli.language.arrays.values import Array, Value

_MOST_FOR_STARTS = 10_000
"""Rows that many starts are tried on; where there are more, as many of these as chance chooses."""
_INTERRUPTED = "it was interrupted"


def fit(
    formula: str,
    data: Mapping[str, ArrayLike],
    starts: Mapping[str, Start | Sequence[Any]] | None = None,
    /,
    *,
    fixed: Mapping[str, Any] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    sigma: str = "",
    scale_errors: bool = False,
    tries: int | None = None,
    certify: bool = False,
    notation: str | None = None,
    **more_starts: Start | Sequence[Any],
) -> Fit:
    """Fit a formula to rows of data by least squares, and say how far each parameter is known.

    formula: "y ~ a*exp(-b*x)": names that are no columns are parameters.  data: column -> numbers.
    starts, more_starts: where parameters begin; a pair in brackets, (0.1, 10), is a range that ``tries``
    starts (20) are drawn from, a list or an array of NumPy makes the parameter an array.
    Parameters in which the formula is linear need none; others without one are drawn from 0.001 to 1000.
    fixed: parameters that stay, elements of an array, "w[0]", too.  bounds: parameter -> (least, most).
    sigma: the error of the left side, a formula of columns; without it, or with scale_errors, the errors of
    the parameters are scaled by the residuals.

    certify: prove that a strict local minimum lies beside the estimates; ``certificate`` says whether.

    ``outcome`` says whether it converged: nothing is raised where it does not.

    Raises ParseError, InputError for what can't be meant, DomainError where a start has no value.

    >>> fit("y ~ a*x + b", {"x": [0, 1, 2], "y": [1, 3, 5]}).estimates["a"]
    2.0
    """
    from backprop_cli.batch.rowwise import column_numbers

    begun, arrays = _sorted_starts({**(starts or {}), **more_starts})
    wish = Wish(
        begun,
        _as_values(fixed or {}),
        dict(bounds or {}),
        sigma,
        scale_errors,
        tries,
        arrays=arrays,
        certify=certify,
    )
    columns = {name: column_numbers(name, column) for name, column in data.items()}
    read = read_formula(formula, list(columns), wish.named, notation)
    needed = needed_columns(read, wish, list(columns))
    lengths = {name: len(columns[name]) for name in needed}
    if len(set(lengths.values())) > 1:
        told = listing([f"{name} has {count:,}" for name, count in lengths.items()])
        raise InputError(f"the columns differ in their counts of rows: {told}")
    for name in needed:
        bad = np.flatnonzero(~np.isfinite(columns[name]))
        if bad.size:
            raise InputError(f"row {bad[0] + 1}: {name} is {columns[name][bad[0]]}, not a finite number")
    count = next(iter(lengths.values()), 0)
    return fit_rows(read, Data({name: columns[name] for name in needed}, count), wish)


def _sorted_starts(
    starts: Mapping[str, Start | Sequence[Any]],
) -> tuple[dict[str, Start], dict[str, Array]]:
    """Return the starts of numbers, and those of arrays. Raises InputError."""
    arrays = {
        name: array
        for name, start in starts.items()
        if not isinstance(start, tuple) and (array := array_from_python(name, start)) is not None
    }
    return {name: start for name, start in starts.items() if name not in arrays}, arrays  # type: ignore[misc]


def _as_values(fixed: Mapping[str, Any]) -> dict[str, Value]:
    """Return numbers and arrays as they are given. Raises InputError."""
    arrays = {name: array_from_python(name, x) for name, x in fixed.items()}
    return {name: x if (array := arrays[name]) is None else array for name, x in fixed.items()}


class _Task(NamedTuple):
    """What is to be done. names: the parameters that are looked for.  linear: those that need no start.

    fixed: the other parameters.  scout: searches over some of the rows, where these are many.
    scaled: whether errors are scaled by the residuals.
    """

    formula: Formula
    data: Data
    names: list[str]
    linear: list[str]
    fixed: dict[str, float]
    search: Search
    scout: Search | None
    scaled: bool

    @property
    def residuals(self) -> Residuals:
        """The residuals as a function of what is looked for."""
        return self.search.residuals

    def answer(self, found: Found, each: Floats, kinks: list[int]) -> Answer:
        """Return the best place with what is known of it.

        each: the residuals there.  kinks: the rows without a derivative.
        """
        assert found.ended is not None
        start, best = found.ended
        spread = find_spread(best, each, self.residuals.roundings, at_kink=bool(kinks), scaled=self.scaled)
        return Answer(tuple(self.names), tuple(self.linear), start, best, spread, len(each), self.scaled)

    def predict(self, answer: Answer, data: Data) -> tuple[Prediction, ...]:
        """Return the formula at further rows."""
        curve = Curve(self.formula.program, answer.names, self.fixed, data.columns, data.rows)
        return answer.predictions(curve, data.columns)

    def certify(self, answer: Answer, sigma: str, *, interrupted: bool) -> Certificate:
        """Return the proof that the answer is beside a minimum, or why there is none."""
        from backprop_cli.fitting.certify import certify

        if interrupted or answer.spread.outcome not in (Outcome.CONVERGED, Outcome.EXACT):
            return Certificate(reason="the search did not come to a minimum")
        columns = self.data.columns
        weights = read_columns(sigma, list(columns), "sigma") if sigma else None
        held = dict(zip(answer.names, map(int, answer.best.held), strict=True))
        try:
            return certify(self.formula, columns, weights, answer.estimates, held, self.fixed)
        except KeyboardInterrupt:
            return Certificate(reason=_INTERRUPTED)

    def draw(self, answer: Answer) -> Drawn:
        """Return what a picture of the answer shows."""
        from backprop_cli.fitting.drawn import draw_fit

        best, residuals = answer.best, self.residuals
        values, _ = residuals.curve.values(best.point)
        point = {**self.fixed, **answer.estimates}
        rows = residuals.response, residuals.each(best.point), values
        return draw_fit(self.formula.program, self.data.columns, point, *rows)


def fit_rows(
    formula: Formula,
    data: Data,
    wish: Wish,
    predict: Data | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Fit:
    """Return the fit of a formula to rows of data; see ``fit``.

    predict: rows to say the formula at.  advance: is told of each point at which all rows are computed.
    Ctrl-C ends the search with the best point so far.
    """
    if wish.certify:
        from backprop_cli.fitting import certify  # noqa: F401 - without its package nothing is begun
    wish = wish.by_elements()
    task = _read_task(formula, data, wish, advance)
    starts = draw_starts(task.names, task.linear, wish)
    found = task.search.descend(starts, task.scout if len(starts) > 1 else None)
    if found.ended is None and task.scout is not None:  # the rows that were left out may lack a value
        found = task.search.descend(starts)
    if found.ended is None:
        raise DomainError(_no_start(task.residuals, starts[0], task.search.linear))
    with np.errstate(all="ignore"):  # an entry of the covariance may leave the doubles
        return _record(task, wish, found, predict)


def _read_task(formula: Formula, data: Data, wish: Wish, advance: Callable[[int], None]) -> _Task:
    fixed = fixed_parameters(formula, wish)
    names = [name for name in formula.parameters if name not in fixed]
    check_wish(names, data, wish)
    response = evaluate_columns(formula.response, data.columns, data.rows, "the left side of ~")
    sigma = read_sigma(wish.sigma, data)
    check_scale(response, sigma)
    graph = lower_source(formula.program)
    linear = [name for name in find_linear(graph, names) if name not in wish.bounds]
    places = np.array([names.index(name) for name in linear], int)

    def over(columns: Mapping[str, Floats], response: Floats, sigma: Floats | None) -> Search:
        curve = Curve(formula.program, names, fixed, columns, len(response))
        return Search(Residuals(curve, response, sigma, advance), *_ends(names, wish), places)

    scout = None
    if data.rows > _MOST_FOR_STARTS:
        rows = np.sort(np.random.default_rng(0).choice(data.rows, _MOST_FOR_STARTS, replace=False))
        some = {name: column[rows] for name, column in data.columns.items()}
        scout = over(some, response[rows], None if sigma is None else sigma[rows])
    search, is_scaled = over(data.columns, response, sigma), sigma is None or wish.scale_errors
    return _Task(formula, data, names, linear, fixed, search, scout, is_scaled)


def _record(task: _Task, wish: Wish, found: Found, predict: Data | None) -> Fit:
    """Return all that is told of a fit."""
    assert found.ended is not None
    point = found.ended[1].point
    kinks, each = task.residuals.curve.kinks(point), task.residuals.each(point)
    answer = task.answer(found, each, kinks)
    best, spread, formula = answer.best, answer.spread, task.formula
    certificate = task.certify(answer, wish.sigma, interrupted=found.interrupted) if wish.certify else None
    largest = int(np.argmax(np.abs(each)))
    return Fit(
        formula=formula.text,
        read_as=formula.program.read_as,
        columns=tuple(task.data.columns),
        parameters=answer.parameters(formula.parameters, task.fixed, wish.starts),
        outcome=spread.outcome,
        rows=task.data.rows,
        dof=answer.dof,
        rss=best.rss,
        found=answer.found,
        covariance=None if spread.covariance is None else tuple(map(tuple, spread.covariance.tolist())),
        offset=spread.offset,
        sigma=wish.sigma,
        scaled=task.scaled,
        probability=None if task.scaled else chance_of_more(best.rss, answer.dof),
        largest=float(each[largest]),
        row=largest + 1,
        useless=tuple(task.names[place] for place in spread.useless),
        together=tuple(task.names[place] for place in spread.together),
        kinks=len(kinks),
        kink=kinks[0] + 1 if kinks else 0,
        starts=found.begun,
        agreed=found.agreed,
        tried=found.rows,
        evaluations=task.residuals.count,
        interrupted=found.interrupted or (certificate is not None and certificate.reason == _INTERRUPTED),
        skipped=task.data.skipped,
        predictions=() if predict is None else task.predict(answer, predict),
        drawn=task.draw(answer) if wish.drawn else None,
        certificate=certificate,
    )


def _ends(names: list[str], wish: Wish) -> tuple[Floats, Floats]:
    """Return the least and the most that each parameter may be."""
    bounds = [wish.bounds.get(name, (-math.inf, math.inf)) for name in names]
    return np.array([low for low, _ in bounds], float), np.array([high for _, high in bounds], float)


def _no_start(residuals: Residuals, start: Floats, linear: Floats) -> str:
    """Return why the formula has no value at a start."""
    point = start.copy()
    point[linear] = np.where(np.isfinite(start[linear]), start[linear], 0.0)
    return f"the formula has no value at the start: {residuals.explain(point)}"
