"""The descent itself: steps by a rule, or Newton's with second derivatives."""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.descent.report import End, Step
from backprop_cli.operations.reals import mpmath_namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backprop_cli.descent.cost import AnyCost, Cost, Place
    from backprop_cli.descent.rows import RowsCost
    from backprop_cli.descent.rules import Rule

_MOST_HALVED = 40
_TOO_FAR = "an input grows beyond 1.79769e308"
_ENOUGH = 1e-4
"""A step of Newton's is taken where the cost falls by this part of what the slope promises (Armijo)."""

Bounds = dict[str, tuple[float, float]]


class Limits(NamedTuple):
    """When to stop, and where not to go. until: the length of the gradient that is small enough."""

    steps: int
    until: float = 0.0
    bounds: Bounds = {}  # noqa: RUF012 - of a named tuple, never changed


class Batches(NamedTuple):
    """A step for each so many rows, which the seed chooses: training in epochs."""

    size: int
    seed: int


class Stride(NamedTuple):
    """A step from a point: what is subtracted, how often that was halved and why, and what is behind it.

    end: why no further step follows, None where one may.
    """

    moves: Mapping[str, float]
    halved: int
    note: str
    point: dict[str, float]
    place: Place
    end: End | None = None


def descend(
    cost: AnyCost,
    start: Mapping[str, float],
    rule: Rule,
    limits: Limits,
    advance: Callable[[int], None],
) -> tuple[list[Step], End]:
    """Return the steps of a rule from a point on, and why they end. The start has a value and a gradient.

    A step to where the program has no value is halved until it has one. advance: is told of each step.
    """

    def stride(point: dict[str, float], place: Place) -> Stride:
        moves = rule.step(place.slopes or {})
        new, there, halved, note = _moved(cost, point, moves, limits.bounds)
        end = End.UNDEFINED if there.slopes is None else End.STILL if new == point else None
        return Stride(moves, halved, note, new, there, end)

    return _walk(cost, clipped(start, limits.bounds), limits, advance, stride)


def descend_in_epochs(
    cost: RowsCost,
    start: Mapping[str, float],
    rule: Rule,
    limits: Limits,
    batches: Batches,
    advance: Callable[[int], None],
) -> tuple[list[Step], End]:
    """Return the points behind each epoch, in which every row is in one batch, and why they end.

    A batch without a value ends the descent at the last whole epoch: no part of it can be told to help.
    """
    epochs = count()

    def stride(point: dict[str, float], place: Place) -> Stride:
        new = point
        for rows in cost.batches(batches.size, batches.seed, next(epochs)):
            there = cost.at(new, rows)
            if there.slopes is None:
                return Stride({}, 0, there.note, point, there, End.UNDEFINED)
            moves = rule.step(there.slopes)
            new = {name: x - moves[name] for name, x in new.items()}
            if not all(map(math.isfinite, new.values())):
                return Stride({}, 0, _TOO_FAR, point, place._replace(slopes=None), End.UNDEFINED)
            new = clipped(new, limits.bounds)
        moves = {name: x - new[name] for name, x in point.items()}
        there = cost.at(new)
        end = End.UNDEFINED if there.slopes is None else End.STILL if new == point else None
        return Stride(moves, 0, there.note, new, there, end)

    return _walk(cost, clipped(start, limits.bounds), limits, advance, stride)


def descend_newton(
    cost: Cost, start: Mapping[str, float], limits: Limits, advance: Callable[[int], None]
) -> tuple[list[Step], End]:
    """Return the steps of Newton's method: the Hessian is made positive, and steps are halved till they help.

    Source: Nocedal & Wright, Numerical Optimization, 2nd ed., algorithms 3.2 and 3.3.
    """

    def stride(point: dict[str, float], place: Place) -> Stride | End:
        slopes = place.slopes or {}
        moves = _newton_step(cost, point, slopes)
        if moves is None:
            return End.KINK
        return _lower(cost, point, place, slopes, moves) or End.STILL

    return _walk(cost, dict(start), limits, advance, stride)


def _walk(
    cost: AnyCost,
    point: dict[str, float],
    limits: Limits,
    advance: Callable[[int], None],
    stride: Callable[[dict[str, float], Place], Stride | End],
) -> tuple[list[Step], End]:
    """Return the steps from a point on, and why they end. Ctrl-C ends them, too."""
    steps: list[Step] = []
    place = cost.at(point)
    try:
        while True:
            steps.append(step_at(len(steps), point, place, cost.sign))
            if steps[-1].size <= limits.until:
                return steps, End.FLAT
            if len(steps) > limits.steps:
                return steps, End.STEPS
            taken = stride(point, place)
            if isinstance(taken, End):
                return steps, taken
            moves = _scaled(taken.moves, taken.halved)
            changed = {"moves": moves, "halved": taken.halved, "note": taken.note}
            steps[-1] = Step(**vars(steps[-1]) | changed)
            if taken.end is not None:
                return steps, taken.end
            point, place = taken.point, taken.place
            advance(1)
    except KeyboardInterrupt:
        return steps, End.INTERRUPTED


def clipped(point: Mapping[str, float], bounds: Bounds) -> dict[str, float]:
    """Return a point within bounds."""
    if not bounds:
        return dict(point)
    free = (-math.inf, math.inf)
    spans = {name: bounds.get(name, free) for name in point}
    return {name: min(max(x, spans[name][0]), spans[name][1]) for name, x in point.items()}


def step_at(number: int, point: dict[str, float], place: Place, sign: int) -> Step:
    """Return the step at a place, of which the moves are not known yet."""
    slopes = place.slopes or {}
    size = math.hypot(*slopes.values())
    return Step(number, point, sign * place.cost, told_slopes(slopes, sign), size, {}, is_kink=place.is_kink)


def told_slopes(slopes: Mapping[str, float], sign: int) -> dict[str, float]:
    """Return slopes as those of the program."""
    return {name: sign * slope + 0.0 for name, slope in slopes.items()}


def _scaled(moves: Mapping[str, float], halved: int) -> dict[str, float]:
    return {name: move * 0.5**halved for name, move in moves.items()}


def _moved(
    cost: AnyCost, point: Mapping[str, float], moves: Mapping[str, float], bounds: Bounds
) -> tuple[dict[str, float], Place, int, str]:
    """Return the next point, how often the step to it was halved, and why."""
    note = ""
    for halved in range(_MOST_HALVED):
        step = _scaled(moves, halved)
        new = {name: x - step.get(name, 0.0) for name, x in point.items()}
        if all(map(math.isfinite, new.values())):
            new = clipped(new, bounds)
            place = cost.at(new)
            if place.slopes is not None:
                return new, place, halved, note
            note = note or place.note
        else:
            note = note or _TOO_FAR
    return dict(point), cost.at(point)._replace(slopes=None), halved, note


def _lower(
    cost: Cost,
    point: Mapping[str, float],
    place: Place,
    slopes: Mapping[str, float],
    moves: Mapping[str, float],
) -> Stride | None:
    """Return the first part of a step behind which the cost is lower by enough."""
    promise = sum(slopes[name] * move for name, move in moves.items())
    for halved in range(_MOST_HALVED):
        part = 0.5**halved
        new = {name: x - part * moves.get(name, 0.0) for name, x in point.items()}
        if new == dict(point):
            return None
        if not all(map(math.isfinite, new.values())):
            continue
        there = cost.at(new)
        if there.slopes is not None and there.cost <= place.cost - _ENOUGH * part * promise:
            is_flatter = math.hypot(*there.slopes.values()) < math.hypot(*slopes.values())
            if there.cost == place.cost and not is_flatter:
                return None  # the last digits only come and go
            return Stride(moves, halved, "", new, there)
    return None


def _newton_step(
    cost: Cost, point: Mapping[str, float], slopes: Mapping[str, float]
) -> dict[str, float] | None:
    """Return what Newton's method subtracts, None where a second derivative does not exist."""
    rows, names = cost.bends(point), cost.names
    if any(not math.isfinite(x) for row in rows for x in row):
        return None
    mp = mpmath_namespace(30).mp
    matrix = mp.matrix(rows)
    largest = max((abs(x) for row in rows for x in row), default=0.0) or 1.0
    least = min(rows[i][i] for i in range(len(names)))
    shift = 0.0 if least > 0 else largest * 1e-3 - least
    for _ in range(60):
        solved = _solve(mp, matrix, shift, [slopes[name] for name in names])
        if solved is not None:
            return dict(zip(names, solved, strict=True))
        shift = max(2 * shift, largest * 1e-3)
    return dict(slopes)


def _solve(mp: Any, matrix: Any, shift: float, right: list[float]) -> list[float] | None:
    """Return the solution of (H + shift) p = g, None where that is not positive definite."""
    try:
        # Cholesky's method fails just where it is not.
        return [float(x) for x in mp.cholesky_solve(matrix + shift * mp.eye(matrix.rows), mp.matrix(right))]
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
