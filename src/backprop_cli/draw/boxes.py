"""A diagram as boxes in layers from left to right, joined by wires.

A wire keeps a track of its own between two layers, so that no two of them can be taken for one. Where that
can't be done, or the boxes don't fit, nothing is drawn.
"""

from __future__ import annotations

from itertools import accumulate, groupby
from operator import sub
from statistics import mean, median_low
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.console.sheets import LANE_COLOURS, trimmed, width
from backprop_cli.draw.order import choose_columns, inversions, isotonic, order_of_rows
from backprop_cli.notation.pretty import factor_back, pretty, to_ascii

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backprop_cli.console.sheets import Line
    from backprop_cli.draw.diagram import Arrow, Box, Diagram

# Higher drawings are easier to read as rails, unless boxes are asked for.
_TALL = 60
_MOST_ITEMS = 4000
_SWEEPS = 8


class Signs(NamedTuple):
    """What is drawn with. box, output: corners from the upper left on, then horizontal, vertical, exit.

    wires: the sign for the directions that a wire leaves in, of "lrud".
    """

    box: str
    output: str
    wires: dict[str, str]
    head: str
    d: str


_WAYS = ("lr", "ud", "ld", "lu", "rd", "ru", "lud", "rud", "lrd", "lru", "lrud")
UNICODE = Signs("┌┐┘└─│├", "╔╗╝╚═║╟", dict(zip(_WAYS, "─│╮╯╭╰┤├┬┴┼", strict=True)), "▶", "∂")
ASCII = Signs("++++-|+", "####=##", dict(zip(_WAYS, "-|.'.'ooooo", strict=True)), ">", "d")


def draw_boxes(
    diagram: Diagram, *, columns: int | None, unicode: bool, however_tall: bool = False
) -> list[Line] | None:
    """Return the lines of the drawing, None where it does not fit or would be ambiguous.

    columns: the width to draw for, None for any. Where it is too narrow for values and gradients beside each
    other, they stand one below the other.
    """
    for stacked in (False, True) if diagram.has_numbers else (False,):
        pictures = _Pictures(diagram, UNICODE if unicode else ASCII, unicode=unicode, stacked=stacked)
        lines = _drawn(diagram, pictures, columns, however_tall=however_tall)
        if lines is not None:
            return lines
    return None


def _drawn(
    diagram: Diagram, pictures: _Pictures, columns: int | None, *, however_tall: bool
) -> list[Line] | None:
    layout = _Layout(diagram)
    if columns is not None and sum(pictures.widths(layout)) > columns:
        return None  # without tracks
    if not layout.add_bends():
        return None
    layout.choose_order()
    layout.choose_rows(pictures.heights)
    gaps = [gap for layer in range(len(layout.layers) - 1) if (gap := _tracks(layout, layer)) is not None]
    height = max(row + height for row, height in zip(layout.row, layout.height, strict=True))
    if len(gaps) < len(layout.layers) - 1 or (height > _TALL and not however_tall):
        return None
    sizes = pictures.widths(layout, gaps)
    if columns is not None and sum(sizes) > columns:
        return None
    canvas = _Canvas(sum(sizes), height)
    _paint(canvas, layout, pictures, gaps, sizes)
    legend = [(part, "legend") for text in pictures.legend() for part in wrap(text, min(columns or 100, 100))]
    return [*canvas.lines(), [], *([part] for part in legend)]


# ---- layout ----


class _Layout:
    """Where things stand. An item is a box, by its number, or behind these the bend of a wire in a layer.

    layer, row, height: of each item.  carries: the box whose value the item passes on.
    links: between a layer and the next: from an item to an item, with the arrow where that is a box.
    layers: the items of each from top to bottom.  ports: the links that end at a box from top to bottom.
    """

    def __init__(self, diagram: Diagram) -> None:
        self.diagram = diagram
        self.operands = diagram.operands
        arrows = [(arrow.source, arrow.target) for arrow in diagram.arrows]
        self.layer = choose_columns(len(diagram.boxes), arrows)
        self.carries = list(range(len(self.layer)))
        self.layers: list[list[int]] = [[] for _ in range(max(self.layer) + 1)]
        self.links: list[list[tuple[int, int, Arrow | None]]] = [[] for _ in self.layers]
        self.ports: dict[int, list[Arrow]] = {}
        self.row: list[int] = []
        self.height: list[int] = []

    def add_bends(self) -> bool:
        """Lead every wire through the layers that it passes, a branching one once.

        Return False where that would be too much.
        """
        last = list(self.layer)
        for arrow in self.diagram.arrows:
            last[arrow.source] = max(last[arrow.source], self.layer[arrow.target] - 1)
        if sum(last) - sum(self.layer) + len(last) > _MOST_ITEMS:
            return False
        bends: dict[tuple[int, int], int] = {}
        for box in range(len(last)):
            bends[box, self.layer[box]] = box
            for layer in range(self.layer[box] + 1, last[box] + 1):
                bend = bends[box, layer] = len(self.layer)
                self.links[layer - 1].append((bends[box, layer - 1], bend, None))
                self.layer.append(layer)
                self.carries.append(box)
        for arrow in self.diagram.arrows:
            layer = self.layer[arrow.target] - 1
            self.links[layer].append((bends[arrow.source, layer], arrow.target, arrow))
        return True

    def choose_order(self) -> None:
        """Order each layer such that few wires cross: by the medians of what is beside, back and forth."""
        uses = [0] * len(self.operands)
        sources = [list(dict.fromkeys(arrow.source for arrow in arrows)) for arrows in self.operands]
        for operand in (operand for operands in sources for operand in operands):
            uses[operand] += 1
        rank = {box: i for i, box in enumerate(order_of_rows(sources, uses))}
        for item in sorted(range(len(self.layer)), key=lambda item: (rank[self.carries[item]], item)):
            self.layers[self.layer[item]].append(item)
        before, behind = self._neighbours()
        best, fewest = [list(items) for items in self.layers], self._crossings()
        for sweep in range(_SWEEPS):
            if not fewest:
                break
            beside = behind if sweep % 2 else before
            for items in reversed(self.layers) if sweep % 2 else self.layers:
                place = {item: i for layer in self.layers for i, item in enumerate(layer)}
                items.sort(
                    key=lambda item: (
                        median_low([place[other] for other in beside[item]]) if beside[item] else place[item]
                    )
                )
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(items) for items in self.layers], crossings
        self.layers = best

    def choose_rows(self, heights: Sequence[int]) -> None:
        """Give each item a row near to those of its neighbours."""
        place = {item: i for items in self.layers for i, item in enumerate(items)}
        for links in self.links:
            links.sort(key=lambda link: (link[1], place[link[0]], link[2].argnum if link[2] else 0))
            for target, group in groupby(links, key=lambda link: link[1]):
                self.ports[target] = [arrow for _, _, arrow in group if arrow is not None]
        boxes = len(heights)
        self.height = [
            max(heights[item], 2 + len(self.ports.get(item, ()))) if item < boxes else 1
            for item in range(len(self.layer))
        ]
        self.row = [0] * len(self.layer)
        for items in self.layers:
            self._settle(items, [0.0] * len(items))
        ahead: list[list[tuple[int, int]]] = [[] for _ in self.layer]
        back: list[list[tuple[int, int]]] = [[] for _ in self.layer]
        for links in self.links:
            for start, end, arrow in links:
                shift = self.exit(start) - self.entry(end, arrow)
                back[end].append((start, shift))
                ahead[start].append((end, -shift))
        for sweep in range(_SWEEPS):
            for items in reversed(self.layers) if sweep % 2 else self.layers:
                beside = ahead if sweep % 2 else back
                wanted = []
                for item in items:
                    near = beside[item] or ahead[item] or back[item]
                    rows = [self.row[other] + shift for other, shift in near]
                    wanted.append(mean(rows) if rows else float(self.row[item]))
                self._settle(items, wanted)
        top = min(self.row)
        self.row = [row - top for row in self.row]

    def exit(self, item: int) -> int:
        """Return the line of an item, counted from its top, on which its value leaves."""
        return 1 if item < len(self.operands) else 0

    def entry(self, item: int, arrow: Arrow | None) -> int:
        """Return the line of an item, counted from its top, that an arrow runs into."""
        return 0 if arrow is None else 1 + self.ports[item].index(arrow)

    def _settle(self, items: list[int], wanted: list[float]) -> None:
        """Put the items of a layer near to the rows they want, in their order and without overlap."""
        offsets = list(accumulate((self.height[item] for item in items[:-1]), initial=0))
        settled = isotonic(list(map(sub, wanted, offsets)), [1.0] * len(items))
        for item, row, offset in zip(items, settled, offsets, strict=True):
            self.row[item] = round(row) + offset

    def _neighbours(self) -> tuple[list[list[int]], list[list[int]]]:
        before: list[list[int]] = [[] for _ in self.layer]
        behind: list[list[int]] = [[] for _ in self.layer]
        for links in self.links:
            for start, end, _ in links:
                before[end].append(start)
                behind[start].append(end)
        return before, behind

    def _crossings(self) -> int:
        place = {item: i for items in self.layers for i, item in enumerate(items)}
        lines = (sorted((place[start], place[end]) for start, end, _ in links) for links in self.links)
        return sum(inversions([end for _, end in line]) for line in lines)


# ---- wires ----


class _Wire(NamedTuple):
    """A wire between two layers. start: its row at the left.  ends: at the right, with the arrows there."""

    carries: int
    start: int
    ends: list[tuple[int, Arrow | None]]

    @property
    def rows(self) -> list[int]:
        return [self.start, *(row for row, _ in self.ends)]


class _Gap(NamedTuple):
    """The wires between two layers. track: of each wire that is not straight.  tracks: how many there are."""

    wires: list[_Wire]
    track: dict[int, int]
    tracks: int


def _tracks(layout: _Layout, layer: int) -> _Gap | None:
    """Give a track to each wire between a layer and the next. None if their order has no solution.

    Where one wire leaves on the row on which another arrives, its track has to be further to the left.
    """
    wires = []
    for start, group in groupby(
        sorted(layout.links[layer], key=lambda link: link[0]), key=lambda link: link[0]
    ):
        ends = [(layout.row[end] + layout.entry(end, arrow), arrow) for _, end, arrow in group]
        wires.append(_Wire(layout.carries[start], layout.row[start] + layout.exit(start), ends))
    bent = [i for i, wire in enumerate(wires) if len(set(wire.rows)) > 1]
    arriving = {row: i for i in bent for row, _ in wires[i].ends}
    behind: dict[int, set[int]] = {i: set() for i in bent}
    for i in bent:
        other = arriving.get(wires[i].start, i)
        if other != i:
            behind[i].add(other)
    waiting = {i: sum(i in others for others in behind.values()) for i in bent}
    track: dict[int, int] = {}
    least = dict.fromkeys(bent, 0)
    used: list[list[tuple[int, int]]] = []
    ready = [i for i in bent if not waiting[i]]
    while ready:
        # Those that end first take the left tracks, so that few wires cross.
        ready.sort(key=lambda i: (max(wires[i].rows), min(wires[i].rows)))
        i = ready.pop(0)
        first, last = _span(wires[i])
        place = least[i]
        while place < len(used) and any(first <= end and start <= last for start, end in used[place]):
            place += 1
        used += [[] for _ in range(place + 1 - len(used))]
        used[place].append((first, last))
        track[i] = place
        for other in behind[i]:
            least[other] = max(least[other], place + 1)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    return _Gap(wires, track, len(used)) if len(track) == len(bent) else None


def _span(wire: _Wire) -> tuple[int, int]:
    """Return the rows of its track that a wire takes. Joins of two wires must not touch, in ASCII."""
    first, last = min(wire.rows), max(wire.rows)
    ends = [row for row, _ in wire.ends]
    return first - (wire.start == first and first in ends), last + (wire.start == last and last in ends)


# ---- drawing ----


class _Pictures:
    """The texts of boxes and arrows, and the room that they need."""

    def __init__(self, diagram: Diagram, signs: Signs, *, unicode: bool, stacked: bool) -> None:
        self.diagram = diagram
        self.signs = signs
        self.unicode = unicode
        self.stacked = stacked
        self.inner = [self._texts(box) for box in diagram.boxes]
        self.heights = [len(texts) + 2 for texts in self.inner]
        self.box_widths = [max(map(width, texts)) + 4 for texts in self.inner]

    def show(self, text: str) -> str:
        return text if self.unicode else to_ascii(text)

    def label(self, arrow: Arrow) -> str:
        return self.show(arrow.factor(unicode=self.unicode))

    def widths(self, layout: _Layout, gaps: Sequence[_Gap] = ()) -> list[int]:
        """Return the columns of layer, gap, layer and so on to the last layer. Without gaps, at least."""
        count = len(layout.layers)
        boxes, labels = [0] * count, [0] * count
        for box, size in enumerate(self.box_widths):
            layer = layout.layer[box]
            boxes[layer] = max(boxes[layer], size)
            longest = max((width(self.label(arrow)) for arrow in layout.operands[box]), default=0)
            labels[layer] = max(labels[layer], longest)
        sizes = [boxes[0]]
        for layer in range(1, count):
            tracks = gaps[layer - 1].tracks if gaps else 0
            sizes += [2 * tracks + 1 + labels[layer] + 1, boxes[layer]]
        return sizes

    def legend(self) -> Iterator[str]:
        """Explain the signs."""
        if self.diagram.has_numbers:
            yield f"In a box: the value, and grad, the gradient of {self.show(self.diagram.output)}."
        if any(arrow.partial for arrow in self.diagram.arrows):
            sign = factor_back("", unicode=self.unicode)
            yield f"On an arrow: {sign} the local derivative, a factor of gradients on the way back."

    def _texts(self, box: Box) -> list[str]:
        lines = [self.show(pretty(box.title, unicode=self.unicode))]
        if self.stacked or (box.shape and self.diagram.has_numbers):
            lines += [box.value, f"grad {box.gradient}"]
        elif self.diagram.has_numbers:
            gradient = f"grad {box.gradient}"
            size = max(width(lines[0]), width(box.value) + 2 + width(gradient))
            lines.append(box.value + gradient.rjust(size - width(box.value)))
        return [*lines, f"({box.kink})"] if box.kink else lines


def _paint(
    canvas: _Canvas, layout: _Layout, pictures: _Pictures, gaps: Sequence[_Gap], sizes: Sequence[int]
) -> None:
    left = 0
    for layer, items in enumerate(layout.layers):
        size = sizes[2 * layer]
        for item in items:
            row, colour = layout.row[item], f"lane{layout.carries[item] % LANE_COLOURS}"
            goes_on = False
            if item < len(pictures.inner):
                goes_on = layer < len(gaps) and any(wire.carries == item for wire in gaps[layer].wires)
                _paint_box(canvas, pictures, item, (left, row, layout.height[item]), goes_on=goes_on)
                start = left + pictures.box_widths[item]
            else:
                goes_on, start = True, left
            if goes_on:
                for x in range(start, left + size):
                    canvas.put(x, row + layout.exit(item), pictures.signs.wires["lr"], colour)
        if layer < len(gaps):
            left += size
            _paint_gap(canvas, pictures, gaps[layer], left, left + sizes[2 * layer + 1])
            left += sizes[2 * layer + 1]


def _paint_box(
    canvas: _Canvas, pictures: _Pictures, box: int, place: tuple[int, int, int], *, goes_on: bool
) -> None:
    left, top, height = place
    size, role = pictures.box_widths[box], pictures.diagram.boxes[box].role
    a, b, c, d, bar, side, leave = iter(pictures.signs.output if role == "output" else pictures.signs.box)
    canvas.put(left, top, a + bar * (size - 2) + b, role)
    for line in range(1, height - 1):
        canvas.put(left, top + line, side, role)
        canvas.put(left + size - 1, top + line, leave if goes_on and line == 1 else side, role)
    canvas.put(left, top + height - 1, d + bar * (size - 2) + c, role)
    for line, text in enumerate(pictures.inner[box], 1):
        canvas.put(left + 2, top + line, text, role)


def _paint_gap(canvas: _Canvas, pictures: _Pictures, gap: _Gap, left: int, right: int) -> None:
    signs = pictures.signs.wires
    for i, wire in enumerate(gap.wires):
        colour = f"lane{wire.carries % LANE_COLOURS}"
        turn = left + 1 + 2 * gap.track[i] if i in gap.track else left
        for x in range(left, turn):
            canvas.put(x, wire.start, signs["lr"], colour)
        for row, arrow in wire.ends:
            for x in range(turn + (i in gap.track), right):
                canvas.put(x, row, signs["lr"], colour)
            if arrow is not None:
                label = pictures.label(arrow)
                canvas.put(right - 1 - width(label), row, label, "")
                canvas.put(right - 1, row, pictures.signs.head, colour)
    # Upright lines go over level ones, which leaves these with a gap.
    for i, track in gap.track.items():
        wire = gap.wires[i]
        first, last, ends = min(wire.rows), max(wire.rows), {row for row, _ in wire.ends}
        for row in range(first, last + 1):
            ways = {"l": row == wire.start, "r": row in ends, "u": row > first, "d": row < last}
            sign = signs["".join(way for way, is_there in ways.items() if is_there)]
            canvas.put(left + 1 + 2 * track, row, sign, f"lane{wire.carries % LANE_COLOURS}")


class _Canvas:
    """Characters in rows and columns, each with its role. Behind a wide one stands an empty one."""

    def __init__(self, columns: int, rows: int) -> None:
        self.cells = [[(" ", "")] * columns for _ in range(rows)]

    def put(self, column: int, row: int, text: str, role: str) -> None:
        """Write a text from a column on."""
        cells = self.cells[row]
        for c in text:
            size = width(c)
            if not size:
                cells[column - 1] = (cells[column - 1][0] + c, role)
                continue
            cells[column : column + size] = [(c, role), *[("", role)] * (size - 1)]
            column += size

    def lines(self) -> list[Line]:
        """Return the rows, with neighbours of one role in one piece."""
        return [
            trimmed(
                [
                    ("".join(c for c, _ in group), role)
                    for role, group in groupby(row, key=lambda cell: cell[1])
                ]
            )
            for row in self.cells
        ]
