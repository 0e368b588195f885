"""Forward mode: the derivatives of all outputs by one input in one sweep, by numbers with tangents.

It takes as many sweeps as there are inputs, reverse mode as many as there are outputs.
Source: Griewank & Walther, Evaluating Derivatives, 2nd ed., ch. 3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.calculus.tangents import Tangent, Tangents
from backprop_cli.findings.kinks import nodes_at_kinks
from backprop_cli.graph.sweep import forward
from backprop_cli.operations.doubles import FLOAT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from backprop_cli.graph.sweep import Failures
    from backprop_cli.graph.tape import Graph


class Row(NamedTuple):
    """The value of a node and its derivatives by inputs, in doubles."""

    value: float
    slopes: dict[str, float]


def forward_rows(
    graph: Graph, point: Mapping[str, float], nodes: Iterable[int], names: Sequence[str]
) -> dict[int, Row]:
    """Return values and derivatives of nodes.

    A node that is made of one at a kink, or of a number that does not exist or is not finite, is left out:
    there a sweep is not all that is to be told.
    """
    primal, failures = forward(graph, point, FLOAT)
    doubtful = _doubtful(graph, primal, failures)
    rows = {node: Row(primal[node], {}) for node in nodes if not doubtful[node]}
    m = Tangents(FLOAT)
    for moved in names:
        start = {name: Tangent(x, m.base.one if name == moved else None) for name, x in point.items()}
        moving, _ = forward(graph, start, m)
        for node, row in rows.items():
            tangent = moving[node].tangent
            row.slopes[moved] = 0.0 if tangent is None else tangent + 0.0  # no -0.0
    return {node: row for node, row in rows.items() if all(map(math.isfinite, row.slopes.values()))}


def _doubtful(graph: Graph, primal: list[float], failures: Failures) -> bytearray:
    """Mark the nodes that are made of one at a kink or without a finite value, and these."""
    marks = bytearray(len(graph.ops))
    for node in (*failures, *nodes_at_kinks(graph, primal)):
        marks[node] = 1
    for node, operands in enumerate(graph.operands):
        if not math.isfinite(primal[node]) or any(map(marks.__getitem__, operands)):
            marks[node] = 1
    return marks
