"""Graphs drawn as boxes, and read back from the drawing."""

from __future__ import annotations

import re
from random import Random

import pytest

from backprop_cli import gradient
from backprop_cli.console.output import plain_lines
from backprop_cli.console.sheets import width
from backprop_cli.draw.boxes import _span, _Wire, draw_boxes
from backprop_cli.draw.diagram import Diagram, diagram_of_report
from diagrams import random_diagram, uses


def drawn(diagram: Diagram, columns: int | None = None, *, unicode: bool = True) -> list[str] | None:
    lines = draw_boxes(diagram, columns=columns, unicode=unicode, however_tall=True)
    return None if lines is None else plain_lines(lines).splitlines()


def drawn_at(program: str, columns: int | None = None, *, unicode: bool = True, **point: float) -> list[str]:
    lines = drawn(diagram_of_report(gradient(program, point, check=False)), columns, unicode=unicode)
    assert lines is not None
    return lines


def test_the_lesson() -> None:
    assert drawn_at("e = a*b; d = e + c; L = d*f", 80, a=2, b=3, c=-10, f=5) == [
        "┌────────────┐",
        "│ a          ├─╮",
        "│ 2  grad 15 │ │     ┌───────────┐",
        "└────────────┘ ╰─←×3▶│ e = a × b ├───╮",
        "┌────────────┐ ╭─←×2▶│ 6  grad 5 │   │     ┌────────────┐",
        "│ b          ├─╯     └───────────┘   ╰─←×1▶│ d = e + c  ├─╮",
        "│ 3  grad 10 │       ┌─────────────┐ ╭─←×1▶│ -4  grad 5 │ │      ╔═════════════╗",
        "└────────────┘       │ c           ├─╯     └────────────┘ ╰──←×5▶║ L = d × f   ║",
        "                     │ -10  grad 5 │       ┌────────────┐ ╭─←×-4▶║ -20  grad 1 ║",
        "                     └─────────────┘       │ f          ├─╯      ╚═════════════╝",
        "                                           │ 5  grad -4 │",
        "                                           └────────────┘",
        "",
        "In a box: the value, and grad, the gradient of L.",
        "On an arrow: ←× the local derivative, a factor of gradients on the way back.",
    ]


def test_branch_points_and_crossings_in_ascii() -> None:
    assert drawn_at("u = x + y; v = x*y; L = u*v", unicode=False, x=3, y=2)[:10] == [
        "+------------+          +-----------+",
        "| x          +---o-<-*1>| u = x + y +-.",
        "| 3  grad 16 | .-|-<-*1>| 5  grad 6 | |      #============#",
        "+------------+ | |      +-----------+ '-<-*6># L = u * v  #",
        "+------------+ | |      +-----------+ .-<-*5># 30  grad 1 #",
        "| y          +-o '-<-*2>| v = x * y +-'      #============#",
        "| 2  grad 21 | '---<-*3>| 6  grad 5 |",
        "+------------+          +-----------+",
        "",
        "In a box: the value, and grad, the gradient of L.",
    ]


def test_an_operand_used_twice_has_two_arrows_and_a_kink_is_marked() -> None:
    lines = drawn_at("relu(x*x)", x=0)
    assert [line.count("×0▶") for line in lines[:3]] == [0, 2, 1]
    assert "│ (kink)" in lines[3] or "║ (kink)" in lines[3]


def test_what_does_not_fit_is_not_drawn() -> None:
    diagram = diagram_of_report(gradient("(a*b+c)*f", a=2, b=3, c=-10, f=5))
    needed = max(map(width, drawn(diagram) or []))
    assert drawn(diagram, needed) == drawn(diagram)
    narrow = drawn(diagram, needed - 1)  # values above gradients
    assert narrow is not None
    assert len(narrow) > len(drawn(diagram) or [])
    assert drawn(diagram, max(map(width, narrow[:-3])) - 1) is None
    names = [f"a{i}" for i in range(30)]
    many = diagram_of_report(gradient(f"max({','.join(names)})", dict.fromkeys(names, 1), check=False))
    assert draw_boxes(many, columns=None, unicode=True) is None
    assert draw_boxes(many, columns=None, unicode=True, however_tall=True) is not None


def test_joins_of_two_wires_do_not_touch() -> None:
    # One o over another would be one wire in ASCII. Random graphs hardly ever come to it.
    upper, lower = _Wire(0, 3, [(3, None), (1, None)]), _Wire(1, 4, [(4, None), (6, None)])
    assert (_span(upper), _span(lower)) == ((1, 4), (3, 6))
    assert _span(_Wire(2, 4, [(6, None)])) == (4, 6)  # a corner may


def test_a_single_node() -> None:
    assert drawn_at("x", x=2)[1] == "║ x         ║"


def test_letters_of_two_columns() -> None:
    lines = drawn_at("名前*b", 80, 名前=1, b=2)
    assert len({width(line[: line.index("├") + 1]) for line in lines[:8] if "├─" in line[:14]}) == 1


# ---- reading back ----

WAYS = {
    "─": "lr",
    "│": "ud",
    "╮": "ld",
    "╯": "lu",
    "╭": "rd",
    "╰": "ru",
    "┤": "lud",
    "├": "rud",
    "┬": "lrd",
    "┴": "lru",
    "┼": "lrud",
    "-": "lr",
    "|": "ud",
    ".": "lrd",
    "'": "lru",
    "o": "lrud",
}
STEPS = {"l": (-1, 0), "r": (1, 0), "u": (0, -1), "d": (0, 1)}
BACK = {"l": "r", "r": "l", "u": "d", "d": "u"}


def read(lines: list[str], *, unicode: bool) -> tuple[list[tuple[str, str]], dict[str, list[str]], list[str]]:
    """Return the arrows of a drawing, their labels by the box that they end at, and the titles."""
    size = max(map(len, lines))
    end = max(i for i, line in enumerate(lines) if not line)  # the legend follows
    grid = [line.ljust(size) for line in lines[:end]]
    tops = r"┌─+┐|╔═+╗" if unicode else r"\+-+\+|#=+#"
    exits: dict[tuple[int, int], str] = {}
    entries: list[tuple[int, int, str]] = []
    titles = []
    taken: set[tuple[int, int]] = set()
    for top, line in enumerate(grid):
        for match in re.finditer(tops, line):
            left, right = match.start(), match.end() - 1
            if (left, top) in taken:
                continue  # the lower edge of a box
            edge = match[0].translate(str.maketrans("┌┐╔╗", "└┘╚╝"))
            bottom = next(y for y in range(top + 1, len(grid)) if grid[y][left : right + 1] == edge)
            assert not taken & {(x, y) for x in (left, right) for y in range(top, bottom + 1)}
            taken |= {(x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)}
            title = grid[top + 1][left + 1 : right].strip()
            titles.append(title)
            name = title.split()[0]
            exits[right, top + 1] = name
            entries += [(left - 1, y, name) for y in range(top, bottom) if left and grid[y][left - 1] in "▶>"]
    arrows = []
    labels: dict[str, list[str]] = {name: [] for name in exits.values()}
    for x, y, name in entries:
        label = re.search(r"(?:←×|<-\*)(-?(?:[0-9.]+(?:e-?[0-9]+)?|infinity)|undefined)$", grid[y][:x])
        assert label is not None
        labels[name].append(label[1])
        arrows.append((origin(grid, label.start() - 1, y, exits, taken), name))
    return sorted(arrows), labels, titles


def origin(
    grid: list[str], x: int, y: int, exits: dict[tuple[int, int], str], taken: set[tuple[int, int]]
) -> str:
    """Follow a wire against its arrow to the box that it leaves."""
    found = set()
    seen = {(x, y)}
    todo = [(x, y)]
    while todo:
        x, y = todo.pop()
        for way in WAYS[grid[y][x]]:
            dx, dy = STEPS[way]
            x2, y2 = x + dx, y + dy
            # A level wire passes under upright ones.
            while dx and (x2, y2) not in taken and grid[y2][x2] in "│|":
                x2 += dx
            if way == "l" and (x2, y2) in exits:
                found.add(exits[x2, y2])
            elif not 0 <= y2 < len(grid) or (x2, y2) in taken or (x2, y2) in seen:
                continue
            elif BACK[way] in WAYS.get(grid[y2][x2], ""):
                seen.add((x2, y2))
                todo.append((x2, y2))
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize("unicode", [True, False])
def test_random_graphs_are_read_back_from_the_drawing(unicode: bool) -> None:
    refused = 0
    for seed in range(400):
        diagram = random_diagram(Random(seed), 16)
        lines = drawn(diagram, unicode=unicode)
        if lines is None:
            refused += 1
            continue
        arrows, labels, titles = read(lines, unicode=unicode)
        assert arrows == uses(diagram), seed
        assert sorted(titles) == sorted(box.title for box in diagram.boxes)
        for box, operands in zip(diagram.boxes, diagram.operands, strict=True):
            assert sorted(labels[box.id]) == sorted(arrow.partial for arrow in operands), seed
    assert refused < 20
