"""The adjoint graph computes what the sweep does, with at most four times the operations."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any, NamedTuple

import pytest

from backprop_cli.compile.adjoint import (
    build_adjoint,
    count_operations,
    count_program,
    evaluate_nodes,
)
from backprop_cli.compile.recorder import Primitive, Pullback
from backprop_cli.graph.lower import lower_source
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.language.source import read_source
from backprop_cli.operations.doubles import FLOAT
from backprop_cli.operations.op import each
from backprop_cli.operations.reals import mpmath_namespace
from backprop_cli.operations.table import FUNCTIONS, OPS, TABLE
from test_random_programs import VALUES, random_program


class Results(NamedTuple):
    """What an adjoint graph comes to at a point; a gradient is None where nothing reaches the input."""

    value: Any
    gradients: dict[str, Any]
    values: tuple[Any, ...]


def evaluate_adjoint(adjoint, point, m) -> Results:
    numbers = evaluate_nodes(adjoint, point, m)
    return Results(
        numbers[adjoint.value],
        {name: None if bar is None else numbers[bar] for name, bar in adjoint.gradients.items()},
        tuple(numbers[node] for node in adjoint.values),
    )


def graph_of(text):
    return lower_source(read_source(text))


def same(x, y):
    """Bit for bit, but for the sign of a zero; None is no path."""
    return x == y or (x is not None and y is not None and x != x and y != y)


@pytest.mark.parametrize("seed", range(6))
def test_it_gives_the_numbers_of_the_sweep(seed):
    rng = random.Random(seed)
    compared = 0
    for _ in range(150):
        text = random_program(rng, rng.randint(1, 5))
        graph = graph_of(text)
        upstream = rng.choice([1.0, 1.0, 10.0, -0.3])
        adjoint = build_adjoint(graph, list(graph.inputs), upstream)
        assert count_operations(adjoint) <= 4 * count_program(graph), text
        for _ in range(3):
            point = {
                name: rng.choice([*VALUES, *(rng.uniform(-3, 3) for _ in VALUES)]) for name in graph.inputs
            }
            sweep = sweep_graph(graph, point, upstream, FLOAT)
            if graph.output in sweep.failures:
                continue
            results = evaluate_adjoint(adjoint, point, FLOAT)
            assert same(results.value, sweep.primal[graph.output]), (text, point)
            for name, node in graph.inputs.items():
                expected, got = sweep.adjoint[node], results.gradients[name]
                assert same(got or 0.0, expected or 0.0), (text, point, name)
            compared += 1
    assert compared > 150


OF_NUMBERS = [op for op in TABLE if not op.condition and not op.orders]


@pytest.mark.parametrize("op", OF_NUMBERS, ids=lambda op: op.name)
def test_it_works_in_any_number_system(op):
    m = mpmath_namespace(50)
    names = ["x", "y", "z"][: op.arity]
    text = "where(x > 0, y, z)" if op.name == "where" else op.write(names)
    graph = graph_of(text)
    adjoint = build_adjoint(graph, names)
    for xs in op.domain.inside:
        point = dict(zip(names, map(m.number, xs), strict=True))
        sweep = sweep_graph(graph, point, 1.0, m)
        results = evaluate_adjoint(adjoint, point, m)
        assert results.value == sweep.primal[graph.output]
        assert [results.gradients[name] for name in names] == [
            sweep.adjoint[graph.inputs[name]] for name in names
        ]


@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("(a*b+c)*f", 5),  # f*b and f*a: the rest is there
        ("a + b", 1),
        ("a - b", 1),  # the adjoint of b is the number -1
        ("a*b*c", 4),
        ("1*a", 1),
        ("0*a", 1),  # nothing passes
        ("sin(a)", 2),
        ("sin(a)*sin(a)", 4),  # one sine; at the branch point its adjoints are added
        ("a/b/c/d", 9),
        ("2*pi*a", 1),  # 2*pi is one number
        ("max(a, b, c)", 5),
        ("where(a > 0, a, b)", 5),
        ("floor(a) + b", 2),
    ],
)
def test_what_is_known_is_not_computed(text, operations):
    graph = graph_of(text)
    assert count_operations(build_adjoint(graph, list(graph.inputs))) == operations


@pytest.mark.parametrize("op", OF_NUMBERS, ids=lambda op: op.name)
def test_partials_are_primitives_where_asked_for(op):
    m = mpmath_namespace(50)
    names = ["x", "y", "z"][: op.arity]
    text = "where(x > 0, y, z)" if op.name == "where" else op.write(names)
    graph = graph_of(text)
    adjoint = build_adjoint(graph, names, in_primitives=True)
    assert not any(isinstance(node, Pullback) for node in adjoint.nodes)
    for xs in op.domain.inside:
        point = dict(zip(names, map(m.number, xs), strict=True))
        sweep = sweep_graph(graph, point, 1.0, m)
        results = evaluate_adjoint(adjoint, point, m)
        for name in names:
            expected = sweep.adjoint[graph.inputs[name]] or 0
            # Numbers such as pi are doubles in the graph.
            assert abs((results.gradients[name] or 0) - expected) <= 1e-15 * abs(expected) + 1e-16


def test_a_partial_in_primitives_is_made_of_the_rows_own_operations():
    nodes = build_adjoint(graph_of("relu(x)*tanh(x)"), ["x"], in_primitives=True).nodes
    names = [node.op.name for node in nodes if isinstance(node, Primitive)]
    assert {"where", "gt", "exp", "abs", "div"} <= set(names)


def test_a_mistake_in_a_row_is_not_hidden(monkeypatch):
    wrong = dataclasses.replace(OPS["sin"], partials=each(lambda m, *_: m.cosine()))
    monkeypatch.setitem(FUNCTIONS, "sin", wrong)
    with pytest.raises(AttributeError, match="cosine"):
        build_adjoint(graph_of("sin(x)"), ["x"])


def test_what_no_result_needs_is_dropped():
    graph = graph_of("a*b*sin(c)")
    everything = build_adjoint(graph, ["a", "b", "c"])
    some = build_adjoint(graph, ["c"])
    assert count_operations(some) < count_operations(everything)
    assert set(some.gradients) == {"c"}
    assert all(operand < node for node, step in enumerate(some.nodes) for operand in _operands(step))


def _operands(step):
    return step.operands if isinstance(step, Primitive | Pullback) else ()


def test_zeros_of_both_signs_are_two_numbers():
    graph = graph_of("a*(-0.0) + b*0.0 + a")
    numbers = [step for step in build_adjoint(graph, ["a"]).nodes if isinstance(step, float)]
    assert {math.copysign(1, x) for x in numbers if x == 0} == {1.0, -1.0}


def test_an_input_without_a_path_has_no_gradient():
    graph = graph_of("a + floor(b)")
    assert build_adjoint(graph, ["a", "b"]).gradients["b"] is None


def test_a_dead_branch_without_a_value_is_no_failure():
    graph = graph_of("where(x > 0, log(x), 2*x)")
    results = evaluate_adjoint(build_adjoint(graph, ["x"]), {"x": -1.0}, FLOAT)
    assert (results.value, results.gradients) == (-2.0, {"x": 2.0})


def test_values_on_the_way_may_be_asked_for():
    graph = graph_of("e = a*b; d = e + c; d*f")
    nodes = [node for node, _ in graph.assignments]
    adjoint = build_adjoint(graph, [], values=nodes)
    assert evaluate_adjoint(adjoint, {"a": 2.0, "b": 3.0, "c": -10.0, "f": 5.0}, FLOAT).values == (6.0, -4.0)


def test_a_long_chain_is_no_recursion():
    text = "; ".join(["y = sin(x)", *["y = y*x + 1"] * 20_000, "y"])
    graph = graph_of(text)
    adjoint = build_adjoint(graph, ["x"])
    assert count_operations(adjoint) <= 4 * count_program(graph)
    sweep = sweep_graph(graph, {"x": 0.5}, 1.0, FLOAT)
    assert evaluate_adjoint(adjoint, {"x": 0.5}, FLOAT).gradients["x"] == sweep.adjoint[graph.inputs["x"]]
