"""Where first order misleads: as second derivatives, values beside the estimates and random points say."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.diagnostic import Diagnostic
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import forward
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.reals import LADDER
from backprop_cli.text import number_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.source import Source
    from backprop_cli.uncertainty.report import BudgetReport

_CHANGE, _SHIFT = 0.05, 0.1
"""How much of the uncertainty second order may change, and how far it may shift the mean."""
_ROUNDING = 1e-9
_MOST_WORK = 2_000_000
"""Nodes times inputs, up to which the program is computed beside its point, too."""
_FEW = 8


def warnings_of(source: Source, report: BudgetReport) -> list[Diagnostic]:
    """Return what is to be said of an uncertainty to first order."""
    found = [*_by_second_order(report), *_by_samples(report)]
    graph = lower_source(source)
    if report.uncertainty is not None and len(graph.ops) * len(report.parts) <= _MOST_WORK:
        found += list(_by_steps(graph, report))[:_FEW]
    return found


def _by_second_order(report: BudgetReport) -> Iterator[Diagnostic]:
    first, second = report.uncertainty, report.second
    if first is None or second is None:
        return
    told = []
    if second.uncertainty > (1 + _CHANGE) * first:
        told.append(f"the uncertainty is {_short(second.uncertainty)} instead of {_short(first)}")
    if abs(second.shift) > _SHIFT * first:
        told.append(
            f"the mean is {_short(abs(second.shift))} {'below' if second.shift < 0 else 'above'} the value"
        )
    if told:
        through = f"most of all through {second.leading}"
        yield Diagnostic(
            "nonlinear", f"first order misleads: to second order {' and '.join(told)}, {through}"
        )


def _by_samples(report: BudgetReport) -> Iterator[Diagnostic]:
    samples = report.samples
    if samples is None:
        return
    if samples.missing:
        yield Diagnostic(
            "missing",
            f"{samples.missing:,} of {samples.count:,} random points have no value, and are left out",
        )
    told = report.second.uncertainty if report.second is not None else report.uncertainty
    # That of so many normal numbers is off by 1/sqrt(2·count) of itself; five times that is allowed.
    slack = _CHANGE + 5 / math.sqrt(2 * samples.count)
    if told is not None and abs(samples.deviation - told) > slack * samples.deviation:
        order = "first" if report.second is None else "second"
        numbers = f"{_short(samples.deviation)}, not by {_short(told)}"
        yield Diagnostic("nonlinear", f"{order} order misleads: the random points spread by {numbers}")


def _by_steps(graph: Graph, report: BudgetReport) -> Iterator[Diagnostic]:
    """Yield the inputs that reach a kink, the end of the domain or another slope within their uncertainty."""
    total = report.uncertainty or 0.0
    for name, part in report.parts.items():
        estimate, spread = part.quantity.estimate, part.quantity.uncertainty
        values = [_value(graph, report, name, estimate + side * spread) for side in (-1, 1)]
        for value, word in zip(values, ("below", "above"), strict=True):
            if value is None:
                message = (
                    f"one standard uncertainty {word} its estimate {name} leaves the program without a value"
                )
                yield Diagnostic("domain", message)
        low, high = values
        if low is None or high is None:
            continue
        half, told = (high - low) / 2, part.sensitivity * spread
        rounding = _ROUNDING * (abs(low) + abs(high) + abs(report.value))
        if not (math.isfinite(half) and abs(half - told) > max(_CHANGE * total, rounding)):
            continue
        # Doubles cancel where the value is near 0: 1 - cos(x) at 1e-9 moves by 1e-19.
        down, up = (_change(graph, report, name, side * spread) for side in (-1, 1))
        if abs((up - down) / 2 - told) > _CHANGE * total:
            yield Diagnostic(
                "nonlinear",
                f"first order misleads: one standard uncertainty of {name} up and down changes the value by "
                f"{_short(up)} and {_short(down)}, where first order says {_short(told)} and {_short(-told)}",
            )


def _value(graph: Graph, report: BudgetReport, name: str, x: float) -> float | None:
    """Return the value where one input is another; None where there is none."""
    primal, failures = forward(graph, {**report.inputs, name: x}, FLOAT)
    return None if graph.output in failures else float(primal[graph.output])


def _change(graph: Graph, report: BudgetReport, name: str, step: float) -> float:
    """Return how far the value moves with an input, from many digits; NaN where it is not known."""
    from backprop_cli.operations.bounded import bounded_reals

    m = bounded_reals(LADDER[0])
    x = m.number(report.inputs[name])
    here, there = (forward(graph, {**report.inputs, name: at}, m) for at in (x, x + m.number(step)))
    if graph.output in here[1] or graph.output in there[1]:
        return math.nan
    change = there[0][graph.output] - here[0][graph.output]
    return math.nan if change.is_noise and not change.is_exact else float(change.value)


def _short(x: float) -> str:
    return number_text(x, 3)
