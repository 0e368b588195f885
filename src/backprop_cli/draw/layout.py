"""Places for boxes and routes for arrows: a layered drawing (Sugiyama, Tagawa and Toda 1981).

Everything is laid out from left to right: layers are columns, and a box is one column behind the operands it
is made of. A line that goes on through several columns keeps a lane of its own in each, so no line crosses a
box. From top to bottom is the same with both axes exchanged. Nothing here recurses, and the result is always
the same.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.draw.order import _median, choose_columns, inversions, isotonic

if TYPE_CHECKING:
    from collections.abc import Sequence

Point = tuple[float, float]

MARGIN = 16.0
_GAP = 22.0  # between boxes of a column
_LANE = 10.0  # what a line takes that passes a column
_CHANNEL = 46.0  # between columns, for lines to change their lanes
_DOT = 9.0  # from a box to where its line branches
# Columns are put in order by so many sweeps; large drawings have fewer.
_SWEEPS, _LARGE = 12, 2_000


class Route(NamedTuple):
    """The way of an arrow. knots: straight between those of equal height, a curve in the shape of an S else.

    label: the middle of the place for its label.
    """

    knots: tuple[Point, ...]
    label: Point


class Layout(NamedTuple):
    """A drawing: the top left corner of each box, a route for each arrow, the dots where lines branch."""

    positions: list[Point]
    routes: list[Route]
    dots: list[Point]
    width: float
    height: float
    direction: str

    def path(self, route: Route) -> str:
        """Return a route as the path of an SVG."""
        (x, y), *others = route.knots
        parts = [f"M{x:g} {y:g}"]
        for to_x, to_y in others:
            if self.direction == "LR":
                middle = (x + to_x) / 2
                curve = f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}"
                parts.append(f"H{to_x:g}" if y == to_y else curve)
            else:
                middle = (y + to_y) / 2
                curve = f"C{x:g} {middle:g} {to_x:g} {middle:g} {to_x:g} {to_y:g}"
                parts.append(f"V{to_y:g}" if x == to_x else curve)
            x, y = to_x, to_y
        return "".join(parts)


def place(
    sizes: Sequence[Point],
    arrows: Sequence[tuple[int, int]],
    *,
    direction: str = "LR",
    room: float = 52.0,
    apart: float = 18.0,
) -> Layout:
    """Lay out boxes of these sizes (width, height) and arrows (source, target), sources before targets.

    direction: "LR" from left to right, "TB" from top to bottom.  room: the straight end of an arrow, for its
    label.  apart: between the ends of arrows at one box, so that their labels don't touch.
    """
    across = direction == "TB"
    drawing = _Drawing([(h, w) if across else (w, h) for w, h in sizes], arrows, direction, room, apart)
    drawing.order_columns()
    drawing.place_rows()
    return drawing.layout(across=across)


class _Drawing:
    """The drawing in the making. A stop is a box, or a lane that a line takes through a column.

    column, size, after: per stop; after: the stops in the next column that its lines go to.
    """

    def __init__(
        self,
        sizes: list[Point],
        arrows: Sequence[tuple[int, int]],
        direction: str,
        room: float,
        apart: float,
    ) -> None:
        self.direction = direction
        self.room = room
        self.apart = apart
        self.boxes = len(sizes)
        self.size = list(sizes)
        self.column = choose_columns(len(sizes), arrows)
        self.after: list[list[int]] = [[] for _ in sizes]
        self.before: list[list[int]] = [[] for _ in sizes]
        self.ways: list[list[int]] = []
        lanes: dict[tuple[int, int], int] = {}
        for source, target in arrows:
            way = [source]
            for column in range(self.column[source] + 1, self.column[target]):
                lane = lanes.get((source, column))
                if lane is None:
                    lane = lanes[source, column] = self._add_lane(column)
                    self._join(way[-1], lane)
                way.append(lane)
            self._join(way[-1], target)
            self.ways.append([*way, target])
        self.columns: list[list[int]] = [[] for _ in range(max(self.column, default=-1) + 1)]
        for stop, column in enumerate(self.column):
            self.columns[column].append(stop)
        self.y = [0.0] * len(self.size)

    def _add_lane(self, column: int) -> int:
        self.size.append((0.0, _LANE))
        self.column.append(column)
        self.after.append([])
        self.before.append([])
        return len(self.size) - 1

    def _join(self, stop: int, following: int) -> None:
        self.after[stop].append(following)
        self.before[following].append(stop)

    # ---- the order within columns ----

    def order_columns(self) -> None:
        """Put the stops of each column in an order with few crossings: medians, to and fro."""
        rank = [0.0] * len(self.size)
        for column in self.columns:
            _number(column, rank)
        best = [column.copy() for column in self.columns]
        fewest = self._crossings(rank)
        for sweep in range(_SWEEPS if len(self.size) <= _LARGE else 2):
            forward = sweep % 2 == 0
            neighbours = self.before if forward else self.after
            for column in self.columns if forward else reversed(self.columns):
                keys = {stop: _median([rank[n] for n in neighbours[stop]], rank[stop]) for stop in column}
                column.sort(key=keys.__getitem__)
                _number(column, rank)
            crossings = self._crossings(rank)
            if crossings < fewest:
                fewest, best = crossings, [column.copy() for column in self.columns]
            if not fewest:
                break
        self.columns = best

    def _crossings(self, rank: list[float]) -> int:
        """Return how many pairs of lines cross between columns."""
        total = 0
        for column in self.columns:
            ends = [
                rank[following]
                for stop in sorted(column, key=rank.__getitem__)
                for following in sorted(self.after[stop], key=rank.__getitem__)
            ]
            total += inversions(ends)
        return total

    # ---- coordinates ----

    def place_rows(self) -> None:
        """Give each stop a height at which its lines are as straight as the others let them be."""
        y = self.y
        for column in self.columns:
            top = 0.0
            for stop in column:
                y[stop] = top + self.size[stop][1] / 2
                top += self.size[stop][1] + _GAP
        for sweep in range(10 if len(self.size) <= _LARGE else 3):
            forward = sweep % 2 == 0
            for column in self.columns if forward else reversed(self.columns):
                self._settle(column, self.before if forward else self.after)

    def _settle(self, column: list[int], neighbours: list[list[int]]) -> None:
        """Move the stops of a column towards their neighbours, in order and apart: isotonic regression."""
        y = self.y
        offset, wanted, weights = [0.0], [], []
        for above, below in pairwise(column):
            offset.append(offset[-1] + (self.size[above][1] + self.size[below][1]) / 2 + _GAP)
        for stop, shift in zip(column, offset, strict=True):
            near = [y[n] for n in neighbours[stop]]
            wanted.append((sum(near) / len(near) if near else y[stop]) - shift)
            weights.append(4.0 if stop >= self.boxes else float(len(near)) or 0.1)
        for stop, settled, shift in zip(column, isotonic(wanted, weights), offset, strict=True):
            y[stop] = settled + shift

    def layout(self, *, across: bool) -> Layout:
        """Return the drawing in coordinates that begin at the margin."""
        lefts, x = [], MARGIN
        for column in self.columns:
            lefts.append(x)
            x += max((self.size[stop][0] for stop in column), default=0.0) + _DOT + _CHANNEL + self.room
        tops = [self.y[i] - self.size[i][1] / 2 for i in range(len(self.size))]
        shift = MARGIN - min(tops, default=0.0)
        rights = [
            left + max((self.size[stop][0] for stop in column), default=0.0)
            for left, column in zip(lefts, self.columns, strict=True)
        ]
        ports = self._ports()
        routes = []
        for number, way in enumerate(self.ways):
            routes.append(self._route(way, ports[number] + shift, lefts, rights, shift))
        dots = [
            (rights[self.column[stop]] + _DOT, self.y[stop] + shift)
            for stop, following in enumerate(self.after)
            if len(following) > 1
        ]
        positions = [(lefts[self.column[i]], tops[i] + shift) for i in range(self.boxes)]
        bottom = max((top + size[1] for top, size in zip(tops, self.size, strict=True)), default=0.0)
        size = (max(rights, default=0.0) + MARGIN, bottom + shift + MARGIN)
        if across:
            positions, dots = [_swap(p) for p in positions], [_swap(p) for p in dots]
            routes = [Route(tuple(map(_swap, r.knots)), _swap(r.label)) for r in routes]
            size = _swap(size)
        return Layout(positions, routes, dots, *size, self.direction)

    def _ports(self) -> list[float]:
        """Return the height at which each arrow meets its target: in the order of where they come from."""
        arriving: list[list[int]] = [[] for _ in range(self.boxes)]
        for number, way in enumerate(self.ways):
            arriving[way[-1]].append(number)
        ports = [0.0] * len(self.ways)
        for box, numbers in enumerate(arriving):
            numbers.sort(key=lambda number: (self.y[self.ways[number][-2]], number))
            step = min(self.apart, self.size[box][1] / max(len(numbers), 1))
            first = self.y[box] - step * (len(numbers) - 1) / 2
            for place_, number in enumerate(numbers):
                ports[number] = first + step * place_
        return ports

    def _route(
        self, way: list[int], port: float, lefts: list[float], rights: list[float], shift: float
    ) -> Route:
        source, target = way[0], way[-1]
        y = self.y[source] + shift
        start = lefts[self.column[source]] + self.size[source][0]
        knots = [(start, y), (rights[self.column[source]] + _DOT, y)]
        for stop in way[1:-1]:
            column, y = self.column[stop], self.y[stop] + shift
            knots += [(lefts[column] - self.room, y), (rights[column] + _DOT, y)]
        end = lefts[self.column[target]]
        knots += [(end - self.room, port), (end, port)]
        distinct = [knot for i, knot in enumerate(knots) if not i or knot != knots[i - 1]]
        return Route(tuple(distinct), (end - self.room / 2, port))


def _number(column: list[int], rank: list[float]) -> None:
    for place_, stop in enumerate(column):
        rank[stop] = float(place_)


def _swap(point: Point) -> Point:
    return point[1], point[0]
