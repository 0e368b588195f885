"""The points at which a search begins."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from backprop_cli.errors import InputError
from backprop_cli.fitting.wish import STARTS

if TYPE_CHECKING:
    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.fitting.wish import Start, Wish

_ANYWHERE = 1e-3, 1e3


def draw_starts(names: list[str], linear: list[str], wish: Wish) -> list[Floats]:
    """Return the points to begin at, NaN in the places of linear parameters without a start.

    From ranges they are drawn so that each range, cut into as many parts as there are starts, has one in each
    part; parts of a range of positive numbers grow by a factor.

    Raises InputError for a count of starts where there is no range.
    """
    given = [
        wish.starts.get(name, math.nan if name in linear else _guess(wish.bounds.get(name))) for name in names
    ]
    ranges = [x for x in given if isinstance(x, tuple)]
    if wish.tries is not None and not ranges:
        raise InputError(
            "the count of starts changes nothing: no parameter begins in a range",
            hint=f"{names[0]}=0.1..10 is one",
        )
    count = max(1, STARTS if wish.tries is None else wish.tries) if ranges else 1
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
