"""Correlations between inputs: which can hold together, and how correlated numbers are drawn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from backprop_cli.errors import InputError
from backprop_cli.language.source import check_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.language.source import Source
    from backprop_cli.uncertainty.report import Pair, Quantity

_TOLERANCE = 1e-12


def check_correlations(
    source: Source, quantities: Mapping[str, Quantity], correlations: Mapping[Pair, float]
) -> dict[Pair, float]:
    """Return the correlations that are not 0, each pair once. Raises InputError."""
    found: dict[Pair, float] = {}
    for names, r in correlations.items():
        pair = check_names(source, names)
        if len(pair) != 2:
            raise InputError(f"{', '.join(names)} are not two inputs", hint="--correlate a,b=-0.36")
        a, b = pair
        for name in pair:
            if name not in quantities or not quantities[name].uncertainty:
                raise InputError(f"{name} is exact, so nothing correlates with it")
        if (a, b) in found or (b, a) in found:
            raise InputError(f"the correlation of {a} and {b} is given twice")
        if not abs(r) <= 1:
            raise InputError(f"the correlation of {a} and {b} is {r:g}", hint="it lies between -1 and 1")
        found[a, b] = r
    found = {pair: r for pair, r in found.items() if r}
    if correlation_root(correlated_names(found), found) is None:
        raise InputError(
            "the correlations contradict each other", hint="no numbers are correlated like this, all at once"
        )
    return found


def correlated_names(correlations: Mapping[Pair, float]) -> list[str]:
    """Return the names that stand in correlations, in order."""
    return list(dict.fromkeys(name for pair in correlations for name in pair))


def between(correlations: Mapping[Pair, float], a: str, b: str) -> float:
    """Return the correlation of two inputs."""
    return 1.0 if a == b else correlations.get((a, b), correlations.get((b, a), 0.0))


def correlation_root(names: Sequence[str], correlations: Mapping[Pair, float]) -> list[list[float]] | None:
    """Return the rows of L with L·Lᵀ the correlations of the names, None where there is none.

    Cholesky's method; a row may depend on those above it, as with a correlation of 1.
    """
    rows: list[list[float]] = []
    for a in names:
        row: list[float] = []
        for above, b in zip(rows, names, strict=False):
            rest = between(correlations, a, b) - math.fsum(x * y for x, y in zip(row, above, strict=False))
            if above[-1] == 0 and abs(rest) > _TOLERANCE:
                return None
            row.append(rest / above[-1] if above[-1] else 0.0)
        rest = 1.0 - math.fsum(x * x for x in row)
        if rest < -_TOLERANCE:
            return None
        rows.append([*row, math.sqrt(rest) if rest > _TOLERANCE else 0.0])
    return rows
