"""The nodes of arrays: found when the statements of their elements have been lowered."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from backprop_cli.graph.arrays import ArrayNodes, Arrays
from backprop_cli.language.arrays.shapes import element_names
from backprop_cli.language.code import Temporary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backprop_cli.graph.tape import Graph
    from backprop_cli.language.source import Source


def array_nodes(source: Source, graph: Graph, results: Sequence[int], ends: Sequence[int]) -> Arrays:
    """Return the arrays of a program. results, ends: per statement its node, and the count of nodes then."""
    found = [
        ArrayNodes(name, shape, nodes, b"\1" * len(nodes))
        for name, shape in source.shapes.items()
        for nodes in [tuple(graph.inputs[element] for element in element_names(name, shape))]
    ]
    taken = set(graph.inputs.values())
    alone = _named_alone(source, results)
    labels: dict[int, str] = {}
    inner = bytearray(len(graph.ops))
    for place, statement in enumerate(source.statements):
        if type(statement.name) is Temporary:
            _mark(inner, ends, place)
    for step in source.steps:
        count = prod(step.shape)
        nodes = tuple(results[step.first : step.first + count])
        for place in range(step.first, step.first + count):
            _mark(inner, ends, place)
        own = bytes(
            node not in taken and not graph.constant[node] and alone.get(node, step.first) >= step.first
            for node in nodes
        )
        taken |= set(nodes)
        found.append(ArrayNodes(step.name, step.shape, nodes, own, step.text, step.op, step.backward))
        if type(step.name) is Temporary:
            for node, name in zip(nodes, element_names(step.name, step.shape), strict=True):
                labels.setdefault(node, name)
    for array in found:
        for node in array.nodes:
            inner[node] = 0
    for node in graph.inputs.values():
        inner[node] = 0
    inner[graph.output] = 0
    return Arrays(found, labels, inner, frozenset(step.name for step in source.steps))


def _named_alone(source: Source, results: Sequence[int]) -> dict[int, int]:
    """Return the nodes that have names of single numbers, with the first statement that gives one."""
    elements = {place for step in source.steps for place in range(step.first, step.first + prod(step.shape))}
    found: dict[int, int] = {}
    for place, statement in enumerate(source.statements):
        is_named = statement.name is not None and type(statement.name) is not Temporary
        if is_named and place not in elements:
            found.setdefault(results[place], place)
    return found


def _mark(inner: bytearray, ends: Sequence[int], place: int) -> None:
    start = ends[place - 1] if place else 0
    inner[start : ends[place]] = b"\1" * (ends[place] - start)
