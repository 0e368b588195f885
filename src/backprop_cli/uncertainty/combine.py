"""Uncertainties put together: variances to first and to second order, effective degrees of freedom, coverage.

Source: Guide to the Expression of Uncertainty in Measurement (JCGM 100:2008), 5.1.2, 5.2.2, annex G.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.errors import LimitError
from backprop_cli.uncertainty.report import Coverage, SecondOrder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backprop_cli.uncertainty.report import Pair, Quantity

Matrix = dict[str, dict[str, float]]


class Combined(NamedTuple):
    """A standard uncertainty, and the shares of its square: of each term, and of all correlations."""

    uncertainty: float
    shares: dict[str, float | None]
    correlated: float | None


def combine(terms: Mapping[str, float], correlations: Mapping[Pair, float]) -> Combined:
    """Return what terms c·u, with their signs, come to. The sum of their products is exact, then rounded."""
    # By a power of two: no square that matters over- or underflows, and nothing is rounded.
    exponent = max(math.frexp(term)[1] for term in terms.values())
    scaled = {name: Fraction(math.ldexp(term, -exponent)) for name, term in terms.items()}
    squares = sum(x * x for x in scaled.values())
    cross = 2 * sum(Fraction(r) * scaled[a] * scaled[b] for (a, b), r in correlations.items())
    variance = squares + cross
    if variance <= 0:
        return Combined(0.0, dict.fromkeys(terms), None)
    shares: dict[str, float | None] = {name: float(x * x / variance) for name, x in scaled.items()}
    return Combined(math.ldexp(math.sqrt(variance), exponent), shares, float(cross / variance))


def second_order(
    first: float, bends: Mapping[str, Mapping[str, float]], correlations: Mapping[Pair, float]
) -> SecondOrder:
    """Return what second derivatives add to an uncertainty.

    bends: input -> input -> the second derivative times both uncertainties, both triangles.

    With B these and R the correlations of normal inputs, the mean shifts by ½ tr BR, and the variance of the
    quadratic part is ½ tr BRBR.
    """
    product = _times_correlations(bends, correlations)
    trace = math.fsum(row.get(a, 0.0) for a, row in product.items())
    added = 0.5 * math.fsum(
        x * product.get(b, {}).get(a, 0.0) for a, row in product.items() for b, x in row.items()
    )
    sizes = {a: math.fsum(map(abs, row.values())) for a, row in bends.items()}
    leading = max(sizes, key=sizes.__getitem__, default="")
    is_bent = bool(leading and sizes[leading])
    return SecondOrder(math.hypot(first, math.sqrt(max(added, 0.0))), 0.5 * trace, leading if is_bent else "")


def _times_correlations(
    bends: Mapping[str, Mapping[str, float]], correlations: Mapping[Pair, float]
) -> Matrix:
    product = {a: dict(row) for a, row in bends.items()}
    for (b, c), r in correlations.items():
        for a, row in bends.items():
            product[a][c] = product[a].get(c, 0.0) + row.get(b, 0.0) * r
            product[a][b] = product[a].get(b, 0.0) + row.get(c, 0.0) * r
    return product


def effective_dof(
    contributions: Mapping[str, float], quantities: Mapping[str, Quantity], total: float
) -> float:
    """Return the effective degrees of freedom of independent terms (Welch and Satterthwaite)."""
    found = math.fsum((x / total) ** 4 / quantities[name].dof for name, x in contributions.items())
    return 1 / found if found else math.inf


def coverage(uncertainty: float, dof: float, percent: float) -> Coverage:
    """Return the expanded uncertainty. Degrees of freedom are rounded down, as the Guide has it (G.4.1).

    Raises LimitError where doubles can't hold it.
    """
    whole = dof if math.isinf(dof) else float(math.floor(dof * (1 + 1e-12)))
    factor = _quantile(percent / 100, whole)
    if math.isinf(factor * uncertainty):
        raise LimitError("the expanded uncertainty is beyond what doubles hold")
    return Coverage(percent, factor, factor * uncertainty, whole)


def _quantile(probability: float, dof: float) -> float:
    """Return the k for which Student's t lies between -k and k with this probability."""
    if math.isinf(dof):
        from statistics import NormalDist

        return NormalDist().inv_cdf(0.5 + probability / 2)
    import mpmath

    def outside(k: float) -> float:
        return float(mpmath.betainc(dof / 2, 0.5, 0, dof / (dof + k * k), regularized=True))

    low, high = 0.0, 1.0
    while outside(high) > 1 - probability:
        low, high = high, 2 * high
    for _ in range(53):
        middle = (low + high) / 2
        low, high = (middle, high) if outside(middle) > 1 - probability else (low, middle)
    return high
