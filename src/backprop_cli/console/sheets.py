"""Tables and lines as data, and as plain text."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Role = Literal["", "input", "output", "idle", "pass", "fail", "note"]


class Row(NamedTuple):
    """One row of cells; a cell is lines of text. role: how it is coloured."""

    cells: tuple[tuple[str, ...], ...]
    role: Role = ""


class Sheet(NamedTuple):
    """A table before it is drawn.

    right: the columns of numbers.  wraps: the column whose text may go on in the next line.
    """

    header: tuple[str, ...]
    right: tuple[int, ...]
    rows: list[Row]
    wraps: int | None = None


class Block(NamedTuple):
    """A part of the output: as a sheet, the first of several that fits, or as lines where none does.

    Each is made when it is asked for: a pipe never needs more than the first sheet.
    """

    sheets: tuple[Callable[[], Sheet], ...]
    lines: Callable[[], Sequence[tuple[str, Role]]]


def render_plain(blocks: Sequence[Block]) -> str:
    """Return blocks as aligned text of any width, for a pipe."""
    parts = (
        align(block.sheets[0]()) if block.sheets else [line for line, _ in block.lines()] for block in blocks
    )
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def align(sheet: Sheet) -> list[str]:
    """Return a sheet as lines of aligned text, without a frame."""
    lines = [sheet.header, *(tuple(cell[0] for cell in row.cells) for row in sheet.rows)]
    widths = [max(width(line[i]) for line in lines) for i in range(len(sheet.header))]
    return [
        "  ".join(_pad(cell, widths[i], right=i in sheet.right) for i, cell in enumerate(line)).rstrip()
        for line in lines
    ]


def _pad(text: str, size: int, *, right: bool) -> str:
    space = " " * (size - width(text))
    return space + text if right else text + space


def width(text: str) -> int:
    """Return the columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


# Columns of rich's box and padding beside every cell.
_FRAME = 3
_WRAPPED = 24


def drawn_width(sheet: Sheet) -> int:
    """Return the columns that a sheet needs at least when it is drawn in a terminal."""
    total = 0
    for i, name in enumerate(sheet.header):
        widest = max(width(line) for line in (name, *(line for row in sheet.rows for line in row.cells[i])))
        total += _FRAME + (min(widest, _WRAPPED) if i == sheet.wraps else widest)
    return total


Line = list[tuple[str, str]]
"""A line of a drawing: pieces of text, each with its role, which tells how it is coloured."""
LANE_COLOURS = 6


def trimmed(line: Line) -> Line:
    """Return a line without the blanks at its end."""
    while line and not line[-1][0].strip():
        line = line[:-1]
    return [*line[:-1], (line[-1][0].rstrip(), line[-1][1])] if line else line
