"""The library call: a program and a start in, a descent out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.descent.cost import Cost
from backprop_cli.descent.report import Descent
from backprop_cli.descent.rules import RULES
from backprop_cli.descent.steps import Limits, descend, descend_in_epochs, descend_newton
from backprop_cli.descent.verdict import judge
from backprop_cli.differentiate import differentiate_source
from backprop_cli.errors import DomainError, InputError
from backprop_cli.findings.undefined import undefined_gradients
from backprop_cli.language.arguments import given_values, name_list
from backprop_cli.language.source import Source, check_names, choose_point, read_source
from backprop_cli.text import listing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from backprop_cli.descent.rows import RowsCost
    from backprop_cli.descent.steps import Batches, Bounds

METHODS = ("newton", "bfgs", *RULES)
RATE, STEPS, NEWTON_STEPS = 0.1, 100, 200
_MOST_FOR_NEWTON = 30
_MOST_STEPS = 1_000_000


def minimize(
    program: str,
    inputs: Mapping[str, float] | None = None,
    /,
    *,
    wrt: Iterable[str] | None = None,
    method: str = "newton",
    rate: float | None = None,
    steps: int | None = None,
    until: float = 0.0,
    bounds: Bounds | None = None,
    maximize: bool = False,
    notation: str | None = None,
    **more_inputs: float,
) -> Descent:
    """Move inputs of a program against its gradient from a start on, and say what the last point is.

    program, inputs, more_inputs, notation: as in ``gradient``; the values are the start.
    wrt: the inputs that move, by default all.  method: "newton" (second derivatives; up to 30 inputs), "bfgs"
    (by scipy; L-BFGS-B within bounds), "gd" (gradient descent), "momentum" or "adam".  rate: how far a
    step of the last three goes, by default 0.1.
    steps: how many at most, by default 100, 200 of newton and bfgs.  until: the length of a gradient that is
    small enough.  bounds: input -> (least, most), not for newton.  maximize: move along the gradient.

    ``descent.steps`` has every point, ``descent.verdict`` what the last one is.

    Raises what ``gradient`` raises, DomainError where the start has no value or no gradient.

    >>> minimize("(x - 3)^2 + 1", x=0).steps[-1].point
    {'x': 3.0}
    """
    given = given_values("inputs", inputs or {}) | given_values("inputs", more_inputs)
    source = read_source(program, given, notation)
    return minimize_source(
        source,
        choose_point(source, given),
        wrt=None if wrt is None else name_list("wrt", wrt),
        method=method,
        rate=rate,
        steps=steps,
        until=until,
        bounds=bounds or {},
        maximize=maximize,
    )


def minimize_source(
    source: Source,
    point: Mapping[str, float],
    *,
    wrt: Iterable[str] | None = None,
    method: str = "newton",
    rate: float | None = None,
    steps: int | None = None,
    until: float = 0.0,
    bounds: Bounds,
    maximize: bool = False,
    advance: Callable[[int], None] = lambda _: None,
) -> Descent:
    """Return the descent of a program from a point on; see ``minimize``. advance: is told of each step."""
    names = list(source.inputs) if wrt is None else check_names(source, wrt)
    check_way(names, method, rate, bounds, steps)
    start = {name: point[name] for name in names}
    report = differentiate_source(source, dict(point), wrt=names, check=False)
    missing = undefined_gradients(report)
    if missing is not None:
        raise missing
    cost = Cost(source, names, point, -1 if maximize else 1)
    return run_descent(
        cost,
        start,
        report.output,
        method=method,
        rate=rate,
        steps=steps,
        until=until,
        bounds=bounds,
        advance=advance,
    )


def run_descent(
    cost: Cost | RowsCost,
    start: Mapping[str, float],
    output: str,
    *,
    method: str,
    rate: float | None,
    steps: int | None,
    until: float,
    bounds: Bounds,
    advance: Callable[[int], None],
    batches: Batches | None = None,
) -> Descent:
    """Return the descent from a start on, and its verdict; what ``check_way`` refuses was refused before.

    batches: of a mean over rows, the rows of a step; then ``steps`` are epochs.

    Raises DomainError where the start has no gradient.
    """
    first = cost.at(start)
    if first.slopes is None:
        raise DomainError(first.note)
    limit = steps if steps is not None else STEPS if method in RULES else NEWTON_STEPS
    limits = Limits(limit, until, bounds)
    rate = RATE if rate is None else rate
    if isinstance(cost, Cost) and method == "newton":
        found, end = descend_newton(cost, start, limits, advance)
    elif method == "bfgs":
        from backprop_cli.descent.quasi_newton import descend_bfgs

        found, end = descend_bfgs(cost, start, limits, advance)
    elif batches is not None:
        assert not isinstance(cost, Cost)
        found, end = descend_in_epochs(cost, start, RULES[method](rate), limits, batches, advance)
    else:
        found, end = descend(cost, start, RULES[method](rate), limits, advance)
    goes_by_rate = rate if method == "gd" and batches is None else None
    return Descent(
        program=cost.source.text,
        output=output,
        names=cost.names,
        fixed=cost.fixed,
        method=method,
        rate=rate,
        sign=cost.sign,
        steps=tuple(found),
        end=end,
        best=min(found, key=lambda step: cost.sign * step.cost).number,
        verdict=judge(cost, found, end, goes_by_rate, bounds),
        read_as=cost.source.read_as,
        batch=0 if batches is None else batches.size,
        seed=0 if batches is None else batches.seed,
    )


def check_way(names: list[str], method: str, rate: float | None, bounds: Bounds, steps: int | None) -> None:
    """Raise InputError for arguments that can't be meant."""
    if not names:
        raise InputError("no input moves", hint="the program has none, or --wrt names none")
    if method not in METHODS:
        raise InputError(f"there is no method {method!r}", hint=f"one of {', '.join(METHODS)}")
    if steps is not None and not 0 <= steps <= _MOST_STEPS:
        raise InputError(f"up to {_MOST_STEPS:,} steps are kept, not {steps:,}")
    if rate is not None and method not in RULES:
        raise InputError(f"{method} goes by no rate", hint="--method gd, momentum or adam does")
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise InputError("the rate is a number above 0")
    if method == "newton" and len(names) > _MOST_FOR_NEWTON:
        raise InputError(
            f"newton moves up to {_MOST_FOR_NEWTON} inputs, not {len(names):,}", hint="--method adam, or gd"
        )
    if method == "newton" and bounds:
        raise InputError("newton keeps to no bounds", hint="--method bfgs, gd, momentum or adam does")
    for name, (least, most) in bounds.items():
        if name not in names:
            raise InputError(f"{name} has bounds, but does not move", hint=f"what moves is {listing(names)}")
        if not least < most:
            raise InputError(f"the bounds of {name} leave no room: {least:g} to {most:g}")
