"""Numbers of 50 digits with bounds, as tests write them."""

from __future__ import annotations

import math

from backprop_cli.operations.bounded import Bounded, bounded_reals

INF, NAN = math.inf, math.nan
M = bounded_reals(50)


def of(value, error=-INF, scale=-INF):
    """Return a number with a bound; both may be decimal text."""
    return Bounded(M.base.number(value), error, M, scale)
