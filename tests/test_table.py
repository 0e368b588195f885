"""The table: numbers for people, nothing cut, short for big graphs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backprop_cli import gradient
from backprop_cli.console.sheets import Block, render_plain
from backprop_cli.console.terminal import render_terminal
from backprop_cli.render import table
from backprop_cli.render.table import check_blocks, node_block
from backprop_cli.report import Report
from backprop_cli.text import number_text


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [
        (15.0, 6, "15"),
        (-20.0, None, "-20"),
        (0.0, 6, "0"),
        (-0.0, 6, "0"),
        (1 / 3, 6, "0.333333"),
        (1 / 3, 3, "0.333"),
        (1 / 3, None, "0.3333333333333333"),
        (1e-7, 6, "1e-7"),
        (123456789.0, 6, "1.23457e8"),
        (123456.0, 6, "123456"),
        (1e300, None, "1e300"),
        (-1.5e-300, 6, "-1.5e-300"),
        (100.0, 1, "1e2"),
        (float("inf"), 6, "infinity"),
        (float("-inf"), 6, "-infinity"),
        (float("nan"), 6, "undefined"),
    ],
)
def test_numbers(number: float, digits: int | None, text: str) -> None:
    assert number_text(number, digits) == text


def blocks(report: Report, digits: int | None, *, everything: bool) -> list[Block]:
    nodes = node_block(report, digits=digits, everything=everything)
    return [nodes, *check_blocks(report, digits=digits, everything=everything)]


def plain(report: Report, *, everything: bool = False, digits: int | None = 6) -> list[str]:
    return render_plain(blocks(report, digits, everything=everything)).splitlines()


def drawn(report: Report, columns: int) -> list[str]:
    pieces = render_terminal(blocks(report, 6, everything=False), columns=columns, colour=False, unicode=True)
    return "".join(pieces).splitlines()


def test_a_sheet_is_made_only_if_it_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    node_sheet = table.node_sheet

    def watched(*args: Any, stacked: bool, **options: Any) -> table.Sheet:
        made.append(stacked)
        return node_sheet(*args, stacked=stacked, **options)

    monkeypatch.setattr(table, "node_sheet", watched)
    report = gradient("(a*b+c)*f", a=2, b=3, c=-10, f=5)
    plain(report)
    assert made == [False]
    drawn(report, 60)
    assert made == [False, False, True]


def test_the_lesson() -> None:
    assert plain(gradient("e = a*b; d = e + c; L = d*f", a=2, b=3, c=-10, f=5)) == [
        "node  expression  value  local derivatives      ∂L/∂node",
        "a     input           2                               15",
        "b     input           3                               10",
        "c     input         -10                                5",
        "f     input           5                               -4",
        "e     a*b             6  ∂e/∂a = 3  ∂e/∂b = 2          5",
        "d     e + c          -4  ∂d/∂e = 1  ∂d/∂c = 1          5",
        "L     d*f           -20  ∂L/∂d = 5  ∂L/∂f = -4         1",
        "",
        "input  gradient  sympy's formula  its value  digits  check",
        "a            15  b*f                     15      16  ok",
        "b            10  a*f                     10      16  ok",
        "c             5  f                        5      16  ok",
        "f            -4  a*b + c                 -4      16  ok",
        "",
        "L = -20; 4 gradients, all confirmed by sympy, all digits right",
    ]


def test_a_kink_is_marked_with_both_sides() -> None:
    lines = plain(gradient("relu(x)", x=0))
    assert "∂v1/∂x = 0 (kink)" in lines[2]
    assert lines[5].endswith("kink: left 0, right 1")
    assert lines[-1] == "v1 = 0; 1 gradient, not checked: at a kink"


def test_digits() -> None:
    report = gradient("x/3", x=1)
    assert "0.33" in plain(report, digits=2)[-1]
    assert "0.3333333333333333;" in plain(report, digits=None)[-1]


def test_markup_is_text() -> None:
    report = replace(gradient("x", x=1), output="[red]", inputs={"[/]": 1.0})
    report = replace(report, nodes=(replace(report.nodes[0], id="[red]", expr="[/] [bold]x"),))
    assert any("[red]" in line for line in drawn(report, 80))


def test_every_width_keeps_every_digit() -> None:
    report = gradient("L = sin(alpha*beta)/(gamma + 1)^2", alpha=0.3, beta=1e-9, gamma=12345.678)
    wide = "".join(drawn(report, 200)).split()
    numbers = {word for word in wide if any(c.isdigit() for c in word)}
    for columns in (80, 60, 40, 30):
        lines = drawn(report, columns)
        assert all(len(line) <= columns for line in lines)
        text = " ".join(lines)
        for node in report.nodes:
            assert number_text(node.value) in text
            assert number_text(node.gradient) in text
    assert numbers


def test_a_big_graph_is_short() -> None:
    program = "; ".join(f"x{i + 1} = sin(x{i})*1.01 + b" for i in range(1000))
    report = gradient(program, x0=0.5, b=0.1)
    lines = plain(report)
    assert len(lines) < 60
    assert any(f"{len(report.nodes) - 40:,} more nodes (--all shows them)" in line for line in lines)
    assert lines[-1].startswith("x1000 = ")
    assert len(plain(report, everything=True)) > 3000


def test_a_big_graph_shows_its_names() -> None:
    program = f"loss = {'+'.join(f'(w{i}*x)^2' for i in range(15))}; y = loss*k"
    report = gradient(program, {f"w{i}": 1 for i in range(15)}, x=1, k=2)
    shown = [line.split()[0] for line in plain(report)[1:21]]
    assert [f"w{i}" in shown for i in range(15)] == [True] * 15
    assert {"x", "k", "loss", "y", "…"} <= set(shown)
    assert "v1" not in shown


def test_many_inputs_are_summed_up() -> None:
    report = gradient(
        "+".join(f"a{i}*b{i}" for i in range(100)), {f"{c}{i}": i for c in "ab" for i in range(100)}
    )
    assert len(plain(report)) < 100
    assert "160 more" in "\n".join(plain(report))


def test_equal_numbers_are_shown_as_one_number() -> None:
    lines = plain(gradient("x² + y/2 + 1e1*y + 10*x", x=1, y=2))
    assert [line.split()[1] for line in lines[3:9]] == ["x^2", "y/2", "v1", "10*y", "v3", "10*x"]


def test_what_is_too_small_for_a_double_is_called_that(backprop):
    one = backprop("grad", "1/x + y", "x=1e300", "y=2").stdout
    assert "x             0  -1/x**2            -1e-600       0  rule ok, too small for a double" in one
    assert "2 gradients, all confirmed by sympy, but 1 gradient is too small for a double\n" in one
    alone = backprop("grad", "1/x", "x=1e300").stdout
    assert "1 gradient, all confirmed by sympy, but it is too small for a double\n" in alone
    both = backprop("grad", "sigmoid(x)", "x=-800").stdout
    assert "but the value and 1 gradient are too small for a double\n" in both
    assert "right: ∂v1/∂x = 3.66787e-348, v1 = 3.66787e-348" in both


def test_a_small_derivative_is_written_as_the_gradient_is(backprop):
    row = backprop("grad", "x*1e-5", "x=1").stdout.split("check\n")[1].split()
    assert row[:4] == ["x", "1e-5", "(1e-5)", "1e-5"]
