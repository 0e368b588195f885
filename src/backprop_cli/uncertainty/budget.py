"""``budget``: a program and inputs with uncertainties in, the uncertainty of the output and its parts out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from backprop_cli.calculus.hessian import hessian_of_source
from backprop_cli.differentiate import differentiate_source
from backprop_cli.errors import InputError, LimitError
from backprop_cli.language.arguments import given_values, name_list, real_number
from backprop_cli.language.source import choose_point, read_source
from backprop_cli.system.collector import collector_paused
from backprop_cli.uncertainty.combine import combine, coverage, effective_dof, second_order
from backprop_cli.uncertainty.correlations import check_correlations
from backprop_cli.uncertainty.misleading import warnings_of
from backprop_cli.uncertainty.quantities import FORMS, given_quantities, with_dof
from backprop_cli.uncertainty.report import BudgetReport, Part, Quantity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backprop_cli.language.source import Source
    from backprop_cli.report import GradientCheck
    from backprop_cli.uncertainty.combine import Combined
    from backprop_cli.uncertainty.report import Pair, Samples, SecondOrder

PERCENT = 95.0
FEWEST, MOST = 100, 10_000_000
"""How many random points may be asked for."""

Value = float | str | tuple[float, float] | Quantity


def budget(
    program: str,
    inputs: Mapping[str, Value] | None = None,
    /,
    *,
    correlations: Mapping[Pair, float] | None = None,
    dof: Mapping[str, float] | None = None,
    percent: float = PERCENT,
    monte_carlo: int | None = None,
    seed: int = 1,
    check: bool = True,
    notation: str | None = None,
    **more_inputs: Value,
) -> BudgetReport:
    """Return the uncertainty of a program's value, and what each input brings to it.

    inputs, more_inputs: the value of each input: a number, which is exact; an estimate and its standard
    uncertainty as a pair or a ``Quantity``; or a text such as "2.00(10)", "2±0.1" or "2±3%".
    correlations: (input, input) -> number from -1 to 1.  dof: input -> degrees of freedom of its uncertainty.
    percent: the probability that the expanded uncertainty is for.
    monte_carlo: how many random points the program is computed at besides; seed: which.
    check, notation: as in ``gradient``.

    Raises what ``gradient`` raises.

    >>> budget("v/i", v=(5, 0.1), i="0.02").uncertainty
    5.0
    """
    given = given_quantities(inputs or {}) | given_quantities(more_inputs)
    with collector_paused():
        source = read_measured(program, given, notation)
        return budget_of_source(
            source,
            given,
            correlations=_given_correlations(correlations or {}),
            dof=given_values("dof", dof or {}),
            percent=real_number("percent", percent),
            monte_carlo=None if monte_carlo is None else _whole("monte_carlo", monte_carlo),
            seed=_whole("seed", seed),
            check=check,
        )


def read_measured(program: str, given: Mapping[str, Quantity], notation: str | None = None) -> Source:
    """Read a program of quantities, those of an array by the names of its elements: x[0].

    Raises what ``read_source`` raises.
    """
    elements = [name for name in given if "[" in name]
    return read_source(program, [name for name in given if "[" not in name], notation, elements)


def budget_of_source(
    source: Source,
    given: Mapping[str, Quantity],
    *,
    correlations: Mapping[Pair, float],
    dof: Mapping[str, float],
    percent: float = PERCENT,
    monte_carlo: int | None = None,
    seed: int = 1,
    check: bool = True,
) -> BudgetReport:
    """Return the budget of a program; see ``budget``."""
    _require_range(percent, monte_carlo, seed)
    point = choose_point(source, {name: quantity.estimate for name, quantity in given.items()})
    quantities = with_dof({name: given.get(name, Quantity(x)) for name, x in point.items()}, dof)
    names = [name for name, quantity in quantities.items() if quantity.uncertainty]
    if not names:
        raise InputError("no input has an uncertainty", hint=FORMS)
    correlations = check_correlations(source, quantities, correlations)
    draft = differentiate_source(source, point, wrt=names, check=check)
    parts = {
        name: _part(quantities[name], draft.gradients[name], draft.check.gradients[name]) for name in names
    }
    found = _first_order(parts, correlations) if all(part.is_known for part in parts.values()) else None
    second, why = (None, "") if found is None else _second(source, quantities, names, correlations, found)
    samples = None
    if monte_carlo is not None:
        samples = _sample(source, quantities, correlations, monte_carlo, seed, percent)
    report = BudgetReport(
        program=source.text,
        inputs=point,
        output=draft.output,
        value=draft.value,
        parts=parts,
        exact=tuple(name for name in point if name not in parts),
        uncertainty=None,
        dof=None,
        coverage=None,
        check=draft.check,
        correlations=correlations,
        second=second,
        no_second=why,
        samples=samples,
        read_as=source.read_as,
    )
    if found is not None:
        report = _with_first_order(report, found, percent)
    # What is said of a kink names the slope that is used there, and none is where one is in the way.
    kept = (told for told in draft.warnings if found is not None or told.kind != "kink")
    return replace(report, warnings=(*kept, *warnings_of(source, report)))


def _given_correlations(values: Any) -> dict[Pair, float]:
    """Return the correlations that Python hands over. Raises InputError."""
    hint = 'it is a dictionary of pairs and numbers: {("a", "b"): -0.36}'
    if not isinstance(values, Mapping) or any(
        not isinstance(pair, tuple) or len(pair) != 2 for pair in values
    ):
        raise InputError("correlations are of another form", hint=hint)
    a_and_b = [name_list("correlations", pair) for pair in values]
    return {
        (a, b): real_number("a correlation", r) for (a, b), r in zip(a_and_b, values.values(), strict=True)
    }


def _whole(what: str, value: Any) -> int:
    """Return a whole number of any type. Raises InputError."""
    number = real_number(what, value)
    if not number.is_integer():
        raise InputError(f"{what} is {number:g}, not a whole number")
    return int(value)


def _require_range(percent: float, monte_carlo: int | None, seed: int) -> None:
    """Raise InputError for numbers that no budget can be made with."""
    if not 1 <= percent < 100:
        raise InputError(f"the coverage is {percent:g} percent", hint="from 1 to below 100, such as 95")
    if monte_carlo is not None and not FEWEST <= monte_carlo <= MOST:
        raise InputError(f"{monte_carlo:,} random points", hint=f"from {FEWEST:,} to {MOST:,} can be taken")
    if seed < 0:
        raise InputError(f"the seed is {seed}", hint="it is a whole number, 0 or more")


def _part(quantity: Quantity, slope: float, check: GradientCheck) -> Part:
    if check.at_kink:
        nan = math.nan
        return Part(quantity, nan, nan, at_kink=True, left=check.left, right=check.right)
    contribution = abs(slope) * quantity.uncertainty
    if math.isfinite(slope) and _is_lost(contribution, slope):
        raise LimitError(f"{slope:g} times {quantity.uncertainty:g} is beyond what doubles hold")
    return Part(quantity, slope, contribution)


def _is_lost(product: float, *factors: float) -> bool:
    """Tell whether doubles can't hold a product."""
    return not math.isfinite(product) or (product == 0 and all(factors))


def _first_order(parts: Mapping[str, Part], correlations: Mapping[Pair, float]) -> Combined:
    terms = {name: part.sensitivity * part.quantity.uncertainty for name, part in parts.items()}
    return combine(terms, correlations)


def _with_first_order(report: BudgetReport, found: Combined, percent: float) -> BudgetReport:
    dof = _dof(report.parts, found.uncertainty, report.correlations)
    return replace(
        report,
        parts={name: replace(part, share=found.shares[name]) for name, part in report.parts.items()},
        uncertainty=found.uncertainty,
        dof=dof,
        coverage=coverage(found.uncertainty, dof, percent) if dof and found.uncertainty else None,
        correlated=found.correlated if report.correlations else None,
    )


def _dof(parts: Mapping[str, Part], total: float, correlations: Mapping[Pair, float]) -> float | None:
    """Return the effective degrees of freedom; None where inputs correlate, and some have finite ones."""
    quantities = {name: part.quantity for name, part in parts.items()}
    if not total or all(math.isinf(quantity.dof) for quantity in quantities.values()):
        return math.inf
    if correlations:
        return None
    return effective_dof({name: part.contribution for name, part in parts.items()}, quantities, total)


def _second(
    source: Source,
    quantities: Mapping[str, Quantity],
    names: Iterable[str],
    correlations: Mapping[Pair, float],
    found: Combined,
) -> tuple[SecondOrder | None, str]:
    """Return what second derivatives add, or why that is not known."""
    point = {name: quantity.estimate for name, quantity in quantities.items()}
    try:
        entries = hessian_of_source(source, point, wrt=names, check=False).entries
    except LimitError as error:
        return None, error.message
    unknown = [
        (a, b) for a, row in entries.items() for b, entry in row.items() if not math.isfinite(entry.value)
    ]
    if unknown:
        a, b = unknown[0]
        return None, f"by {a} and {b}: {entries[a][b].reason}"
    bends: dict[str, dict[str, float]] = {
        a: {
            b: entry.value * quantities[a].uncertainty * quantities[b].uncertainty for b, entry in row.items()
        }
        for a, row in entries.items()
    }
    if any(_is_lost(bends[a][b], entry.value) for a, row in entries.items() for b, entry in row.items()):
        return None, "it is beyond what doubles hold"
    return second_order(found.uncertainty, bends, correlations), ""


def _sample(
    source: Source,
    quantities: Mapping[str, Quantity],
    correlations: Mapping[Pair, float],
    count: int,
    seed: int,
    percent: float,
) -> Samples:
    from backprop_cli.uncertainty.sampling import sample

    return sample(source, quantities, correlations, count=count, seed=seed, percent=percent)
