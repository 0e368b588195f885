"""Local derivatives as formulas, and programs as boxes and arrows."""

from __future__ import annotations

import math

import pytest

from backprop_cli import gradient
from backprop_cli.draw.diagram import diagram_of_graph, diagram_of_report
from backprop_cli.graph.lower import lower_source
from backprop_cli.language.source import read_source
from backprop_cli.notation.partials import partial_text
from backprop_cli.notation.pretty import factor, pretty
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import Op
from backprop_cli.operations.table import OPS, TABLE

POINTS = [
    pytest.param(op, xs, id=f"{op.name}{xs}")
    for op in TABLE
    if not op.condition and op.name != "where"
    for xs in op.domain.inside
]


@pytest.mark.parametrize(("op", "xs"), POINTS)
def test_the_formula_of_every_row_has_the_value_of_its_partial(op: Op, xs: tuple[float, ...]) -> None:
    terms = ["pq", "r_1", "s"][: len(xs)]
    point = dict(zip(terms, xs, strict=True))
    y = FLOAT.value(op, xs)
    for argnum in range(op.orders, len(xs)):
        text = partial_text(op, argnum, terms)
        known = {name: x for name, x in point.items() if name in text}
        slope = FLOAT.partial(op, argnum, y, xs, [False] * len(xs))
        assert math.isclose(gradient(text, known, check=False).value, slope, rel_tol=1e-12, abs_tol=1e-300)


@pytest.mark.parametrize(
    ("name", "terms", "formulas"),
    [
        ("add", ["a", "b"], ["1", "1"]),
        ("sub", ["a", "b"], ["1", "-1"]),
        ("mul", ["a", "b"], ["b", "a"]),
        ("mul", ["0.1", "k"], ["k", "0.1"]),
        ("mul", ["(2*pi)", "k"], ["k", "(2*pi)"]),
        ("div", ["a", "b"], ["1/b", "-a/b^2"]),
        ("pow", ["x", "2"], ["2*x", "x^2*log(x)"]),
        ("pow", ["x", "3"], ["3*x^2", "x^3*log(x)"]),
        ("pow", ["x", "(-1)"], ["-x^-2", "x^-1*log(x)"]),
        ("pow", ["x", "n"], ["n*x^(n - 1)", "x^n*log(x)"]),
        ("pow", ["x", "1"], ["1", "x*log(x)"]),
        ("sigmoid", ["z"], ["sigmoid(z)*(1 - sigmoid(z))"]),
        ("max", ["a", "b", "c"], ["where(a > max(b, c), 1, 0)", "where(b > max(a, c), 1, 0)"]),
        ("where", ["a > b", "u", "v"], ["0", "where(a > b, 1, 0)"]),
    ],
)
def test_formulas(name: str, terms: list[str], formulas: list[str]) -> None:
    assert [partial_text(OPS[name], i, terms) for i in range(len(formulas))] == formulas


def test_a_report_as_a_diagram() -> None:
    diagram = diagram_of_report(gradient("e = a*b; L = (e + 3)^2", a=2, b=3))
    assert [box.title for box in diagram.boxes] == ["a", "b", "e = a*b", "v1 = e + 3", "L = v1^2"]
    assert [box.role for box in diagram.boxes] == ["input", "input", "step", "step", "output"]
    assert [tuple(arrow) for arrow in diagram.arrows] == [
        (0, 2, 0, "3", ""),
        (1, 2, 1, "2", ""),
        (2, 3, 0, "1", ""),
        (3, 4, 0, "18", ""),
    ]


def test_a_bare_graph_has_formulas() -> None:
    source = read_source("e = a*b; x = e*e; L = relu(x) + 2*pi")
    diagram = diagram_of_graph(lower_source(source))
    assert [box.value for box in diagram.boxes] == [""] * 6
    assert [arrow.partial for arrow in diagram.arrows] == ["b", "a", "e", "e", "where(x > 0, 1, 0)", "1"]


def test_a_superscript_is_a_number_like_any_other() -> None:
    diagram = diagram_of_graph(lower_source(read_source("x² + y⁻¹")))
    assert [box.text for box in diagram.boxes if box.text] == ["x^2", "y^(-1)", "v1 + v2"]
    assert [arrow.partial for arrow in diagram.arrows][:2] == ["2*x", "-y^-2"]


@pytest.mark.parametrize(
    ("slope", "unicode", "shown"),
    [("3", True, "×3"), ("-1", True, "×-1"), ("1 - a", True, "×(1 − a)"), ("2*x", False, "*2 * x")],
)
def test_a_local_derivative_as_a_factor(slope: str, unicode: bool, shown: str) -> None:
    assert factor(slope, unicode=unicode) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a*b", "a × b"),
        ("(a - y)^2", "(a − y)²"),
        ("x^2.5", "x^2.5"),
        ("x^n", "x^n"),
        ("1e-7*x", "1e-7 × x"),
        ("a/b", "a / b"),
        ("x^12 + 1", "x¹² + 1"),
    ],
)
def test_pretty(text: str, shown: str) -> None:
    assert pretty(text) == shown
    assert "×" not in pretty(text, unicode=False)


def test_a_slope_is_written_with_the_name_of_its_step() -> None:
    program = "z = w*x; a = sigmoid(z); L = tanh(a)"
    report = gradient(program, w=0.5, x=2)
    for diagram in (
        diagram_of_graph(lower_source(read_source(program))),
        diagram_of_report(report, symbolic=True),
    ):
        assert [arrow.partial for arrow in diagram.arrows] == ["x", "w", "a*(1 - a)", "1 - L^2"]
