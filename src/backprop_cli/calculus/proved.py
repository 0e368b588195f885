"""The gradient and the Hessian of a program over a box, enclosed: what proofs of critical points ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backprop_cli.calculus.curvature import curvature
from backprop_cli.graph.sweep import sweep_graph
from backprop_cli.operations.balls import BALLS, Ball, UndecidedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backprop_cli.certain.critical import Field
    from backprop_cli.graph.tape import Graph


class Enclosed(NamedTuple):
    """What a program comes to over a box, and its derivatives by names in order."""

    value: Ball
    slopes: list[Ball]
    bends: list[list[Ball]]


def enclose(graph: Graph, names: Sequence[str], place: Mapping[str, Ball | float]) -> Enclosed:
    """Return value, gradient and Hessian over a box. place: every input.

    Raises UndecidedError where there may be a kink, a jump, or no value.
    """
    sweep = sweep_graph(graph, place, 1.0, BALLS)  # type: ignore[arg-type] # balls go where doubles do
    if graph.output in sweep.failures:
        raise UndecidedError
    bent = curvature(sweep, BALLS)
    nodes = [graph.inputs[name] for name in names]
    zero: Ball = BALLS.zero
    bends = [[bent.entries.get(i, {}).get(j, zero) for j in nodes] for i in nodes]
    return Enclosed(sweep.primal[graph.output], [sweep.gradient(node, BALLS) for node in nodes], bends)


def field_of(graph: Graph, names: Sequence[str], fixed: Mapping[str, float]) -> Field:
    """Return the gradient of a program as ``prove_critical`` asks for it. fixed: the other inputs."""

    def field(place: Sequence[Ball]) -> tuple[list[Ball], list[list[Ball]]]:
        found = enclose(graph, names, {**fixed, **dict(zip(names, place, strict=True))})
        return found.slopes, found.bends

    return field
