"""From a start to the least sum of squares: scipy's trf on exact derivatives, then Gauss-Newton.

Parameters in which the formula is linear are not searched for: at every point of the others they are the
solution of a linear problem (variable projection, Golub & Pereyra 1973, with the Jacobian of Kaufman 1975).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.optimize import least_squares

from backprop_cli.fitting.rows import Here

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backprop_cli.batch.engines.results import Floats
    from backprop_cli.fitting.rows import Residuals

SINGULAR = 1e-13
"""Derivatives are right to a few units in the last place: what is smaller, of unit columns, is rounding."""
_TOLERANCE = 1e-15
_MOST_EVALUATIONS = 1000
_FEW_EVALUATIONS = 100
_MOST_STEPS = 200
_PATIENCE = 5
_SAME = 1e-9
_SCALES: tuple[Any, ...] = (1.0, "jac")


class Place(NamedTuple):
    """Where a descent ended.

    held: -1 where a lower bound holds a parameter, 1 where an upper one does.  step: that of Gauss-Newton
    from here.
    """

    point: Floats
    here: Here
    held: Floats
    step: Floats

    @property
    def rss(self) -> float:
        """The sum of the squares of the residuals."""
        return float(self.here.residuals @ self.here.residuals)

    @property
    def length(self) -> float:
        """How far the step goes at most, relative to each parameter."""
        sizes = np.maximum(np.abs(self.point), np.finfo(float).tiny)
        return float(np.max(np.abs(self.step) / sizes, initial=0.0))


class Found(NamedTuple):
    """Starts with where they lead, the least sum first; without those where a row has no value.

    begun: how many starts were taken.  interrupted: by Ctrl-C, at the first of the places.
    """

    ended: list[tuple[Floats, Place]]
    begun: int
    interrupted: bool = False


class Search(NamedTuple):
    """What is searched for: the least sum of squares. linear: the places of those that need no start."""

    residuals: Residuals
    low: Floats
    high: Floats
    linear: Floats

    def descend(self, starts: Sequence[Floats]) -> Found:
        """Return where starts lead. Of many each goes one way, and the best all of them.

        Ctrl-C ends it, too, once there is a point at which all rows have a value.
        """
        ended: list[tuple[Floats, Place]] = []
        begun = 0
        with np.errstate(all="ignore"):  # what is not finite is looked for where it matters
            try:
                for start in starts:
                    begun += 1
                    place = self._best_way(start, thorough=len(starts) == 1)
                    ended += [] if place is None else [(start, place)]
                ended.sort(key=_sum)
                if len(starts) > 1 and ended:
                    start, place = ended[0]
                    again = self._best_way(start, thorough=True)
                    ended[0] = start, _nearest([place, again or place]) or place
            except KeyboardInterrupt:
                return Found(self._with_best(ended, start), begun, interrupted=True)
        return Found(ended, begun)

    def _with_best(self, ended: list[tuple[Floats, Place]], start: Floats) -> list[tuple[Floats, Place]]:
        """Return places, the least sum first, with the best on the way from a start if that is less."""
        ended = sorted(ended, key=_sum)
        best = self.residuals.best
        if best is not None and (not ended or best[0] < ended[0][1].rss * (1 - _SAME)):
            place = self._place(best[1], np.zeros(len(start)))
            return ended if place is None else [(start, place), *ended]
        if not ended:
            raise KeyboardInterrupt
        return ended

    def _best_way(self, start: Floats, *, thorough: bool) -> Place | None:
        """Return where the ways down from a start lead, the best of them; None where it has no value."""
        self.residuals.best = None
        free = np.setdiff1d(np.arange(len(start)), self.linear)
        everything = np.arange(len(start))
        ways = [(free, scale) for scale in _SCALES] if free.size else [(free, 1.0)]
        if free.size and self.linear.size and np.isfinite(start).all():
            ways += [(everything, scale) for scale in _SCALES]
        most = _MOST_EVALUATIONS if thorough else _FEW_EVALUATIONS
        walks = (self._walk(start, moved, scale, most) for moved, scale in (ways if thorough else ways[:1]))
        return _nearest([place for place in walks if place is not None])

    def _walk(self, start: Floats, moved: Floats, scale: Any, most: int) -> Place | None:
        """Return where trf leads that moves some parameters, and finds the others at each point."""
        ahead = self._projected(start, moved)
        first = ahead(start[moved])
        if first is None:
            return None
        point, held = first[0], np.zeros(len(start))
        if moved.size:
            ended = _trust_region(ahead, start[moved], (self.low[moved], self.high[moved]), scale, most)
            held[moved] = ended.active_mask
            last = ahead(ended.x)
            point = point if last is None else last[0]
        point = np.where(held < 0, self.low, np.where(held > 0, self.high, point))
        return self._polish(point, held)

    def _projected(self, start: Floats, moved: Floats) -> Callable[[Floats], tuple[Floats, Here] | None]:
        """Return what finds the point, residuals and derivatives that belong to the moved parameters."""
        others = np.setdiff1d(np.arange(len(start)), moved)

        def at(x: Floats) -> tuple[Floats, Here] | None:
            point = np.zeros(len(start))
            point[moved] = x
            here = self.residuals.at(point)
            if others.size and here is not None:
                basis, point[others] = _linear_solution(here.jacobian[:, others], here.residuals)
                here = self.residuals.at(point)
                if here is not None:
                    tangents = here.jacobian[:, moved]
                    return point, Here(here.residuals, tangents - basis @ (basis.T @ tangents))
            return None if here is None else (point, here)

        return at

    def _polish(self, point: Floats, held: Floats) -> Place | None:
        """Go on by steps of Gauss-Newton as long as they shrink; return where the next would be shortest."""
        best: Place | None = None
        patience = _PATIENCE
        for _ in range(_MOST_STEPS):
            place = self._place(point, held)
            if place is None:
                break
            if best is not None and place.rss > best.rss * (1 + _SAME):
                break
            best, patience = (
                (place, _PATIENCE) if best is None or place.length < best.length else (best, patience - 1)
            )
            if not patience or best.length <= _TOLERANCE:
                break
            point = np.clip(point + place.step, self.low, self.high)
        return best

    def _place(self, point: Floats, held: Floats) -> Place | None:
        """Return what is known at a point, None where a row has no value."""
        here = self.residuals.at(point)
        if here is None:
            return None
        free = held == 0
        step = np.zeros(len(point))
        step[free] = _linear_solution(here.jacobian[:, free], here.residuals)[1]
        return Place(point, here, held, step)


def _sum(ended: tuple[Floats, Place]) -> float:
    return ended[1].rss


def _nearest(places: Sequence[Place]) -> Place | None:
    """Return the place of the least sum, of several such the one that is nearest to where it is flat."""
    least = min((place.rss for place in places), default=0.0)
    same = [place for place in places if place.rss <= least * (1 + _SAME)]
    return min(same, key=lambda place: place.length, default=None)


def _linear_solution(matrix: Floats, residuals: Floats) -> tuple[Floats, Floats]:
    """Return an orthonormal basis of the columns, and the x for which residuals + matrix·x is shortest."""
    lengths = column_lengths(matrix)
    lengths[lengths == 0] = 1.0
    left, sizes, right = np.linalg.svd(matrix / lengths, full_matrices=False)
    kept = sizes > SINGULAR * sizes.max(initial=0.0)
    basis = left[:, kept]
    return basis, -(right[kept].T @ ((basis.T @ residuals) / sizes[kept])) / lengths


def column_lengths(matrix: Floats) -> Floats:
    """Return the length of every column, 0 only for one of zeros: squares may underflow."""
    largest = np.abs(matrix).max(axis=0, initial=0.0)
    lengths: Floats = largest * np.linalg.norm(matrix / np.where(largest > 0, largest, 1.0), axis=0)
    return lengths


def _trust_region(
    ahead: Callable[[Floats], tuple[Floats, Here] | None],
    start: Floats,
    bounds: tuple[Floats, Floats],
    scale: Any,
    most: int,
) -> Any:
    """Return what scipy's trf ends with. Where a row has no value, NaN makes its region shrink.

    most: how many evaluations at most.
    """
    known: dict[bytes, tuple[Floats, Here] | None] = {}

    def at(x: Floats) -> tuple[Floats, Here] | None:
        if x.tobytes() not in known:
            known.clear()
            known[x.tobytes()] = ahead(x)
        return known[x.tobytes()]

    first = at(start)
    assert first is not None
    count = len(first[1].residuals)

    def residuals(x: Floats) -> Floats:
        found = at(x)
        return np.full(count, np.nan) if found is None else found[1].residuals

    def jacobian(x: Floats) -> Floats:
        found = at(x)
        assert found is not None
        return found[1].jacobian

    low, high = bounds
    return least_squares(
        residuals, np.clip(start, low, high), jacobian, bounds, method="trf", x_scale=scale,
        ftol=_TOLERANCE, xtol=_TOLERANCE, gtol=_TOLERANCE, max_nfev=most,
    )  # fmt: skip
