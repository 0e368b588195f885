"""Third derivatives: the Hessian in numbers with tangents, along each input in turn.

Each comes by three roads, one for each of its inputs, which must agree; and by sympy's formula.
"""

from __future__ import annotations

from itertools import combinations_with_replacement, permutations
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.calculus.curvature import curvature
from backprop_cli.calculus.report import Entry
from backprop_cli.calculus.tangents import Tangent, Tangents
from backprop_cli.certain.compared import compare
from backprop_cli.errors import LimitError
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.report import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.graph.tape import Graph
    from backprop_cli.operations.bounded import Bounded, BoundedReals

MOST_INPUTS = 8
"""Of more inputs there are more third derivatives than anybody reads: 120 of 8."""

Triple = tuple[str, ...]


class Third(NamedTuple):
    """numbers: the third derivatives, by inputs in order.  roads: whether those by other roads agree.

    jumps: whether a derivative on the way may jump here.
    """

    numbers: dict[Triple, Bounded]
    roads: dict[Triple, bool]
    jumps: bool


def triples(names: Sequence[str]) -> list[Triple]:
    """Return the inputs of the third derivatives, each once. Raises LimitError where these are too many."""
    if len(names) > MOST_INPUTS:
        raise LimitError(
            f"third derivatives are of up to {MOST_INPUTS} inputs, and here are {len(names):,}",
            hint="--wrt takes some of them",
        )
    return list(combinations_with_replacement(names, 3))


def third_order(
    graph: Graph, point: Mapping[str, float], upstream: float, names: Sequence[str], m: BoundedReals
) -> Third:
    """Return the third derivatives of a program in reals with bounds."""
    found: dict[Triple, Bounded] = {}
    jumps = False
    for moved in names:
        tangents = Tangents(m)
        start = {name: Tangent(m.number(x), m.one if name == moved else None) for name, x in point.items()}
        sweep = sweep_graph(graph, start, upstream, tangents)  # type: ignore[arg-type] # numbers with tangents
        bent = curvature(sweep, tangents)
        jumps = jumps or tangents.jumps or bool(bent.jumps)
        for a, b in combinations_with_replacement(names, 2):
            entry = bent.entries.get(graph.inputs[a], {}).get(graph.inputs[b])
            tangent = None if entry is None else entry.tangent
            found[moved, a, b] = m.zero if tangent is None else tangent
    numbers: dict[Triple, Bounded] = {inputs: found[inputs] for inputs in triples(names)}
    roads: dict[Triple, bool] = {
        inputs: all(
            compare(number, found[road], 1, "")[0] != Outcome.FAIL
            for road in set(permutations(inputs)) & found.keys()
        )
        for inputs, number in numbers.items()
    }
    return Third(numbers, roads, jumps)


def failed(entry: Entry) -> Entry:
    """Return an entry whose roads do not agree."""
    return Entry(entry.value, Outcome.FAIL, "the three ways to it disagree", text=entry.text)
