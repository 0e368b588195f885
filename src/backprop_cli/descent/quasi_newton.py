"""BFGS by scipy, within bounds L-BFGS-B: second derivatives are guessed from the gradients on the way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from backprop_cli.descent.report import End, Step
from backprop_cli.descent.steps import clipped, step_at
from backprop_cli.errors import UsageError

try:
    import numpy as np
    from scipy import optimize
except ModuleNotFoundError:
    hint = "pip install 'backprop_cli[fit]'; without it there are newton, gd, momentum and adam"
    raise UsageError("bfgs needs SciPy", hint=hint) from None

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backprop_cli.descent.cost import AnyCost, Place
    from backprop_cli.descent.steps import Limits


def descend_bfgs(
    cost: AnyCost, start: Mapping[str, float], limits: Limits, advance: Callable[[int], None]
) -> tuple[list[Step], End]:
    """Return the points that scipy's steps come to, and why they end; it stops where no step helps.

    Source: Nocedal & Wright, Numerical Optimization, 2nd ed., algorithms 6.1 and 7.5.
    """
    names = tuple(start)
    steps: list[Step] = []
    seen: dict[bytes, Place] = {}

    def named(x: Any) -> dict[str, float]:
        return dict(zip(names, map(float, x), strict=True))

    def compute(x: Any) -> tuple[float, Any]:
        """Return cost and gradient; of what has none, a cost that no step is taken to."""
        place = cost.at(named(x))
        seen[x.tobytes()] = place
        if place.slopes is None or not math.isfinite(place.cost):
            return math.inf, np.zeros(len(names))
        return place.cost, np.array([place.slopes[name] for name in names])

    def keep(x: Any) -> None:
        """Record a point that a step came to."""
        point = named(x)
        place = seen.get(x.tobytes()) or cost.at(point)
        seen.clear()
        if steps:
            before = steps[-1]
            moves = {name: before.point[name] - point[name] for name in names}
            steps[-1] = Step(**vars(before) | {"moves": moves})
            advance(1)
        steps.append(step_at(len(steps), point, place, cost.sign))

    begin = clipped(start, limits.bounds)
    x = np.array([begin[name] for name in names])
    compute(x)
    keep(x)
    if steps[0].size <= limits.until or not limits.steps:
        return steps, End.FLAT if steps[0].size <= limits.until else End.STEPS
    free = (-math.inf, math.inf)
    spans = [limits.bounds.get(name, free) for name in names] if limits.bounds else None
    exactly = {"ftol": 0.0} if spans else {}
    try:
        with np.errstate(all="ignore"):
            found = optimize.minimize(
                compute,
                x,
                jac=True,
                method="L-BFGS-B" if spans else "BFGS",
                bounds=spans,
                callback=keep,
                options={"maxiter": limits.steps, "gtol": limits.until, **exactly},
            )
    except KeyboardInterrupt:
        return steps, End.INTERRUPTED
    if steps[-1].size <= limits.until:
        return steps, End.FLAT
    return steps, End.STEPS if found.nit >= limits.steps else End.STILL
