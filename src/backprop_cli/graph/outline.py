"""A graph of numbers in parts: its arrays, and the numbers beside them, and which is made of which."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.graph.arrays import ArrayNodes, numbered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backprop_cli.graph.tape import Graph


def outline(graph: Graph, order: Iterable[int]) -> list[ArrayNodes | int]:
    """Return the arrays and the nodes that are no part of any, in order; nothing without arrays."""
    arrays = graph.arrays
    if arrays is None:
        return []
    found = numbered(array for array in arrays.found if array.op == "input" or any(array.own) or array.shape)
    parts = {
        node
        for array in found
        for node, own in zip(array.nodes, array.own, strict=True)
        if own or graph.constant[node]
    }
    others = [node for node in order if node not in parts and not arrays.inner[node]]
    sizes = [
        *((max(array.nodes), place) for place, array in enumerate(found)),
        *((node, -1) for node in others),
    ]
    both: list[ArrayNodes | int] = [*found, *others]
    return [both[place] for place in sorted(range(len(both)), key=sizes.__getitem__)]


def own_nodes(graph: Graph, array: ArrayNodes) -> list[int]:
    """Return an array's own elements that depend on an input; a view or constant has none."""
    both = zip(array.nodes, array.own, strict=True)
    return [node for node, own in both if own and not graph.constant[node]]


class Use(NamedTuple):
    """A use of a part of an outline by another, as places in it.

    node, argnum: the node that uses, and which operand it is, where both are single numbers; else None, and a
    running number.
    """

    source: int
    target: int
    node: int | None
    argnum: int


def uses(graph: Graph, parts: Sequence[ArrayNodes | int]) -> list[Use]:
    """Return which parts each part is made of, also by way of what is inside an operation on arrays."""
    owner: dict[int, int] = {}
    for place, part in enumerate(parts):
        if isinstance(part, int):
            owner[part] = place
        else:
            owner |= {node: place for node, own in zip(part.nodes, part.own, strict=True) if own}
    reach: dict[int, set[int]] = {}
    found: dict[tuple[int, int], Use] = {}
    singles: list[Use] = []
    for node, operands in enumerate(graph.operands):
        if graph.constant[node]:
            continue
        target = owner.get(node)
        is_single = target is not None and isinstance(parts[target], int)
        sources: set[int] = set()
        for argnum, x in enumerate(operands):
            source = owner.get(x)
            if source is None:
                sources |= reach.get(x, set())
            elif is_single and isinstance(parts[source], int):
                singles.append(Use(source, target, node, argnum))  # type: ignore[arg-type] # is_single
            else:
                sources.add(source)
        if target is None:
            reach[node] = sources
        else:
            for source in sorted(sources - {target}):
                found.setdefault((source, target), Use(source, target, None, len(found)))
    return [*singles, *found.values()]
