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
_TOLERANCE, _NEARLY = 1e-15, 1e-12
_MOST_EVALUATIONS = 1000
_FEW_EVALUATIONS = 100
_MOST_STEPS = 200
_PATIENCE = 5
_SAME = 1e-9
_AGREE = 1e-8
_CLOSE = 1e-6
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
    """The start that leads to the least sum, and where; None where a row has no value at all of them.

    begun: how many starts were taken.  agreed: how many of them led to the least sum over so many ``rows``.
    interrupted: by Ctrl-C, with the best so far.
    """

    ended: tuple[Floats, Place] | None
    begun: int
    agreed: int
    rows: int
    interrupted: bool = False


class Search(NamedTuple):
    """What is searched for: the least sum of squares. linear: the places of those that need no start."""

    residuals: Residuals
    low: Floats
    high: Floats
    linear: Floats

    def descend(self, starts: Sequence[Floats], scout: Search | None = None) -> Found:
        """Return where starts lead. Of many each goes one way, and the best all of them.

        scout: the same search over some of the rows, by which the best of many starts is found.
        Ctrl-C ends it, too, once there is a point at which all rows have a value.
        """
        first = self if scout is None else scout
        ended: list[tuple[Floats, Place]] = []
        begun, interrupted = 0, False
        with np.errstate(all="ignore"):  # what is not finite is looked for where it matters
            try:
                for start in starts:
                    begun += 1
                    place = first._best_way(start, thorough=len(starts) == 1)
                    ended += [] if place is None else [(start, place)]
                ended.sort(key=_sum)
                best = first._again(ended, self) if len(starts) > 1 else next(iter(ended), None)
            except KeyboardInterrupt:
                interrupted = True
                ended = first._with_best(ended, start)
                best = ended[0] if scout is None else self._moved_here(ended[0])
        return Found(best, begun, first._agreed(ended), first.residuals.curve.count, interrupted)

    def _moved_here(self, found: tuple[Floats, Place]) -> tuple[Floats, Place]:
        """Return the place that a scout found as one of these rows, or the best that was found over them."""
        place = self._place(found[1].point, found[1].held)
        return self._with_best([] if place is None else [(found[0], place)], found[0])[0]

    def _again(self, ended: list[tuple[Floats, Place]], whole: Search) -> tuple[Floats, Place] | None:
        """Go all ways from the best start, of a scout from where that led to over the whole of the rows."""
        for number, (start, place) in enumerate(ended):
            again = whole._best_way(start if whole is self else place.point, thorough=True)
            if whole is self:
                ended[number] = start, _nearest([place, again or place]) or place
                return ended[number]
            if again is not None:
                return start, again
        return None

    def _agreed(self, ended: Sequence[tuple[Floats, Place]]) -> int:
        """Return how many places have the least sum, to within rounding."""
        roundings = self.residuals.roundings
        least = min((place.rss for _, place in ended), default=0.0)
        return sum(place.rss <= least * (1 + _AGREE) + float(roundings @ roundings) for _, place in ended)

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
        """Return where the ways down from a start lead, the best of them; None where it has no value.

        Two that come to the same sum, the least so far, and go no further are enough.
        """
        self.residuals.best = None
        free = np.setdiff1d(np.arange(len(start)), self.linear)
        everything = np.arange(len(start))
        moves = [free, everything] if self.linear.size and np.isfinite(start).all() else [free]
        # Those that move other parameters stand beside each other: agreement of such tells most.
        ways = [(moved, scale) for scale in _SCALES for moved in moves] if free.size else [(free, 1.0)]
        most = _MOST_EVALUATIONS if thorough else _FEW_EVALUATIONS
        places: list[Place] = []
        for moved, scale in ways if thorough else ways[:1]:
            place = self._walk(start, moved, scale, most)
            places += [] if place is None else [place]
            least = _least(places)
            if len(least) > 1 and all(place.length <= _CLOSE for place in least):
                break
        return _nearest(places)

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
                point[others] = _linear_solution(here.jacobian[:, others], here.residuals)[1]
                here = self.residuals.at(point)
                if here is not None:
                    # The rows of ``here`` are turned at each point: the basis is the one of this.
                    basis, _ = _linear_solution(here.jacobian[:, others], here.residuals)
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
    return min(_least(places), key=lambda place: place.length, default=None)


def _least(places: Sequence[Place]) -> list[Place]:
    """Return the places of the least sum."""
    least = min((place.rss for place in places), default=0.0)
    return [place for place in places if place.rss <= least * (1 + _SAME)]


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
        ftol=_NEARLY, xtol=_NEARLY, gtol=_NEARLY, max_nfev=most,
    )  # fmt: skip
