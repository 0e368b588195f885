"""What the last point of a descent is: nothing is called reached that second derivatives don't show."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from backprop_cli.calculus import report as second
from backprop_cli.calculus.hessian import hessian_of_source
from backprop_cli.descent.report import End, Kind, Verdict
from backprop_cli.errors import BackpropError
from backprop_cli.text import listing, number_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.calculus.report import Critical, HessianReport
    from backprop_cli.descent.cost import AnyCost
    from backprop_cli.descent.report import Step
    from backprop_cli.descent.steps import Bounds

_MOST_NODES, _MOST_NAMES = 2_000, 30
_NEAR = 1e-6
"""A critical point is the one that was come to within this part of the numbers."""
_FAR = 1e6
_SLIGHT = 1e-12
_OF_FREE = " of what no bound holds"


def judge(cost: AnyCost, steps: Sequence[Step], end: End, rate: float | None, bounds: Bounds) -> Verdict:
    """Return what the last point is. rate: of a rule that goes by one."""
    last = steps[-1]
    if last.is_kink:
        return Verdict(Kind.KINK, ("the last point is at a kink, where there is no derivative to be 0",))
    held = [name for name, span in bounds.items() if _is_held(cost, steps, name, span)]
    verdict = _of_free(cost, steps, end, rate, bounds, held)
    if not held:
        return verdict
    at = f"bounds hold {listing([f'{name} = {number_text(last.point[name])}' for name in held])}"
    return Verdict(verdict.kind, (*verdict.told, at), verdict.critical)


def _of_free(
    cost: AnyCost, steps: Sequence[Step], end: End, rate: float | None, bounds: Bounds, held: list[str]
) -> Verdict:
    """Return what the last point is along what no bound holds; beyond a bound that holds, the cost falls.

    Source: Nocedal & Wright, Numerical Optimization, 2nd ed., theorem 12.6.
    """
    last = steps[-1]
    free = [name for name in cost.names if name not in held]
    if not free:
        return Verdict(
            Kind.REACHED, (f"a local {'minimum' if cost.sign > 0 else 'maximum'} within the bounds",)
        )
    hessian = _second_order(cost, last, free)
    critical = hessian.critical if hessian is not None else None
    if critical is not None and _is_here(critical, last, bounds):
        found = _critical(critical if not held else replace(critical, is_proved=False), cost.sign)
        if not held:
            return found
        (told,) = found.told
        is_reached = found.kind is Kind.REACHED
        told = f"{told}, within the bounds" if is_reached else f"{_OF_FREE[1:]}, {told}"
        return Verdict(found.kind, (told,), critical)
    of = _OF_FREE if held else ""
    size = math.hypot(*(last.slopes[name] for name in free))
    if size == 0:
        decide = "the second derivatives don't decide what the point is"
        second_order = "second derivatives were not computed" if hessian is None else decide
        return Verdict(Kind.FLAT, (f"the gradient{of} is 0 there in doubles, and {second_order}",))
    return _on_the_way(cost, steps, end, rate, f"the gradient{of} is {number_text(size, 3)} long")


def _is_held(cost: AnyCost, steps: Sequence[Step], name: str, span: tuple[float, float]) -> bool:
    """Tell whether an input is at a bound and would go on beyond it, by more than rounding."""
    last = steps[-1]
    slope, least = cost.sign * last.slopes[name], _SLIGHT * steps[0].size
    return (last.point[name] == span[0] and slope > least) or (last.point[name] == span[1] and slope < -least)


def _second_order(cost: AnyCost, step: Step, names: Sequence[str]) -> HessianReport | None:
    if len(names) > _MOST_NAMES or cost.size > _MOST_NODES:
        return None
    try:
        point = {**cost.fixed, **step.point}
        return hessian_of_source(cost.source, point, wrt=names, check=False, alone=True)
    except BackpropError:
        return None


def _is_here(critical: Critical, step: Step, bounds: Bounds) -> bool:
    """Tell whether a critical point is the one that was come to, within the bounds."""
    free = (-math.inf, math.inf)
    for name, x in (critical.point or {}).items():
        least, most = bounds.get(name, free)
        if not least <= x <= most:
            return False
    if critical.kind in (second.Kind.NONE, second.Kind.OPEN):
        return False
    if critical.point is None:
        return True
    return all(abs(x - step.point[name]) <= _NEAR * (1 + abs(x)) for name, x in critical.point.items())


def _critical(critical: Critical, sign: int) -> Verdict:
    wanted = second.Kind.MINIMUM if sign > 0 else second.Kind.MAXIMUM
    local = "" if critical.kind is second.Kind.SADDLE else "local "
    point = critical.point or {}
    where = f" at {listing([f'{name} = {number_text(x, 10)}' for name, x in point.items()])}" if point else ""
    away = f", {number_text(critical.distance, 2)} from the last point" if critical.distance else ""
    told = f"a {local}{critical.kind}{where}{away}{', proved' if critical.is_proved else ''}"
    return Verdict(Kind.REACHED if critical.kind is wanted else Kind.OTHER, (told,), critical)


def _on_the_way(cost: AnyCost, steps: Sequence[Step], end: End, rate: float | None, missing: str) -> Verdict:
    """Return what is to be said of a point that is no critical one, or of which that is not known.

    missing: how far it is from one.
    """
    first, last = steps[0], steps[-1]
    names = [name for name, x in last.point.items() if abs(x) > _FAR * (1 + abs(first.point[name]))]
    told = [f"not there yet: {missing}"]
    kind = Kind.OPEN
    if cost.sign * last.cost > cost.sign * first.cost:
        kind, told = Kind.DIVERGED, ["the cost is higher than at the start"]
        if cost.sign < 0:
            told = ["the value is lower than at the start"]
    elif names and len(steps) > 1 and cost.sign * last.cost < cost.sign * steps[-2].cost:
        far = listing([f"{name} = {number_text(last.point[name], 3)}" for name in names[:4]])
        falls = "the cost still falls" if cost.sign > 0 else "the value still rises"
        kind, told = Kind.AWAY, [f"it runs away: {far}, and {falls}; there may be no end to it"]
    if end is End.UNDEFINED:
        told.append(f"no step that was tried has a value: {last.note}")
    told += _too_fast(cost, steps, rate) if kind in (Kind.DIVERGED, Kind.OPEN) else []
    return Verdict(kind, tuple(told))


def _too_fast(cost: AnyCost, steps: Sequence[Step], rate: float | None) -> list[str]:
    """Return whether the rate is above what steepest descent bears where the cost is least: 2/λmax.

    Near a minimum a step multiplies the error along an eigenvector by 1 - rate·λ (Nocedal & Wright, 3.3).
    """
    if rate is None:
        return []
    best = min(steps, key=lambda step: cost.sign * step.cost)
    hessian = _second_order(cost, best, cost.names)
    values = hessian.eigenvalues if hessian is not None else None
    largest = max((cost.sign * x for x in values or ()), default=0.0)
    if largest <= 0 or not math.isfinite(largest) or rate * largest <= 2:
        return []
    bound = number_text(2 / largest, 3)
    return [
        f"the rate {number_text(rate)} is above 2/λmax = {bound} at step {best.number}: steps overshoot there"
    ]
