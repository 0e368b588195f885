"""How far the parameters are known where a descent ended, and which of them the data can't tell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import chdtrc, ndtri, stdtrit

from backprop_cli.fitting.report import Outcome
from backprop_cli.fitting.solve import SINGULAR, column_lengths

if TYPE_CHECKING:
    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.fitting.solve import Place

_OFFSET = 1e-6
_SHARE = 0.1
_LEVEL = 0.95


class Spread(NamedTuple):
    """What is known of the free parameters. offset: how far a step would go, in units of the errors.

    root: the covariance is root · rootᵀ, of which the entries may leave the doubles where errors don't; None
    where none is known.
    """

    root: Floats | None
    outcome: Outcome
    offset: float
    useless: list[int]
    together: list[int]

    @property
    def covariance(self) -> Floats | None:
        """The covariance of the free parameters."""
        return None if self.root is None else self.root @ self.root.T

    @property
    def errors(self) -> Floats | None:
        """Their standard errors."""
        return None if self.root is None else column_lengths(self.root.T)


def find_spread(place: Place, each: Floats, roundings: Floats, *, at_kink: bool, scaled: bool) -> Spread:
    """Return how far the parameters are known.

    each: the residual of every row.  roundings: of these.  at_kink: whether some row has no derivative.
    scaled: errors are, by the residuals.
    """
    is_exact = bool((np.abs(each) <= roundings).all())
    if at_kink:
        return Spread(None, Outcome.EXACT if is_exact else Outcome.KINK, math.inf, [], [])
    free = np.flatnonzero(place.held == 0)
    jacobian, residuals = place.here.jacobian[:, free], place.here.residuals
    lengths = column_lengths(jacobian)
    useless = [int(free[place]) for place in np.flatnonzero(lengths == 0)]
    if useless:
        return Spread(None, Outcome.UNDETERMINED, math.inf, useless, [])
    left, sizes, right = np.linalg.svd(jacobian / lengths, full_matrices=False)
    weak = sizes <= SINGULAR * sizes.max(initial=0.0)
    if weak.any():
        lost = np.abs(right[weak]).max(axis=0) > _SHARE
        return Spread(None, Outcome.UNDETERMINED, math.inf, [], [int(x) for x in free[lost]])
    dof = len(each) - len(free)
    unit = 1.0 if not scaled else math.sqrt(place.rss / dof) if dof else 0.0
    slope = float(np.linalg.norm(left.T @ residuals))
    outcome = Outcome.EXACT if is_exact else _outcome(place, slope, unit, roundings)
    offset = slope / unit if unit else math.inf
    if not free.size or outcome is Outcome.OPEN or (scaled and (not dof or outcome is Outcome.EXACT)):
        return Spread(None, outcome, offset, [], [])
    inverse = solve_triangular(np.linalg.qr(jacobian / lengths, mode="r"), np.eye(len(free)))
    return Spread(unit * (inverse / lengths[:, np.newaxis]), outcome, offset, [], [])


def _outcome(place: Place, slope: float, unit: float, roundings: Floats) -> Outcome:
    """Return what the descent came to. slope: the length of the residuals' part along the tangents."""
    pushes = place.here.jacobian.T @ place.here.residuals * place.held
    is_flat = slope <= max(_OFFSET * unit, float(np.linalg.norm(roundings))) and (pushes <= 0).all()
    return Outcome.CONVERGED if is_flat else Outcome.OPEN


def half_width(dof: int, *, scaled: bool) -> float:
    """Return half the interval of 95 % in units of the standard error: Student's, or the normal one."""
    tail = (1 + _LEVEL) / 2
    return float(stdtrit(dof, tail) if scaled else ndtri(tail))


def chance_of_more(chi2: float, dof: int) -> float | None:
    """Return the probability of a chi-squared larger than this, None where there is no freedom."""
    return float(chdtrc(dof, chi2)) if dof else None


def curve_errors(jacobian: Floats, root: Floats) -> Floats:
    """Return the standard error of the formula at every row: the root of c·Cov·c, where c is the row."""
    return column_lengths((jacobian @ root).T)
