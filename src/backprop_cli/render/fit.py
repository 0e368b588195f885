"""Fits as tables, CSV and JSON: schema backprop/fit@1."""

from __future__ import annotations

import csv
import io
import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

from backprop_cli.console.sheets import Block, Row, Sheet
from backprop_cli.console.strict_json import dump, maybe_number, number
from backprop_cli.fitting.report import Outcome, Role
from backprop_cli.render.resume import how_to_go_on
from backprop_cli.text import listing, number_text, reading

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.console.sheets import Role as Colour
    from backprop_cli.fitting.report import Certificate, Fit, Parameter, Prediction

_HARDLY_APART = 0.95
_FEW_PAIRS = 3
_SMALL_OFFSET = 1e-6
_NEAR = 1e-9


def fit_blocks(fit: Fit, digits: int | None) -> list[Block]:
    """Return the parameters with their errors, predictions if there are any, and what is to be said."""
    sheets = [_sheet(fit, digits)] + ([_predicted(fit, digits)] if fit.predictions else [])
    blocks = [Block((lambda sheet=sheet: sheet,), lambda sheet=sheet: _lines(sheet)) for sheet in sheets]  # type: ignore[misc]
    return [*blocks, Block((), lambda: list(closing(fit, digits)))]


def _sheet(fit: Fit, digits: int | None) -> Sheet:
    rows = [_row(parameter, digits) for parameter in fit.parameters]
    return Sheet(("parameter", "estimate", "error", "relative", "95 % from", "to", ""), (1, 2, 3, 4, 5), rows)


def _row(parameter: Parameter, digits: int | None) -> Row:
    x, error = parameter.estimate, parameter.error
    relative = "" if not error or not x else f"{100 * error / abs(x):.2g} %"
    numbers = ("" if y is None else number_text(y, digits) for y in (error, parameter.low, parameter.high))
    first, *ends = numbers
    note = "" if parameter.role in (Role.FREE, Role.LINEAR) else str(parameter.role)
    cells = (parameter.name, number_text(x, digits), first, relative, *ends, note)
    return Row(tuple((cell,) for cell in cells), "note" if note else "input")


def _predicted(fit: Fit, digits: int | None) -> Sheet:
    names = list(fit.predictions[0].point)
    header = (*names, "value", "error", "95 % from", "to", "")
    rows = []
    for found in fit.predictions:
        numbers = (*found.point.values(), found.value, found.error, found.low, found.high)
        cells = ["" if x is None else number_text(x, digits) for x in numbers]
        rows.append(Row(tuple((cell,) for cell in (*cells, found.note))))
    return Sheet(header, tuple(range(len(header) - 1)), rows, wraps=len(header) - 1)


def _lines(sheet: Sheet) -> list[tuple[str, Colour]]:
    """Return a sheet as lines, for a terminal too narrow for columns."""
    lines: list[tuple[str, Colour]] = []
    for row in sheet.rows:
        told = zip(sheet.header, row.cells, strict=True)
        lines += [(" ".join(filter(None, (head, cell[0]))), row.role) for head, cell in told if cell[0]]
    return lines


def closing(fit: Fit, digits: int | None) -> Iterator[tuple[str, Colour]]:
    """Yield what is to be said of a fit."""
    if fit.read_as:
        yield reading(fit.read_as), "note"
    if fit.skipped:
        yield f"{fit.skipped:,} row{'s' * (fit.skipped > 1)} that can't be read left out", "note"
    yield _squares(fit, digits), "output"
    yield from ((told, "") for told in _errors(fit))
    yield from ((told, "note") for told in (*_notes(fit), *_starts(fit)))
    is_done = fit.outcome in (Outcome.CONVERGED, Outcome.EXACT)
    yield _outcome(fit), "pass" if is_done else "fail"
    if fit.certificate is not None:
        yield _proof(fit, fit.certificate), "fail" if fit.certificate.reason else "pass"
    if fit.interrupted:
        yield how_to_go_on(fit.looked_for), "note"


def _squares(fit: Fit, digits: int | None) -> str:
    count = len(fit.found)
    size = f"{fit.rows:,} row{'s' * (fit.rows != 1)}, {count} parameter{'s' * (count != 1)} found"
    largest = f"the largest residual is {number_text(fit.largest, digits)}, in row {fit.row}"
    total = number_text(fit.rss, digits)
    if not fit.sigma:
        s = f", s = {number_text(math.sqrt(fit.rss / fit.dof), digits)}" if fit.dof else ""
        return f"{size}: the squares of the residuals sum to {total}{s}; {largest}"
    of_sigma = f"; {largest}, in units of sigma"
    if not fit.dof:
        return f"{size}: χ² = {total}{of_sigma}"
    ratio = f"{size}: χ² = {total}, {number_text(fit.rss / fit.dof, 4)} per degree of freedom"
    if fit.probability is not None:
        ratio += f", more by chance with probability {number_text(fit.probability, 3)}"
    return ratio + of_sigma


def _errors(fit: Fit) -> Iterator[str]:
    """Yield what the errors are, or why there are none."""
    freedom = f"{fit.dof:,} degree{'s' * (fit.dof != 1)} of freedom"
    if fit.covariance is not None and fit.scaled:
        yield f"errors are scaled by the residuals; the intervals are Student's with {freedom}"
    elif fit.covariance is not None:
        yield f"errors follow from sigma, {fit.sigma}, not from the residuals; the intervals are normal ones"
    elif fit.outcome is Outcome.EXACT:
        yield "the residuals are rounding, so they tell no errors"
    elif fit.outcome in (Outcome.OPEN, Outcome.KINK):
        yield "no errors are told: they are those of a minimum where the formula is smooth"
    elif fit.outcome is not Outcome.UNDETERMINED and not fit.dof:
        yield "there are as many rows as parameters, so nothing is left to tell errors from"


def _notes(fit: Fit) -> Iterator[str]:
    """Yield what is worth knowing of single parameters."""
    held = [f"{p.name} = {p.estimate:g}" for p in fit.parameters if p.role in (Role.LOWER, Role.UPPER)]
    if held:
        them = "it were" if len(held) == 1 else "they were"
        yield f"bounds hold {listing(held)}: the errors of the others are as if {them} fixed"
    pairs = sorted(_correlations(fit), key=lambda pair: -abs(pair[2]))
    for one, other, share in pairs[:_FEW_PAIRS]:
        if abs(share) > _HARDLY_APART:
            yield f"{one} and {other} are hardly told apart: their correlation is {share:.4f}"
    if fit.useless:
        ends = "s" * (len(fit.useless) == 1)
        yield f"{listing(list(fit.useless))} change{ends} no row here to first order, so there are no errors"
    if fit.together:
        which = listing(list(fit.together))
        yield f"{which} can't be told apart: to first order rows change by a combination of them alone"
    if fit.useless or fit.together:
        yield f"it reads the columns {listing(list(fit.columns))}; its other names are parameters"


def _correlations(fit: Fit) -> Iterator[tuple[str, str, float]]:
    if fit.covariance is None:
        return
    sizes = [math.sqrt(row[place]) for place, row in enumerate(fit.covariance)]
    for i, j in combinations(range(len(sizes)), 2):
        if sizes[i] and sizes[j]:
            yield fit.found[i], fit.found[j], fit.covariance[i][j] / sizes[i] / sizes[j]


def _starts(fit: Fit) -> Iterator[str]:
    """Yield where the descents began, and how many agreed."""
    chosen = [parameter.name for parameter in fit.parameters if parameter.chosen]
    if chosen:
        drawn = f"{fit.starts} were tried" if fit.starts > 1 else "one was chosen"
        yield f"no start was given for {listing(chosen)}: {drawn}; {chosen[0]}=LOW..HIGH says where to look"
    if fit.starts > 1:
        ended = f"{fit.agreed:,} of {fit.starts:,} starts ended at"
        if fit.tried < fit.rows:
            yield f"{ended} the least sum over {fit.tried:,} of the rows; all rows were taken from there"
        else:
            yield f"{ended} this sum of squares, none below it"


def _outcome(fit: Fit) -> str:
    match fit.outcome:
        case Outcome.EXACT:
            return "exact: the formula goes through every row, to within rounding"
        case Outcome.CONVERGED if not fit.found:
            return "converged: bounds hold every parameter that was to be found"
        case Outcome.CONVERGED if fit.offset <= _SMALL_OFFSET:
            return "converged: a further step would move no parameter by a millionth of its error"
        case Outcome.CONVERGED:
            return "converged as far as doubles go: what is left of the slope is rounding"
        case Outcome.UNDETERMINED:
            return "not determined: to first order other numbers of these parameters fit as well"
        case Outcome.KINK:
            more = f" and {fit.kinks - 1:,} more" if fit.kinks > 1 else ""
            return f"not decided: no derivative by the parameters here, at a kink in row {fit.kink:,}{more}"
        case Outcome.OPEN if fit.interrupted:
            return "not converged: this is the best point so far"
    return "not converged: this is the best point that was met; another start may lead on"


def _proof(fit: Fit, proof: Certificate) -> str:
    if proof.reason:
        return f"not proved: {proof.reason}"
    bounds = " within the bounds" if len(proof.enclosed) < len(fit.looked_for) else ""
    what = f"proved: a strict local minimum of the sum of squares{bounds} lies"
    if not proof.enclosed:
        return f"{what} where these hold all parameters"
    parts = {p: p.within / abs(x) if (x := fit.estimates[p.name]) else 1.0 for p in proof.enclosed}
    near = [part for part in parts.values() if part <= _NEAR]
    far = [p for p, part in parts.items() if part > _NEAR]
    if not far and not max(near):
        return f"{what} at the unrounded estimates"
    others = f" but {listing([p.name for p in far])}" if far else ""
    told = [f"{_at_most(max(near))} of the unrounded estimates, relative to each{others}"] if near else []
    told += [f"{_at_most(p.within)} of the estimate of {p.name}" for p in far]
    return f"{what} within {', and '.join(told)}"


def _at_most(x: float) -> str:
    """Return two digits of a bound, rounded up."""
    text = f"{x:.2g}"
    return text if float(text) >= x else f"{x * 1.06:.2g}"


def render_csv(fit: Fit) -> str:
    """Return a parameter a row, or where they are asked for, a prediction a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if fit.predictions:
        writer.writerow((*fit.predictions[0].point, "value", "error", "low", "high"))
        for found in fit.predictions:
            writer.writerow((*map(repr, found.point.values()), *_cells(found)))
        return text.getvalue()
    writer.writerow(("parameter", "estimate", "error", "low", "high", "role"))
    for parameter in fit.parameters:
        writer.writerow((parameter.name, *_cells(parameter), parameter.role))
    return text.getvalue()


def _cells(found: Parameter | Prediction) -> Iterator[str]:
    first = found.estimate if hasattr(found, "estimate") else found.value
    return ("" if x is None else repr(x) for x in (first, found.error, found.low, found.high))


def render_json(fit: Fit) -> str:
    """Return the fit as one line of JSON."""
    record: dict[str, Any] = {
        "schema": "backprop/fit@1",
        "formula": fit.formula,
        **({"read_as": fit.read_as} if fit.read_as else {}),
        "columns": list(fit.columns),
        "outcome": fit.outcome,
        "parameters": {parameter.name: _parameter(parameter) for parameter in fit.parameters},
        "found": list(fit.found),
        "covariance": None
        if fit.covariance is None
        else [[number(x) for x in row] for row in fit.covariance],
        "rows": fit.rows,
        "skipped": fit.skipped,
        "dof": fit.dof,
        "rss": number(fit.rss),
        "largest": {"residual": number(fit.largest), "row": fit.row},
        "sigma": fit.sigma or None,
        "errors": None if fit.covariance is None else "scaled" if fit.scaled else "absolute",
        "probability": maybe_number(fit.probability),
        "offset": number(fit.offset),
        "starts": {"count": fit.starts, "agreed": fit.agreed, "rows": fit.tried},
        "evaluations": fit.evaluations,
        "interrupted": fit.interrupted,
        "useless": list(fit.useless),
        "together": list(fit.together),
        "kinks": {"count": fit.kinks, "row": fit.kink or None},
    }
    if fit.certificate is not None:
        record["certified"] = _certified(fit.certificate)
    if fit.predictions:
        record["predictions"] = [_prediction(found) for found in fit.predictions]
    return dump(record)


def _certified(proof: Certificate) -> dict[str, Any]:
    if proof.reason:
        return {"proved": False, "reason": proof.reason}
    enclosed = {p.name: {"low": p.low, "high": p.high, "within": number(p.within)} for p in proof.enclosed}
    return {"proved": True, "enclosed": enclosed}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "estimate": number(parameter.estimate),
        "error": maybe_number(parameter.error),
        "low": maybe_number(parameter.low),
        "high": maybe_number(parameter.high),
        "role": parameter.role.name.lower(),
        "start": maybe_number(parameter.start),
    }


def _prediction(found: Prediction) -> dict[str, Any]:
    record: dict[str, Any] = {
        "point": {name: number(x) for name, x in found.point.items()},
        "value": maybe_number(found.value),
        "error": maybe_number(found.error),
        "low": maybe_number(found.low),
        "high": maybe_number(found.high),
    }
    return record | ({"note": found.note} if found.note else {})
