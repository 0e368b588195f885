"""Rewrites that cure a failure: where a formula overflows or has no value, the function that does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backprop_cli.graph.tape import Graph


def find_cure(graph: Graph, node: int) -> str:
    """Return the rewrite for the pattern that the failing node stands in, or ""."""
    name = _name(graph, node)
    if name == "exp":
        return _of_exponential(graph, node)
    if name == "div":
        return _of_division(graph, node)
    if name == "sqrt":
        return _of_root(graph, node)
    if name == "mul" or name == "pow":
        for user in _users(graph, node):
            for root in [user, *_users(graph, user)]:
                if _name(graph, root) == "sqrt" and _name(graph, graph.operands[root][0]) == "add":
                    return "sqrt(x^2 + y^2) → hypot(x, y), which does not overflow"
    return ""


def _of_exponential(graph: Graph, node: int) -> str:
    operand = graph.source(graph.operands[node][0])
    for user in _users(graph, node):
        beside = [x for x in graph.operands[user] if x != node]
        if _name(graph, user) == "sub" and beside and _is_number(graph, beside[0], 1.0):
            return f"exp({operand}) - 1 → expm1({operand}) for small operands"
        if _name(graph, user) != "add" or not beside or not _is_number(graph, beside[0], 1.0):
            continue
        for outer in _users(graph, user):
            if _name(graph, outer) == "log":
                return f"log(1 + exp({operand})) → softplus({operand})"
            if _name(graph, outer) == "div" and graph.operands[outer][1] == user:
                if graph.operands[outer][0] == node:
                    return f"exp({operand})/(1 + exp({operand})) → sigmoid({operand})"
                inner = graph.operands[node][0]
                if _name(graph, inner) == "neg":
                    x = graph.source(graph.operands[inner][0])
                    return f"1/(1 + exp(-{x})) → sigmoid({x})"
                return f"1/(1 + exp({operand})) → sigmoid(-({operand}))"
    return ""


def _of_division(graph: Graph, node: int) -> str:
    above, below = graph.operands[node]
    if above in graph.operands[below] or _name(graph, above) in ("sin", "tan", "expm1", "log1p"):
        return "give the limit by where(x > 0, …, …) if the point is wanted"
    return ""


def _of_root(graph: Graph, node: int) -> str:
    """At 0 the slope of a root is infinite, and 0 times that what the chain rule is left with."""
    inside = graph.operands[node][0]
    square = _squared(graph, inside)
    if square:
        return f"sqrt({graph.source(inside)}) → abs({square})"
    if _name(graph, inside) == "add":
        x, y = (_squared(graph, term) for term in graph.operands[inside])
        if x and y:
            return f"sqrt({graph.source(inside)}) → hypot({x}, {y})"
    return ""


def _squared(graph: Graph, node: int) -> str:
    """Return the text of x where the node is x*x or x^2, else ""."""
    operands = graph.operands[node]
    if (_name(graph, node) == "mul" and operands[0] == operands[1]) or (
        _name(graph, node) == "pow" and _is_number(graph, operands[1], 2.0)
    ):
        return graph.source(operands[0])
    return ""


def _name(graph: Graph, node: int) -> str:
    op = graph.ops[node]
    return op.name if op is not None else ""


def _users(graph: Graph, node: int) -> list[int]:
    return [n for n, operands in enumerate(graph.operands) if node in operands]


def _is_number(graph: Graph, node: int, number: float) -> bool:
    return graph.numbers.get(node) == number
