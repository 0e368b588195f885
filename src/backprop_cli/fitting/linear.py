"""The parameters in which a formula is linear: those are found without a start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backprop_cli.compile.adjoint import build_adjoint
from backprop_cli.compile.recorder import Primitive

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backprop_cli.compile.adjoint import AdjointGraph
    from backprop_cli.graph.tape import Graph


def find_linear(graph: Graph, names: Sequence[str]) -> list[str]:
    """Return parameters in which the program is linear, all at once, while the others stay.

    It is so where no derivative by one of them is computed from any of them, and none of them comes to an
    operation that is made of pieces. Which are as many as can be is a hard question; those that stand in the
    way of the fewest others are taken first.
    """
    # Partials as primitives: a pullback holds its result, too, whether it reads that or not.
    needs = _needed(build_adjoint(graph, names, in_primitives=True), names)
    smooth = set(names) - _in_pieces(graph, names)
    clashes = {
        name: {other for other in names if other in needs[name] or name in needs[other]} for name in names
    }
    chosen: list[str] = []
    for name in sorted(smooth, key=lambda name: (len(clashes[name]), names.index(name))):
        if name not in clashes[name] and clashes[name].isdisjoint(chosen):
            chosen.append(name)
    return sorted(chosen, key=names.index)


def _needed(adjoint: AdjointGraph, names: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the parameters that each derivative is computed from."""
    wanted = frozenset(names)
    needs: list[frozenset[str]] = []
    for node in adjoint.nodes:
        operands = node.operands if isinstance(node, Primitive) else ()
        below = frozenset({node}) & wanted if isinstance(node, str) else frozenset()
        needs.append(below.union(*(needs[x] for x in operands)))
    return {name: needs[bar] if bar is not None else frozenset() for name, bar in adjoint.gradients.items()}


def _in_pieces(graph: Graph, names: Iterable[str]) -> set[str]:
    """Return the parameters that come to an operation with a kink, a jump or a condition."""
    own = {graph.inputs[name]: frozenset({name}) for name in names}
    below: list[frozenset[str]] = []
    found: set[str] = set()
    for node, (op, operands) in enumerate(zip(graph.ops, graph.operands, strict=True)):
        below.append(own.get(node, frozenset()).union(*(below[x] for x in operands)))
        if op is not None and op.takes_condition:
            found |= below[operands[0]]
        elif op is not None and op.kink is not None:
            found |= below[-1]
    return found
