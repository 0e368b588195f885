"""Sympy expressions to the graph of primitives."""

from __future__ import annotations

from typing import Any

from sympy import Add, Mul, Pow, S

from backprop_cli.graph import Graph
from backprop_cli.ops import OPS, TABLE, Op
from backprop_cli.parse import HALF, MINUS_ONE, Program, head


def lower_program(program: Program) -> Graph:
    """Return the graph of a program: inputs in order of first use, then operations as they are evaluated.

    An expression that occurs twice is one node. The walk keeps its own stack, so depth is no limit.
    """
    graph = Graph(program.text)
    node_of: dict[int, int] = {}
    for name, symbol in program.inputs.items():
        node_of[id(symbol)] = graph.add_input(name, program.spans[id(symbol)])
    for target, expr in program.statements:
        node = _lower(expr, graph, node_of, program.spans)
        if target is not None:
            graph.assignments.append((node, target))
    graph.output = node_of[id(program.output)]
    graph.end = len(graph.ops)
    graph.formulas = [_lower(formula, graph, node_of, program.spans) for formula in program.formulas]
    return graph


def _lower(expr: Any, graph: Graph, node_of: dict[int, int], spans: dict[int, tuple[int, int]]) -> int:
    """Add the nodes of an expression that the graph does not have yet, operands first."""
    stack = [expr]
    while stack:
        current = stack[-1]
        if id(current) in node_of:
            stack.pop()
            continue
        op, operands = recognise(current)
        missing = [x for x in operands if id(x) not in node_of]
        if missing:
            stack.extend(reversed(missing))
            continue
        stack.pop()
        span = spans.get(id(current), (0, 0))
        if op is None:
            number: float | str = "pi" if current is S.Pi else float(current)
            node_of[id(current)] = graph.add_number(number, span)
        else:
            node_of[id(current)] = graph.add(op, tuple(node_of[id(x)] for x in operands), span)
    return node_of[id(expr)]


def recognise(expr: Any) -> tuple[Op | None, tuple[Any, ...]]:
    """Return the operation at the top of an expression and its operands; None for a number.

    The inverse of what ``parse`` writes.
    """
    kind = type(expr)
    args = expr.args
    if kind is Add:
        a, b = args
        if type(b) is Mul and b.args[1] is MINUS_ONE:
            return OPS["sub"], (a, b.args[0])
        return OPS["add"], args
    if kind is Mul:
        a, b = args
        if a is MINUS_ONE:
            return OPS["neg"], (b,)
        if type(b) is Pow and b.args[1] is MINUS_ONE:
            return OPS["div"], (a, b.args[0])
        return OPS["mul"], args
    if kind is Pow:
        base, exponent = args
        return (OPS["sqrt"], (base,)) if exponent is HALF else (OPS["pow"], args)
    if not args:
        return None, ()
    return _HEADS[kind], args


_HEADS: dict[Any, Op] = {head(op): op for op in TABLE if not op.infix or op.condition}
