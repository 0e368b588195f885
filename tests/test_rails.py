"""Graphs drawn as rails, and read back from the drawing."""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

import pytest

from backprop_cli import gradient
from backprop_cli.console.output import plain_lines
from backprop_cli.console.sheets import width
from backprop_cli.draw.diagram import Diagram, diagram_of_graph, diagram_of_report
from backprop_cli.draw.rails import draw_rails
from backprop_cli.graph.lower import lower_source
from backprop_cli.language.source import read_source
from diagrams import random_diagram, uses

NEURON = "u = w*x; z = u + b; p = sigmoid(z); r = p - y; s = r^2; k = w^2; m = 0.1*k; L = s + m"
POINT = {"w": 0.5, "x": 2, "b": -0.3, "y": 1}


def drawn(diagram: Diagram, columns: int | None = None, *, unicode: bool = True) -> list[str]:
    return plain_lines(draw_rails(diagram, columns=columns, unicode=unicode)).splitlines()


def drawn_at(program: str, columns: int | None = None, *, unicode: bool = True, **point: float) -> list[str]:
    return drawn(diagram_of_report(gradient(program, point, check=False)), columns, unicode=unicode)


def test_the_lesson() -> None:
    assert drawn_at("e = a*b; d = e + c; L = d*f", a=2, b=3, c=-10, f=5) == [
        "     node       value  ∂L/∂node  local derivatives",
        "○    a              2        15",
        "│ ○  b              3        10",
        "●─╯  e = a × b      6         5  ∂e/∂a = 3  ∂e/∂b = 2",
        "│ ○  c            -10         5",
        "●─╯  d = e + c     -4         5  ∂d/∂e = 1  ∂d/∂c = 1",
        "│ ○  f              5        -4",
        "◉─╯  L = d × f    -20         1  ∂L/∂d = 5  ∂L/∂f = -4",
        "",
        "○ input, ● step, ◉ output; a line that runs into one is an operand.",
        "Read down for the values, up for the gradients.",
    ]


def test_branch_points_in_ascii() -> None:
    lines = drawn_at(NEURON, unicode=False, **POINT)
    assert "\n".join(lines).isascii()
    assert lines[:4] == [
        "       node              value  dL/dnode  local derivatives",
        "o      w                   0.5   -0.1943  feeds u, k",
        "| o    x                     2  -0.07357",
        "+-*    u = w * x             1   -0.1471  du/dw = 2  du/dx = 0.5",
    ]
    assert lines[-2:] == [
        "+ used here and again below (a branch point), ' for the last time.",
        "Read down for the values, up for the gradients, which add up at branch points.",
    ]


def test_a_bare_graph_has_formulas() -> None:
    source = read_source("v = sin(x)*(1 - y)/x")
    lines = drawn(diagram_of_graph(lower_source(source)))
    assert lines[0].split() == ["node", "local", "derivatives"]
    assert any(line.endswith("∂v1/∂x = cos(x)") for line in lines)
    assert not any("gradient" in line for line in lines)


def test_another_upstream_is_not_called_a_derivative_of_the_output() -> None:
    report = gradient("a*b", a=2, b=3, upstream=10, check=False)
    assert drawn(diagram_of_report(report))[0].split()[:3] == ["node", "value", "gradient"]


def test_kinks_are_marked() -> None:
    assert "∂v1/∂x = 0 (kink)" in drawn_at("relu(x)", x=0)[2]


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
@pytest.mark.parametrize("unicode", [True, False])
def test_every_width_keeps_every_number(columns: int, unicode: bool) -> None:
    report = gradient(NEURON, POINT, check=False)
    lines = drawn(diagram_of_report(report), columns, unicode=unicode)
    assert max(map(width, lines)) <= columns
    text = " ".join("\n".join(lines).split())
    for box in diagram_of_report(report).boxes:
        assert box.value in text
        assert box.gradient in text
    if columns == 60:  # the names of the operands stand at the left
        times = "×" if unicode else "*"
        assert f"{times}2 {times}0.5" in text


def test_notes_are_cut_to_the_width() -> None:
    program = f"y = x + 1; L = {' + '.join(f'sin(y*{i})' for i in range(2, 40))}"
    lines = drawn_at(program, 80, x=1)
    assert any("feeds" in line and line.endswith("…") for line in lines)
    assert max(map(width, lines)) <= 80
    assert max(map(width, drawn_at(program, x=1))) > 200


def test_more_lanes_than_the_terminal_has_columns_are_left_out() -> None:
    lines = drawn_at(
        " + ".join(f"sin(x{i})*x{(i + 7) % 20}" for i in range(20)), 40, **{f"x{i}": 1 for i in range(20)}
    )
    assert lines[0] == "○  x0 = 1"
    assert max(map(width, lines)) <= 40
    assert "The lines between the nodes need" in lines[lines.index("") + 1]


def test_a_lane_for_each_name_that_is_not_ascii() -> None:
    assert drawn_at("α*b", unicode=False, α=1, b=2)[1].split()[1] == "\\u03b1"
    lines = drawn_at("名前*b", 名前=1, b=2)
    assert width(lines[1]) == width(lines[2])


def test_a_chain_of_a_thousand_nodes_has_one_lane() -> None:
    lines = drawn_at("; ".join(f"x{i + 1} = sin(x{i})" for i in range(999)), x0=1)
    assert len(lines) == 1004
    assert all(line[0] in "○●◉" and line[1:3] == "  " for line in lines[1:1001])


# ---- reading back ----


class Drawn(NamedTuple):
    """What a drawing says. lanes: the uses by the lanes; titles: by the texts behind them."""

    lanes: list[tuple[str, str]]
    titles: list[tuple[str, str]]
    slopes: dict[str, list[str]]
    roles: dict[str, str]


def read(lines: list[str], *, unicode: bool) -> Drawn:
    marks = dict(zip("○●◉" if unicode else "o*@", ("input", "step", "output"), strict=True))
    line, level, going, ending = ("│", "─", "├┼┤", "╰┴╯") if unicode else ("|", "-", "+", "'")
    start = next(match.start() for line in lines if (match := re.search(r"(?<= )n\d", line)))
    live: dict[int, str] = {}
    found = Drawn([], [], {}, {})
    name = ""
    for text in lines[: lines.index("")]:
        lanes, text = text[:start], text[start:]
        if text.startswith("node "):
            continue
        mark = next((column for column, sign in enumerate(lanes) if sign in marks), None)
        if mark is None:  # a line more of the node above
            assert {i for i, sign in enumerate(lanes) if sign != " "} <= set(live)
            assert set(lanes) <= {line, " "}
            continue
        assert sum(sign in marks for sign in lanes) == 1
        title = re.match(r"(n\d+)(?: = f\((.*?)\))?", text)
        assert title is not None
        name = title[1]
        ends = [i for i, sign in enumerate(lanes) if sign in going + ending] + [mark]
        operands = []
        for column in range(len(lanes) + 2):
            sign = lanes[column : column + 1] or " "
            inside = min(ends) < column < max(ends)
            if column % 2:
                assert sign == (level if inside else " ")
            elif sign in going + ending:
                operands.append(live[column])
                if sign in ending:
                    del live[column]
            elif column == mark and column in live:
                operands.append(live.pop(column))
            elif sign != line and column != mark:
                assert sign == (level if inside else " ")
                live.pop(column, None)  # nothing used it
            else:
                assert sign != line or column in live
        live[mark] = name
        found.roles[name] = marks[lanes[mark]]
        found.lanes.extend((operand, name) for operand in operands)
        found.titles.extend((operand, name) for operand in (title[2] or "").split(", ") if operand)
        found.slopes[name] = re.findall(r"[∂d]n\d+/[∂d]n\d+ = (\S+)", text)
    return found


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("columns", [None, 90, 50])
def test_random_graphs_are_read_back_from_the_drawing(unicode: bool, columns: int | None) -> None:
    for seed in range(400):
        diagram = random_diagram(Random(seed), 20)
        found = read(drawn(diagram, columns, unicode=unicode), unicode=unicode)
        assert sorted(found.lanes) == sorted(set(uses(diagram))), seed
        assert sorted(found.titles) == uses(diagram), seed
        assert found.roles == {box.id: box.role for box in diagram.boxes}
        if columns is None:
            for box, arrows in zip(diagram.boxes, diagram.operands, strict=True):
                assert found.slopes[box.id] == [arrow.partial for arrow in arrows]
