"""The library call: a formula and rows of data in, its parameters and their errors out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

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
from backprop_cli.fitting.report import Fit
from backprop_cli.fitting.rows import Curve, Residuals, evaluate_columns
from backprop_cli.fitting.solve import Search
from backprop_cli.fitting.spread import chance_of_more, find_spread
from backprop_cli.language.arguments import real_number
from backprop_cli.language.source import choose_point
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.fitting.formula import Formula
    from backprop_cli.fitting.report import Drawn, Prediction
    from backprop_cli.fitting.solve import Place

Start = float | tuple[float, float]
"""Where a parameter begins: a number, or the ends of a range."""
STARTS = 20
_ANYWHERE = 1e-3, 1e3
_AGREE = 1e-8


class Wish(NamedTuple):
    """What is asked for beside the formula.

    starts: parameter -> where it begins.  fixed: parameter -> its number.  bounds: -> (least, most).  sigma:
    the error of the left side, a formula of columns, "" for none.  scale_errors: by the residuals,
    though there is a sigma.  tries: how many starts are drawn from ranges.  drawn: what a picture needs.
    """

    starts: Mapping[str, Start]
    fixed: Mapping[str, float]
    bounds: Mapping[str, tuple[float, float]]
    sigma: str = ""
    scale_errors: bool = False
    tries: int = STARTS
    drawn: bool = False


class Data(NamedTuple):
    """Rows of data. columns: name -> numbers, all finite.  skipped: how many were left out."""

    columns: Mapping[str, Floats]
    rows: int
    skipped: int = 0


def fit(
    formula: str,
    data: Mapping[str, ArrayLike],
    starts: Mapping[str, Start] | None = None,
    /,
    *,
    fixed: Mapping[str, float] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    sigma: str = "",
    scale_errors: bool = False,
    tries: int = STARTS,
    notation: str | None = None,
    **more_starts: Start,
) -> Fit:
    """Fit a formula to rows of data by least squares, and say how far each parameter is known.

    formula: "y ~ a*exp(-b*x)": names that are no columns are parameters.  data: column -> numbers.
    starts, more_starts: where parameters begin; a pair is a range that ``tries`` starts are drawn from.
    Parameters in which the formula is linear need none; others without one are drawn from 0.001 to 1000.
    fixed: parameters that stay.  bounds: parameter -> (least, most).  sigma: the error of the left side, a
    formula of columns; without it, or with scale_errors, the errors of the parameters are scaled by the
    residuals.

    ``outcome`` says whether it converged: nothing is raised where it does not.

    Raises ParseError, InputError for what can't be meant, DomainError where a start has no value.

    >>> fit("y ~ a*x + b", {"x": [0, 1, 2], "y": [1, 3, 5]}).estimates["a"]
    2.0
    """
    from backprop_cli.batch.rowwise import column_numbers

    wish = Wish(
        {**(starts or {}), **more_starts}, dict(fixed or {}), dict(bounds or {}), sigma, scale_errors, tries
    )
    columns = {name: column_numbers(name, column) for name, column in data.items()}
    read = read_formula(formula, list(columns), [*wish.starts, *wish.fixed], notation)
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


def needed_columns(formula: Formula, wish: Wish, known: list[str]) -> list[str]:
    """Return the columns that a fit reads. Raises ParseError or InputError."""
    sigma = read_columns(wish.sigma, known, "sigma").inputs if wish.sigma else ()
    return list(dict.fromkeys((*formula.columns(known), *(name for name in sigma if name in known))))


def fit_rows(formula: Formula, data: Data, wish: Wish, predict: Data | None = None) -> Fit:
    """Return the fit of a formula to rows of data; see ``fit``. predict: rows to say the formula at."""
    fixed = _fixed(formula, wish)
    names = [name for name in formula.parameters if name not in fixed]
    _check(names, data, wish)
    response = evaluate_columns(formula.response, data.columns, data.rows, "the left side of ~")
    sigma = _sigma(wish.sigma, data)
    curve = Curve(formula.program, names, fixed, data.columns, data.rows)
    residuals = Residuals(curve, response, sigma)
    linear = [name for name in find_linear(curve.graph, names) if name not in wish.bounds]
    starts = draw_starts(names, linear, wish)
    search = Search(residuals, *_ends(names, wish), np.array([names.index(name) for name in linear], int))
    ended = search.descend(starts)
    if not ended:
        raise DomainError(_no_start(residuals, starts[0], search.linear))
    start, best = ended[0]
    scaled = sigma is None or wish.scale_errors
    spread = find_spread(best, residuals.roundings, scaled=scaled)
    answer = Answer(tuple(names), tuple(linear), start, best, spread, scaled)
    noise = float(residuals.roundings @ residuals.roundings)
    largest = int(np.argmax(np.abs(best.here.residuals)))
    return Fit(
        formula=formula.text,
        read_as=formula.program.read_as,
        columns=tuple(data.columns),
        parameters=answer.parameters(formula.parameters, fixed, wish.starts),
        outcome=spread.outcome,
        rows=data.rows,
        dof=answer.dof,
        rss=best.rss,
        found=answer.found,
        covariance=None if spread.covariance is None else tuple(map(tuple, spread.covariance.tolist())),
        offset=spread.offset,
        sigma=wish.sigma,
        scaled=scaled,
        probability=None if scaled else chance_of_more(best.rss, answer.dof),
        largest=float(best.here.residuals[largest]),
        row=largest + 1,
        useless=tuple(names[place] for place in spread.useless),
        together=tuple(names[place] for place in spread.together),
        starts=len(starts),
        agreed=sum(place.rss <= best.rss * (1 + _AGREE) + noise for _, place in ended),
        evaluations=residuals.count,
        skipped=data.skipped,
        predictions=() if predict is None else _predictions(formula, fixed, answer, predict),
        drawn=_drawn(formula, data, {**fixed, **answer.estimates}, residuals, best) if wish.drawn else None,
    )


def _drawn(
    formula: Formula, data: Data, point: Mapping[str, float], residuals: Residuals, best: Place
) -> Drawn:
    from backprop_cli.fitting.drawn import draw_fit

    (values, _), _ = residuals.curve.at(best.point)
    return draw_fit(formula.program, data.columns, point, residuals.response, best.here.residuals, values)


def _predictions(
    formula: Formula, fixed: Mapping[str, float], answer: Answer, data: Data
) -> tuple[Prediction, ...]:
    curve = Curve(formula.program, answer.names, fixed, data.columns, data.rows)
    return answer.predictions(curve, data.columns)


def _ends(names: list[str], wish: Wish) -> tuple[Floats, Floats]:
    """Return the least and the most that each parameter may be."""
    bounds = [wish.bounds.get(name, (-math.inf, math.inf)) for name in names]
    return np.array([low for low, _ in bounds], float), np.array([high for _, high in bounds], float)


def _fixed(formula: Formula, wish: Wish) -> dict[str, float]:
    """Return the parameters that stay: those that are fixed, and the program's own constants."""
    own = {name for name in formula.program.defaults if name not in wish.starts}
    zeros = {name: 0.0 for name in formula.program.inputs if name not in formula.program.defaults}
    values = choose_point(formula.program, {**zeros, **wish.fixed})
    return {name: x for name, x in values.items() if name in wish.fixed or name in own}


def _check(names: list[str], data: Data, wish: Wish) -> None:
    """Raise InputError for a wish that can't be met."""
    if not data.rows:
        raise InputError("the data has no rows")
    if not names:
        raise InputError("there is no parameter to find", hint="names that are no columns are parameters")
    if data.rows < len(names):
        raise InputError(
            f"{data.rows:,} row{'s' * (data.rows > 1)} can't tell {len(names):,} parameters",
            hint=f"they are {listing(names)}; the columns are {listing(list(data.columns))}",
        )
    for name, start in wish.starts.items():
        ends = start if isinstance(start, tuple) else (start, start)
        if (
            len(ends) != 2
            or not all(math.isfinite(real_number(name, end)) for end in ends)
            or ends[0] > ends[1]
        ):
            raise InputError(f"{name} can't begin at {start}", hint="a number, or a range from less to more")
        if name in wish.fixed:
            raise InputError(f"{name} is fixed and has a start, too")
    for name, (least, most) in wish.bounds.items():
        if name not in names:
            raise InputError(
                f"{name} has bounds, but is not found", hint=f"what is found is {listing(names)}"
            )
        if not least < most:
            raise InputError(f"the bounds of {name} leave no room: {least:g} to {most:g}")


def _sigma(text: str, data: Data) -> Floats | None:
    """Return the error of the left side at every row, None for none. Raises InputError or DomainError."""
    if not text:
        return None
    source = read_columns(text, list(data.columns), "sigma")
    sigma = evaluate_columns(source, data.columns, data.rows, "sigma")
    bad = np.flatnonzero(~(sigma > 0))
    if bad.size:
        raise InputError(f"row {bad[0] + 1}: sigma is {sigma[bad[0]]:g}", hint="an error is a number above 0")
    return sigma


def draw_starts(names: list[str], linear: list[str], wish: Wish) -> list[Floats]:
    """Return the points to begin at, NaN in the places of linear parameters without a start.

    From ranges they are drawn so that each range, cut into as many parts as there are starts, has one in each
    part; parts of a range of positive numbers grow by a factor.
    """
    given = [
        wish.starts.get(name, math.nan if name in linear else _guess(wish.bounds.get(name))) for name in names
    ]
    ranges = [x for x in given if isinstance(x, tuple)]
    count = max(1, wish.tries) if ranges else 1
    random = np.random.default_rng(0)
    columns = [
        _spread_out(x, (random.permutation(count) + 0.5) / count)
        if isinstance(x, tuple)
        else np.full(count, x)
        for x in given
    ]
    return list(np.array(columns, float).T)


def _guess(bounds: tuple[float, float] | None) -> Start:
    """Return where a parameter begins for which nothing is given: about 1, within its bounds."""
    if bounds is None:
        return _ANYWHERE
    low, high = max(bounds[0], _ANYWHERE[0]), min(bounds[1], _ANYWHERE[1])
    return (low, high) if low < high else min(max(1.0, bounds[0]), bounds[1])


def _spread_out(ends: tuple[float, float], parts: Floats) -> Floats:
    low, high = ends
    drawn: Floats = low * (high / low) ** parts if low > 0 else low + parts * (high - low)
    return drawn


def _no_start(residuals: Residuals, start: Floats, linear: Floats) -> str:
    """Return why the formula has no value at a start."""
    point = start.copy()
    point[linear] = np.where(np.isfinite(start[linear]), start[linear], 0.0)
    return f"the formula has no value at the start: {residuals.explain(point)}"
