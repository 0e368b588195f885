"""Statements to the graph: the graph and the expressions that sympy gets are one program, built twice."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sympy import Add, Mul, Pow, S

from backprop_cli import gradient
from backprop_cli.check import expressions as parse
from backprop_cli.check.expressions import HALF, MINUS_ONE, head, parse_source
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.naming import Naming
from backprop_cli.graph.tape import Graph
from backprop_cli.language.source import Source, read_source
from backprop_cli.operations.op import Op
from backprop_cli.operations.table import OPS, TABLE
from programs import SHAPES
from test_random_programs import random_program

HEADS = {head(op): op for op in TABLE if not op.infix or op.condition}


def recognise(expr: Any) -> tuple[Op, tuple[Any, ...]]:
    """Return the operation at the top of an expression and its operands: the inverse of what parse does."""
    kind, args = type(expr), expr.args
    if kind is Add:
        a, b = args
        is_difference = type(b) is Mul and b.args[1] is MINUS_ONE
        return (OPS["sub"], (a, b.args[0])) if is_difference else (OPS["add"], args)
    if kind is Mul:
        a, b = args
        if a is MINUS_ONE:
            return OPS["neg"], (b,)
        is_quotient = type(b) is Pow and b.args[1] is MINUS_ONE
        return (OPS["div"], (a, b.args[0])) if is_quotient else (OPS["mul"], args)
    if kind is Pow:
        base, exponent = args
        return (OPS["sqrt"], (base,)) if exponent is HALF else (OPS["pow"], args)
    return HEADS[kind], args


def graph_of_expressions(source: Source) -> Graph:
    """Return the graph that the expressions of sympy make."""
    program = parse_source(source)
    graph = Graph(source.text)
    spans = program.spans
    graph.add_inputs({name: spans[id(x)] for name, x in program.inputs.items()})
    node_of = {id(x): graph.inputs[name] for name, x in program.inputs.items()}
    for target, whole in program.statements:
        stack = [whole]
        while stack:
            expr = stack[-1]
            if id(expr) in node_of:
                stack.pop()
                continue
            op, operands = recognise(expr) if expr.args else (None, ())
            missing = [x for x in operands if id(x) not in node_of]
            stack += reversed(missing)
            if missing:
                continue
            span = spans.get(id(expr), (0, 0))
            if op is None:
                node_of[id(expr)] = graph.add_number("pi" if expr is S.Pi else float(expr), span)
            else:
                node_of[id(expr)] = graph.add(op, tuple(node_of[id(x)] for x in operands), span)
        if target is not None:
            graph.assignments.append((node_of[id(whole)], target))
    graph.output = node_of[id(program.output)]
    return graph


def assert_same(text: str) -> None:
    source = read_source(text)
    ours, theirs = lower_source(source), graph_of_expressions(source)
    for part in ("ops", "operands", "constant", "spans", "inputs", "numbers", "assignments", "output"):
        assert getattr(ours, part) == getattr(theirs, part), (text, part)


@pytest.mark.parametrize(
    "text",
    [
        "(a*b + c)*f",
        "e = a*b; d = e + c; L = d*f",
        "a - b - -c/d**2",
        "x + x*1 - 1 + 0*x + 0.5 + 2**0.5 + sqrt(x)*x**-1",
        "x = x + 1; x = x*x; x*2",
        "a = 2; a = a + b; a*b",
        "x += a; x *= x",
        "2*pi*x + pi",
        "tau*x",
        "k = 2*pi; k*x",
        "3",
        "a = 5",
        "x⁻² + x²",
        "where(x < y, max(x, y, 2), min(x, -y))",
        "(x + y)*(x + y) - (y + x)",
    ],
)
def test_both_are_one_graph(text: str) -> None:
    assert_same(text)


@pytest.mark.parametrize("seed", range(2))
def test_both_are_one_graph_for_random_programs(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(100):
        assert_same("; ".join(f"{name} = {random_program(rng, 4)}" for name in "abcaxb"))


@pytest.mark.parametrize("shape", SHAPES)
def test_both_are_one_graph_for_big_programs(shape: str) -> None:
    assert_same(SHAPES[shape](5_000).text)


def test_a_wrong_expression_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(what: Any, operands: list[Any]) -> Any:
        return honest(OPS["add"] if what is OPS["sub"] else what, operands)

    honest = parse._make
    assert gradient("x - y", x=2, y=3).check.status == "pass"
    monkeypatch.setattr(parse, "_make", make)
    assert gradient("x - y", x=2, y=3).check.status == "fail"


def test_constants_of_several_parts_stand_in_parentheses() -> None:
    program = "x/(sqrt(2)*sqrt(3)) + x^(sqrt(2) - sqrt(3)) + x*sqrt (2) + x⁻¹ + x*(pi)"
    graph = lower_source(read_source(program))
    naming = Naming(graph)
    assert [naming.expression(node) for node in naming.order if not graph.constant[node]] == [
        "x", "x/(sqrt(2)*sqrt(3))", "x^(sqrt(2) - sqrt(3))", "v1 + v2", "x*sqrt(2)", "v3 + v4", "x^(-1)",
        "v5 + v6", "x*pi", "v7 + v8",
    ]  # fmt: skip
