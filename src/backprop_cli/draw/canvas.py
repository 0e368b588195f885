"""Curves in a terminal: dots of Braille, eight to a character, or a sign for each curve."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from backprop_cli.curves.contours import ticks
from backprop_cli.draw.curves import tick_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backprop_cli.console.sheets import Line
    from backprop_cli.draw.curves import Plane, Trace

_ROWS, _MOST_COLUMNS, _LEAST_COLUMNS = 18, 100, 12
# Unicode has a Braille character for every set of the dots in a cell: these bits are at (column, row).
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_SIGNS, _PLAIN_SIGNS = "●○+×◆◇∗", "*o+x#@%"


def draw_plane(plane: Plane, *, columns: int | None, unicode: bool, colour: bool) -> list[Line]:
    """Return a plane as lines of pieces. columns: the width that there is, None for 80."""
    numbers = _labels(plane)
    margin = max(map(len, numbers.values()), default=0) + 2
    width = max(min((columns or 80), _MOST_COLUMNS) - margin, _LEAST_COLUMNS)
    braille = unicode and (colour or len(plane.traces) == 1)
    canvas = _Canvas(plane, width, braille=braille, signs=_SIGNS if unicode else _PLAIN_SIGNS)
    upright, corner, bar = ("┤", "└", "─") if unicode else ("|", "+", "-")
    lines: list[Line] = []
    for row in range(_ROWS):
        head = f"{numbers.get(row, ''):>{margin - 2}} {upright}"
        lines.append([(head, "idle"), *canvas.pieces(row)])
    lines.append([(" " * (margin - 1) + corner + bar * width, "idle")])
    lines.append([(" " * margin + _below(plane, width), "idle")])
    return [*lines, *_legend(plane, canvas, columns, braille=braille, colour=colour)]


def _labels(plane: Plane) -> dict[int, str]:
    """Return the row of each number beside the plane."""
    found = ticks(plane.low, plane.high, 6)
    step = found[1] - found[0] if len(found) > 1 else (plane.high - plane.low) / 100
    return {_row(plane, y): tick_text(y, step) for y in found}


def _row(plane: Plane, y: float) -> int:
    return min(int((plane.high - y) / (plane.high - plane.low) * _ROWS), _ROWS - 1)


def _below(plane: Plane, width: int) -> str:
    """Return the numbers below the plane, where they have room."""
    tried = (ticks(plane.left, plane.right, max(width // room, 2)) for room in (12, 9, 6))
    found = next((found for found in tried if len(found) > 2), [plane.left, plane.right])
    step = found[1] - found[0] if len(found) > 1 else (plane.right - plane.left) / 100
    line = ""
    for x in found:
        text = tick_text(x, step)
        column = min(int((x - plane.left) / (plane.right - plane.left) * width), width - 1)
        start = max(min(column - len(text) // 2, width - len(text)), 0)
        if start > len(line) or not line:
            line = line.ljust(start) + text
    return line


def _legend(plane: Plane, canvas: _Canvas, columns: int | None, *, braille: bool, colour: bool) -> list[Line]:
    """Return the names of the curves, as many beside each other as there are columns for."""
    lines: list[Line] = [[]]
    for number, trace in enumerate(plane.traces):
        sign = ("━" if colour else "") if braille else canvas.signs[number % len(canvas.signs)]
        told = f"{sign} {trace.label}".strip()
        width = sum(len(text) for text, _ in lines[-1])
        if lines[-1] and columns is not None and width + 3 + len(told) > columns:
            lines.append([])
        lines[-1].append((("   " if lines[-1] else "") + told, _lane(number)))
    return lines


def _lane(number: int) -> str:
    return f"lane{number % 6}"


class _Canvas:
    """A plane in cells. In a cell where curves meet, the first one is seen."""

    def __init__(self, plane: Plane, width: int, *, braille: bool, signs: str) -> None:
        self._plane, self.width, self._braille, self.signs = plane, width, braille, signs
        self._cells: dict[tuple[int, int], tuple[int, int]] = {}
        self._across, self._down = (2 * width, 4 * _ROWS) if braille else (width, _ROWS)
        for number, trace in enumerate(plane.traces):
            self._draw(number, trace)

    def pieces(self, row: int) -> Iterator[tuple[str, str]]:
        """Yield a row of cells, those of one curve together."""
        text, owner = "", -1
        width = max((column + 1 for column, at in self._cells if at == row), default=0)
        for column in range(width):
            number, bits = self._cells.get((column, row), (-1, 0))
            if number not in (owner, -1):
                yield text, _lane(owner) if owner >= 0 else ""
                text, owner = "", number
            text += self._sign(number, bits)
        yield text, _lane(owner) if owner >= 0 else ""

    def _sign(self, number: int, bits: int) -> str:
        if number < 0:
            return " "
        return chr(0x2800 + bits) if self._braille else self.signs[number % len(self.signs)]

    def _draw(self, number: int, trace: Trace) -> None:
        for line in trace.lines:
            dots = [self._dot(x, y) for x, y in line]
            if len(dots) == 1:
                self._mark(number, *dots[0])
            for (x0, y0), (x1, y1) in pairwise(dots):
                self._stroke(number, x0, y0, x1, y1)

    def _dot(self, x: float, y: float) -> tuple[float, float]:
        plane = self._plane
        across = (x - plane.left) / (plane.right - plane.left) * (self._across - 1)
        down = (plane.high - y) / (plane.high - plane.low) * self._down - 0.5
        return across, max(min(down, 4.0 * self._down), -4.0 * self._down)

    def _stroke(self, number: int, x0: float, y0: float, x1: float, y1: float) -> None:
        count = int(max(abs(x1 - x0), abs(y1 - y0))) + 1
        for i in range(count + 1):
            self._mark(number, x0 + (x1 - x0) * i / count, y0 + (y1 - y0) * i / count)

    def _mark(self, number: int, x: float, y: float) -> None:
        column, row = round(x), round(y)
        if not (0 <= column < self._across and 0 <= row < self._down):
            return
        across, down = (2, 4) if self._braille else (1, 1)
        cell = column // across, row // down
        owner, bits = self._cells.get(cell, (number, 0))
        if owner == number:
            self._cells[cell] = number, bits | _BITS[column % across][row % down]
