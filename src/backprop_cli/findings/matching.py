"""Formulas in the language found in a graph: a name in the formula stands for any operand."""

from __future__ import annotations

from functools import cache
from itertools import islice, permutations
from typing import TYPE_CHECKING

from backprop_cli.language.code import fold
from backprop_cli.language.reader import read_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.code import Span
    from backprop_cli.operations.op import Op

Tree = str | float | tuple["Op", tuple["Tree", ...]]
"""A name, a number, or an operation on trees."""
Bound = dict[str, int]
"""The node that each name stands for."""


@cache
def read_tree(text: str) -> Tree:
    """Return a formula as a tree."""

    def leaf(what: str | float, _span: Span) -> Tree:
        return what

    def apply(op: Op, operands: list[Tree], _span: Span) -> Tree:
        return op, tuple(operands)

    return fold(read_value(text), leaf, apply)


@cache
def operations_in(text: str) -> tuple[Op, ...]:
    """Return the operations of a formula, one that occurs twice twice."""
    return tuple(what for what in read_value(text)[::4] if not isinstance(what, str | float))


def find_matches(graph: Graph, node: int, tree: Tree, bound: Mapping[str, int]) -> Iterator[Bound]:
    """Yield every way in which a tree fits a node, given what some names stand for.

    The operands of sums, products and what else is commutative may stand either way round. It recurses as
    deep as the tree, which is one of ours.
    """
    if isinstance(tree, str):
        if bound.get(tree, node) == node:
            yield {**bound, tree: node}
    elif isinstance(tree, float):
        if graph.numbers.get(node) == tree:
            yield dict(bound)
    elif graph.ops[node] is tree[0] and len(graph.operands[node]) == len(tree[1]):
        for operands in _orders(tree[0], graph.operands[node]):
            yield from _match_all(graph, operands, tree[1], bound)


def _orders(op: Op, operands: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return permutations(operands) if op.commutative else iter((operands,))


def _match_all(
    graph: Graph, nodes: Sequence[int], trees: Sequence[Tree], bound: Mapping[str, int]
) -> Iterator[Bound]:
    if not trees:
        yield dict(bound)
        return
    for first in find_matches(graph, nodes[0], trees[0], bound):
        yield from _match_all(graph, nodes[1:], trees[1:], first)


def nodes_around(graph: Graph, node: int, depth: int, most: int) -> list[int]:
    """Return the node and those that are made of it in so many steps, the first ones in the graph."""
    steps = {node: 0}
    for user, operands in enumerate(islice(graph.operands, node + 1, None), node + 1):
        if steps.keys().isdisjoint(operands):
            continue
        step = 1 + min(steps[x] for x in operands if x in steps)
        if step <= depth:
            steps[user] = step
            if len(steps) == most:
                break
    return list(steps)


def nodes_between(graph: Graph, root: int, bound: Mapping[str, int]) -> set[int]:
    """Return the nodes of a match: from its root down to the operands that names stand for, without these."""
    ends, found, stack = set(bound.values()), set(), [root]
    while stack:
        node = stack.pop()
        if node not in ends and node not in found:
            found.add(node)
            stack += graph.operands[node]
    return found
