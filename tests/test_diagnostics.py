"""Errors and warnings: one record, drawn in one way under the text."""

from __future__ import annotations

import json
import pickle

import pytest

from backprop_cli import BackpropError, gradient
from backprop_cli.console.diagnostics import diagnostic_lines
from backprop_cli.diagnostic import Diagnostic
from backprop_cli.errors import DomainError, InputError
from backprop_cli.findings.notices import MOST_TOLD
from backprop_cli.render.json import render_report
from conftest import Run


def drawn(text: str, *spans: tuple[int, int]) -> list[str]:
    """Return the lines under the message."""
    return list(diagnostic_lines("warning", Diagnostic("kink", "a sentence", text, spans)))[1:]


def test_message_and_hint_stand_around_the_piece() -> None:
    told = Diagnostic("domain", "log needs x > 0", "1 + log(x)", ((8, 9),), "add 1")
    assert list(diagnostic_lines("backprop", told)) == [
        "backprop: log needs x > 0",
        "  1 + log(x)",
        "          ^",
        "  hint: add 1",
    ]


@pytest.mark.parametrize(
    ("text", "spans", "lines"),
    [
        ("", [(0, 0)], []),
        (" \n", [(0, 0)], []),
        ("a*b", [], []),
        ("a*b", [(2, 3)], ["a*b", "  ^"]),
        ("a*", [(2, 2)], ["a*", "  ^"]),
        ("a + b*c", [(4, 7), (0, 1)], ["a + b*c", "~   ^^^"]),
        ("max(a, b)", [(4, 5), (0, 9)], ["max(a, b)", "~~~~^~~~~"]),
        ("x = a\ny = b\n", [(10, 11)], ["line 2: y = b", "            ^"]),
        (
            "x = a\ny = b\nz",
            [(10, 11), (4, 5)],
            ["line 1: x = a", "            ~", "line 2: y = b", "            ^"],
        ),
        ("x = (a +\nb)", [(4, 10)], ["line 1: x = (a +", "            ^^^^"]),
        ("数*b", [(2, 3)], ["数*b", "   ^"]),
        ("数*b", [(0, 1), (2, 3)], ["数*b", "^^ ~"]),
        ("a\t\x1b*b", [(4, 5)], ["a ?*b", "    ^"]),
    ],
)
def test_marks_stand_under_their_pieces(text: str, spans: list[tuple[int, int]], lines: list[str]) -> None:
    assert drawn(text, *spans) == [f"  {line}" for line in lines]


def test_a_long_line_is_cut_to_the_surroundings_of_the_piece() -> None:
    text = "+".join(f"a{i:03}" for i in range(100))
    line, marks = drawn(text, (250, 254), (0, 4), (255, 259), (300, 304))
    assert line == f"  …{text[210:294]}…"
    assert marks.index("^^^^") == line.index("a050") == 43
    assert marks.strip() == "^^^^ ~~~~"  # the others are not shown
    line, marks = drawn(text, (0, 400))
    assert (line, marks) == (f"  {text[:80]}…", "  " + "^" * 80)
    line, marks = drawn(text, (len(text), len(text)))
    assert line == f"  …{text[-40:]}"
    assert marks == " " * 43 + "^"


WARNINGS = [
    ("relu(x)*y", {"x": 0, "y": 2}, ["relu(x)*y", "^^^^^^^"]),
    ("y = 3*abs(x - 1); y+y", {"x": 1}, ["y = 3*abs(x - 1); y+y", "      ^^^^^^^^^^"]),
    ("((2 + h)^2 - 4)/h", {"h": 1e-9}, ["((2 + h)^2 - 4)/h", " ^^^^^^^^^^^^^"]),
    ("x = x*2\nx + 1", {"x": 1}, ["line 1: x = x*2", "            ^~~"]),
    ("1/(1 + a*a)", {"a": 1e200}, ["1/(1 + a*a)", "       ^^^"]),
    ("cos(pi*x)*2", {"x": 1}, ["cos(pi*x)*2", "       ^"]),
    ("relu(x) - relu(-x)", {"x": 0}, ["relu(x) - relu(-x)", "     ^"]),
]


@pytest.mark.parametrize(("program", "point", "lines"), WARNINGS, ids=[program for program, *_ in WARNINGS])
def test_a_warning_shows_where_it_arose(program: str, point: dict[str, float], lines: list[str]) -> None:
    warning = [found for found in gradient(program, point).warnings if found.text][-1]
    assert warning.text == program
    assert list(diagnostic_lines("warning", warning))[1:] == [f"  {line}" for line in lines]


@pytest.mark.parametrize("command", ["grad", "graph", "check"])
def test_commands_draw_warnings_as_errors(backprop: Run, command: str) -> None:
    done = backprop(command, "relu(x)*y", "x=0", "y=2")
    assert done.stderr == (
        "warning: relu(x) has a kink at x = 0: slope 0 on the left, 1 on the right; "
        "used: 0, the subgradient of least norm\n  relu(x)*y\n  ^^^^^^^\n"
    )


def test_a_warning_in_json_has_its_place(backprop: Run) -> None:
    (warning,) = json.loads(backprop("grad", "3*relu(x)", "x=0", "--json").stdout)["warnings"]
    assert warning["text"][warning["start"] : warning["end"]] == "relu(x)"
    assert list(warning) == ["kind", "node", "message", "text", "start", "end"]


def test_many_warnings_of_a_kind_are_counted() -> None:
    names = [f"x{i}" for i in range(30)]
    program = "; ".join([*(f"{name} = {name} + 1" for name in names), "+".join(names)])
    report = gradient(program, dict.fromkeys(names, 1.0), check=False)
    assert [warning.kind for warning in report.warnings] == ["shadowed"] * (MOST_TOLD + 1)
    assert report.warnings[-1].message == "20 more inputs are assigned again"
    report = gradient("+".join(f"cos(pi*{name})" for name in names), dict.fromkeys(names, 1.0))
    assert [warning.kind for warning in report.warnings] == ["digits"] * (MOST_TOLD + 1)
    assert report.warnings[-1].message == "20 more gradients are zero to within rounding"
    assert json.loads(render_report(report))["warnings"][-1]["text"] == ""


def test_missing_inputs_are_all_marked() -> None:
    with pytest.raises(InputError) as caught:
        gradient("a*b + c", b=1)
    assert caught.value.diagnostic == Diagnostic(
        "input", "a and c have no value", "a*b + c", ((0, 1), (6, 7)), "add a=VALUE c=VALUE"
    )


def test_an_error_is_pickled_with_its_place() -> None:
    with pytest.raises(DomainError) as caught:
        gradient("log(x - 3)", x=1)
    again = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(again, BackpropError)
    assert again.diagnostic == caught.value.diagnostic
    assert (again.start, again.end, again.status) == (4, 9, 3)
