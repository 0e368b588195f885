"""Contours of a field: lines along which the value is a round number.

They are drawn in cells in which values are proved to go on, and interpolated between the points of the grid.
Source: Lorensen & Cline, Marching cubes, 1987, in two dimensions.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.curves.report import Field

_MOST_LEVELS, _LARGEST = 6, 8e307
Points = list[tuple[float, float]]
_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))


class _Edge(NamedTuple):
    """An edge of the grid from a point to its neighbour, across or up."""

    column: int
    row: int
    is_up: bool


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers in a range, at most so many: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10, 20) if factor * power >= rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, min(last, first + 2 * most) + 1)]


def levels_of(field: Field) -> list[float]:
    """Return round levels; where a field breaks, without what goes off to a pole."""
    values = sorted(value for _, _, value in field.points())
    if not values:
        return []
    low, high = values[0], values[-1]
    if not all(map(all, field.goes_on)):
        few = len(values) // 12
        inner, outer = values[few], values[-1 - few]
        low, high = max(low, 2 * inner - outer), min(high, 2 * outer - inner)
    low, high = max(low, -_LARGEST), min(high, _LARGEST)
    return [level for level in ticks(low, high, _MOST_LEVELS) if low < level < high] if low < high else []


def contour(field: Field, level: float) -> list[Points]:
    """Return the lines along which the value is a level."""
    after: dict[_Edge, list[_Edge]] = defaultdict(list)
    for row, cells in enumerate(field.goes_on):
        for column, goes_on in enumerate(cells):
            if goes_on:
                for start, end in _segments(field, level, column, row):
                    after[start].append(end)
                    after[end].append(start)
    lines = []
    # Open lines first, from their ends; what is left then is closed.
    for start in sorted(after, key=lambda edge: (len(after[edge]) != 1, edge)):
        line = [start]
        while after[line[-1]]:
            following = after[line[-1]].pop()
            after[following].remove(line[-1])
            line.append(following)
        if len(line) > 1:
            lines.append([_crossing(field, level, edge) for edge in line])
    return lines


def _segments(field: Field, level: float, column: int, row: int) -> Iterator[tuple[_Edge, _Edge]]:
    """Yield the pieces of a contour in a cell, from edge to edge."""
    corners = [field.values[row + up][column + across] for across, up in _CORNERS]
    if None in corners:
        return
    above = [value >= level for value in corners if value is not None]
    edges = (
        _Edge(column, row, is_up=False),
        _Edge(column + 1, row, is_up=True),
        _Edge(column, row + 1, is_up=False),
        _Edge(column, row, is_up=True),
    )
    crossed = [edge for place, edge in enumerate(edges) if above[place] != above[(place + 1) % 4]]
    if len(crossed) == 4:
        # A saddle: its middle tells which corners hang together.
        middle = sum(value / 4 for value in corners if value is not None)
        crossed = crossed if (middle >= level) != above[0] else crossed[1:] + crossed[:1]
        # Edges meet at the corner between them, which is the one that is cut off.
        yield crossed[3], crossed[0]
        yield crossed[1], crossed[2]
    elif crossed:
        yield crossed[0], crossed[1]


def _crossing(field: Field, level: float, edge: _Edge) -> tuple[float, float]:
    """Return where a contour crosses an edge."""
    column, row, is_up = edge
    start, end = field.values[row][column], field.values[row + is_up][column + (not is_up)]
    assert start is not None
    assert end is not None
    part = min(max((level / 2 - start / 2) / (end / 2 - start / 2), 0.0), 1.0)
    x0, y0, x1, y1 = field.xs[column], field.ys[row], field.xs[column + (not is_up)], field.ys[row + is_up]
    return x0 + part * (x1 - x0), y0 + part * (y1 - y0)
