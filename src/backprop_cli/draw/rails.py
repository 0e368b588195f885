"""A diagram as rails: a line for each node, and a lane for each value that is still needed."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.console.sheets import LANE_COLOURS, Line, trimmed, width
from backprop_cli.draw.order import order_of_rows
from backprop_cli.notation.pretty import factor, number_or_formula, pretty, to_ascii

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.draw.diagram import Arrow, Box, Diagram


# In less room than this no text can be read.
_LEAST_TEXT = 24


class Row(NamedTuple):
    """The lanes on the line of a node.

    lane: that of the node itself.  joins: the lanes of its operands, and whether the value is used again
    below; an operand whose lane the node takes over is not among them.  passing: the other lanes in use.
    below: the lanes in use below the line.
    """

    node: int
    lane: int
    joins: dict[int, bool]
    passing: frozenset[int]
    below: frozenset[int]


class Signs(NamedTuple):
    """What rails are drawn with. ends: the last use, joins: one of several; at the left, between, right."""

    marks: dict[str, str]
    line: str
    bar: str
    joins: str
    ends: str
    d: str
    ellipsis: str


UNICODE = Signs({"input": "○", "step": "●", "output": "◉"}, "│", "─", "├┼┤", "╰┴╯", "∂", "…")
ASCII = Signs({"input": "o", "step": "*", "output": "@"}, "|", "-", "+++", "'''", "d", "...")


def draw_rails(diagram: Diagram, *, columns: int | None, unicode: bool) -> list[Line]:
    """Return the lines of the drawing. columns: the width to draw for, None for any."""
    signs = UNICODE if unicode else ASCII
    rows = lay_out(diagram)
    lanes = 2 * max(max(row.lane, *row.joins, *row.passing, 0) for row in rows) + 1
    needed = lanes + 2 + _LEAST_TEXT
    too_many = columns is not None and columns < needed
    if too_many:
        # The names of the operands tell what the lanes would.
        rows, lanes = [Row(row.node, 0, {}, frozenset(), frozenset()) for row in rows], 1
    texts = _Texts(diagram, signs, unicode=unicode)
    room = None if columns is None else columns - lanes - 2
    drawn: list[Line] = []
    tables = (texts.table(rows, compact=compact) for compact in (False, True))
    table = next((t for t in tables if room is None or max(map(_length, t.cells)) <= room), None)
    if table is not None:
        drawn.append([(" " * (lanes + 2), ""), (texts.join(table.cells[0]), "header")])
        for row, cells in zip(rows, table.cells[1:], strict=True):
            title, rest = cells[0], texts.join(["", *cells[1:]])
            note = texts.feeds(row.node)
            if note:
                # Right behind the local derivatives, of which an input has none.
                rest = rest[: rest.rindex(cells[-1])] + "  ".join(filter(None, (cells[-1].rstrip(), note)))
                if room is not None:
                    rest = _cut(rest, room - width(title), signs.ellipsis)
            role = diagram.boxes[row.node].role
            drawn.append([*_lane_cells(row, lanes, role, signs), (title, role), (rest, "")])
    else:
        assert room is not None
        for row in rows:
            drawn += _stacked(row, lanes, diagram.boxes[row.node].role, texts.lines(row.node), room, signs)
    legend = texts.legend(rows, compact=table is not None and table.compact)
    if too_many:
        legend[0] = f"The lines between the nodes need {needed} columns; in a pipe to less -S they are drawn."
    drawn.append([])
    drawn += [[(part, "legend")] for text in legend for part in wrap(text, min(columns or 100, 100))]
    return [trimmed(line) for line in drawn]


# ---- lanes ----


def lay_out(diagram: Diagram) -> list[Row]:
    """Return the rows from top to bottom, with a lane for each node.

    A result takes over the lane of an operand that is used for the last time, else the first free lane.
    """
    sources = [list(dict.fromkeys(arrow.source for arrow in arrows)) for arrows in diagram.operands]
    uses = [0] * len(sources)
    for operands in sources:
        for operand in operands:
            uses[operand] += 1
    lane_of: dict[int, int] = {}
    live: set[int] = set()
    rows = []
    # Below a value that nothing uses its lane stays free for a line, or it would seem to run on.
    blocked = -1
    for node in order_of_rows(sources, uses):
        joined = [lane_of[operand] for operand in sources[node]]
        passing = live - set(joined)
        for operand in sources[node]:
            uses[operand] -= 1
            if not uses[operand]:
                live.remove(lane_of.pop(operand))
        ending = [lane for lane in joined if lane not in live]
        lane = min(ending) if ending else 0
        while not ending and (lane in live or lane == blocked):
            lane += 1
        joins = {other: other in live for other in joined if other != lane}
        blocked = -1
        if uses[node]:
            live.add(lane)
            lane_of[node] = lane
        else:
            blocked = lane
        rows.append(Row(node, lane, joins, frozenset(passing), frozenset(live)))
    return rows


def _lane_cells(row: Row, size: int, role: str, signs: Signs) -> Line:
    ends = (row.lane, *row.joins)
    first, last = min(ends), max(ends)
    cells: Line = []
    for lane in range(size // 2 + 1):
        colour = f"lane{lane % LANE_COLOURS}"
        if lane == row.lane:
            cells.append((signs.marks[role], role))
        elif lane in row.joins:
            side = 0 if lane == first else 2 if lane == last else 1
            cells.append(((signs.joins if row.joins[lane] else signs.ends)[side], colour))
        elif lane in row.passing:
            cells.append((signs.line, colour))
        else:
            cells.append((signs.bar if first < lane < last else " ", ""))
        cells.append((signs.bar if first <= lane < last else " ", ""))
    return [*cells, (" ", "")]


def _stacked(row: Row, size: int, role: str, texts: list[str], room: int, signs: Signs) -> list[Line]:
    """Return a node on several lines, for a terminal too narrow for columns of text."""
    below: Line = []
    for lane in range(size // 2 + 1):
        below += [(signs.line if lane in row.below else " ", f"lane{lane % LANE_COLOURS}"), (" ", "")]
    below.append((" ", ""))
    drawn: list[Line] = []
    for text in texts:
        indent = "  " if drawn else ""
        for part in wrap(text, max(room, _LEAST_TEXT), initial_indent=indent, subsequent_indent="    "):
            lanes = below if drawn else _lane_cells(row, size, role, signs)
            drawn.append([*lanes, (part, "" if drawn else role)])
    return drawn


# ---- texts ----


class _Table(NamedTuple):
    """The columns of text, padded; the header first."""

    cells: list[list[str]]
    compact: bool


class _Texts:
    """What stands behind the lanes."""

    def __init__(self, diagram: Diagram, signs: Signs, *, unicode: bool) -> None:
        self.diagram = diagram
        self.signs = signs
        self.unicode = unicode
        self.operands = diagram.operands
        self.uses: list[list[str]] = [[] for _ in diagram.boxes]
        for source, target in dict.fromkeys((arrow.source, arrow.target) for arrow in diagram.arrows):
            self.uses[source].append(diagram.boxes[target].id)

    def show(self, text: str) -> str:
        return text if self.unicode else to_ascii(text)

    def table(self, rows: list[Row], *, compact: bool) -> _Table:
        """Return the texts as columns. compact: local derivatives without the names of the operands."""
        header = ["node", "value", self._gradient("node"), "local derivatives"]
        lines = [header]
        for row in rows:
            box = self.diagram.boxes[row.node]
            partials = self.factors(row.node) if compact else self.partials(row.node)
            lines.append([self._title(box), box.value, box.gradient, ("  ", " ")[compact].join(partials)])
        if not self.diagram.has_numbers:
            lines = [[line[0], line[3]] for line in lines]
        sizes = [max(map(width, column)) for column in zip(*lines, strict=True)]
        return _Table(
            [
                [
                    " " * (size - width(cell)) + cell
                    if 0 < i < 3 and self.diagram.has_numbers
                    else cell + " " * (size - width(cell))
                    for i, (cell, size) in enumerate(zip(line, sizes, strict=True))
                ]
                for line in lines
            ],
            compact,
        )

    def join(self, cells: list[str]) -> str:
        return "  ".join(cells)

    def lines(self, node: int) -> list[str]:
        """Return the texts of a node as lines."""
        box = self.diagram.boxes[node]
        lines = [self._title(box)]
        if self.diagram.has_numbers:
            lines[0] += f" = {box.value}"
        lines += self.partials(node)
        if self.diagram.has_numbers:
            lines.append(f"{self._gradient(self.show(box.id))} = {box.gradient}")
        return lines

    def partials(self, node: int) -> list[str]:
        """Return the local derivatives of a node as equations, the rule of an array in words."""
        d, boxes = self.signs.d, self.diagram.boxes
        if boxes[node].rule:
            return [self.show(boxes[node].rule.replace("∂", d))]
        mark = f" ({boxes[node].kink})" if boxes[node].kink else ""
        return [
            self.show(
                f"{d}{boxes[node].id}/{d}{boxes[arrow.source].id}{arrow.mark} = {self._partial(arrow)}{mark}"
            )
            for arrow in self.operands[node]
            if arrow.partial
        ]

    def factors(self, node: int) -> list[str]:
        """Return the local derivatives of a node, by its operands in their order."""
        if self.diagram.boxes[node].rule:
            return self.partials(node)
        kink = self.diagram.boxes[node].kink
        mark = [f"({kink})"] if kink else []
        return [self.show(factor(a.partial, unicode=self.unicode)) for a in self.operands[node]] + mark

    def feeds(self, node: int) -> str:
        """Return which nodes use the value, if there are several."""
        uses = self.uses[node]
        return self.show(f"feeds {', '.join(uses)}") if len(uses) > 1 else ""

    def legend(self, rows: list[Row], *, compact: bool) -> list[str]:
        """Explain the signs that were used."""
        marks, joins, ends = self.signs.marks, " ".join(self.signs.joins), " ".join(self.signs.ends)
        if not self.unicode:
            joins, ends = joins[0], ends[0]
        lines = [
            (
                f"{marks['input']} input, {marks['step']} step, {marks['output']} output; "
                "a line that runs into one is an operand."
            )
        ]
        has_branches = any(any(row.joins.values()) for row in rows)
        if has_branches:
            lines.append(f"{joins} used here and again below (a branch point), {ends} for the last time.")
        if compact:
            times = factor("", unicode=self.unicode)
            lines.append(f"{times} the local derivative by each operand, in their order.")
        if self.diagram.has_numbers:
            add = ", which add up at branch points" if has_branches else ""
            lines.append(f"Read down for the values, up for the gradients{add}.")
        return lines

    def _title(self, box: Box) -> str:
        return self.show(pretty(box.title, unicode=self.unicode))

    def _partial(self, arrow: Arrow) -> str:
        return number_or_formula(arrow.partial, unicode=self.unicode)

    def _gradient(self, name: str) -> str:
        if self.diagram.upstream != 1:
            return "gradient"
        d = self.signs.d
        return self.show(f"{d}{self.diagram.output}/{d}{name}")


def _length(cells: Sequence[str]) -> int:
    return sum(map(width, cells)) + 2 * (len(cells) - 1)


def _cut(text: str, room: int, ellipsis: str) -> str:
    if width(text) <= room:
        return text
    while width(text) > room - width(ellipsis):
        text = text[:-1]
    return text + ellipsis
