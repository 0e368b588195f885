"""Second derivatives on both sides of a point, along one input."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.graph.sweep import forward
from backprop_cli.operations.one_sided import FIRST, LIMIT

if TYPE_CHECKING:
    from backprop_cli.graph.sweep import Sweep
    from backprop_cli.operations.one_sided import Series

# Digits and terms tried in turn, and nodes times terms cubed that are tried: up to some 5 s.
_LADDER = ((50, 4), (200, 8))
_MOST_WORK = 20_000
_SECOND = (2, 0)


def sides_of_curvature(sweep: Sweep, name: str) -> tuple[float | None, float | None]:
    """Return upstream · ∂²output/∂name² just left and just right of the point, infinite ones too.

    None where there is no value on that side, NaN where it is not known.
    """
    return _side(sweep, name, -1), _side(sweep, name, 1)


def _side(sweep: Sweep, name: str, side: int) -> float | None:
    from backprop_cli.operations.series import SeriesNamespace

    graph = sweep.graph
    for digits, count in _LADDER:
        if len(graph.ops) * count**3 > _MOST_WORK:
            break
        m = SeriesNamespace(digits, count)
        m.field.gave_up = False
        try:
            point = {**sweep.point, name: m.beside(sweep.point[name], side)}
            primal, failures = forward(graph, point, m)
            if graph.output in failures:
                if m.field.gave_up:
                    continue
                return None
            return _bend(primal[graph.output] * sweep.upstream)
        except (ArithmeticError, ValueError):
            continue
    return math.nan


def _bend(beside: Series) -> float:
    """Return 2c for the term c·t² of a series; infinite where an earlier term outgrows it.

    Raises ArithmeticError where the terms kept do not tell.
    """
    for key, c in beside.terms:
        if key in (LIMIT, FIRST):
            continue
        if key == _SECOND:
            return float(beside.m.field.to_float(c * 2))
        if key > _SECOND:
            return 0.0
        # The second derivative of t^p is p·(p - 1)·t^(p - 2), that of t·log(1/t) is -1/t.
        p, q = key
        sign = p * (p - 1) or (q if p == 1 else -q)
        return math.copysign(math.inf, beside.m.field.sign(c) * sign)
    if beside.bound is not None and beside.bound <= _SECOND:
        raise ArithmeticError("not enough terms")
    return 0.0
