"""Critical points that are proved: one lies in a box, and the second derivatives there have these signs.

Beside a point, Newton's method in many digits looks for the root of the gradient. Krawczyk's operator then
maps a box around that into itself, which proves one root in it, and no second; over the same box the
pivots of the Hessian have signs, by which a root is a minimum, a maximum or a saddle (Sylvester). Nothing is
said of other critical points.

Source: Krawczyk, Newton-Algorithmen zur Bestimmung von Nullstellen mit Fehlerschranken, Computing 4 (1969).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from backprop_cli.operations.balls import Ball, UndecidedError, arb, ctx

from flint import arb_mat  # isort: skip # what needs it says so above

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Field = Callable[[Sequence[Ball]], tuple[Sequence[Ball], Sequence[Sequence[Ball]]]]
    """The gradient of a function over a box, and its Hessian."""

BITS = 320
_MOST_STEPS = 8
_DONE, _ROOM, _LEAST, _LITTLE = 2.0**-70, 2.0**20, 2.0**-80, 2.0**-60
"""A step that is short enough; how much wider than the last step the box is, and how wide at least; what
counts beside a coordinate of 0."""


class Proof(NamedTuple):
    """A critical point. place: a ball for each coordinate, which hold it.

    rises, falls: how many of the Hessian's eigenvalues are above and below 0; None where that is not proved.
    """

    place: list[Any]
    rises: int | None
    falls: int | None

    @property
    def is_minimum(self) -> bool:
        """Whether it is proved a strict local minimum."""
        return self.rises == len(self.place)


def prove_critical(field: Field, start: Sequence[float]) -> Proof | None:
    """Return the critical point that Newton's method comes to from a start; None where nothing is proved.

    field: takes exact balls as well as boxes; it may raise UndecidedError, ArithmeticError or ValueError.
    """
    with ctx.workprec(BITS):
        try:
            return _prove(field, start)
        except (UndecidedError, ArithmeticError, ValueError):
            return None


def _prove(field: Field, start: Sequence[float]) -> Proof | None:
    if not start:
        return Proof([], 0, 0)
    here = _column([arb(x) for x in start])
    for _ in range(_MOST_STEPS):
        slopes, bends = _at(field, here)
        inverse = bends.mid().inv().mid()
        step = inverse * slopes
        sizes = [_size(here[i, 0], x, bends[i, i].mid()) for i, x in enumerate(start)]
        if all(abs(step[i, 0]) <= _DONE * size for i, size in enumerate(sizes)):
            break
        here = (here - step).mid()
    else:
        return None
    radii = [_ROOM * abs(step[i, 0]) + _LEAST * size for i, size in enumerate(sizes)]
    box = _column([arb(here[i, 0], radius.upper()) for i, radius in enumerate(radii)])
    _, over = _at(field, box)
    image = here - step + (_unit(len(start)) - inverse * over) * (box - here)  # Krawczyk's operator
    place = [image[i, 0] for i in range(len(start))]
    is_inside = all(box[i, 0].contains_interior(x) for i, x in enumerate(place))
    return Proof(place, *_signs(over)) if is_inside else None


def _size(x: Any, start: float, bend: Any) -> Any:
    """Return what a coordinate is measured by: its size, and a little of what changes much."""
    return abs(x) + abs(arb(start)) + (abs(bend).rsqrt() * _LITTLE if bend else 0)


def _unit(count: int) -> Any:
    return arb_mat(count, count, [int(i == j) for i in range(count) for j in range(count)])


def _signs(matrix: Any) -> tuple[int | None, int | None]:
    """Return how many eigenvalues of symmetric matrices are above and below 0; None where that is open."""
    rows = [list(row) for row in matrix.tolist()]
    rises = falls = 0
    for k, row in enumerate(rows):
        pivot = row[k]
        if not (pivot > 0 or pivot < 0):
            return None, None
        rises, falls = rises + (pivot > 0), falls + (pivot < 0)
        for below in rows[k + 1 :]:
            factor = below[k] / pivot
            for j in range(k, len(row)):
                below[j] = below[j] - factor * row[j]
    return rises, falls


def _at(field: Field, place: Any) -> tuple[Any, Any]:
    slopes, bends = field([Ball(x) for (x,) in place.tolist()])
    count = place.nrows()
    matrix = arb_mat(count, count, [x.value for row in bends for x in row])
    return _column([x.value for x in slopes]), matrix


def _column(numbers: Sequence[Any]) -> Any:
    return arb_mat(len(numbers), 1, list(numbers))
